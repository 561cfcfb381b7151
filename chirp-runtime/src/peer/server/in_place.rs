use std::sync::Arc;
use std::time::Duration;

use crate::peer::connection::ConnectionCore;
use crate::peer::connection::reader::ReaderTask;
use crate::peer::connection::state::ConnectionState;
use crate::peer::server::dispatch::BUDGET;
use crate::peer::server::dispatch_batch::DispatchBatch;
use crate::peer::server::dispatch_step::{DispatchStep, StartSite};
use crate::peer::server::handler_starter::HandlerStarter;
use crate::peer::server::reader_in_place::Stay;
use crate::peer::server::serving::Serving;
use crate::peer::task::spawn;

/// The minimum number of requests that are answered with one write, if there are as many.
const SMALL_PIECE: usize = 24;

/// The maximum number of requests that are answered with one write.
const LARGE_PIECE: usize = 128;

/// The minimum number of own pending calls with which this side leaves responses to the writer task. It writes them together
/// with the next calls, for which a write of their own would cost more than the wait.
const OWN_CALLS: usize = 16;

/// Returns how many of `requests` are answered with one write, so that the peer works on the first answers while this side
/// works on the rest. A third, as for early writes of a peer with many callers: smaller pieces cost more in writes than the
/// overlap saves.
fn piece_of(requests: usize) -> usize {
    requests.div_ceil(3).clamp(SMALL_PIECE, LARGE_PIECE)
}

/// The consequences for the reader of handlers that it has run.
#[derive(Clone, Copy)]
pub(in crate::peer) struct InPlaceOutcome {
    /// Work may be blocked behind a running handler.
    pub(in crate::peer) blocked_work: bool,
    /// Tasks of the program were woken.
    pub(in crate::peer) has_woken: bool,
    /// The time that the handlers took.
    pub(in crate::peer) spent: Duration,
}

impl ConnectionState {
    /// Returns `true` if requests wait for an idle dispatcher.
    #[inline]
    pub(in crate::peer) fn can_start_in_place(&self) -> bool {
        self.dispatch.idle && !self.queue.is_empty()
    }

    /// Claims received requests for the reader. Returns `true` if the reader must start them after releasing the lock.
    /// The dispatcher must be idle.
    pub(in crate::peer) fn claim_in_place(
        &mut self,
        starter: &mut Option<Box<HandlerStarter>>,
        connection: &Arc<ConnectionCore>,
        has_woken: &mut bool,
    ) -> bool {
        let displaces = connection.can_take_over && *has_woken;
        if displaces && self.dispatch.displaces {
            // The dispatcher runs behind those tasks.
            return false;
        }
        let starter =
            starter.get_or_insert_with(|| Box::new(HandlerStarter::new(connection, self)));
        if !self.dispatch.is_current(&starter.batch) {
            starter.batch = Arc::clone(self.dispatch.batch());
        }
        self.dispatch.idle = false;
        self.dispatch.in_place = true;
        // The same for all of these requests: a share of the rest would end in many small pieces.
        starter.piece = piece_of(self.queue.len());
        starter.writes = self.session.pending() < OWN_CALLS;
        let batch = &mut starter.batch.lock();
        let begins = self.fill_in_place(batch, starter.piece, &mut starter.serving);
        if begins {
            // Written with the responses.
            self.defer_output();
            if displaces {
                *has_woken = false;
                self.displace();
            }
        }
        begins
    }

    /// Wakes one more task behind those of the program: the idle dispatcher, which goes to sleep again.
    ///
    /// The task that a worker wakes last waits for that worker, and no other worker takes it. A handler that is started
    /// next may block the worker.
    fn displace(&mut self) {
        self.dispatch.displaces = true;
        self.wake_or_spawn_dispatcher(self.dispatch.waker.clone());
    }

