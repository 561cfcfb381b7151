use std::collections::VecDeque;
use std::mem;
use std::time::Instant;

use tokio::task::AbortHandle;
use tokio::time::Instant as Deadline;

use crate::packet::{self, Payload, ResultCode};
use crate::peer::handling::dispatch::Inside;
use crate::peer::state::{After, State};
use crate::peer::streaming::arrived::Came;
use crate::session::RunKey;

/// So many bytes of answers at most wait for the session's lock: whether there is room for more is seen
/// only there.
const REPLIES: usize = 64 << 10;

/// What a dispatcher has taken from the session at once, and what it has to say there.
///
/// It is behind a lock of its own, which nobody contends for while handlers return: the session's lock is
/// taken once for a batch. Somebody who looks after a handler that does not return takes both, the
/// session's first.
#[derive(Default)]
pub(in crate::peer) struct Lane {
    /// Another dispatcher has the queue.
    lost: bool,
    /// The handler that its dispatcher is inside of.
    inside: Option<Inside>,
    /// Requests that it has taken and not begun, in order of arrival.
    taken: VecDeque<Taken>,
    /// What handlers said that have returned,
    replies: Vec<(RunKey, ResultCode, Payload)>,
    /// how many bytes that is,
    reply_bytes: usize,
    /// and the tasks of those that have to wait.
    tasks: Vec<(RunKey, AbortHandle)>,
}

/// A request that a dispatcher has taken.
pub(in crate::peer) struct Taken {
    pub(in crate::peer) run: RunKey,
    pub(in crate::peer) request: packet::Request,
    pub(in crate::peer) deadline: Option<Deadline>,
    pub(in crate::peer) number: u64,
    /// The streams that came with it.
    pub(in crate::peer) came: Option<Came>,
}

/// What came of a handler's first poll.
pub(in crate::peer) enum Begun {
    /// It said this; nothing, if somebody else will answer.
    Replied(Option<(RunKey, ResultCode, Payload)>),
    /// It has to wait, and has a task.
    Waits(RunKey, AbortHandle),
}

impl Lane {
    /// The handler that was begun last has returned. Gives back what came of it when nobody will look
    /// for it here.
    pub(in crate::peer) fn leave(&mut self, begun: Begun) -> Option<Begun> {
        if self.lost {
            return Some(begun);
        }
        self.inside = None;
        match begun {
            Begun::Replied(Some((run, code, data))) => {
                self.reply_bytes += data.len();
                if self.replies.capacity() == 0 {
                    // As for those that were taken.
                    self.replies.reserve_exact(1);
                }
                self.replies.push((run, code, data));
            }
            Begun::Replied(None) => {}
            Begun::Waits(run, task) => self.tasks.push((run, task)),
        }
        None
    }

    /// The next request, whose handler begins now.
    pub(in crate::peer) fn begin(&mut self, now: Instant) -> Option<(Taken, Inside)> {
        if self.reply_bytes > REPLIES {
            return None;
        }
        let taken = self.taken.pop_front()?;
        let inside = Inside {
            number: taken.number,
            since: now,
        };
        self.inside = Some(inside);
        Some((taken, inside))
    }

    pub(in crate::peer) fn is_lost(&self) -> bool {
        self.lost
    }

    pub(in crate::peer) fn inside(&self) -> Option<Inside> {
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

    pub(in crate::peer) fn take(&mut self, taken: Taken) {
        if self.taken.capacity() == 0 {
            // A connection that is never busy needs no more.
            self.taken.reserve_exact(1);
        }
        self.taken.push_back(taken);
    }

    /// A call that need not begin any more, if it is here.
    pub(in crate::peer) fn forget(&mut self, run: RunKey) -> Option<Taken> {
        let at = self.taken.iter().position(|taken| taken.run == run)?;
        self.taken.remove(at)
    }

    /// Its dispatcher has no claim to the queue any more.
    pub(in crate::peer) fn lose(&mut self) {
        self.lost = true;
        self.inside = None;
    }

    /// Everything that is here, since the session has ended: calls that are over with it, tasks that are to
    /// be interrupted, and what is to be dropped.
    pub(in crate::peer) fn clear(
        &mut self,
    ) -> (
        impl Iterator<Item = RunKey> + use<>,
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

impl State {
    /// Takes what a dispatcher has to say.
    pub(in crate::peer) fn commit(&mut self, lane: &mut Lane, after: &mut After) {
        // Not more than there will be: a turn has few.
        after.spent.reserve_exact(lane.replies.len());
        for (run, code, mut data) in lane.replies.drain(..) {
            if self.end.is_none() {
                self.session.respond(run, code, &mut data);
            }
            self.session.finish(run);
            after.spent.push(data);
        }
        lane.reply_bytes = 0;
        for (run, task) in lane.tasks.drain(..) {
            self.put_task(run, task, after);
        }
    }

    /// A handler has a task, which is to be interrupted if nobody waits for its answer any more.
    pub(in crate::peer) fn put_task(&mut self, run: RunKey, task: AbortHandle, after: &mut After) {
        if self.session.is_wanted(run) && self.end.is_none() {
            self.runs.put(run, task);
        } else {
            after.aborts.push(task);
        }
    }

    /// Puts back what a dispatcher has not begun.
    pub(in crate::peer) fn put_back(&mut self, lane: &mut Lane) {
        while let Some(taken) = lane.taken.pop_back() {
            if let Some(deadline) = taken.deadline {
                self.deadlines.insert(taken.run, deadline);
            }
            if let Some(came) = taken.came {
                self.streams.put_run(taken.run, came);
            }
            self.queue.push_front((taken.run, taken.request));
        }
    }
}
