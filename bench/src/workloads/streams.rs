//! Streams from a server: numbers, bytes, and calls beside a stream.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::echo::echo;
use crate::handler::{PIECE, Source};
use crate::histogram::Histogram;
use crate::link::Link;
use crate::load::drive;
use crate::record::{Metric, Reading};
use crate::rounds::Case;
use crate::system::{Client, Connection, Result, Skills};

/// The number of callers beside a stream of bytes.
const CALLERS: usize = 64;
/// The length of the first stream of a round.
const FIRST: u64 = 100_000;
/// The length of later streams, for systems that finish the first before the round ends.
const NUMBERS: u64 = 1_000_000;
/// The number of items in one stream of bytes.
const PIECES: u64 = 4096;

/// A stream of numbers from one source.
#[derive(Clone, Debug)]
pub(super) struct Items {
    pub(super) source: Source,
}

impl Case for Items {
    const WORKLOAD: &'static str = "streams";

    fn name(&self) -> String {
        let source = match self.source {
            Source::Ready => "that are ready",
            Source::Channel => "through a channel",
        };
        format!("numbers {source}")
    }

    fn link(&self) -> Option<Link> {
        Some(Link::Unix)
    }

    fn takes(&self, skills: Skills) -> bool {
        skills.items
    }

    /// Whole streams, one after another.
    async fn round<C: Client>(
        self,
        connection: Connection<C>,
        time: Duration,
    ) -> Result<Vec<Reading>> {
        let mut many = FIRST;
        let mut items = 0;
        let started = Instant::now();
        while started.elapsed() < time {
            let sum = connection.client.items(self.source, many).await?;
            if sum != many * (many - 1) / 2 {
                return Err("wrong sum of the numbers".into());
            }
            items += many;
            many = NUMBERS;
        }
        let rate = items as f64 / started.elapsed().as_secs_f64();
        Ok(vec![Reading::new(Metric::ItemRate, rate)])
    }
}

/// A stream of bytes.
#[derive(Clone, Debug)]
pub(super) struct Pieces;

impl Case for Pieces {
    const WORKLOAD: &'static str = "streams";

    fn name(&self) -> String {
        format!("pieces of {} KiB", PIECE >> 10)
    }

    fn link(&self) -> Option<Link> {
        Some(Link::Unix)
    }

    fn takes(&self, skills: Skills) -> bool {
        skills.pieces
    }

    /// Whole streams, one after another.
    async fn round<C: Client>(
        self,
        connection: Connection<C>,
        time: Duration,
    ) -> Result<Vec<Reading>> {
        let came = AtomicU64::new(0);
        let mut sent = 0;
        let started = Instant::now();
        while started.elapsed() < time {
            connection.client.pieces(PIECES, &came).await?;
            sent += PIECES * PIECE as u64;
        }
        let elapsed = started.elapsed();
        let came = came.into_inner();
        if came != sent {
            return Err(format!("{came} bytes came of {sent}").into());
        }
        let rate = came as f64 / elapsed.as_secs_f64();
        Ok(vec![Reading::new(Metric::ByteRate, rate)])
    }
}

/// Callers of a small echo, alone and beside a stream of bytes on the same connection.
#[derive(Clone, Debug)]
pub(super) struct Beside;

impl Case for Beside {
    const WORKLOAD: &'static str = "streams";

    fn name(&self) -> String {
        format!("{CALLERS} callers beside bytes")
    }

    fn link(&self) -> Option<Link> {
        Some(Link::Unix)
    }

    fn takes(&self, skills: Skills) -> bool {
        skills.concurrent && skills.pieces
    }

    async fn round<C: Client>(
        self,
        connection: Connection<C>,
        time: Duration,
    ) -> Result<Vec<Reading>> {
        let client = connection.client;
        let alone = p99(&client, time).await?;
        let bytes = Arc::new(Bytes::default());
        let streaming = tokio::spawn(Arc::clone(&bytes).take(client.clone()));
        let started = Instant::now();
        let beside = p99(&client, time).await;
        let came = bytes.came.load(Ordering::Relaxed);
        let rate = came as f64 / started.elapsed().as_secs_f64();
        bytes.stop.store(true, Ordering::Relaxed);
        streaming.await??;
        let beside = beside?;
        Ok(vec![
            Reading::new(Metric::P99, alone).of("without the bytes"),
            Reading::new(Metric::P99, beside),
            Reading::new(Metric::P99Times, beside / alone),
            Reading::new(Metric::ByteRate, rate),
        ])
    }
}

/// Receives streams of bytes until it is stopped.
#[derive(Default)]
struct Bytes {
    came: AtomicU64,
    stop: AtomicBool,
}

impl Bytes {
    async fn take<C: Client>(self: Arc<Self>, client: C) -> Result<()> {
        while !self.stop.load(Ordering::Relaxed) {
            client.pieces(PIECES, &self.came).await?;
        }
        Ok(())
    }
}

/// Returns the 99th percentile of the latency of all callers, in microseconds.
async fn p99<C: Client>(client: &C, time: Duration) -> Result<f64> {
    let latencies = Arc::new(Histogram::new());
    let callers = vec![(client.clone(), Arc::clone(&latencies)); CALLERS];
    let call = |(client, latencies): (C, Arc<Histogram>)| async move {
        let started = Instant::now();
        let client = echo(client).await?;
        latencies.add(started.elapsed());
        Ok((client, latencies))
    };
    drive(callers, time, call).await?;
    Ok(latencies.quantile(0.99).as_secs_f64() * 1e6)
}
