//! The memory of a server with many idle WebSocket peers, each of which has called once.
//!
//! The server is a process of its own, and its resident memory counts, so that buffers of the allocator count, too.

use std::error::Error;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use chirp::packet::ErrorData;
use chirp::websocket::WebSocket;
use chirp::{PeerBuilder, Request, Server};

/// As many as a process can have descriptors for, by default, with a margin.
const PEERS: usize = 10_000;

type Failure = Box<dyn Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    if std::env::args().nth(1).as_deref() == Some("serve") {
        return serve().await;
    }
    let mut server = Command::new(std::env::current_exe()?)
        .arg("serve")
        .stdout(Stdio::piped())
        .spawn()?;
    let measured = measure(&mut server).await;
    server.kill()?;
    server.wait()?;
    let each = measured?;
    println!(
        "{PEERS} idle WebSocket peers: {each:.1} KiB of the server's memory each (goal: at most 40)"
    );
    Ok(())
}

async fn serve() -> Result<(), Failure> {
    let server = Server::builder()
        .scheme("ws", WebSocket::new())
        .handle("echo", async |request: Request| {
            Ok::<_, ErrorData>(request.into_params())
        })
        .bind("ws://127.0.0.1:0/bench")
        .await?;
    println!("{}", server.endpoint());
    server.run().await;
    Ok(())
}

/// Connects all peers. Returns the growth of the server's memory for each, in KiB.
async fn measure(server: &mut Child) -> Result<f64, Failure> {
    let mut address = String::new();
    let output = server.stdout.take().ok_or("the server has no output")?;
    BufReader::new(output).read_line(&mut address)?;
    let address = address.trim();
    let builder = PeerBuilder::new().scheme("ws", WebSocket::new());
    let mut peers = Vec::with_capacity(PEERS + 1);
    let mut before = 0;
    for count in 0..=PEERS {
        let peer = builder.connect(address).await?;
        peer.call("echo", "hello").await?;
        peers.push(peer);
        if count == 0 {
            // The first connection initializes what all share.
            before = resident(server.id())?;
        }
    }
    let grown = resident(server.id())?.saturating_sub(before);
    Ok(grown as f64 / PEERS as f64)
}

/// Returns the resident memory of a process, in KiB.
fn resident(process: u32) -> Result<u64, Failure> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    Ok(number.ok_or("the system does not say")?.parse()?)
}
