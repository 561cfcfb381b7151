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
    next: u64,
    /// The calls that can be cancelled, by the subject of their answer. Clients may have several calls answered to one subject.
    running: HashMap<String, Vec<RunningCall>, RandomState>,
    /// Calls that were cancelled before they arrived: requests and cancels come through different subscriptions.
    cancelled: VecDeque<String>,
}

/// A call that can be cancelled.
struct RunningCall {
    number: u64,
    cancelled: Arc<Notify>,
}

/// A call that was noted as running. Dropping it makes the call forgotten.
pub(super) struct NotedCall {
    calls: Arc<InProgress>,
    reply: String,
    number: u64,
    cancelled: Arc<Notify>,
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
        self.lock().take_cancelled(reply)
    }

    /// Notes that a call runs, so that it can be cancelled.
    pub(super) fn note(self: &Arc<Self>, reply: &str) -> NotedCall {
        let cancelled = Arc::new(Notify::new());
        // One lock, so that a cancel that arrives meanwhile finds the call either running or not yet arrived.
        let mut calls = self.lock();
        if calls.take_cancelled(reply) || self.is_interrupted() {
            cancelled.notify_one();
        }
        let number = calls.next;
        calls.next += 1;
        let running = RunningCall {
            number,
            cancelled: Arc::clone(&cancelled),
        };
        calls
            .running
            .entry(reply.to_owned())
            .or_default()
            .push(running);
        drop(calls);
        NotedCall {
            calls: Arc::clone(self),
            reply: reply.to_owned(),
            number,
            cancelled,
        }
    }

    /// Returns whether calls are interrupted because the server ends.
    pub(super) fn is_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::Acquire)
    }

    /// As [`note`](Self::note), for a call that has no answer: it is interrupted with the server only.
    pub(super) fn note_one_way(self: &Arc<Self>) -> NotedCall {
        // No subject of an answer is empty, and `cancel` leaves it alone.
        self.note("")
    }

    /// Cancels a call. One that has not arrived is remembered.
    pub(super) fn cancel(&self, reply: &str) {
        if reply.is_empty() || reply.len() > MAX_SUBJECT {
            return;
        }
        let mut calls = self.lock();
        if let Some(running) = calls.running.get(reply) {
            for call in running {
                call.cancelled.notify_one();
            }
            return;
        }
        if calls.cancelled.len() == MAX_CANCELLED {
            calls.cancelled.pop_front();
        }
        calls.cancelled.push_back(reply.to_owned());
    }

    /// Interrupts all calls that can be cancelled.
    pub(super) fn interrupt(&self) {
        let calls = self.lock();
        self.interrupted.store(true, Ordering::Release);
        for call in calls.running.values().flatten() {
            call.cancelled.notify_one();
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

impl Calls {
    /// Returns whether a call was cancelled before it arrived, once.
    fn take_cancelled(&mut self, reply: &str) -> bool {
        let mut cancelled = self.cancelled.iter();
        let known = cancelled.position(|cancelled| cancelled == reply);
        known.is_some_and(|at| self.cancelled.remove(at).is_some())
    }
}

impl NotedCall {
    /// Waits until the call is cancelled, or interrupted with the server.
    pub(super) async fn cancelled(&self) {
        self.cancelled.notified().await;
    }
}

impl Drop for NotedCall {
    fn drop(&mut self) {
        let mut calls = self.calls.lock();
        if let Some(running) = calls.running.get_mut(&self.reply) {
            running.retain(|call| call.number != self.number);
            if running.is_empty() {
                calls.running.remove(&self.reply);
            }
        }
    }
}

impl Drop for CallPlace {
    fn drop(&mut self) {
        if self.0.count.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.idle.notify_waiters();
        }
    }
}
