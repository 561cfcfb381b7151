use std::collections::VecDeque;
use std::mem;
use std::time::Instant;

use tokio::task::AbortHandle;
use tokio::time::Instant as Deadline;

use crate::packet::{self, Payload, ResultCode};
use crate::peer::handling::dispatch::ActiveHandler;
use crate::peer::state::{ConnectionState, Effects};
use crate::peer::streaming::inbound_streams::UnboundStreams;
use crate::session::InboundCallId;

/// So many bytes of answers at most wait for the session's lock: whether there is room for more is seen
/// only there.
const REPLIES: usize = 64 << 10;

/// What a dispatcher has taken from the session at once, and what it has to say there.
///
/// It is behind a lock of its own, which nobody contends for while handlers return: the session's lock is
/// taken once for a batch. Somebody who looks after a handler that does not return takes both, the
/// session's first.
#[derive(Default)]
pub(in crate::peer) struct DispatchBatch {
    /// Another dispatcher has the queue.
    revoked: bool,
    /// The handler that its dispatcher is inside of.
    inside: Option<ActiveHandler>,
    /// Requests that it has taken and not begun, in order of arrival.
    taken: VecDeque<InboundCall>,
    /// What handlers said that have returned,
    replies: Vec<(InboundCallId, ResultCode, Payload)>,
    /// how many bytes that is,
    reply_bytes: usize,
    /// and the tasks of those that have to wait.
    tasks: Vec<(InboundCallId, AbortHandle)>,
}

/// A request that a dispatcher has taken.
pub(in crate::peer) struct InboundCall {
    pub(in crate::peer) run: InboundCallId,
    pub(in crate::peer) request: packet::RequestPacket,
    pub(in crate::peer) deadline: Option<Deadline>,
    pub(in crate::peer) number: u64,
    /// The streams that came with it.
    pub(in crate::peer) unbound: Option<UnboundStreams>,
}

/// What came of a handler's first poll.
pub(in crate::peer) enum FirstPoll {
    /// It said this; nothing, if somebody else will answer.
    Replied(Option<(InboundCallId, ResultCode, Payload)>),
    /// It has to wait, and has a task.
    Waits(InboundCallId, AbortHandle),
}

impl DispatchBatch {
    /// The handler that was begun last has returned. Gives back what came of it when nobody will look
    /// for it here.
    pub(in crate::peer) fn record(&mut self, begun: FirstPoll) -> Option<FirstPoll> {
        if self.revoked {
            return Some(begun);
        }
        self.inside = None;
        match begun {
            FirstPoll::Replied(Some((run, code, data))) => {
                self.reply_bytes += data.len();
                if self.replies.capacity() == 0 {
                    // As for those that were taken.
                    self.replies.reserve_exact(1);
                }
                self.replies.push((run, code, data));
            }
            FirstPoll::Replied(None) => {}
            FirstPoll::Waits(run, task) => self.tasks.push((run, task)),
        }
        None
    }

    /// The next request, whose handler begins now.
    pub(in crate::peer) fn begin(&mut self, now: Instant) -> Option<(InboundCall, ActiveHandler)> {
        if self.reply_bytes > REPLIES {
            return None;
        }
        let taken = self.taken.pop_front()?;
        let inside = ActiveHandler {
            number: taken.number,
            since: now,
        };
        self.inside = Some(inside);
        Some((taken, inside))
    }

    pub(in crate::peer) fn is_revoked(&self) -> bool {
        self.revoked
    }

    pub(in crate::peer) fn inside(&self) -> Option<ActiveHandler> {
        self.inside
    }

    /// How many requests have not begun.
    pub(in crate::peer) fn waiting(&self) -> usize {
        self.taken.len()
    }

    /// Whether answers wait here.
    pub(in crate::peer) fn has_replies(&self) -> bool {
        !self.replies.is_empty()
    }

    pub(in crate::peer) fn take(&mut self, taken: InboundCall) {
        if self.taken.capacity() == 0 {
            // A connection that is never busy needs no more.
            self.taken.reserve_exact(1);
        }
        self.taken.push_back(taken);
    }

    /// A call that need not begin any more, if it is here.
    pub(in crate::peer) fn forget(&mut self, run: InboundCallId) -> Option<InboundCall> {
        let at = self.taken.iter().position(|taken| taken.run == run)?;
        self.taken.remove(at)
    }

    /// Its dispatcher has no claim to the queue any more.
    pub(in crate::peer) fn revoke(&mut self) {
        self.revoked = true;
        self.inside = None;
    }

    /// Everything that is here, since the session has ended: calls that are over with it, tasks that are to
    /// be interrupted, and what is to be dropped.
    pub(in crate::peer) fn clear(
        &mut self,
    ) -> (
        impl Iterator<Item = InboundCallId> + use<>,
        Vec<AbortHandle>,
        impl Sized + use<>,
    ) {
        let (taken, replies) = (mem::take(&mut self.taken), mem::take(&mut self.replies));
        let runs: Vec<_> = taken.iter().map(|taken| taken.run).collect();
        let answered: Vec<_> = replies.iter().map(|(run, ..)| *run).collect();
        let tasks = self.tasks.drain(..).map(|(_, task)| task).collect();
        (runs.into_iter().chain(answered), tasks, (taken, replies))
    }
}

impl ConnectionState {
    /// Takes what a dispatcher has to say.
    pub(in crate::peer) fn commit(&mut self, batch: &mut DispatchBatch, effects: &mut Effects) {
        // Not more than there will be: a turn has few.
        effects.spent.reserve_exact(batch.replies.len());
        for (run, code, mut data) in batch.replies.drain(..) {
            if self.end.is_none() {
                self.session.respond(run, code, &mut data);
            }
            self.session.finish(run);
            effects.spent.push(data);
        }
        batch.reply_bytes = 0;
        for (run, task) in batch.tasks.drain(..) {
            self.put_task(run, task, effects);
        }
    }

    /// A handler has a task, which is to be interrupted if nobody waits for its answer any more.
    pub(in crate::peer) fn put_task(
        &mut self,
        run: InboundCallId,
        task: AbortHandle,
        effects: &mut Effects,
    ) {
        if self.session.is_wanted(run) && self.end.is_none() {
            self.handler_tasks.put(run, task);
        } else {
            effects.aborts.push(task);
        }
    }

    /// Puts back what a dispatcher has not begun.
    pub(in crate::peer) fn put_back(&mut self, batch: &mut DispatchBatch) {
        while let Some(taken) = batch.taken.pop_back() {
            if let Some(deadline) = taken.deadline {
                self.deadlines.insert(taken.run, deadline);
            }
            if let Some(unbound) = taken.unbound {
                self.streams.put_run(taken.run, unbound);
            }
            self.queue.push_front((taken.run, taken.request));
        }
    }
}
