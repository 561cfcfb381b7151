//! Rounds of all systems, one after another, so that the noise of the machine hits all of them.

use std::time::Duration;

use futures::future::BoxFuture;

use crate::link::Link;
use crate::options::Options;
use crate::record::{Metric, Reading, Record};
use crate::report::figure;
use crate::system::{Client, Connection, Result, Skills, System};
use crate::systems::{self, Visitor};

/// Something to do with a connection, again and again.
pub trait Case: Clone + Send + Sync + 'static {
    /// The workload that it belongs to.
    const WORKLOAD: &'static str;

    /// What it is called within its workload.
    fn name(&self) -> String;

    /// What the ends are connected by; by nothing, they are in one process.
    fn link(&self) -> Option<Link>;

    /// Whether a system can take part.
    fn takes(&self, skills: Skills) -> bool;

    /// One round of about so long.
    fn round<C: Client>(
        self,
        connection: Connection<C>,
        time: Duration,
    ) -> impl Future<Output = Result<Vec<Reading>>> + Send;
}

/// A system that is connected for a case. A round is a box; the calls in it are not.
struct Ready {
    system: &'static str,
    round: Box<dyn Fn(Duration) -> BoxFuture<'static, Result<Vec<Reading>>>>,
    readings: Vec<Vec<Reading>>,
}

struct Connecting<'a, C> {
    case: &'a C,
    ready: Vec<Ready>,
}

impl<C: Case> Visitor for Connecting<'_, C> {
    async fn visit<T: System>(&mut self) -> Result<()> {
        if !self.case.takes(T::SKILLS) || (self.case.link().is_some() && !T::SKILLS.connects) {
            return Ok(());
        }
        let connection = match self.case.link() {
            Some(link) => {
                let (client, server) = link.pair().await?;
                T::connect(client, server).await?
            }
            None => T::in_process().await?,
        };
        let case = self.case.clone();
        self.ready.push(Ready {
            system: T::NAME,
            round: Box::new(move |time| Box::pin(case.clone().round(connection.clone(), time))),
            readings: Vec::new(),
        });
        Ok(())
    }
}

/// Measures every system that can take part and is wanted.
pub async fn measure<C: Case>(case: &C, options: &Options) -> Result<Vec<Record>> {
    let ready = Vec::new();
    let mut connecting = Connecting { case, ready };
    systems::visit(|name| options.wants_system(name), &mut connecting).await?;
    let mut ready = connecting.ready;
    eprint!("{} {}:", C::WORKLOAD, case.name());
    // The first round only warms up.
    for number in 0..=options.rounds() {
        let count = ready.len().max(1);
        for at in 0..ready.len() {
            let system = &mut ready[(at + number) % count];
            // In a task, as the callers of a program are: the main future runs outside of the workers.
            let round = tokio::spawn((system.round)(options.round_time()));
            let readings = round
                .await?
                .map_err(|error| format!("{} of {}: {error}", case.name(), system.system))?;
            if number > 0 {
                system.readings.push(readings);
            }
        }
    }
    let records: Vec<_> = ready
        .into_iter()
        .flat_map(|ready| ready.records(case))
        .collect();
    progress(&records);
    Ok(records)
}

impl Ready {
    fn records<C: Case>(self, case: &C) -> Vec<Record> {
        let Some(first) = self.readings.first() else {
            return Vec::new();
        };
        let record = |at: usize| {
            let Reading { detail, metric, .. } = &first[at];
            let values = self.readings.iter().map(|round| round[at].value).collect();
            let name = match detail {
                Some(detail) => format!("{}, {detail}", case.name()),
                None => case.name(),
            };
            Record::new(C::WORKLOAD, name, self.system, *metric, values)
        };
        (0..first.len()).map(record).collect()
    }
}

/// Says what has been measured, in one line.
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
