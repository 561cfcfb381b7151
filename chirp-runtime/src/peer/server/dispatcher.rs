use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::peer::connection::ConnectionCore;
use crate::peer::server::dispatch::{ActiveHandler, BUDGET};
use crate::peer::server::dispatch_batch::DispatchBatch;
use crate::peer::server::dispatch_step::DispatchStep;
use crate::peer::server::handler_starter::HandlerStarter;
use crate::peer::task::spawn;
use crate::sync::Mutex;

/// The maximum number of requests that a dispatcher starts before it yields.
const TURN: usize = 64;

impl ConnectionCore {
    /// Starts a dispatcher in place of one whose handler blocks its thread.
    pub(super) fn start_next_dispatcher(self: &Arc<Self>, previous: Option<ActiveHandler>) {
        // Spawned without the lock: on a runtime that has been shut down the task is dropped here.
        let starter = HandlerStarter::new(self, &mut self.lock());
        self.spawn_dispatcher(starter, previous);
        // The task that a worker wakes last waits for that worker, which may be blocked, and wakes no other worker. One
        // more task behind it does: any worker may take the first, and one will wait for I/O again.
        spawn(&self.runtime, async {});
    }

    /// Starts a dispatcher in place of one whose batch has been revoked.
    pub(super) fn take_over(self: &Arc<Self>) {
        self.start_next_dispatcher(None);
    }

    /// Spawns the first dispatcher, which has this batch.
    pub(in crate::peer) fn spawn_first_dispatcher(&self, batch: Arc<Mutex<DispatchBatch>>) {
        // While the last reference is dropped, nothing is left to serve.
        if let Some(connection) = self.this.upgrade() {
            let mut starter = HandlerStarter::new(&connection, &mut connection.lock());
            starter.batch = batch;
            connection.spawn_dispatcher(starter, None);
        }
    }

    fn spawn_dispatcher(&self, starter: HandlerStarter, previous: Option<ActiveHandler>) {
        let dispatcher = Dispatcher {
            starter,
            previous,
            started: false,
            claimed: false,
        };
        spawn(&self.runtime, dispatcher);
    }
}

/// The task that starts handlers, in order of arrival, and polls each once in place.
struct Dispatcher {
    starter: HandlerStarter,
    /// The handler that blocks the previous dispatcher. It gets its time budget before this dispatcher starts.
    previous: Option<ActiveHandler>,
    started: bool,
    /// Requests have been claimed that are to be started.
    claimed: bool,
}

impl Future for Dispatcher {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Self {
            starter,
            previous,
            started,
            claimed,
        } = &mut *self;
        if !std::mem::replace(started, true) {
            let waker = cx.waker().clone();
            let mut state = starter.connection.lock();
            // The reader may have stalled in place of this dispatcher before it ran, and another one has the queue.
            let old = if state.dispatch.is_current(&starter.batch) {
                state.dispatch.waker.replace(waker)
            } else {
                Some(waker)
            };
            drop(state);
            drop(old);
        }
        if let Some(blocking) = *previous {
            let progress = starter.progress.load(Ordering::Acquire);
            if progress < blocking.returned() && !blocking.is_overdue(progress) {
                // For a fifth of a millisecond at most, which is finer than a timer's resolution.
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            *previous = None;
        }
        let mut spent = Duration::ZERO;
        let mut left = TURN;
        while left > 0 && spent <= BUDGET {
            let step = if std::mem::take(claimed) {
                DispatchStep::Begin
            } else {
                starter.fill(left)
            };
            match step {
                DispatchStep::Begin if starter.yields_to_woken() => {
                    *claimed = true;
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                DispatchStep::Begin => {
                    left = left.saturating_sub(starter.start_watched(left, &mut spent));
                }
                DispatchStep::Slow(call, active) => starter.start_slow(call, active),
                DispatchStep::Idle => return Poll::Pending,
                DispatchStep::Gone => return Poll::Ready(()),
            }
        }
        starter.commit_and_write();
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
