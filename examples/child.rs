//! A program that starts itself as its child, and talks to it over the child's standard input and output.
//!
//! ```text
//! child           starts the child, calls it, is called by it, and ends it
//! child serve     the child: serves whoever started it
//! ```
//!
//! That is how an editor runs its plug-ins and a supervisor its workers: no socket, no path, no port, and
//! no process that outlives its use.

use std::error::Error;
use std::process::Command;
use std::time::Duration;

use chirp::channel::{self, Child};
use chirp::{CallContext, PeerBuilder};

/// What the child does.
#[chirp::service]
trait Worker {
    /// Adds numbers, and tells the parent how it goes.
    async fn sum(&self, cx: &CallContext, numbers: Vec<u64>) -> u64;
    /// The number of the child's process.
    fn id(&self) -> u32;
    /// Never returns.
    async fn hang(&self);
}

/// What the parent does for its child.
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
            // A parent that is gone wants no sum either.
            let _ = parent.progress(done, numbers.len() as u64).await;
        }
        // Nobody's protocol is disturbed: this goes to standard error.
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

    // In order: what runs is awaited, the channel closes, the child leaves.
    peer.shutdown(Duration::from_secs(1)).await;
    let status = child.wait().await?;
    println!("the child has ended: {status}");
    assert!(status.success());
    Ok(())
}
