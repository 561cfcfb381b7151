//! The rounds of a run: work, then a pause in which everything must come to rest.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use crate::ledger::Ledger;
use crate::mesh::Mesh;
use crate::options::Options;
use crate::process::Held;
use crate::report::{Report, RoundResult};
use crate::service::{WorkClient, Worker};
use crate::shared::{LONG, Shared};
use crate::station::{Client, Folder, Keys, Outcome, Station, is_idle};
use crate::workload;

/// Counts taken while everything rests.
#[derive(Clone, Copy, Debug, Default)]
struct Rest {
    descriptors: usize,
    tasks: usize,
}

/// Runs everything. Returns the number of problems.
pub(crate) async fn run(options: Options) -> Outcome<u64> {
    let begin = Instant::now();
    let rounds = options.rounds();
    let length = options.time / rounds as u32;
    // An eighth of a round, in which idle connections return their buffers.
    let rest = (length / 8).clamp(Duration::from_millis(400), Duration::from_secs(3));
    let folder = Folder::new()?;
    let ledger = Arc::new(Ledger::default());
    let worker = Worker {
        ledger: Arc::clone(&ledger),
    };
    let stations = Station::start_all(&Keys::generate()?, &worker, &folder.0).await?;
    let mesh = Mesh::start(&worker).await?;
    let mut clients = Vec::new();
    for station in &stations {
        clients.push(station.connect().await?);
    }
    let shared = Arc::new(Shared::new(stations, mesh, ledger));
    // Large enough from the start: what this program collects must not look like growth.
    let expected = 2 * options.time.as_secs() as usize;
    let samples = Arc::new(Mutex::new(Vec::with_capacity(expected)));
    let sampling = tokio::spawn(sample(begin, Arc::clone(&shared), Arc::clone(&samples)));
    let mut tasks = workload::start(&shared, &clients, options.seed);

    let mut report = Report::new(&options);
    let mut baseline = Rest::default();
    for number in 0..rounds {
        tokio::time::sleep(length.saturating_sub(rest)).await;
        // Waits for the operations in progress, and lets no other begin.
        let mut round = shared.round.write().await;
        let is_warm = number >= rounds.div_ceil(4);
        settle(&shared, &clients, is_warm.then_some(baseline)).await;
        tokio::time::sleep(rest).await;
        let held = Held::now();
        if !is_warm {
            baseline.descriptors = baseline.descriptors.max(held.descriptors);
            baseline.tasks = baseline.tasks.max(held.tasks);
        }
        let adds = std::mem::take(&mut *round).adds;
        let result = RoundResult::new(begin.elapsed(), is_warm, held, &adds);
        report.add(result);
        if shared.problems() > 1_000 {
            break;
        }
    }
    shared.is_over.store(true, Ordering::Relaxed);
    while let Some(ended) = tasks.join_next().await {
        if let Err(error) = ended {
            shared.problem(&format!("a task of the workload has ended: {error}"));
        }
    }
    let _ = sampling.await;
    end(&shared, clients).await;
    for growth in report.growths() {
        shared.problem(&growth);
    }
    let samples = std::mem::take(&mut *samples.lock().await);
    report.save(&options, &shared, &samples)?;
    Ok(shared.problems())
}

/// A sample under load.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    pub(crate) at: Duration,
    pub(crate) held: Held,
    pub(crate) operations: u64,
}

async fn sample(begin: Instant, shared: Arc<Shared>, samples: Arc<Mutex<Vec<Sample>>>) {
    let mut ticks = tokio::time::interval(Duration::from_secs(1));
    while !shared.is_over() {
        ticks.tick().await;
        let operations = shared.operations.load(Ordering::Relaxed);
        let held = Held::now();
        samples.lock().await.push(Sample {
            at: begin.elapsed(),
            held,
            operations,
        });
    }
}

/// Waits until all are connected and nothing is in progress, and compares what has run with what callers know.
async fn settle(shared: &Shared, clients: &[Client], baseline: Option<Rest>) {
    let rested = tokio::time::timeout(LONG, async {
        shared.mesh.connected().await;
        for client in clients {
            // The server starts handlers in the order of their requests: those of all earlier requests have started.
            while WorkClient::new(&client.caller()).fail(0).await.is_err() {}
        }
        while !is_at_rest(shared, clients, baseline) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    if rested.await.is_err() {
        let state = describe(shared, clients);
        shared.problem(&format!(
            "no rest within {LONG:?}: {state}, at most {baseline:?}"
        ));
    }
    for wrong in shared.ledger.settle() {
        shared.problem(&wrong);
    }
}

fn is_at_rest(shared: &Shared, clients: &[Client], baseline: Option<Rest>) -> bool {
    let is_connected = clients.iter().all(|client| client.peer().is_some());
    let ours = clients.iter().filter_map(Client::peer);
    let theirs = shared.stations.iter().flat_map(Station::peers);
    let held = Held::now();
    is_connected
        && ours.chain(theirs).all(|peer| is_idle(&peer.stats()))
        && baseline
            .is_none_or(|rest| held.descriptors <= rest.descriptors && held.tasks <= rest.tasks)
}

fn describe(shared: &Shared, clients: &[Client]) -> String {
    let held = Held::now();
    let mut text = format!("{} descriptors, {} tasks", held.descriptors, held.tasks);
    let ours = clients.iter().filter_map(Client::peer);
    let theirs = shared.stations.iter().flat_map(Station::peers);
    for peer in ours.chain(theirs) {
        let stats = peer.stats();
        if !is_idle(&stats) {
            // Writing to a string cannot fail.
            let _ = write!(text, ", {stats:?}");
        }
    }
    text
}

/// Ends everything. Nothing may be left of it.
async fn end(shared: &Arc<Shared>, clients: Vec<Client>) {
    let ended = tokio::time::timeout(LONG, async {
        for client in &clients {
            client.shutdown().await;
        }
        drop(clients);
        for station in &shared.stations {
            station.end(true).await;
        }
        shared.mesh.end().await;
        // This task is the last.
        while Held::now().tasks > 1 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    if ended.await.is_err() {
        let tasks = Held::now().tasks;
        shared.problem(&format!("{tasks} tasks are left {LONG:?} after the end"));
    }
}
