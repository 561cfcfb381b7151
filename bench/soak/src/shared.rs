//! State that the tasks of the workload share.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::RwLock;

use crate::failure::{Failure, Link};
use crate::histogram::Histogram;
use crate::ledger::Ledger;
use crate::mesh::Mesh;
use crate::station::Station;

/// No operation takes so long, restarts of its server included.
pub(crate) const LONG: Duration = Duration::from_mins(1);

/// The number of problems that are printed. Further ones are only counted.
const PRINTED: u64 = 20;

/// The latencies of one round.
#[derive(Default)]
pub(crate) struct Round {
    pub(crate) adds: Histogram,
}

/// The state of a run.
pub(crate) struct Shared {
    pub(crate) stations: Vec<Station>,
    pub(crate) mesh: Mesh,
    pub(crate) ledger: Arc<Ledger>,
    /// Held for reading by every operation, and for writing while nothing may happen.
    pub(crate) round: RwLock<Round>,
    pub(crate) is_over: AtomicBool,
    pub(crate) operations: AtomicU64,
    problems: AtomicU64,
    tally: Mutex<BTreeMap<(&'static str, &'static str), u64>>,
}

impl Shared {
    pub(crate) fn new(stations: Vec<Station>, mesh: Mesh, ledger: Arc<Ledger>) -> Self {
        Self {
            stations,
            mesh,
            ledger,
            round: RwLock::default(),
            is_over: AtomicBool::new(false),
            operations: AtomicU64::new(0),
            problems: AtomicU64::new(0),
            tally: Mutex::default(),
        }
    }

    /// Runs an operation that must end with a right answer, or with an error that may occur on such a connection.
    /// Returns its time if it was right.
    pub(crate) async fn run(
        &self,
        name: &'static str,
        link: Link,
        operation: impl Future<Output = Result<(), Failure>>,
    ) -> Option<Duration> {
        let begin = Instant::now();
        let ended = tokio::time::timeout(LONG, operation).await;
        let time = begin.elapsed();
        self.operations.fetch_add(1, Ordering::Relaxed);
        let outcome = match ended {
            Err(_) => {
                self.problem(&format!("{name} ({link:?}): no end within {LONG:?}"));
                "no end"
            }
            Ok(Ok(())) => "right",
            Ok(Err(failure)) => failure.judge(link).unwrap_or_else(|wrong| {
                self.problem(&format!("{name} ({link:?}): {wrong}"));
                "wrong"
            }),
        };
        let mut tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
        *tally.entry((name, outcome)).or_default() += 1;
        (outcome == "right").then_some(time)
    }

    /// Reports that something is wrong: the run has failed.
    pub(crate) fn problem(&self, what: &str) {
        if self.problems.fetch_add(1, Ordering::Relaxed) < PRINTED {
            eprintln!("WRONG: {what}");
        }
    }

    pub(crate) fn problems(&self) -> u64 {
        self.problems.load(Ordering::Relaxed)
    }

    /// Returns how often each operation had each outcome.
    pub(crate) fn tally(&self) -> Vec<(&'static str, &'static str, u64)> {
        let tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
        let entries = tally
            .iter()
            .map(|((name, outcome), count)| (*name, *outcome, *count));
        entries.collect()
    }

    pub(crate) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }
}
