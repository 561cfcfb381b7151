//! Bodies of 1 GiB in both directions, by a client that reads and writes bytes without looking at them.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Instant;

use crate::server::{ServerKind, ServerProcess};
use crate::{Failure, median};

const ROUNDS: usize = 5;
const LENGTH: u64 = 1 << 30;

/// The bytes that the client reads or writes at once.
const BUFFER: usize = 256 << 10;

/// A direction of a body.
#[derive(Clone, Copy, Debug)]
enum Direction {
    Download,
    Upload,
}

/// Measures servers in turn, and prints how they compare with the first.
pub(crate) fn compare() -> Result<(), Failure> {
    let kinds = [ServerKind::Axum, ServerKind::Gateway];
    for direction in [Direction::Download, Direction::Upload] {
        let servers: Result<Vec<_>, Failure> = kinds
            .iter()
            .map(|kind| ServerProcess::start(*kind))
            .collect();
        let servers = servers?;
        let mut rates = [Vec::new(), Vec::new()];
        for round in 0..=ROUNDS {
            for at in 0..kinds.len() {
                let at = (at + round) % kinds.len();
                let begin = Instant::now();
                transfer(direction, kinds[at], &servers[at].address)?;
                if round > 0 {
                    rates[at].push(LENGTH as f64 / begin.elapsed().as_secs_f64());
                }
            }
        }
        let mut ratios: Vec<_> = rates[1]
            .iter()
            .zip(&rates[0])
            .map(|(own, axum)| own / axum)
            .collect();
        let ratio = median(&mut ratios);
        for ((kind, server), rates) in kinds.iter().zip(&servers).zip(&mut rates) {
            println!(
                "{direction:?} of 1 GiB, {}: {:.0} MB/s, at most {} MiB of memory",
                kind.name(),
                median(rates) / 1e6,
                server.peak_memory()? / 1024,
            );
        }
        println!(
            "{direction:?}: the gateway has {ratio:.2} of axum (between {:.2} and {:.2}; goal: at least 0.6)",
            ratios[0],
            ratios[ratios.len() - 1],
        );
    }
    Ok(())
}

fn transfer(direction: Direction, kind: ServerKind, address: &str) -> Result<(), Failure> {
    let mut socket = TcpStream::connect(address)?;
    let mut buffer = vec![0; BUFFER];
    match direction {
        Direction::Download => {
            let path = kind.path("read");
            let head = format!(
                "GET {path}?length={LENGTH} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
            );
            socket.write_all(head.as_bytes())?;
            let mut length = 0;
            loop {
                match socket.read(&mut buffer)? {
                    0 => break,
                    more => length += more as u64,
                }
            }
            if length < LENGTH {
                return Err(format!("{} has sent {length} bytes", kind.name()).into());
            }
        }
        Direction::Upload => {
            let path = kind.path("write");
            let head = format!(
                "POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/octet-stream\r\nConnection: close\r\n\
                 Content-Length: {LENGTH}\r\n\r\n"
            );
            socket.write_all(head.as_bytes())?;
            let mut left = LENGTH;
            while left > 0 {
                let length = left.min(BUFFER as u64);
                socket.write_all(&buffer[..length as usize])?;
                left -= length;
            }
            let mut answer = String::new();
            socket.read_to_string(&mut answer)?;
            if !answer.ends_with(&format!("\r\n\r\n{LENGTH}")) {
                return Err(format!("{} answers {answer}", kind.name()).into());
            }
        }
    }
    Ok(())
}
