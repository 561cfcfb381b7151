use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;
use tokio::time::Instant;

use super::Window;
use super::target::CallFailure;

/// The longest time that a histogram holds. Longer times count as this.
const LONGEST: Duration = Duration::from_hours(1);

/// Kinds of errors that are told apart. The codes of methods are chosen by the other side.
const MAX_KINDS: usize = 64;

/// The results of calls whose begin is within the window.
#[derive(Debug)]
pub(crate) struct Measurement {
    /// Nanoseconds until the answers, errors not included, and until the time limit of calls that timed out. In an open loop,
    /// from the time at which a call was due.
    pub(crate) latency: Histogram<u64>,
    /// In an open loop, nanoseconds from the time at which a call was due until it was sent.
    pub(crate) delay: Histogram<u64>,
    /// Calls that succeeded, those that were answered after the end included.
    pub(crate) calls: u64,
    /// Calls that were answered within the window, without errors, those from the warm-up included.
    pub(crate) calls_in_window: u64,
    pub(crate) items_in_window: u64,
    pub(crate) errors: BTreeMap<String, ErrorCount>,
    /// In an open loop, calls that were due before the end and were not sent.
    pub(crate) unsent: u64,
    /// In an open loop, calls that waited for a caller.
    pub(crate) blocked: u64,
    /// Whether a connection was lost.
    pub(crate) is_lost: bool,
}

/// Errors of one kind.
#[derive(Debug)]
pub(crate) struct ErrorCount {
    pub(crate) count: u64,
    /// The text of the first one.
    pub(crate) example: String,
}

/// A measurement that callers add to.
#[derive(Debug)]
pub(crate) struct Shared {
    window: Window,
    measurement: Mutex<Measurement>,
}

impl Shared {
    pub(crate) fn new(window: Window) -> Self {
        let measurement = Measurement {
            latency: histogram(),
            delay: histogram(),
            calls: 0,
            calls_in_window: 0,
            items_in_window: 0,
            errors: BTreeMap::new(),
            unsent: 0,
            blocked: 0,
            is_lost: false,
        };
        Self {
            window,
            measurement: Mutex::new(measurement),
        }
    }

    /// Returns the results so far.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Measurement> {
        let measurement = self.measurement.lock();
        measurement.unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a call that began at `begin`, or that was due then. Returns `false` if there will be no further calls.
    pub(crate) fn count_call(&self, begin: Instant, result: &Result<(), CallFailure>) -> bool {
        let now = Instant::now();
        let mut measurement = self.lock();
        let is_measured = begin >= self.window.begin;
        match result {
            Ok(()) => {
                if now >= self.window.begin && now < self.window.end {
                    measurement.calls_in_window += 1;
                }
                if is_measured {
                    measurement.calls += 1;
                    measurement.latency.saturating_record(nanos(now - begin));
                }
                true
            }
            Err(failure) => {
                let is_lost = failure.is_connection_lost();
                measurement.is_lost |= is_lost;
                if is_measured || is_lost {
                    measurement.count_error(failure);
                }
                if is_measured && failure.is_timeout() {
                    // Without it, the longest times would be missing.
                    measurement.latency.saturating_record(nanos(now - begin));
                }
                !is_lost
            }
        }
    }

    /// Counts items that have arrived.
    pub(crate) fn count_items(&self, items: u64) {
        let now = Instant::now();
        if now >= self.window.begin && now < self.window.end {
            self.lock().items_in_window += items;
        }
    }

    /// Counts the delay of a call that was due at `due` and is sent now.
    pub(super) fn count_delay(&self, due: Instant) {
        if due >= self.window.begin {
            let delay = Instant::now() - due;
            self.lock().delay.saturating_record(nanos(delay));
        }
    }
}

impl Measurement {
    fn count_error(&mut self, failure: &CallFailure) {
        let mut kind = failure.kind();
        if self.errors.len() >= MAX_KINDS && !self.errors.contains_key(&kind) {
            "other".clone_into(&mut kind);
        }
        let error = self.errors.entry(kind).or_insert_with(|| ErrorCount {
            count: 0,
            example: failure.to_string(),
        });
        error.count += 1;
    }
}

fn histogram() -> Histogram<u64> {
    let longest = nanos(LONGEST);
    Histogram::new_with_bounds(1, longest, 3).expect("the bounds are valid")
}

fn nanos(time: Duration) -> u64 {
    time.as_nanos().try_into().unwrap_or(u64::MAX)
}
