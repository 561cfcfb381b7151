//! The beginning of a graceful shutdown: the peer is told, and running calls are answered.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;

use super::ConnectionCore;
use super::sending::Sending;
use crate::peer::monitoring::log;
use crate::peer::task;

/// The interval at which a graceful shutdown checks whether requests still arrive.
const CHECK_INTERVAL: Duration = Duration::from_millis(10);
/// The number of consecutive checks without a new request after which the peer counts as quiet: 100 ms.
const QUIET_CHECKS: u32 = 10;
/// The maximum number of checks once no handler runs: 1 s, for a peer that keeps calling.
const MAX_CHECKS: u32 = 100;

impl ConnectionCore {
    /// Tells the peer that this side shuts down, if the peer accepts that (PROTOCOL.md, "Going away"). Otherwise refuses
    /// requests from now on, and waits until none has arrived for 100 ms, or for at most 1 s once no handler runs.
    ///
    /// A request that is on its way when the channel closes would be lost, and its caller could not tell that it has not
    /// run. A refused request tells its caller to use another connection. A peer that serves nothing does not wait.
    pub(in crate::peer) async fn refuse_requests(&self, grace: Duration) {
        if !self.begin_draining(Some(grace)) {
            return;
        }
        let (mut received, mut quiet, mut checks) = (0, 0, 0);
        while quiet < QUIET_CHECKS && checks < MAX_CHECKS {
            if self.ends_within(CHECK_INTERVAL).await {
                return;
            }
            let state = self.look();
            // The peer's extensions have become known.
            if state.session.has_said_going_away() {
                return;
            }
            let now = state.session.counters().calls_in;
            // Running handlers are waited for by the caller of this function, with its own timeout. Calls of this side's
            // own may go on without end.
            if state.session.is_served() {
                quiet = if received == now { quiet + 1 } else { 0 };
                checks += 1;
            }
            received = now;
        }
    }

    /// Begins a shutdown. Returns `true` if requests are refused, and may still be on their way.
    fn begin_draining(&self, grace: Option<Duration>) -> bool {
        self.draining.store(true, Ordering::Release);
        let refuses = {
            let mut state = self.lock();
            state.flush_submit_queue();
            let serving = state.serving.as_deref();
            let serves = serving.is_some_and(|serving| !serving.router.is_empty());
            let session = &mut state.session;
            let waits = session.pending() > 0 || session.abandoned() > 0 || session.streams() > 0;
            if serves || waits {
                session.drain(grace);
            } else {
                session.refuse_requests();
            }
            state.note_leaving();
            serves && !state.session.has_said_going_away()
        };
        self.update_watch();
        refuses
    }

    /// Ends the session once no handler runs, everything is written and the peer has ended too. `shutdown_bound` is how
    /// long the caller waits for the end.
    pub(in crate::peer) fn drain(self: &Arc<Self>, shutdown_bound: Option<Duration>) {
        self.begin_draining(shutdown_bound);
        let waits = {
            let mut state = self.lock();
            state.closing = true;
            if let Some(shutdown_bound) = shutdown_bound {
                state.shutdown_bound = Instant::now().checked_add(shutdown_bound);
            }
            state.reconcile_and_look(|state| {
                matches!(state.sending, Sending::Leaving) && state.end.is_none()
            })
        };
        if waits {
            let limit = self.look().session.limits().progress_timeout;
            let connection = Arc::clone(self);
            task::spawn(&self.runtime, async move {
                if !connection.ends_within(limit).await {
                    let mut state = connection.lock();
                    if shutdown_bound.is_none() || !state.session.has_heard_going_away() {
                        state.session.give_up_going_away();
                    }
                }
            });
        }
    }

    /// Says GOING AWAY, as an answer to the peer's or because the peer's extensions have become known.
    pub(in crate::peer) fn leave(&self) {
        let heard = {
            let mut state = self.lock();
            if state.end.is_none() && state.session.may_leave() {
                state.close_submit_queue();
                state.session.leave();
                state.note_leaving();
            }
            state.going_away.take()
        };
        self.update_watch();
        if let Some(packet) = heard {
            log::going_away(self, &packet);
        }
    }
}
