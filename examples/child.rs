//! A program that starts a copy of itself as a child process, and calls it over the standard input and output of
//! the child.
//!
//! ```text
//! child           starts the child, calls it, is called back, and ends it
//! child serve     the child: serves the process that started it
//! ```
//!
//! An editor can run its plug-ins like this, and a supervisor its workers: without sockets, paths or ports, and
//! without processes that outlive their use.

use std::error::Error;
use std::process::Command;
use std::time::Duration;

use chirp::channel::{self, Child};
use chirp::{CallContext, PeerBuilder};

/// The service of the child.
#[chirp::service]
trait Worker {
    /// Adds numbers, and reports progress to the parent.
    async fn sum(&self, cx: &CallContext, numbers: Vec<u64>) -> u64;
    /// Returns the process ID of the child.
    fn id(&self) -> u32;
    /// Never returns.
    async fn hang(&self);
}

/// The service of the parent.
#[chirp::service]
trait Supervisor {
    async fn progress(&self, done: u64, of: u64);
}

struct Adder;

impl Worker for Adder {
    async fn sum(&self, cx: &CallContext, numbers: Vec<u64>) -> u64 {
        let parent = SupervisorClient::new(cx.caller());
        let mut sum = 0;
        for (done, number) in (1..).zip(&numbers) {
            sum += number;
            // If the parent is gone, nobody needs the sum either.
            let _ = parent.progress(done, numbers.len() as u64).await;
        }
        // This goes to standard error and does not disturb the protocol.
        println!("  the child has added {} numbers", numbers.len());
        sum
    }

    fn id(&self) -> u32 {
        std::process::id()
    }

    async fn hang(&self) {
        std::future::pending::<()>().await;
    }
}

struct Log;

impl Supervisor for Log {
    async fn progress(&self, done: u64, of: u64) {
        println!("  the child calls back: {done} of {of}");
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    match std::env::args().nth(1).as_deref() {
        None => start_and_call().await,
        Some("serve") => serve().await,
        Some(_) => Err("usage: child | child serve".into()),
    }
}

async fn serve() -> Result<(), Box<dyn Error>> {
    let peer = PeerBuilder::new()
        .service(WorkerServer::new(Adder))
        .start(channel::stdio()?)?;
    let reason = peer.closed().await;
    eprintln!("  the child leaves: {reason}");
    Ok(())
}

async fn start_and_call() -> Result<(), Box<dyn Error>> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("serve");
    let (channel, child) = Child::spawn(command)?;
    let peer = PeerBuilder::new()
        .service(SupervisorServer::new(Log))
        .start(channel)?;

    let worker = WorkerClient::new(&peer);
    assert_eq!(worker.id().await?, child.id());
    println!("the child is process {}", child.id());
    let sum = worker.sum(vec![1, 2, 3]).await?;
    println!("sum([1, 2, 3]) = {sum}");
    assert_eq!(sum, 6);

    // Shuts down gracefully: running handlers finish, the channel closes, the child exits.
    peer.shutdown(Duration::from_secs(1)).await;
    let status = child.wait().await?;
    println!("the child has ended: {status}");
    assert!(status.success());
    Ok(())
}
