use std::time::SystemTime;

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
