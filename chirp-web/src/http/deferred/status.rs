use serde::Serialize;
use serde_json::value::RawValue;

use crate::requests::store::{RequestOutcome, StoredRequest};
use crate::requests::{DeferredId, Timestamp};

/// The state of a deferred request, as its caller sees it.
#[derive(Serialize)]
pub(super) struct RequestStatus<'r> {
    id: String,
    method: &'r str,
    state: &'static str,
    created: String,
    deadline: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    answered: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hook: Option<&'r str>,
    /// The failed attempts to deliver the response.
    failed_attempts: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<&'r str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_attempt: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response: Option<&'r RawValue>,
}

impl<'r> RequestStatus<'r> {
    pub(super) fn of(request: &'r StoredRequest) -> Self {
        let progress = &request.progress;
        let state = match &progress.end {
            Some(end) => match end.outcome {
                RequestOutcome::Delivered => "delivered",
                RequestOutcome::Kept => "answered",
                RequestOutcome::Failed => "failed",
                RequestOutcome::Cancelled => "cancelled",
            },
            None if progress.answered.is_some() => "delivering",
            None => "running",
        };
        let record = &request.record;
        let attempt = progress.attempt.as_ref();
        let next = attempt.and_then(|attempt| attempt.next);
        let response = request.response.as_ref();
        Self {
            id: DeferredId::from_bytes(record.id).to_string(),
            method: &record.method,
            state,
            created: Timestamp(record.created).to_string(),
            deadline: Timestamp(record.deadline).to_string(),
            answered: progress.answered.map(|at| Timestamp(at).to_string()),
            ended: progress
                .end
                .as_ref()
                .map(|end| Timestamp(end.at).to_string()),
            expires: progress
                .end
                .as_ref()
                .map(|end| Timestamp(end.expires).to_string()),
            hook: record.hook.as_deref(),
            failed_attempts: attempt.map_or(0, |attempt| attempt.number),
            last_error: attempt.map(|attempt| &*attempt.error),
            next_attempt: next
                .filter(|_| progress.end.is_none())
                .map(|at| Timestamp(at).to_string()),
            response: response.and_then(|response| serde_json::from_slice(&response.body).ok()),
        }
    }

    /// Returns `true` if the request has not ended.
    pub(super) fn is_open(request: &StoredRequest) -> bool {
        request.progress.end.is_none()
    }
}