    /// Commits the results of the reader's batch, and claims the next piece. Returns `true` if there is one.
    fn fill_in_place(
        &mut self,
        batch: &mut DispatchBatch,
        piece: usize,
        serving: &mut Option<Arc<Serving>>,
    ) -> bool {
        let next = self.fill(batch, piece, serving, StartSite::Reader);
        matches!(next, DispatchStep::Begin)
    }
}

impl HandlerStarter {
    /// Starts the requests that [`claim_in_place`](ConnectionState::claim_in_place) has claimed, and those behind them.
    /// Leaves the rest to the dispatcher once the time budget is spent.
    fn run_in_place(&mut self) -> InPlaceOutcome {
        let mut spent = Duration::ZERO;
        let mut has_woken = false;
        loop {
            self.start_batch(self.piece, &mut spent);
            self.discard_services();
            let Self {
                connection,
                batch,
                serving,
                effects,
                piece,
                writes,
                ..
            } = self;
            let mut state = connection.lock_reusing(effects);
            let mut begins = if spent > BUDGET {
                state.leave_to_dispatcher(&mut batch.lock());
                false
            } else {
                state.fill_in_place(&mut batch.lock(), *piece, serving)
            };
            let lease = if *writes {
                connection.take_turn(&mut state)
            } else {
                None
            };
            let wakes = state.effects.has_wakes();
            has_woken |= wakes;
            if begins && wakes && connection.can_take_over {
                if state.dispatch.displaces {
                    state.leave_to_dispatcher(&mut batch.lock());
                    begins = false;
                } else {
                    state.displace();
                    has_woken = false;
                }
            }
            let blocked_work = state.reconcile_and_look(|state| {
                !begins && (state.has_blocked_work() || !state.queue.is_empty())
            });
            if let Some(lease) = lease {
                connection.write(lease);
            }
            if !begins {
                return InPlaceOutcome {
                    blocked_work,
                    has_woken,
                    spent,
                };
            }
        }
    }
}

impl ConnectionCore {
    /// Starts claimed requests in place of the dispatcher. Returns the reader, unless another task has taken it over.
    pub(in crate::peer) fn start_in_place(
        self: &Arc<Self>,
        mut reader: Box<ReaderTask>,
    ) -> Option<Box<ReaderTask>> {
        let mut starter = reader.starter.take()?;
        if !self.can_take_over {
            // Nothing else runs while a handler blocks the only thread.
            let done = starter.run_in_place();
            reader.starter = Some(starter);
            reader.note_in_place(done);
            return Some(reader);
        }
        let mut stay = Stay::begin(self, reader);
        let done = starter.run_in_place();
        let mut reader = stay.end()?;
        reader.starter = Some(starter);
        reader.note_in_place(done);
        Some(reader)
    }

    /// Lets a worker of the runtime do what the task of this stay cannot while a handler blocks it.
    ///
    /// A worker that is woken for this also waits for I/O and timers afterwards, which the blocked one may have done for
    /// all others.
    pub(in crate::peer) fn recover_stay(self: &Arc<Self>, stay: u64) {
        // Weak: a runtime that has been shut down drops the task here, and the program's values with the last reference.
        let connection = Arc::downgrade(self);
        spawn(&self.runtime, async move {
            if let Some(connection) = connection.upgrade() {
                connection.recover_stay_now(stay);
            }
        });
    }

    /// Moves the reader to a new task if it is still inside of the handlers of this stay. If it was a dispatcher's stay,
    /// starts a new one for the requests behind it.
    fn recover_stay_now(self: &Arc<Self>, stay: u64) {
        if let Some(mut reader) = self.unpark_reader(stay) {
            reader.forget_batch();
            spawn(&self.runtime, ReaderTask::run(reader));
            // As for a new dispatcher: one more task, so that a second worker wakes and waits for I/O.
            spawn(&self.runtime, async {});
        } else {
            let recovery = self.lock().check_stalled_handler();
            self.recover(recovery);
        }
    }
}
