//! Latency at a fixed rate of calls, independent of the answers.
//!
//! Calls are sent in bursts on a schedule, and the latency of a call counts from the time when its burst was due. A
//! system that falls behind is charged for its delay (no coordinated omission).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

use super::echo::echo;
use crate::histogram::Histogram;
use crate::link::Link;
use crate::load::drive;
use crate::record::{Metric, Reading};
use crate::rounds::Case;
use crate::system::{Client, Connection, Result, Skills};

/// The number of callers for finding the peak, and the maximum number afterwards.
const CALLERS: usize = 256;
/// The time between bursts. A thread can sleep for 0.25 ms with little error.
const BURST: Duration = Duration::from_micros(250);
/// The rates, as fractions of the peak.
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
            let schedule = at_rate(&client, peak.rate() * part, time).await?;
            let micros = |part| schedule.latencies.quantile(part).as_secs_f64() * 1e6;
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

/// Makes calls at a fixed rate for the given time.
async fn at_rate<C: Client>(client: &C, rate: f64, time: Duration) -> Result<Arc<Schedule>> {
    let schedule = Arc::new(Schedule {
        started: Instant::now(),
        rate,
        calls: (rate * time.as_secs_f64()) as u64,
        due: Semaphore::new(0),
        taken: AtomicU64::new(0),
        latencies: Histogram::new(),
    });
    let callers: Vec<_> = (0..CALLERS)
        .map(|_| tokio::spawn(Arc::clone(&schedule).call(client.clone())))
        .collect();
    let pacing = Arc::clone(&schedule);
    // A separate thread, because the timers of the runtime are too coarse. It sleeps most of the time.
    tokio::task::spawn_blocking(move || pacing.pace()).await?;
    for caller in callers {
        caller.await??;
    }
    Ok(schedule)
}

/// The schedule of calls, and their latencies.
struct Schedule {
    started: Instant,
    rate: f64,
    calls: u64,
    due: Semaphore,
    taken: AtomicU64,
    latencies: Histogram,
}

impl Schedule {
    /// Releases the calls of each burst when it is due.
    fn pace(&self) {
        let mut said = 0;
        while said < self.calls {
            let now = self.due_at(said);
            std::thread::sleep(now.saturating_duration_since(Instant::now()));
            // Releases at least this call, and all that are due with it.
            let due = (now + BURST - self.started).as_secs_f64() * self.rate;
            let due = (due as u64).clamp(said + 1, self.calls);
            self.due.add_permits((due - said) as usize);
            said = due;
        }
        // One more release per caller ends the callers.
        self.due.add_permits(CALLERS);
    }

    /// Returns the time when the call with this number is due.
    fn due_at(&self, number: u64) -> Instant {
        let burst = number as f64 / self.rate / BURST.as_secs_f64();
        self.started + BURST * burst as u32
    }

    /// Runs one caller. If all callers are busy, due calls wait, and the wait counts.
    async fn call<C: Client>(self: Arc<Self>, mut client: C) -> Result<()> {
        loop {
            self.due.acquire().await?.forget();
            let number = self.taken.fetch_add(1, Ordering::Relaxed);
            if number >= self.calls {
                return Ok(());
            }
            client = echo(client).await?;
            self.latencies.add(self.due_at(number).elapsed());
        }
    }
}
