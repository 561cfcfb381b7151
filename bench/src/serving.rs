//! A server in a process of its own, from within: see [`ServerProcess`](crate::server_process::ServerProcess).

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tokio::runtime::Builder;

use crate::system::{Result, System};
use crate::systems::{self, Visitor};
use crate::usage::{Usage, raise_descriptor_limit};

/// The first argument of a program that shall serve.
pub const ARGUMENT: &str = "serve";

/// Serves one system until the standard input ends. `arguments` are those after [`ARGUMENT`]: the system, the path of
/// the socket and the number of worker threads. Prints a line as soon as clients can connect, and then the [`Usage`]
/// of this process for every line of its input.
pub fn serve(mut arguments: impl Iterator<Item = String>, heap: fn() -> u64) -> Result<()> {
    let mut argument = || arguments.next().ok_or("`serve` needs three arguments");
    let (system, path, workers) = (argument()?, argument()?, argument()?);
    raise_descriptor_limit()?;
    let runtime = Builder::new_multi_thread()
        .worker_threads(workers.parse()?)
        .enable_all()
        .build()?;
    let mut listening = Listening {
        path: PathBuf::from(path),
        found: false,
    };
    runtime.block_on(systems::visit(|name| name == system, &mut listening))?;
    if !listening.found {
        return Err(format!("this build has no system {system:?}").into());
    }
    answer("listening")?;
    for line in io::stdin().lines() {
        line?;
        let usage = Usage::of_this_process(heap)?;
        answer(&serde_json::to_string(&usage)?)?;
    }
    // Connections that are still open must not keep the process.
    runtime.shutdown_background();
    Ok(())
}

fn answer(line: &str) -> Result<()> {
    let mut output = io::stdout().lock();
    writeln!(output, "{line}")?;
    output.flush()?;
    Ok(())
}

/// Starts the server of the one system that is visited.
struct Listening {
    path: PathBuf,
    found: bool,
}

impl Visitor for Listening {
    async fn visit<T: System>(&mut self) -> Result<()> {
        self.found = true;
        listen::<T>(&self.path).await
    }
}

async fn listen<T: System>(path: &Path) -> Result<()> {
    let path = path.to_owned();
    // In a task, like the server of a real program.
    tokio::spawn(async move { T::listen(&path).await }).await?
}
