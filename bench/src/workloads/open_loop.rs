//! Latency at a fixed rate of calls, whether or not the answers to earlier ones have come.
//!
//! Calls leave in bursts by a schedule, and a call's latency is counted from when its burst was due. A
//! system that falls behind is therefore charged for it: nothing waits for it, and nothing is left out.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::task::JoinSet;

use super::echo::echo;
use crate::histogram::Histogram;
use crate::link::Link;
use crate::load::drive;
use crate::record::{Metric, Reading};
use crate::rounds::Case;
use crate::system::{Client, Connection, Result, Skills};

/// How many callers the peak is found with.
const CALLERS: usize = 256;
/// A quarter of a millisecond lies between bursts: a thread can sleep for that long with little error.
const BURST: Duration = Duration::from_micros(250);
/// The rates, as parts of the peak.
const PARTS: [(f64, &str); 3] = [
    (0.25, "25 % of its peak"),
    (0.5, "50 % of its peak"),
    (0.75, "75 % of its peak"),
];

/// Small echoes at fixed rates.
#[derive(Clone, Debug)]
pub(super) struct OpenLoop;

impl Case for OpenLoop {
    const WORKLOAD: &'static str = "open-loop";

    fn name(&self) -> String {
        "unix".to_owned()
    }

    fn link(&self) -> Option<Link> {
        Some(Link::Unix)
    }

    fn takes(&self, skills: Skills) -> bool {
        skills.concurrent
    }

    async fn round<C: Client>(
        self,
        connection: Connection<C>,
        time: Duration,
    ) -> Result<Vec<Reading>> {
        let client = connection.client;
        let peak = drive(vec![client.clone(); CALLERS], time, echo).await?;
        let mut readings = Vec::new();
        for (part, detail) in PARTS {
            let latencies = at_rate(&client, peak.rate() * part, time).await?;
            let micros = |part| latencies.quantile(part).as_secs_f64() * 1e6;
            for (metric, part) in [
                (Metric::P50, 0.5),
                (Metric::P99, 0.99),
                (Metric::P999, 0.999),
            ] {
                readings.push(Reading::new(metric, micros(part)).of(detail));
            }
        }
        Ok(readings)
    }
}

/// Calls so often a second, for so long.
async fn at_rate<C: Client>(client: &C, rate: f64, time: Duration) -> Result<Arc<Histogram>> {
    let latencies = Arc::new(Histogram::new());
    let (client, counted) = (client.clone(), Arc::clone(&latencies));
    let runtime = Handle::current();
    // A thread of its own, because the runtime's timers are too coarse. It sleeps nearly all the time.
    let mut calls = tokio::task::spawn_blocking(move || {
        let mut calls = JoinSet::new();
        let (started, mut sent) = (Instant::now(), 0.0);
        for burst in 1.. {
            let due = BURST * burst;
            if due > time {
                break;
            }
            std::thread::sleep((started + due).saturating_duration_since(Instant::now()));
            while sent < rate * due.as_secs_f64() {
                sent += 1.0;
                let (client, counted) = (client.clone(), Arc::clone(&counted));
                calls.spawn_on(
                    async move {
                        let called = echo(client).await;
                        counted.add((started + due).elapsed());
                        called.map(drop)
                    },
                    &runtime,
                );
            }
        }
        calls
    })
    .await?;
    while let Some(called) = calls.join_next().await {
        called??;
    }
    Ok(latencies)
}
