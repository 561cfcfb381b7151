//! Latency at a fixed rate of calls, whether or not the answers to earlier ones have come.
//!
//! Calls leave in bursts by a schedule, and a call's latency is counted from when its burst was due. A
//! system that falls behind is therefore charged for it: nothing waits for it, and nothing is left out.

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

/// How many callers there are, to find the peak and then at most.
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

/// Calls so often a second, for so long.
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
    // A thread of its own, because the runtime's timers are too coarse. It sleeps nearly all the time.
    tokio::task::spawn_blocking(move || pacing.pace()).await?;
    for caller in callers {
        caller.await??;
    }
    Ok(schedule)
}

/// Which call is due when, and how long each took from then on.
struct Schedule {
    started: Instant,
    rate: f64,
    calls: u64,
    due: Semaphore,
    taken: AtomicU64,
    latencies: Histogram,
}

impl Schedule {
    /// Says at each burst that its calls are due.
    fn pace(&self) {
        let mut said = 0;
        while said < self.calls {
            let now = self.due_at(said);
            std::thread::sleep(now.saturating_duration_since(Instant::now()));
            // At least this call, and all that are due with it.
            let due = (now + BURST - self.started).as_secs_f64() * self.rate;
            let due = (due as u64).clamp(said + 1, self.calls);
            self.due.add_permits((due - said) as usize);
            said = due;
        }
        // And once more for each caller, which then ends.
        self.due.add_permits(CALLERS);
    }

    /// When the burst is that has the call of this number.
    fn due_at(&self, number: u64) -> Instant {
        let burst = number as f64 / self.rate / BURST.as_secs_f64();
        self.started + BURST * burst as u32
    }

    /// One caller. If all of them are busy, the calls that are due wait, and are charged for it.
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
