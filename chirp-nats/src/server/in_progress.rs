use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use foldhash::fast::RandomState;
use tokio::sync::Notify;

/// The number of cancelled calls that are remembered before they arrive.
const MAX_CANCELLED: usize = 256;

/// The longest subject of an answer whose cancel is remembered, in bytes.
const MAX_SUBJECT: usize = 256;

/// The calls that run at a server.
pub(super) struct InProgress {
    limit: usize,
    count: AtomicUsize,
    /// Tells that no call runs any more.
    idle: Notify,
    /// The time for the end of calls is over.
    interrupted: AtomicBool,
    calls: Mutex<Calls>,
}

#[derive(Default)]
struct Calls {
    /// The calls that can be cancelled, by the subject of their answer.
    running: HashMap<String, Arc<Notify>, RandomState>,
    /// Calls that were cancelled before they arrived: requests and cancels come through different subscriptions.
    cancelled: VecDeque<String>,
}

/// The place of one running call. Dropping it makes room.
pub(super) struct CallPlace(Arc<InProgress>);

impl InProgress {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            count: AtomicUsize::new(0),
            idle: Notify::new(),
            interrupted: AtomicBool::new(false),
            calls: Mutex::default(),
        }
    }

    pub(super) fn count(&self) -> usize {
        self.count.load(Ordering::Acquire)
    }

    /// Takes a place for a call. `None` at the limit.
    pub(super) fn enter(self: &Arc<Self>) -> Option<CallPlace> {
        let taken = self.count.fetch_add(1, Ordering::AcqRel);
        let place = CallPlace(Arc::clone(self));
        (taken < self.limit).then_some(place)
    }

    /// Returns whether a call was cancelled before it arrived.
    pub(super) fn was_cancelled(&self, reply: &str) -> bool {
        let mut calls = self.lock();
        let known = calls
            .cancelled
            .iter()
            .position(|cancelled| cancelled == reply);
        known.is_some_and(|at| calls.cancelled.remove(at).is_some())
    }

    /// Notes that a call runs, so that it can be cancelled. The returned value tells that it is.
    pub(super) fn note(&self, reply: &str) -> Arc<Notify> {
        let cancelled = Arc::new(Notify::new());
        if self.was_cancelled(reply) || self.is_interrupted() {
            cancelled.notify_one();
        }
        let mut calls = self.lock();
        calls
            .running
            .insert(reply.to_owned(), Arc::clone(&cancelled));
        cancelled
    }

    /// Returns whether calls are interrupted because the server ends.
    pub(super) fn is_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::Acquire)
    }

    /// As [`note`](Self::note), for a call that has no answer: it is interrupted with the server only.
    pub(super) fn note_one_way(&self) -> (String, Arc<Notify>) {
        static NUMBERS: AtomicUsize = AtomicUsize::new(0);
        // No subject begins with a space.
        let key = format!(" {}", NUMBERS.fetch_add(1, Ordering::Relaxed));
        let interrupted = self.note(&key);
        (key, interrupted)
    }

    pub(super) fn forget(&self, reply: &str) {
        self.lock().running.remove(reply);
    }

    /// Cancels a call. One that has not arrived is remembered.
    pub(super) fn cancel(&self, reply: &str) {
        let mut calls = self.lock();
        if let Some(running) = calls.running.remove(reply) {
            running.notify_one();
            return;
        }
        if reply.len() > MAX_SUBJECT {
            return;
        }
        if calls.cancelled.len() == MAX_CANCELLED {
            calls.cancelled.pop_front();
        }
        calls.cancelled.push_back(reply.to_owned());
    }

    /// Interrupts all calls that can be cancelled.
    pub(super) fn interrupt(&self) {
        self.interrupted.store(true, Ordering::Release);
        for (_, running) in self.lock().running.drain() {
            running.notify_one();
        }
    }

    /// Waits until no call runs.
    pub(super) async fn none(&self) {
        loop {
            let told = self.idle.notified();
            if self.count() == 0 {
                return;
            }
            told.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Calls> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for CallPlace {
    fn drop(&mut self) {
        if self.0.count.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.idle.notify_waiters();
        }
    }
}
