//! Counts heap memory of connections and calls, and writes records as JSON.
//!
//! Runs on one thread, so that numbers are reproducible.

mod idle;

use std::alloc::System as SystemHeap;
use std::time::Duration;

use chirp_bench::handler::Wait;
use chirp_bench::link::Link;
use chirp_bench::options::Options;
use chirp_bench::record::{Metric, Record};
use chirp_bench::serving;
use chirp_bench::system::{Client, Result, System};
use chirp_bench::systems::{Visitor, visit};
use chirp_bench::workloads::Workload;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use tokio::runtime::Builder;
use tokio::time::timeout;

#[global_allocator]
static HEAP: &StatsAlloc<SystemHeap> = &INSTRUMENTED_SYSTEM;

const CONNECTIONS: u32 = 100;
/// Below the number that any system rejects or queues.
const PENDING: u32 = 16;
const CALLS: u32 = 1_000;
const PATIENCE: Duration = Duration::from_secs(2);

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1).peekable();
    if arguments
        .next_if(|first| first == serving::ARGUMENT)
        .is_some()
    {
        return serving::serve(arguments, || held() as u64);
    }
    let options = Options::parse(arguments)?;
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let mut records = Vec::new();
    if options.workloads.contains(&Workload::Memory) {
        let mut counting = Counting::default();
        runtime.block_on(visit(|name| options.wants_system(name), &mut counting))?;
        records.extend(counting.records);
    }
    if options.workloads.contains(&Workload::Connections) {
        records.extend(runtime.block_on(idle::measure(&options))?);
    }
    println!("{}", serde_json::to_string(&records)?);
    Ok(())
}

#[derive(Default)]
struct Counting {
    records: Vec<Record>,
}

impl Visitor for Counting {
    async fn visit<T: System>(&mut self) -> Result<()> {
        if !T::SKILLS.connects {
            return Ok(());
        }
        // The first connection initializes shared state.
        let client = connect::<T>().await?;
        let before = held();
        let mut idle = Vec::with_capacity(CONNECTIONS as usize);
        for _ in 0..CONNECTIONS {
            idle.push(connect::<T>().await?);
        }
        let connection = f64::from(u32::try_from(held() - before)?) / f64::from(CONNECTIONS);
        self.take::<T>("an idle connection", Metric::Bytes, connection);

        for _ in 0..CALLS {
            client.add(1, 2).await?;
        }
        let before = allocations();
        for _ in 0..CALLS {
            client.add(1, 2).await?;
        }
        let calls = (allocations() - before) as f64 / f64::from(CALLS);
        self.take::<T>("a call", Metric::Allocations, calls);

        if T::SKILLS.waits && T::SKILLS.concurrent {
            let before = held();
            for _ in 0..PENDING {
                let client = client.clone();
                tokio::spawn(async move { client.wait(Wait::Forever, "").await });
            }
            tokio::task::yield_now().await;
            // Later messages are processed after them, so an answer means that all have started.
            let added = timeout(PATIENCE, client.add(1, 2)).await;
            if added.is_err() {
                eprintln!("{} does not run {PENDING} calls at once", T::NAME);
                return Ok(());
            }
            let pending = f64::from(u32::try_from(held() - before)?) / f64::from(PENDING);
            self.take::<T>("a pending call and its task", Metric::Bytes, pending);
        }
        Ok(())
    }
}

impl Counting {
    fn take<T: System>(&mut self, case: &str, metric: Metric, value: f64) {
        let record = Record::new("memory", case, T::NAME, metric, vec![value]);
        self.records.push(record);
    }
}

/// Creates a connection and uses it once.
async fn connect<T: System>() -> Result<T::Client> {
    let (client, server) = Link::Unix.pair().await?;
    let client = T::connect(client, server).await?.client;
    client.add(1, 2).await?;
    Ok(client)
}

/// Returns the number of allocated bytes.
fn held() -> usize {
    let stats = HEAP.stats();
    stats.bytes_allocated - stats.bytes_deallocated
}

/// Returns the number of allocations so far. Growing an allocation counts as one.
fn allocations() -> usize {
    let stats = HEAP.stats();
    stats.allocations + stats.reallocations
}
