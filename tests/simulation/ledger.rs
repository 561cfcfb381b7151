//! The calls that ran, as the handlers note them, and the results that callers saw.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use chirp::Receiver;
use futures_core::Stream;

/// The methods that the workload calls.
#[chirp::service]
pub(crate) trait Work {
    /// Must not run twice.
    async fn once(&self, id: u64, milliseconds: u64) -> u64;
    /// May run again.
    #[chirp(idempotent)]
    async fn again(&self, id: u64, milliseconds: u64) -> u64;
    /// Returns its argument, which may be larger than what fits on the way.
    async fn echo(&self, id: u64, data: Bytes) -> Bytes;
    /// Returns nothing.
    #[chirp(oneway)]
    async fn note(&self, id: u64);
    async fn count(&self, id: u64, to: u32) -> impl Stream<Item = u32>;
    async fn total(&self, id: u64, numbers: Receiver<u32>) -> u64;
}

/// The result of `once` and `again`.
pub(crate) fn result_of(id: u64) -> u64 {
    id.wrapping_mul(0x9E37_79B9)
}

/// A promise about a call, which is checked when everything has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Promise {
    /// The call has returned: it ran, and if it is not idempotent, once.
    Ran { idempotent: bool },
    /// The call failed, and its error says that it did not run.
    NotRun,
    /// The call failed or was dropped: it ran at most once, or more often if it is idempotent.
    Unknown { idempotent: bool },
}

/// Counts of runs by id, and the promises about them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger(Arc<Mutex<Entries>>);

#[derive(Debug, Default)]
struct Entries {
    next: u64,
    runs: HashMap<u64, u32>,
    promises: Vec<(u64, Promise)>,
}

impl Ledger {
    pub(crate) fn next_id(&self) -> u64 {
        let mut entries = self.0.lock().expect("no step panics inside");
        entries.next += 1;
        entries.next
    }

    fn note_run(&self, id: u64) {
        let mut entries = self.0.lock().expect("no step panics inside");
        *entries.runs.entry(id).or_default() += 1;
    }

    pub(crate) fn promise(&self, id: u64, promise: Promise) {
        let mut entries = self.0.lock().expect("no step panics inside");
        entries.promises.push((id, promise));
    }

    /// Checks all promises, and returns the number of those about calls that returned.
    pub(crate) fn check(&self) -> usize {
        let entries = self.0.lock().expect("no step panics inside");
        let mut returned = 0;
        for (id, promise) in &entries.promises {
            let runs = entries.runs.get(id).copied().unwrap_or_default();
            let holds = match promise {
                Promise::Ran { idempotent } => runs == 1 || *idempotent && runs > 1,
                Promise::NotRun => runs == 0,
                Promise::Unknown { idempotent } => runs <= 1 || *idempotent,
            };
            assert!(holds, "call {id} ran {runs} times: {promise:?}");
            returned += usize::from(matches!(promise, Promise::Ran { .. }));
        }
        returned
    }
}

impl Work for Ledger {
    async fn once(&self, id: u64, milliseconds: u64) -> u64 {
        self.note_run(id);
        wait(milliseconds).await;
        result_of(id)
    }

    async fn again(&self, id: u64, milliseconds: u64) -> u64 {
        self.note_run(id);
        wait(milliseconds).await;
        result_of(id)
    }

    async fn echo(&self, id: u64, data: Bytes) -> Bytes {
        self.note_run(id);
        data
    }

    async fn note(&self, id: u64) {
        self.note_run(id);
    }

    async fn count(&self, id: u64, to: u32) -> impl Stream<Item = u32> {
        self.note_run(id);
        tokio_stream::iter(0..to)
    }

    async fn total(&self, id: u64, mut numbers: Receiver<u32>) -> u64 {
        self.note_run(id);
        let mut total = 0;
        while let Some(Ok(number)) = numbers.recv().await {
            total += u64::from(number);
        }
        total
    }
}

async fn wait(milliseconds: u64) {
    if milliseconds > 0 {
        tokio::time::sleep(std::time::Duration::from_millis(milliseconds)).await;
    }
}
