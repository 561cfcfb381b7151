//! Runs rounds of all systems in turns, so that noise of the machine affects all of them.

use std::time::Duration;

use futures::future::BoxFuture;
use tokio::runtime::{Builder, Handle};

use crate::link::Link;
use crate::options::Options;
use crate::record::{Metric, Reading, Record};
use crate::report::figure;
use crate::system::{Client, Connection, Result, Skills, System};
use crate::systems::{self, Visitor};

/// How far the floor may be from its median in a round, as a fraction.
const RANGE: f64 = 0.25;

/// The number of repetitions of discarded rounds. Rounds that are disturbed after that are left out.
const REPEATS: usize = 2;

/// A case of a workload: an operation on a connection, repeated in rounds.
pub trait Case: Clone + Send + Sync + 'static {
    /// The workload of the case.
    const WORKLOAD: &'static str;

    /// Returns the name of the case within its workload.
    fn name(&self) -> String;

    /// Returns the transport, or `None` for the in-process connection of the system.
    fn link(&self) -> Option<Link>;

    /// Returns whether a system supports the case.
    fn takes(&self, skills: Skills) -> bool;

    /// Runs one round for about the given time.
    fn round<C: Client>(
        self,
        connection: Connection<C>,
        time: Duration,
    ) -> impl Future<Output = Result<Vec<Reading>>> + Send;
}

/// A connected system. Each round is boxed; the calls in it are not.
pub struct Ready {
    system: &'static str,
    round: Box<dyn Fn(Duration) -> BoxFuture<'static, Result<Vec<Reading>>>>,
    readings: Vec<Vec<Reading>>,
}

struct Connecting<'a, C> {
    case: &'a C,
    /// The runtime of both ends.
    runtime: Handle,
    ready: Vec<Ready>,
}

impl<C: Case> Visitor for Connecting<'_, C> {
    async fn visit<T: System>(&mut self) -> Result<()> {
        if !self.case.takes(T::SKILLS) || (self.case.link().is_some() && !T::SKILLS.connects) {
            return Ok(());
        }
        let link = self.case.link();
        let connecting = self.runtime.spawn(async move {
            match link {
                Some(link) => {
                    let (client, server) = link.pair().await?;
                    T::connect(client, server).await
                }
                None => T::in_process().await,
            }
        });
        let connection = connecting.await??;
        let case = self.case.clone();
        let round = move |time| case.clone().round(connection.clone(), time);
        self.ready.push(Ready::new::<T, _>(round));
        Ok(())
    }
}

/// Measures every selected system that supports the case.
pub async fn measure<C: Case>(case: &C, options: &Options) -> Result<Vec<Record>> {
    measure_on(&Handle::current(), case, options).await
}

/// Measures like [`measure`], with both ends on a runtime with one worker thread.
pub async fn measure_on_one_worker<C: Case>(case: &C, options: &Options) -> Result<Vec<Record>> {
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let measured = measure_on(runtime.handle(), case, options).await;
    // Dropping it would block, which is not allowed here.
    runtime.shutdown_background();
    measured
}

async fn measure_on<C: Case>(runtime: &Handle, case: &C, options: &Options) -> Result<Vec<Record>> {
    let mut connecting = Connecting {
        case,
        runtime: runtime.clone(),
        ready: Vec::new(),
    };
    systems::visit(|name| options.wants_system(name), &mut connecting).await?;
    let rounds = Rounds {
        workload: C::WORKLOAD,
        case: case.name(),
        runtime: runtime.clone(),
    };
    rounds.run(connecting.ready, options).await
}

/// A case whose systems are connected.
pub struct Rounds {
    /// The name of the workload.
    pub workload: &'static str,
    /// The name of the case.
    pub case: String,
    /// The runtime of the client, or of both ends.
    pub runtime: Handle,
}

impl Rounds {
    /// Runs the warm-up and all rounds, and repeats those that were disturbed.
    pub async fn run(&self, mut ready: Vec<Ready>, options: &Options) -> Result<Vec<Record>> {
        eprint!("{} {}:", self.workload, self.case);
        // The first round is a warm-up.
        self.run_one(&mut ready, 0, options).await?;
        for ready in &mut ready {
            ready.readings.clear();
        }
        let mut wanted = options.rounds();
        let mut number = 0;
        for _ in 0..=REPEATS {
            for _ in 0..wanted {
                number += 1;
                self.run_one(&mut ready, number, options).await?;
            }
            wanted = discard_disturbed(&mut ready);
            if wanted == 0 {
                break;
            }
            eprint!("  ({wanted} rounds discarded: the floor was out of its range)");
        }
        let records: Vec<_> = ready.iter().flat_map(|ready| self.records(ready)).collect();
        progress(&records);
        Ok(records)
    }

    /// Measures every system once.
    async fn run_one(&self, ready: &mut [Ready], number: usize, options: &Options) -> Result<()> {
        let count = ready.len().max(1);
        for at in 0..ready.len() {
            let system = &mut ready[(at + number) % count];
            // Runs in a task, like the callers of a real program: the main future runs outside the worker threads.
            let round = self.runtime.spawn((system.round)(options.round_time()));
            let readings = round
                .await?
                .map_err(|error| format!("{} of {}: {error}", self.case, system.system))?;
            system.readings.push(readings);
        }
        Ok(())
    }

    fn records(&self, ready: &Ready) -> Vec<Record> {
        let Some(first) = ready.readings.first() else {
            return Vec::new();
        };
        let record = |at: usize| {
            let Reading { detail, metric, .. } = &first[at];
            let values = ready.readings.iter().map(|round| round[at].value).collect();
            let name = match detail {
                Some(detail) => format!("{}, {detail}", self.case),
                None => self.case.clone(),
            };
            Record::new(self.workload, name, ready.system, *metric, values)
        };
        (0..first.len()).map(record).collect()
    }
}

/// Discards the rounds in which the program written by hand was far from its median: something else used the machine.
/// Returns their number. The round of the median always stays.
fn discard_disturbed(ready: &mut [Ready]) -> usize {
    let floor = ready.iter().find(|ready| ready.system.ends_with("floor"));
    let Some(values) = floor.map(|floor| {
        let first = floor.readings.iter().filter_map(|round| round.first());
        first.map(|reading| reading.value).collect::<Vec<_>>()
    }) else {
        return 0;
    };
    let mut sorted = values.clone();
    sorted.sort_by(f64::total_cmp);
    let Some(median) = sorted.get(sorted.len() / 2) else {
        return 0;
    };
    let is_disturbed = |value: &f64| (value / median - 1.0).abs() > RANGE;
    let disturbed = values.iter().filter(|value| is_disturbed(value)).count();
    for ready in ready {
        let mut values = values.iter();
        ready
            .readings
            .retain(|_| !values.next().is_some_and(is_disturbed));
    }
    disturbed
}

impl Ready {
    /// Creates the rounds of a system that is connected.
    pub fn new<T: System, F>(round: impl Fn(Duration) -> F + 'static) -> Self
    where
        F: Future<Output = Result<Vec<Reading>>> + Send + 'static,
    {
        Self {
            system: T::NAME,
            round: Box::new(move |time| Box::pin(round(time))),
            readings: Vec::new(),
        }
    }
}

/// Prints a summary in one line.
fn progress(records: &[Record]) {
    for record in records {
        if matches!(
            record.metric,
            Metric::Rate | Metric::P50 | Metric::ItemRate | Metric::ByteRate | Metric::P99Times
        ) {
            eprint!("  {} {}", record.system, figure(record.median));
        }
    }
    eprintln!();
}
