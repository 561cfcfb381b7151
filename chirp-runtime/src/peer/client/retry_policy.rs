use std::time::Duration;

use tokio::time::Instant;

use crate::peer::{Backoff, RetryBudget};

/// How often a call is sent by default, the first time included.
const ATTEMPTS: u32 = 3;

/// The default first and longest pauses between attempts.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// When a call that has failed is sent again: how often, after which pause, and within which budget.
///
/// | error | idempotent call | other call |
/// |---|---|---|
/// | overloaded, shutting down, not connected, too many pending calls: the method did not run | again | again |
/// | the connection ended before the answer: the method may have run | again | final |
/// | deadline exceeded | final | final |
/// | every other error | final | final |
///
/// An error is only repeated where a later attempt may succeed: a connection that has ended is replaced by the clients
/// that connect again, [`ReconnectingPeer`](crate::node::ReconnectingPeer) and [`BalancedPeer`](crate::node::BalancedPeer),
/// and not by a plain [`Peer`](crate::peer::Peer). The first time that such a client sends a call to another connection,
/// it does so at once: this is no attempt of the policy.
///
/// All attempts together have the timeout or deadline of the call. A pause that would last beyond it is not made: the
/// call fails at once with the error of its last attempt. If an earlier attempt may have run, the call fails with the
/// error of that one, so that [`may_have_run`](crate::peer::CallError::may_have_run) holds for the call as a whole.
///
/// Dropping the call ends it, also in a pause. Calls with streams in their arguments are sent once, since streams belong
/// to one connection. A one-way call has no answer, so it is not repeated. A detached call is repeated in the background.
#[derive(Clone, Debug)]
pub struct RetryPolicy {
    attempts: u32,
    first_pause: Duration,
    longest_pause: Duration,
    budget: RetryBudget,
}

impl RetryPolicy {
    /// Creates a policy with the default settings: three attempts, pauses from 50 ms to 2 s, and a
    /// [`RetryBudget`] of its own.
    pub fn new() -> Self {
        Self {
            attempts: ATTEMPTS,
            first_pause: FIRST_PAUSE,
            longest_pause: LONGEST_PAUSE,
            budget: RetryBudget::default(),
        }
    }

    /// Sets how often a call is sent, the first time included. At least 1.
    #[must_use]
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts.max(1);
        self
    }

    /// Sets the first and the longest pause between attempts. Pauses double until they reach the longest; the length of
    /// each is random, between half of it and the whole.
    #[must_use]
    pub fn backoff(mut self, first: Duration, longest: Duration) -> Self {
        self.first_pause = first;
        self.longest_pause = longest;
        self
    }

    /// Sets the budget, which policies may share.
    #[must_use]
    pub fn budget(mut self, budget: &RetryBudget) -> Self {
        self.budget = budget.clone();
        self
    }

    /// Returns the pauses of one call.
    pub(super) fn pauses(&self) -> Backoff {
        Backoff::new(self.first_pause, self.longest_pause)
    }

    /// Returns how often a call is sent at most.
    pub(super) fn most(&self) -> u32 {
        self.attempts
    }

    /// Counts a call that may be sent again.
    pub(super) fn count_call(&self) {
        self.budget.deposit();
    }

    /// Takes an attempt from the budget. Returns `false` if it is exhausted.
    pub(super) fn pay(&self, now: Instant) -> bool {
        self.budget.withdraw(now)
    }
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self::new()
    }
}
