//! The beginning of an orderly end: requests are refused, and what runs is answered.

use std::time::Duration;

use tokio::time::Instant;

use super::connection::ConnectionCore;

/// How often a side that shuts down looks whether requests still come, how many looks without one are enough, and how
/// many there are at most once its handlers have ended: 100 ms, and 1 s for those who go on calling.
const LOOK: Duration = Duration::from_millis(10);
const QUIET: u32 = 10;
const LOOKS: u32 = 100;

impl ConnectionCore {
    /// Refuses requests from now on, until none has come for a moment: a request that is on its way when the channel
    /// closes would be lost, and its caller could not tell that it has not run. One that is refused is, and its caller
    /// leaves. A side that serves nothing waits for nothing.
    pub(super) async fn refuse_requests(&self) {
        let serves = self.with(|state, effects| {
            state.flush_submit_queue(&self.submit_queue, effects);
            state.session.drain();
            let serving = state.serving.as_deref();
            serving.is_some_and(|serving| !serving.router.is_empty())
        });
        self.tell_watchers();
        if !serves {
            return;
        }
        let (mut unbound, mut quiet, mut looks) = (0, 0, 0);
        while quiet < QUIET && looks < LOOKS {
            if self.ends_within(LOOK).await {
                return;
            }
            let state = self.lock();
            let now = state.session.counters().calls_in;
            // Handlers that run have the time of whoever waits here.
            if state.session.is_served() {
                quiet = if unbound == now { quiet + 1 } else { 0 };
                looks += 1;
            }
            unbound = now;
        }
    }

    /// Ends the session once nothing runs, everything is written and the other side has ended, too. Requests that come
    /// are refused. `grace` is how long somebody waits for the end.
    pub(super) fn drain(&self, grace: Option<Duration>) {
        self.with(|state, effects| {
            state.flush_submit_queue(&self.submit_queue, effects);
            state.closing = true;
            if let Some(grace) = grace {
                state.grace = Instant::now().checked_add(grace);
            }
            state.session.drain();
        });
        self.tell_watchers();
    }
}
