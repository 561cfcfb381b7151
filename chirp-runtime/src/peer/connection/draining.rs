//! The beginning of a graceful shutdown: requests are refused, and running calls are answered.

use std::time::Duration;

use tokio::time::Instant;

use super::ConnectionCore;
use crate::session::Session;

/// The interval at which a graceful shutdown checks whether requests still arrive.
const CHECK_INTERVAL: Duration = Duration::from_millis(10);
/// The number of consecutive checks without a new request after which the peer counts as quiet: 100 ms.
const QUIET_CHECKS: u32 = 10;
/// The maximum number of checks once no handler runs: 1 s, for a peer that keeps calling.
const MAX_CHECKS: u32 = 100;

impl ConnectionCore {
    /// Refuses requests from now on, and waits until none has arrived for 100 ms, or for at most 1 s once no handler
    /// runs.
    ///
    /// A request that is on its way when the channel closes would be lost, and its caller could not tell that it has not
    /// run. A refused request tells its caller to use another connection. A peer that serves nothing does not wait.
    pub(in crate::peer) async fn refuse_requests(&self) {
        let serves = {
            let mut state = self.lock();
            state.ordered(Session::drain);
            let serving = state.serving.as_deref();
            serving.is_some_and(|serving| !serving.router.is_empty())
        };
        self.update_watch();
        if !serves {
            return;
        }
        let (mut received, mut quiet, mut checks) = (0, 0, 0);
        while quiet < QUIET_CHECKS && checks < MAX_CHECKS {
            if self.ends_within(CHECK_INTERVAL).await {
                return;
            }
            let state = self.look();
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

    /// Ends the session once no handler runs, everything is written and the peer has ended too. Requests are refused
    /// from now on. `shutdown_bound` is how long the caller waits for the end.
    pub(in crate::peer) fn drain(&self, shutdown_bound: Option<Duration>) {
        let mut state = self.lock();
        state.closing = true;
        if let Some(shutdown_bound) = shutdown_bound {
            state.shutdown_bound = Instant::now().checked_add(shutdown_bound);
        }
        state.ordered(Session::drain);
        drop(state);
        self.update_watch();
    }
}
