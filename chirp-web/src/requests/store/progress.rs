use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::encoding;
use super::record::StoredResponse;

/// The progress of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct RequestProgress {
    /// The time at which the call was first made.
    #[serde(with = "encoding::optional_time")]
    pub(crate) begun: Option<SystemTime>,
    #[serde(with = "encoding::optional_time")]
    pub(crate) answered: Option<SystemTime>,
    /// The last attempt at delivering the response.
    pub(crate) attempt: Option<DeliveryAttempt>,
    pub(crate) end: Option<RequestEnd>,
}

/// A failed attempt at delivering a response.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct DeliveryAttempt {
    /// The number of the attempt. The first is 1.
    pub(crate) number: u32,
    #[serde(with = "encoding::time")]
    pub(crate) at: SystemTime,
    pub(crate) error: String,
    /// The time of the next attempt. `None` if there is none.
    #[serde(with = "encoding::optional_time")]
    pub(crate) next: Option<SystemTime>,
}

impl DeliveryAttempt {
    /// Returns the time until the next attempt, which is never longer than the pause was: the clock may have been set back.
    pub(crate) fn pause_left(&self, now: SystemTime) -> Duration {
        let Some(next) = self.next else {
            return Duration::ZERO;
        };
        left(next, now, self.at)
    }
}

/// Returns the time from `now` until `end`, and the time from `start` at most.
pub(super) fn left(end: SystemTime, now: SystemTime, start: SystemTime) -> Duration {
    let left = end.duration_since(now).unwrap_or_default();
    left.min(end.duration_since(start).unwrap_or_default())
}

/// The end of a request.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct RequestEnd {
    pub(crate) outcome: RequestOutcome,
    #[serde(with = "encoding::time")]
    pub(crate) at: SystemTime,
    /// The time at which the request is forgotten, with its key.
    #[serde(with = "encoding::time")]
    pub(crate) expires: SystemTime,
}

/// The way in which a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) enum RequestOutcome {
    /// The response was delivered.
    Delivered,
    /// The response is kept for its caller.
    Kept,
    /// The delivery of the response was given up.
    Failed,
    /// The caller has cancelled the request.
    Cancelled,
}

/// A change of a request.
#[derive(Clone, Debug)]
pub(crate) enum RequestChange {
    /// The call is about to be made.
    Begun(SystemTime),
    /// The call has a response.
    Answered(SystemTime, StoredResponse),
    /// An attempt at delivering the response has failed.
    Attempted(DeliveryAttempt),
    /// The request has ended. The response is removed unless the outcome is [`RequestOutcome::Kept`].
    Finished(RequestEnd),
}

impl RequestProgress {
    /// Notes a change. Returns `false` if the request has finished, or has the response already: a second one is dropped.
    pub(super) fn apply(&mut self, change: &RequestChange) -> bool {
        if self.end.is_some() {
            return false;
        }
        match change {
            RequestChange::Begun(at) => self.begun = self.begun.or(Some(*at)),
            RequestChange::Answered(..) if self.answered.is_some() => return false,
            RequestChange::Answered(at, _) => self.answered = Some(*at),
            RequestChange::Attempted(attempt) => self.attempt = Some(attempt.clone()),
            RequestChange::Finished(end) => self.end = Some(end.clone()),
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_set_back_makes_no_pause_longer() {
        let second = Duration::from_secs(1);
        let at = SystemTime::UNIX_EPOCH + 1000 * second;
        let attempt = DeliveryAttempt {
            number: 1,
            at,
            error: String::new(),
            next: Some(at + 10 * second),
        };
        for (now, left) in [(1000, 10), (1004, 6), (1010, 0), (2000, 0), (1, 10)] {
            let now = SystemTime::UNIX_EPOCH + now * second;
            assert_eq!(attempt.pause_left(now), left * second);
        }
        let last = DeliveryAttempt {
            next: None,
            ..attempt
        };
        assert_eq!(last.pause_left(at), Duration::ZERO);
    }
}
