use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, oneshot};
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::error::{TrackError, TrackedError};

/// The number of an entry, by which it is told from a later one with the same ID.
pub(super) type EntryKey = u64;

/// Whether a tracker accepts requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum TrackerState {
    #[default]
    Running,
    Stopping,
    Stopped,
}

/// The open requests of a tracker.
pub(super) struct TrackerTable<T, E> {
    requests: Mutex<OpenEntries<T, E>>,
    /// Notified when the first time limit has changed, and when no request is left.
    pub(super) changed: Notify,
    /// Notified when no request is left.
    idle: Notify,
}

struct OpenEntries<T, E> {
    state: TrackerState,
    entries: HashMap<Arc<str>, TrackerEntry<T, E>>,
    deadlines: BTreeMap<(Instant, EntryKey), Arc<str>>,
    last: EntryKey,
    has_timer: bool,
}

struct TrackerEntry<T, E> {
    key: EntryKey,
    timeout: Duration,
    /// `None` if the time limit is too far away to be a time.
    deadline: Option<Instant>,
    response: oneshot::Sender<Result<T, TrackedError<E>>>,
    call: Option<AbortHandle>,
}

impl<T, E> TrackerTable<T, E> {
    pub(super) fn insert(
        &self,
        id: &Arc<str>,
        response: oneshot::Sender<Result<T, TrackedError<E>>>,
        (timeout, deadline): (Duration, Option<Instant>),
        max_requests: usize,
    ) -> Result<EntryKey, TrackError> {
        let mut requests = self.lock();
        match requests.state {
            TrackerState::Running => {}
            TrackerState::Stopping => return Err(TrackError::Stopping),
            TrackerState::Stopped => return Err(TrackError::Stopped),
        }
        if requests.entries.contains_key(id) {
            return Err(TrackError::Duplicate { id: Arc::clone(id) });
        }
        if requests.entries.len() >= max_requests {
            return Err(TrackError::Full {
                limit: max_requests,
            });
        }
        requests.last += 1;
        let key = requests.last;
        let entry = TrackerEntry {
            key,
            timeout,
            deadline,
            response,
            call: None,
        };
        requests.entries.insert(Arc::clone(id), entry);
        if let Some(deadline) = deadline {
            requests.deadlines.insert((deadline, key), Arc::clone(id));
            let is_first = requests.deadlines.first_key_value();
            if is_first.is_some_and(|((_, first), _)| *first == key) {
                self.changed.notify_one();
            }
        }
        Ok(key)
    }

    /// Gives an open request the task that makes its call. The task is ended with the request.
    pub(super) fn attach(&self, id: &str, key: EntryKey, call: AbortHandle) {
        let mut requests = self.lock();
        match requests.entries.get_mut(id) {
            Some(entry) if entry.key == key => entry.call = Some(call),
            _ => {
                drop(requests);
                call.abort();
            }
        }
    }

    /// Completes a request. Without a key, any request with this ID.
    pub(super) fn complete(&self, id: &str, key: Option<EntryKey>, result: Result<T, E>) -> bool {
        self.finish(id, key, result.map_err(TrackedError::Failed))
    }

    /// Ends a request with an error, and cancels its call.
    pub(super) fn end(&self, id: &str, key: Option<EntryKey>, error: TrackedError<E>) -> bool {
        self.finish(id, key, Err(error))
    }

    fn finish(&self, id: &str, key: Option<EntryKey>, result: Result<T, TrackedError<E>>) -> bool {
        let taken = self.lock().take(id, key);
        match taken {
            None => false,
            Some(entry) => {
                self.conclude(entry, result);
                true
            }
        }
    }

    /// Ends the requests whose time limit has passed, and returns the next time limit. Without a request, ends the timer:
    /// returns `None` and notes that there is no timer.
    pub(super) fn expire(&self, now: Instant) -> Option<TimerStep> {
        loop {
            let mut requests = self.lock();
            let Some((&(deadline, key), id)) = requests.deadlines.first_key_value() else {
                if requests.entries.is_empty() {
                    requests.has_timer = false;
                    return None;
                }
                return Some(TimerStep::Wait);
            };
            if deadline > now {
                return Some(TimerStep::WaitUntil(deadline));
            }
            let id = Arc::clone(id);
            let taken = requests.take(&id, Some(key));
            drop(requests);
            if let Some(entry) = taken {
                let timeout = entry.timeout;
                self.conclude(entry, Err(TrackedError::TimedOut { timeout }));
            }
        }
    }

    fn conclude(&self, entry: TrackerEntry<T, E>, result: Result<T, TrackedError<E>>) {
        if let Some(call) = &entry.call {
            call.abort();
        }
        // The request may have been dropped.
        let _ = entry.response.send(result);
        let mut requests = self.lock();
        if requests.entries.is_empty() {
            if requests.state == TrackerState::Stopping {
                requests.state = TrackerState::Stopped;
            }
            drop(requests);
            self.idle.notify_waiters();
            self.changed.notify_one();
        }
    }

    /// Returns `true` if a timer must be started, and notes that there is one.
    pub(super) fn needs_timer(&self) -> bool {
        !std::mem::replace(&mut self.lock().has_timer, true)
    }

    pub(super) fn forget_timer(&self) {
        self.lock().has_timer = false;
    }

    pub(super) async fn stop(&self) {
        loop {
            let idle = self.idle.notified();
            tokio::pin!(idle);
            idle.as_mut().enable();
            {
                let mut requests = self.lock();
                if requests.entries.is_empty() {
                    requests.state = TrackerState::Stopped;
                    return;
                }
                requests.state = TrackerState::Stopping;
            }
            idle.await;
        }
    }

    pub(super) fn start(&self) -> Result<(), TrackError> {
        let mut requests = self.lock();
        if requests.state == TrackerState::Stopping {
            return Err(TrackError::Stopping);
        }
        requests.state = TrackerState::Running;
        Ok(())
    }

    pub(super) fn contains(&self, id: &str) -> bool {
        self.lock().entries.contains_key(id)
    }

    pub(super) fn len(&self) -> usize {
        self.lock().entries.len()
    }

    pub(super) fn state(&self) -> TrackerState {
        self.lock().state
    }

    fn lock(&self) -> MutexGuard<'_, OpenEntries<T, E>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The next step of the timer of a tracker.
pub(super) enum TimerStep {
    WaitUntil(Instant),
    /// No request has a time limit.
    Wait,
}

impl<T, E> OpenEntries<T, E> {
    fn take(&mut self, id: &str, key: Option<EntryKey>) -> Option<TrackerEntry<T, E>> {
        let entry = self.entries.get(id)?;
        if key.is_some_and(|key| key != entry.key) {
            return None;
        }
        let entry = self.entries.remove(id)?;
        if let Some(deadline) = entry.deadline {
            self.deadlines.remove(&(deadline, entry.key));
        }
        Some(entry)
    }
}

impl<T, E> Default for TrackerTable<T, E> {
    fn default() -> Self {
        Self {
            requests: Mutex::new(OpenEntries {
                state: TrackerState::default(),
                entries: HashMap::new(),
                deadlines: BTreeMap::new(),
                last: 0,
                has_timer: false,
            }),
            changed: Notify::new(),
            idle: Notify::new(),
        }
    }
}
