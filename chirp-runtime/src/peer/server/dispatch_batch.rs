use std::collections::VecDeque;
use std::mem;
use std::time::Instant;

use tokio::task::AbortHandle;

use crate::packet::{Payload, ResultCode};
use crate::peer::connection::state::ConnectionState;
use crate::peer::server::dispatch::ActiveHandler;
use crate::peer::server::inbound_call::InboundCall;
use crate::peer::server::task::HandlerTask;
use crate::session::InboundCallId;

/// The maximum size, in bytes, of results that wait to be committed: only the session knows whether there is room for
/// more.
const REPLIES: usize = 64 << 10;

/// A batch of requests claimed by one dispatcher, with the results that are not yet committed to the session.
///
/// It has a lock of its own, which is uncontended while handlers return: the session's lock is taken once per batch. A
/// task that recovers from a stalled handler takes both, the session's first.
#[derive(Default)]
pub(in crate::peer) struct DispatchBatch {
    /// Another dispatcher has taken over the queue.
    revoked: bool,
    /// The handler whose first poll is running.
    active: Option<ActiveHandler>,
    /// Claimed requests that have not been started, in order of arrival.
    claimed: VecDeque<InboundCall>,
    /// The number of the handler of the request that was claimed last. Those before it have the numbers before.
    last: u64,
    /// Results of handlers that have returned.
    replies: Vec<(InboundCallId, ResultCode, Payload)>,
    /// The total size of `replies`.
    reply_bytes: usize,
    /// The tasks of handlers that did not complete in their first poll. They are spawned when the batch is committed: a
    /// task that is spawned before the next handler would wait for that handler, if it blocks the thread.
    tasks: Vec<HandlerTask>,
}

/// The result of a handler's first poll.
pub(in crate::peer) enum FirstPoll {
    /// The handler returned a reply, or nothing if a responder will give it.
    Replied(Option<(InboundCallId, ResultCode, Payload)>),
    /// The handler is pending and gets a task of its own.
    Pending(Box<HandlerTask>),
}

impl DispatchBatch {
    /// Records the result of the active handler. Returns it if the batch was revoked and nothing will commit it.
    pub(in crate::peer) fn record(&mut self, result: FirstPoll) -> Option<FirstPoll> {
        if self.revoked {
            return Some(result);
        }
        self.active = None;
        match result {
            FirstPoll::Replied(Some((id, code, data))) => {
                self.reply_bytes += data.len();
                if self.replies.capacity() == 0 {
                    // Most connections are never busy.
                    self.replies.reserve_exact(1);
                }
                self.replies.push((id, code, data));
            }
            FirstPoll::Replied(None) => {}
            FirstPoll::Pending(task) => self.tasks.push(*task),
        }
        None
    }

    /// Takes the next request, whose handler starts now.
    pub(in crate::peer) fn begin(&mut self, now: Instant) -> Option<(InboundCall, ActiveHandler)> {
        if self.reply_bytes > REPLIES {
            return None;
        }
        let call = self.claimed.pop_front()?;
        let active = ActiveHandler {
            number: self.last - self.claimed.len() as u64,
            since: now,
        };
        self.active = Some(active);
        Some((call, active))
    }

    pub(in crate::peer) fn is_revoked(&self) -> bool {
        self.revoked
    }

    pub(in crate::peer) fn active(&self) -> Option<ActiveHandler> {
        self.active
    }

    /// Returns the number of claimed requests that have not been started.
    pub(in crate::peer) fn waiting(&self) -> usize {
        self.claimed.len()
    }

    /// Returns `true` if handlers have returned whose results wait to be committed.
    pub(in crate::peer) fn has_results(&self) -> bool {
        !self.replies.is_empty() || !self.tasks.is_empty()
    }

    /// Adds a request, whose handler is the one with this number. It is the next after those of the requests before.
    pub(in crate::peer) fn claim(&mut self, number: u64, call: InboundCall) {
        if self.claimed.capacity() == 0 {
            // Most connections are never busy.
            self.claimed.reserve_exact(1);
        }
        self.claimed.push_back(call);
        self.last = number;
    }

    /// Claims a whole queue at once, in exchange for the empty one of the batch. The last of its requests gets the handler
    /// with the number `last`.
    pub(in crate::peer) fn claim_all(&mut self, last: u64, queue: &mut VecDeque<InboundCall>) {
        mem::swap(&mut self.claimed, queue);
        self.last = last;
    }

    /// Removes a request that has been cancelled, if it is here and has not been started.
    pub(in crate::peer) fn forget(&mut self, id: InboundCallId) -> Option<InboundCall> {
        let at = self.claimed.iter().position(|call| call.id == id)?;
        self.claimed.remove(at)
    }

    /// Takes the queue away from this batch's dispatcher.
    pub(in crate::peer) fn revoke(&mut self) {
        self.revoked = true;
        self.active = None;
    }

    /// Empties the batch because the session has ended. Returns the calls that end with it, the tasks of handlers that are
    /// pending, and values to drop after the lock is released.
    pub(in crate::peer) fn clear(
        &mut self,
    ) -> (
        impl Iterator<Item = InboundCallId> + use<>,
        Vec<HandlerTask>,
        impl Sized + use<>,
    ) {
        let (claimed, replies) = (mem::take(&mut self.claimed), mem::take(&mut self.replies));
        let waiting: Vec<_> = claimed.iter().map(|call| call.id).collect();
        let answered: Vec<_> = replies.iter().map(|(id, ..)| *id).collect();
        let tasks = mem::take(&mut self.tasks);
        (
            waiting.into_iter().chain(answered),
            tasks,
            (claimed, replies),
        )
    }
}

impl ConnectionState {
    /// Commits the results of a batch to the session.
    pub(in crate::peer) fn commit(&mut self, batch: &mut DispatchBatch) {
        // One of the two is empty most often, and checking is cheaper than draining.
        if !batch.replies.is_empty() {
            // Not more than there will be: most batches are small.
            self.effects.spent.reserve_exact(batch.replies.len());
            for (id, code, mut data) in batch.replies.drain(..) {
                if self.end.is_none() {
                    self.session.respond(id, code, &mut data);
                }
                self.session.finish(id);
                self.effects.spent.push(data);
            }
            batch.reply_bytes = 0;
        }
        if !batch.tasks.is_empty() {
            self.effects.tasks.append(&mut batch.tasks);
        }
    }

    /// Registers a handler's task, or aborts it if nobody waits for the response any more.
    pub(in crate::peer) fn put_task(&mut self, id: InboundCallId, task: AbortHandle) {
        if self.session.is_wanted(id) && self.end.is_none() {
            self.handler_tasks.put(id, task);
        } else {
            self.effects.aborts.push(task);
        }
    }

    /// Returns claimed requests that have not been started to the front of the queue.
    pub(in crate::peer) fn put_back(&mut self, batch: &mut DispatchBatch) {
        // The queue may be long, and the connection is locked: the shorter of the two is moved.
        if batch.claimed.len() >= self.queue.len() {
            batch.claimed.append(&mut self.queue);
            mem::swap(&mut batch.claimed, &mut self.queue);
        } else {
            while let Some(call) = batch.claimed.pop_back() {
                self.queue.push_front(call);
            }
        }
    }
}
