use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use tokio::sync::Notify;
use tokio::task::AbortHandle;

use super::DeferredId;

/// The requests that have neither been delivered nor given up, and those that have ended and are remembered, within limits.
#[derive(Debug)]
pub(crate) struct OpenRequests {
    table: Mutex<OpenTable>,
    /// Told when the last request has ended.
    idle: Notify,
    limits: OpenLimits,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct OpenLimits {
    pub(crate) requests: usize,
    pub(crate) requests_per_caller: usize,
    pub(crate) held: usize,
}

#[derive(Debug, Default)]
struct OpenTable {
    tasks: HashMap<DeferredId, Option<AbortHandle>>,
    callers: HashMap<Arc<str>, usize>,
    /// The requests that have ended, in that order.
    ended: VecDeque<EndedRequest>,
    /// The bytes of arguments and responses.
    held: usize,
    is_stopped: bool,
}

/// A request that is remembered for a while.
#[derive(Debug)]
struct EndedRequest {
    id: DeferredId,
    expires: SystemTime,
    held: usize,
}

/// The limit that a request would exceed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OpenLimit {
    Requests,
    Caller,
    Held,
    /// The gateway has been shut down.
    Stopped,
}

/// A place among the open requests. Dropping it ends the request.
#[derive(Debug)]
pub(crate) struct OpenPlace {
    open: Arc<OpenRequests>,
    id: DeferredId,
    caller: Option<Arc<str>>,
    held: usize,
}

impl OpenRequests {
    pub(crate) fn new(limits: OpenLimits) -> Self {
        Self {
            table: Mutex::default(),
            idle: Notify::new(),
            limits,
        }
    }

    /// Takes a place for a request with arguments of `held` bytes. The place counts for the caller, if there is one.
    ///
    /// # Errors
    ///
    /// The limit that the request would exceed.
    pub(crate) fn open(
        self: &Arc<Self>,
        id: DeferredId,
        caller: Option<&str>,
        held: usize,
    ) -> Result<OpenPlace, OpenLimit> {
        let mut table = self.lock();
        table.forget_expired();
        if table.is_stopped {
            return Err(OpenLimit::Stopped);
        }
        if table.tasks.len() >= self.limits.requests {
            return Err(OpenLimit::Requests);
        }
        if held > self.limits.held.saturating_sub(table.held) {
            return Err(OpenLimit::Held);
        }
        let caller = match caller {
            None => None,
            Some(caller) => Some(table.count_caller(caller, self.limits.requests_per_caller)?),
        };
        table.held += held;
        table.tasks.insert(id, None);
        Ok(OpenPlace {
            open: Arc::clone(self),
            id,
            caller,
            held,
        })
    }

    /// Takes a place for a request that was accepted earlier, whatever the limits are now.
    pub(crate) fn reopen(self: &Arc<Self>, id: DeferredId, held: usize) -> Option<OpenPlace> {
        let mut table = self.lock();
        if table.is_stopped || table.tasks.contains_key(&id) {
            return None;
        }
        table.held += held;
        table.tasks.insert(id, None);
        Some(OpenPlace {
            open: Arc::clone(self),
            id,
            caller: None,
            held,
        })
    }

    /// Notes the task of a request, which is aborted if the request is cancelled.
    pub(crate) fn set_task(&self, id: DeferredId, task: AbortHandle) {
        let mut table = self.lock();
        if table.is_stopped {
            task.abort();
        } else if let Some(place) = table.tasks.get_mut(&id) {
            *place = Some(task);
        }
    }

    /// Aborts the task of a request.
    pub(crate) fn abort(&self, id: DeferredId) {
        if let Some(Some(task)) = self.lock().tasks.get(&id) {
            task.abort();
        }
    }

    /// Notes that a request has ended, whose response of `held` bytes is kept until it expires. Returns a request that is forgotten
    /// earlier than it would be, since as many are remembered as may be open.
    pub(crate) fn end(
        &self,
        id: DeferredId,
        expires: SystemTime,
        held: usize,
    ) -> Option<DeferredId> {
        let mut table = self.lock();
        table.forget_expired();
        table.held += held;
        table.ended.push_back(EndedRequest { id, expires, held });
        if table.ended.len() <= self.limits.requests {
            return None;
        }
        table.forget_first()
    }

    /// Aborts all tasks, and refuses requests from now on.
    pub(crate) fn stop(&self) {
        let mut table = self.lock();
        table.is_stopped = true;
        for task in table.tasks.values().flatten() {
            task.abort();
        }
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.lock().is_stopped
    }

    /// Waits until no request is open. Cancel safe.
    pub(crate) async fn idle(&self) {
        loop {
            let idle = self.idle.notified();
            if self.lock().tasks.is_empty() {
                return;
            }
            idle.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, OpenTable> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OpenTable {
    fn forget_expired(&mut self) {
        let now = SystemTime::now();
        while self.ended.front().is_some_and(|ended| ended.expires <= now) {
            self.forget_first();
        }
    }

    fn forget_first(&mut self) -> Option<DeferredId> {
        let ended = self.ended.pop_front()?;
        self.held -= ended.held;
        Some(ended.id)
    }

    fn count_caller(&mut self, caller: &str, limit: usize) -> Result<Arc<str>, OpenLimit> {
        if let Some((name, _)) = self.callers.get_key_value(caller) {
            let name = Arc::clone(name);
            let count = self.callers.entry(Arc::clone(&name)).or_default();
            if *count >= limit {
                return Err(OpenLimit::Caller);
            }
            *count += 1;
            return Ok(name);
        }
        if limit == 0 {
            return Err(OpenLimit::Caller);
        }
        let name: Arc<str> = caller.into();
        self.callers.insert(Arc::clone(&name), 1);
        Ok(name)
    }
}

impl OpenPlace {
    pub(crate) fn id(&self) -> DeferredId {
        self.id
    }

    /// Holds other bytes: those of the response instead of those of the arguments. Returns `false` if there is no room for them.
    pub(crate) fn hold(&mut self, bytes: usize) -> bool {
        let mut table = self.open.lock();
        let others = table.held - self.held;
        if bytes > self.held && bytes > self.open.limits.held.saturating_sub(others) {
            return false;
        }
        table.held = others + bytes;
        drop(table);
        self.held = bytes;
        true
    }
}

impl Drop for OpenPlace {
    fn drop(&mut self) {
        let mut table = self.open.lock();
        table.tasks.remove(&self.id);
        table.held -= self.held;
        if let Some(caller) = &self.caller
            && let Some(count) = table.callers.get_mut(caller)
        {
            *count -= 1;
            if *count == 0 {
                table.callers.remove(caller);
            }
        }
        if table.tasks.is_empty() {
            self.open.idle.notify_waiters();
        }
    }
}
