//! Measures the latency of one call, compared with a hand-written program.
//!
//! One caller adds two numbers over a Unix socket: first by hand, writing 16 bytes and reading 8, then as a call.
//! Rounds of both alternate in one run, so that the ratio is reliable on a busy machine. Build it with `--release`.

use std::error::Error;
use std::time::{Duration, Instant};

use chirp::{Peer, Request, Server};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};

const ROUNDS: usize = 15;
const CALLS: u32 = 4_000;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Box<dyn Error>> {
    let dir = std::env::temp_dir().join(format!("chirp-latency-{}", std::process::id()));
    std::fs::create_dir_all(&dir)?;
    let by_hand = dir.join("by-hand.sock");
    let called = dir.join("called.sock");

    let listener = UnixListener::bind(&by_hand)?;
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await?;
        let mut buffer = [0; 16];
        while stream.read_exact(&mut buffer).await.is_ok() {
            let (a, b) = split(&buffer);
            stream.write_all(&(a + b).to_be_bytes()).await?;
        }
        std::io::Result::Ok(())
    });
    let server = Server::builder()
        .handle("add", |request: Request| async move {
            let params: &[u8; 16] = request.params().try_into().map_err(|_| "two numbers")?;
            let (a, b) = split(params);
            Ok::<_, &str>((a + b).to_be_bytes().to_vec())
        })
        .bind(format!("unix://{}", called.display()))
        .await?;
    let address = server.endpoint().to_string();
    tokio::spawn(server.run());

    let mut stream = UnixStream::connect(&by_hand).await?;
    let peer = chirp::connect(&address).await?;
    let (mut floor, mut calls) = (Vec::new(), Vec::new());
    // Runs in a task, like the callers of a real program: `main` itself runs outside the worker threads.
    let measured = tokio::spawn(async move {
        for _ in 0..ROUNDS {
            floor.push(round_by_hand(&mut stream).await?);
            calls.push(round_of_calls(&peer).await?);
        }
        Ok::<_, std::io::Error>((floor, calls))
    });
    let (mut floor, mut calls) = measured.await??;
    let (floor, calls) = (median(&mut floor), median(&mut calls));
    println!("by hand  {:>6.2} us", floor.as_secs_f64() * 1e6);
    println!("a call   {:>6.2} us", calls.as_secs_f64() * 1e6);
    println!(
        "ratio    {:>6.2}",
        calls.as_secs_f64() / floor.as_secs_f64()
    );
    std::fs::remove_dir_all(&dir)?;
    Ok(())
}

async fn round_by_hand(stream: &mut UnixStream) -> std::io::Result<Duration> {
    let started = Instant::now();
    for n in 0..u64::from(CALLS) {
        stream.write_all(&join(n, 1)).await?;
        assert_eq!(stream.read_u64().await?, n + 1);
    }
    Ok(started.elapsed() / CALLS)
}

async fn round_of_calls(peer: &Peer) -> std::io::Result<Duration> {
    let started = Instant::now();
    for n in 0..u64::from(CALLS) {
        let sum = peer
            .call("add", join(n, 1).to_vec())
            .await
            .map_err(std::io::Error::other)?;
        assert_eq!(sum[..], (n + 1).to_be_bytes());
    }
    Ok(started.elapsed() / CALLS)
}

fn join(a: u64, b: u64) -> [u8; 16] {
    (u128::from(a) << 64 | u128::from(b)).to_be_bytes()
}

fn split(params: &[u8; 16]) -> (u64, u64) {
    let (a, b) = params.split_at(8);
    let number = |bytes: &[u8]| {
        bytes
            .iter()
            .fold(0, |number, &byte| number << 8 | u64::from(byte))
    };
    (number(a), number(b))
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
