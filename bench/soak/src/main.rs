//! Uses all features of Chirp at once, for an hour by default, and checks that every call ends, that nothing is lost or done
//! twice, and that nothing grows. See README.md beside this crate.

mod chart;
mod conductor;
mod content;
mod failure;
#[path = "../../src/histogram.rs"]
#[allow(dead_code, unreachable_pub, reason = "a module of the benchmarks")]
mod histogram;
mod ledger;
mod mesh;
mod operations;
mod options;
mod process;
mod random;
mod report;
mod service;
mod shared;
mod station;
mod verdict;
mod workload;

use std::panic;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};

use options::Options;
use tokio::runtime::Builder;

/// Panics of tasks and handlers that do not belong to the workload.
static PANICS: AtomicU64 = AtomicU64::new(0);

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(usage) => {
            eprintln!("{usage}");
            return ExitCode::from(2);
        }
    };
    let print = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        let is_expected = info
            .payload_as_str()
            .is_some_and(|text| text.starts_with(service::EXPECTED_PANIC));
        if !is_expected {
            PANICS.fetch_add(1, Ordering::Relaxed);
            print(info);
        }
    }));
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    let ended = match runtime {
        Ok(runtime) => runtime.block_on(async {
            // In a task, like the callers of a real program.
            tokio::spawn(conductor::run(options)).await
        }),
        Err(error) => {
            eprintln!("no runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    match ended {
        Ok(Ok(problems)) if problems == 0 && PANICS.load(Ordering::Relaxed) == 0 => {
            ExitCode::SUCCESS
        }
        Ok(Ok(problems)) => {
            let panics = PANICS.load(Ordering::Relaxed);
            println!("FAILED: {problems} problems, {panics} panics");
            ExitCode::FAILURE
        }
        Ok(Err(error)) => {
            eprintln!("FAILED: {error}");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("FAILED: {error}");
            ExitCode::FAILURE
        }
    }
}
