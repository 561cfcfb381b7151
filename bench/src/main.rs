//! Runs the benchmarks and writes `results/`.

use chirp_bench::cargo::{self, Cargo};
use chirp_bench::options::{Options, USAGE};
use chirp_bench::report::{Results, print_goals};
use chirp_bench::serving;
use chirp_bench::system::Result;
use chirp_bench::workloads::Workload;
use tokio::runtime::Builder;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1).peekable();
    if arguments
        .next_if(|first| first == serving::ARGUMENT)
        .is_some()
    {
        // This program does not count heap memory.
        return serving::serve(arguments, || 0);
    }
    let options = Options::parse(arguments)?;
    if options.help {
        print!("{USAGE}");
        for one in Workload::ALL {
            println!("  {one}");
        }
        return Ok(());
    }
    if options.all && !cfg!(feature = "all") {
        return build_all();
    }
    let runtime = Builder::new_multi_thread()
        .worker_threads(options.worker_threads())
        .enable_all()
        .build()?;
    let folder = cargo::package().join("results");
    let mut results = Results::load(&folder);
    for workload in &options.workloads {
        let records = runtime.block_on(workload.run(&options))?;
        results.replace(workload.name(), records);
        if options.workers.is_none() {
            results.save(&folder)?;
        }
    }
    print_goals(&results);
    Ok(())
}

/// Replaces this process by the build with all systems.
fn build_all() -> Result<()> {
    let mut cargo = Cargo::new("run", cargo::package(), &cargo::target()?)
        .arg("--release")
        .arg("--features=all")
        .arg("--");
    for argument in std::env::args_os().skip(1) {
        cargo = cargo.arg(argument);
    }
    cargo.replace()
}
