//! The rate of calls with 1, 2, 4 and 8 instances of a service, each in a process of its own.

use std::error::Error;
use std::fs;
use std::io::Read as _;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use chirp_nats::Nats;
use tokio::sync::Semaphore;
use tokio::time::sleep;

use super::{Process, middle, ready_pipe};

/// The numbers of instances.
pub(crate) const INSTANCES: [usize; 4] = [1, 2, 4, 8];

/// Callers at once, and how long they call.
const CALLERS: usize = 1_024;
const TIME: Duration = Duration::from_secs(2);
const WARM_UP: Duration = Duration::from_millis(300);

const ROUNDS: usize = 3;

/// Clock ticks per second of processor time (`USER_HZ`).
const TICKS: f64 = 100.0;

/// A service whose instances have a limited capacity: each works at `places` calls at once, and waits in each for `wait`.
#[derive(Clone, Copy)]
pub(crate) struct Work {
    places: usize,
    wait: Duration,
}

/// An instance that waits for a database or a device is at its own limit. One that returns at once is at that of the machine.
pub(crate) const SLOW: Work = Work {
    places: 16,
    wait: Duration::from_millis(5),
};
pub(crate) const FAST: Work = Work {
    places: CALLERS,
    wait: Duration::ZERO,
};

/// The rate of calls with some instances, and the processor time for each second of it, in cores.
pub(crate) struct Point {
    pub(crate) instances: usize,
    pub(crate) rate: f64,
    pub(crate) broker: f64,
    pub(crate) caller: f64,
    pub(crate) workers: f64,
}

#[chirp::service]
trait Worker {
    async fn work(&self, item: u64) -> u64;
}

struct LimitedWorker {
    places: Semaphore,
    wait: Duration,
}

impl Worker for LimitedWorker {
    async fn work(&self, item: u64) -> u64 {
        if self.wait.is_zero() {
            return item;
        }
        let place = self.places.acquire().await;
        sleep(self.wait).await;
        drop(place);
        item
    }
}

impl Work {
    pub(crate) fn arguments(self) -> [String; 2] {
        [self.places.to_string(), self.wait.as_micros().to_string()]
    }

    pub(crate) fn parse(places: &str, wait: &str) -> Option<Self> {
        Some(Self {
            places: places.parse().ok()?,
            wait: Duration::from_micros(wait.parse().ok()?),
        })
    }

    /// The rate that one instance can have.
    pub(crate) fn capacity(self) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "a small number")]
        let places = self.places as f64;
        (!self.wait.is_zero()).then(|| places / self.wait.as_secs_f64())
    }
}

/// Serves until the input ends: the other process is gone, or wants no more.
pub(crate) async fn serve(address: &str, work: Work) -> Result<(), Box<dyn Error>> {
    let worker = LimitedWorker {
        places: Semaphore::new(work.places),
        wait: work.wait,
    };
    let nats = Nats::connect(address).await?;
    let server = nats.server().service(WorkerServer::new(worker)).start();
    let _server = server.await?;
    println!("ready");
    tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await??;
    Ok(())
}

/// Measures all numbers of instances, in rounds.
pub(crate) async fn measure(
    address: &str,
    broker: &Child,
    work: Work,
) -> Result<Vec<Point>, Box<dyn Error>> {
    let mut rounds = INSTANCES.map(|_| Vec::new());
    for _ in 0..ROUNDS {
        for (count, points) in INSTANCES.into_iter().zip(&mut rounds) {
            points.push(point(address, broker, work, count).await?);
        }
    }
    let median = |points: Vec<Point>| {
        let of =
            |number: fn(&Point) -> f64| middle(&mut points.iter().map(number).collect::<Vec<_>>());
        Point {
            instances: points[0].instances,
            rate: of(|point| point.rate),
            broker: of(|point| point.broker),
            caller: of(|point| point.caller),
            workers: of(|point| point.workers),
        }
    };
    Ok(rounds.map(median).into())
}

async fn point(
    address: &str,
    broker: &Child,
    work: Work,
    instances: usize,
) -> Result<Point, Box<dyn Error>> {
    let mut workers = Vec::new();
    for _ in 0..instances {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["worker", address]).args(work.arguments());
        let child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        workers.push(Process(child));
    }
    for worker in &mut workers {
        ready_pipe(&mut worker.0)?;
    }
    let nats = Nats::connect(address).await?;
    let client = WorkerClient::new(&nats);
    let over = Arc::new(AtomicBool::new(false));
    let calls = Arc::new(AtomicU64::new(0));
    let callers = (0..CALLERS).map(|_| {
        let (client, over, calls) = (client.clone(), Arc::clone(&over), Arc::clone(&calls));
        tokio::spawn(async move {
            while !over.load(Ordering::Relaxed) {
                assert_eq!(client.work(7).await.expect("an answer"), 7);
                calls.fetch_add(1, Ordering::Relaxed);
            }
        })
    });
    let callers: Vec<_> = callers.collect();
    sleep(WARM_UP).await;
    let used = || -> Result<_, Box<dyn Error>> {
        let mut of_workers = 0.0;
        for worker in &workers {
            of_workers += processor_time(worker.0.id())?;
        }
        let calls = calls.load(Ordering::Relaxed);
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let calls = calls as f64;
        let (own, broker) = (std::process::id(), broker.id());
        Ok([
            calls,
            processor_time(broker)?,
            processor_time(own)?,
            of_workers,
        ])
    };
    let (begin, before) = (Instant::now(), used()?);
    sleep(TIME).await;
    let (after, time) = (used()?, begin.elapsed().as_secs_f64());
    over.store(true, Ordering::Relaxed);
    for caller in callers {
        caller.await?;
    }
    let per_second = |at: usize| (after[at] - before[at]) / time;
    Ok(Point {
        instances,
        rate: per_second(0),
        broker: per_second(1),
        caller: per_second(2),
        workers: per_second(3),
    })
}

/// The processor time that a process has used, in seconds. Always 0 where there is no `/proc`.
fn processor_time(process: u32) -> Result<f64, Box<dyn Error>> {
    let Ok(stat) = fs::read_to_string(format!("/proc/{process}/stat")) else {
        return Ok(0.0);
    };
    // The second field is the program name in parentheses, which may itself contain spaces and parentheses.
    let (_, fields) = stat.rsplit_once(')').ok_or("no name")?;
    // Fields 14 and 15: user and system time.
    let mut fields = fields.split_whitespace().skip(11);
    let mut ticks = || Ok::<f64, Box<dyn Error>>(fields.next().ok_or("too short")?.parse()?);
    Ok((ticks()? + ticks()?) / TICKS)
}
