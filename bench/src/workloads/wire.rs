//! Socket traffic of a call, counted at the client.

use super::echo::echo;
use crate::counted::{Counts, Snapshot};
use crate::link::counted_pair;
use crate::load::drive;
use crate::options::Options;
use crate::record::{Metric, Record};
use crate::report::figure;
use crate::system::{Client, Result, System};
use crate::systems::{self, Visitor};

/// The name of the workload.
const NAME: &str = "wire";
const CALLS: u64 = 1_000;
const CALLERS: usize = 64;

/// Measures every system that uses a byte stream.
pub(super) async fn run(options: &Options) -> Result<Vec<Record>> {
    let mut counting = Counting {
        options,
        records: Vec::new(),
    };
    eprint!("{NAME}:");
    systems::visit(|name| options.wants_system(name), &mut counting).await?;
    eprintln!();
    Ok(counting.records)
}

struct Counting<'a> {
    options: &'a Options,
    records: Vec<Record>,
}

impl Visitor for Counting<'_> {
    async fn visit<T: System>(&mut self) -> Result<()> {
        if !T::SKILLS.connects {
            return Ok(());
        }
        let (client, server, counts) = counted_pair()?;
        let client = T::connect(client, server).await?.client;
        // Runs in a task, like the callers of a real program.
        let one = tokio::spawn(one_caller(client.clone(), counts.clone())).await??;
        for (metric, value) in [
            (Metric::BytesOut, one.bytes_written),
            (Metric::BytesBack, one.bytes_read),
            (Metric::Writes, one.writes),
            (Metric::Reads, one.reads),
        ] {
            self.take::<T>("one caller", metric, value as f64 / CALLS as f64);
        }
        if T::SKILLS.concurrent {
            let before = counts.snapshot();
            let time = self.options.round_time();
            let load = tokio::spawn(drive(vec![client; CALLERS], time, echo)).await??;
            let many = since(&counts, before);
            for (metric, value) in [(Metric::Writes, many.writes), (Metric::Reads, many.reads)] {
                self.take::<T>("64 callers", metric, value as f64 / load.calls as f64);
            }
        }
        Ok(())
    }
}

impl Counting<'_> {
    fn take<T: System>(&mut self, case: &str, metric: Metric, value: f64) {
        eprint!("  {} {} {}", T::NAME, figure(value), metric.title());
        let record = Record::new(NAME, case, T::NAME, metric, vec![value]);
        self.records.push(record);
    }
}

async fn one_caller(client: impl Client, counts: std::sync::Arc<Counts>) -> Result<Snapshot> {
    // The first calls may exchange more than later ones.
    for _ in 0..CALLS {
        client.add(1, 2).await?;
    }
    let before = counts.snapshot();
    for _ in 0..CALLS {
        client.add(1, 2).await?;
    }
    Ok(since(&counts, before))
}

fn since(counts: &Counts, before: Snapshot) -> Snapshot {
    let now = counts.snapshot();
    Snapshot {
        reads: now.reads - before.reads,
        writes: now.writes - before.writes,
        bytes_read: now.bytes_read - before.bytes_read,
        bytes_written: now.bytes_written - before.bytes_written,
    }
}
