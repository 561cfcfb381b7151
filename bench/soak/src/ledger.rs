//! Which calls have run, and what their callers were told.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// A ticket for calls that are not recorded.
pub(crate) const NO_TICKET: u64 = 0;

/// A caller's knowledge of its call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Knowledge {
    /// There was an answer: the method ran.
    Ran,
    /// The error says that the method did not run.
    DidNotRun,
    /// The call was cancelled, one-way or lost.
    MayHaveRun,
}

#[derive(Debug, Default)]
struct Entry {
    runs: u32,
    known: Option<Knowledge>,
}

/// Compares how often each method ran with what its caller was told.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    last: AtomicU64,
    entries: Mutex<HashMap<u64, Entry>>,
}

impl Ledger {
    /// Returns the ticket of a new call.
    pub(crate) fn ticket(&self) -> u64 {
        self.last.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Records that a handler has started.
    pub(crate) fn ran(&self, ticket: u64) {
        if ticket != NO_TICKET {
            self.with(|entries| entries.entry(ticket).or_default().runs += 1);
        }
    }

    /// Records what the caller was told.
    pub(crate) fn told(&self, ticket: u64, knowledge: Knowledge) {
        self.with(|entries| entries.entry(ticket).or_default().known = Some(knowledge));
    }

    /// Compares both for all calls so far, which have ended, and forgets them. Returns what is wrong.
    pub(crate) fn settle(&self) -> Vec<String> {
        let entries = self.with(std::mem::take);
        let wrong = |(ticket, entry): (u64, Entry)| {
            let is_right = match entry.known {
                Some(Knowledge::Ran) => entry.runs == 1,
                Some(Knowledge::DidNotRun) => entry.runs == 0,
                Some(Knowledge::MayHaveRun) => entry.runs <= 1,
                None => false,
            };
            let Entry { runs, known } = entry;
            (!is_right)
                .then(|| format!("call {ticket} ran {runs} times, and its caller knows: {known:?}"))
        };
        entries.into_iter().filter_map(wrong).collect()
    }

    fn with<T>(&self, change: impl FnOnce(&mut HashMap<u64, Entry>) -> T) -> T {
        change(&mut self.entries.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
