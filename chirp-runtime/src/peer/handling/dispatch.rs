use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::{Duration, Instant};

use crate::peer::connection::Connection;
use crate::peer::handling::lane::Lane;
use crate::peer::handling::slow::Slow;
use crate::peer::state::{After, State};
use crate::peer::writer::Turn;
use crate::session::RunKey;

/// How long a handler may take to return from its first poll. When one takes longer, a new dispatcher takes
/// the queue; and its method is given the dispatcher's own task from then on, as soon as it begins. A
/// dispatcher that has taken longer altogether lets the rest of the program run.
pub(in crate::peer) const BUDGET: Duration = Duration::from_micros(200);

/// Which dispatcher serves the queue.
#[derive(Default)]
pub(in crate::peer) struct Dispatch {
    /// What the latest dispatcher works on: nobody else takes from the queue.
    pub(in crate::peer) lane: Arc<Mutex<Lane>>,
    /// Counts handlers.
    pub(in crate::peer) count: u64,
    /// How far the latest handler is, in [`Inside`]'s terms. Known without the lock.
    pub(in crate::peer) progress: Arc<AtomicU64>,
    /// Wakes it. It is the waker of a task of this library, which may be cloned under the lock.
    pub(in crate::peer) waker: Option<Waker>,
    /// It waits for requests, or for room for what they are answered.
    pub(in crate::peer) idle: bool,
    /// Methods that a new dispatcher does not wait for.
    pub(in crate::peer) slow: Slow,
}

/// A dispatcher is inside a handler.
#[derive(Clone, Copy)]
pub(in crate::peer) struct Inside {
    pub(in crate::peer) number: u64,
    pub(in crate::peer) since: Instant,
}

impl Inside {
    /// The progress that says that the handler is being polled.
    pub(in crate::peer) fn begun(self) -> u64 {
        self.number * 2
    }

    /// The progress that says that its first poll is over.
    pub(in crate::peer) fn returned(self) -> u64 {
        self.number * 2 + 1
    }

    /// Whether the next handler may begin, although this one may not have returned.
    pub(in crate::peer) fn is_overdue(self, progress: u64) -> bool {
        // One that has not begun is not to blame, and must begin before the next.
        progress >= self.begun() && self.since.elapsed() > BUDGET
    }
}

impl Dispatch {
    /// Whom to wake because there are requests and room, if anybody waits for them.
    pub(in crate::peer) fn rouse(&mut self) -> Option<Waker> {
        if std::mem::take(&mut self.idle) {
            self.waker.clone()
        } else {
            None
        }
    }

    /// Whom to wake because the session has ended.
    pub(in crate::peer) fn take_waker(&mut self) -> Option<Waker> {
        self.waker.take()
    }

    /// The dispatcher there is has no claim any more.
    pub(in crate::peer) fn pass_on(&mut self, lane: &mut Lane) {
        lane.lose();
        self.lane = Arc::default();
    }
}

/// What is overdue behind a handler that does not return.
#[derive(Clone, Copy, Default)]
pub(in crate::peer) struct Overdue {
    /// A new dispatcher.
    pub(in crate::peer) dispatcher: bool,
    /// A write.
    pub(in crate::peer) unwritten: bool,
}

impl Connection {
    /// Does what is overdue, which is rarely anything.
    #[inline]
    pub(in crate::peer) fn make_up(self: &Arc<Self>, overdue: Overdue) {
        if overdue.unwritten | overdue.dispatcher {
            self.make_up_now(overdue);
        }
    }

    #[cold]
    fn make_up_now(self: &Arc<Self>, overdue: Overdue) {
        if overdue.unwritten {
            self.write_for_writer();
        }
        if overdue.dispatcher {
            self.take_over();
        }
    }
}

/// The steps behind its lock are small and complete, so that it survives a panic.
pub(in crate::peer) fn lock(lane: &Mutex<Lane>) -> MutexGuard<'_, Lane> {
    lane.lock().unwrap_or_else(PoisonError::into_inner)
}

impl State {
    /// Whether requests or answers lie behind a handler that may not return soon, or will.
    pub(in crate::peer) fn has_lying_work(&self) -> bool {
        if self.dispatch.idle {
            return false;
        }
        let lane = lock(&self.dispatch.lane);
        let inside = lane.inside().is_some();
        let waiting = self.queue.len() + lane.waiting();
        waiting > 1 || (inside && (waiting > 0 || lane.has_replies() || self.has_unwritten()))
    }

    /// Whether there are answers that nobody is writing: the writer's task, which has been woken, may wait for the
    /// thread that the handler has.
    fn has_unwritten(&self) -> bool {
        match self.turn {
            Turn::Free => self.session.has_output(),
            Turn::Writer => true,
            Turn::Taken => false,
        }
    }

    /// Looks after what lies behind a handler that does not return. What has to be done about it; if that is a new
    /// dispatcher, the one there was has no claim any more.
    pub(in crate::peer) fn look_after(&mut self, after: &mut After) -> Overdue {
        let mut overdue = Overdue::default();
        if self.dispatch.idle {
            return overdue;
        }
        let lane = Arc::clone(&self.dispatch.lane);
        let mut lane = lock(&lane);
        let progress = self.dispatch.progress.load(Ordering::Acquire);
        if !lane
            .inside()
            .is_some_and(|inside| inside.is_overdue(progress))
        {
            return overdue;
        }
        self.commit(&mut lane, after);
        overdue.unwritten = self.has_unwritten();
        overdue.dispatcher = !self.queue.is_empty() || lane.waiting() > 0;
        if overdue.dispatcher {
            self.put_back(&mut lane);
            self.dispatch.pass_on(&mut lane);
        }
        overdue
    }

    /// A call has been answered that may not have begun.
    pub(in crate::peer) fn forget_taken(&mut self, run: RunKey, after: &mut After) {
        let forgotten = lock(&self.dispatch.lane).forget(run);
        if let Some(taken) = forgotten {
            self.session.finish(run);
            after.unwanted.push(taken.request);
        }
    }
}
