//! Measures compression: echoes of 64 KiB over TCP, with and without it.
//!
//! Run it with `cargo run --release --features lz4 --example compression`. It counts the bytes on the wire, which
//! are the same on every run, and calls per second. On one machine there is no slow network on which compression
//! would save time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use chirp::packet::Header;
use chirp::{ObservedPacket, Peer, PeerBuilder, Server};

/// A service that returns its argument.
#[chirp::service]
pub trait Echo {
    /// Returns the same bytes.
    async fn echo(&self, data: &[u8]) -> Vec<u8>;
}

struct Same;

impl Echo for Same {
    async fn echo(&self, data: &[u8]) -> Vec<u8> {
        data.to_vec()
    }
}

const LENGTH: usize = 64 << 10;
const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_millis(200);

/// Lines of a log, which compress well: much of each line repeats the previous one.
fn log() -> Vec<u8> {
    let line = |number: usize| {
        let (user, took) = (number * 7919 % 1000, number * 104_729 % 5000);
        format!(
            "2026-01-01T00:00:{:02}Z INFO served user={user} path=/items/{number} took_us={took}\n",
            number % 60
        )
    };
    let lines: String = (0..).map(line).take(LENGTH / 60).collect();
    lines.into_bytes()[..LENGTH].to_vec()
}

/// Pseudo-random bytes, which do not compress, like data that is already compressed or encrypted.
fn noise() -> Vec<u8> {
    let mut state = 1_u64;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    };
    (0..LENGTH).map(|_| next()).collect()
}

/// Returns the bytes on the wire of one call, both directions and packet headers included.
async fn bytes_of_a_call(peer: &Peer, data: &[u8]) -> anyhow::Result<u64> {
    let bytes = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&bytes);
    peer.set_packet_observer(move |packet: &ObservedPacket<'_>| {
        let payload = packet.compressed.unwrap_or(packet.header.length);
        counted.fetch_add(Header::LEN as u64 + u64::from(payload), Ordering::Relaxed);
    });
    EchoClient::new(peer).echo(data).await?;
    peer.clear_packet_observer();
    Ok(bytes.load(Ordering::Relaxed))
}

/// Returns the rate of sequential calls, in calls per second.
async fn calls_of_a_second(peer: &Peer, data: &[u8]) -> anyhow::Result<f64> {
    let echo = EchoClient::new(peer);
    let begin = Instant::now();
    let mut calls = 0_u32;
    while begin.elapsed() < ROUND {
        anyhow::ensure!(echo.echo(data).await? == data, "the echo equals the input");
        calls += 1;
    }
    Ok(f64::from(calls) / begin.elapsed().as_secs_f64())
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let server = Server::builder()
        .service(EchoServer::new(Same))
        .compress_above(1024)
        .bind("tcp://127.0.0.1:0")
        .await?;
    let address = server.endpoint().to_string();
    tokio::spawn(server.run());
    let plain = chirp::connect(&address).await?;
    let compressing = PeerBuilder::new().compress_above(1024);
    let compressing = compressing.connect(&address).await?;
    // Otherwise the first large payload would be sent uncompressed, while the two sides negotiate.
    compressing.hello().await?;

    for (what, data) in [("a log", log()), ("noise", noise())] {
        let plainly = bytes_of_a_call(&plain, &data).await?;
        let compressed = bytes_of_a_call(&compressing, &data).await?;
        // Alternates, so that both are measured under the same load of the machine.
        let (mut rates, mut others) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            rates.push(calls_of_a_second(&plain, &data).await?);
            others.push(calls_of_a_second(&compressing, &data).await?);
        }
        rates.sort_by(f64::total_cmp);
        others.sort_by(f64::total_cmp);
        let (rate, other) = (rates[ROUNDS / 2], others[ROUNDS / 2]);
        println!("{what}, {LENGTH} bytes there and back:");
        println!("  uncompressed {plainly:>7} bytes for a call, {rate:>6.0} calls a second");
        println!("  compressed   {compressed:>7} bytes for a call, {other:>6.0} calls a second");
        match what {
            "noise" => anyhow::ensure!(compressed == plainly, "noise is sent uncompressed"),
            _ => anyhow::ensure!(compressed < plainly / 2, "a log shrinks by more than half"),
        }
    }
    Ok(())
}
