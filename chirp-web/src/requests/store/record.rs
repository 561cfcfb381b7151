use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use chirp_runtime::packet::{Metadata, TraceContext};
use serde::{Deserialize, Serialize};

use super::encoding;
use super::progress::{RequestProgress, left};

/// A request as it was accepted, without its arguments.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct RequestRecord {
    /// The ID of the request, which is that of its response, too.
    #[serde(with = "encoding::array")]
    pub(crate) id: [u8; 16],
    /// The key by which its caller may repeat the request.
    pub(crate) key: Option<IdempotencyKey>,
    /// The identity of the caller as text: the key belongs to it, and it may see the request.
    pub(crate) owner: String,
    pub(crate) method: String,
    /// Whether the method may run again, as its description said when the request was accepted.
    pub(crate) is_idempotent: bool,
    #[serde(with = "encoding::metadata")]
    pub(crate) metadata: Metadata,
    #[serde(with = "encoding::trace")]
    pub(crate) trace: Option<TraceContext>,
    /// The destination of the response. `None` if the response is kept for its caller to get it.
    pub(crate) hook: Option<String>,
    /// Whether the items of a stream are collected into the response.
    pub(crate) collects: bool,
    /// The URL of the gateway as its caller sees it, for URLs in the response.
    pub(crate) base_url: Option<String>,
    #[serde(with = "encoding::time")]
    pub(crate) created: SystemTime,
    /// The time at which the call ends at the latest.
    #[serde(with = "encoding::time")]
    pub(crate) deadline: SystemTime,
    /// The time after which the delivery of the response is given up.
    #[serde(with = "encoding::time")]
    pub(crate) deliver_until: SystemTime,
}

/// A key that a caller has chosen for a request, so that it can repeat the request without a second run.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct IdempotencyKey {
    pub(crate) key: String,
    /// A hash of everything that makes the request: another request with the same key is an error.
    #[serde(with = "encoding::array")]
    pub(crate) fingerprint: [u8; 32],
}

/// A response that is delivered, or kept for its caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoredResponse {
    /// Whether the call has failed.
    pub(crate) is_error: bool,
    pub(crate) media_type: String,
    pub(crate) body: Bytes,
}

/// A request in a store.
#[derive(Clone, Debug)]
pub(crate) struct StoredRequest {
    /// The place of the request in the order of acceptance.
    pub(crate) sequence: u64,
    pub(crate) record: Arc<RequestRecord>,
    /// The arguments, in JSON. Empty once the call has been answered.
    pub(crate) arguments: Bytes,
    pub(crate) progress: RequestProgress,
    /// The response, from when the call is answered until the request has finished, or longer if it is kept.
    pub(crate) response: Option<Arc<StoredResponse>>,
}

/// The result of accepting a request.
#[derive(Clone, Debug)]
pub(crate) enum Acceptance {
    /// The request is new.
    New,
    /// The caller has made the same request before.
    Repeated(Box<StoredRequest>),
    /// The caller has made another request with this key, or the ID is that of another request.
    Conflict,
}

impl StoredRequest {
    /// Returns `true` if the request has ended and its time has passed: it may still be there, but is forgotten.
    pub(crate) fn has_expired(&self, now: SystemTime) -> bool {
        let end = self.progress.end.as_ref();
        end.is_some_and(|end| end.expires <= now)
    }
}

impl RequestRecord {
    /// Returns the time that is left for the call, which is never longer than it was at first: the clock may have been set back.
    pub(crate) fn time_left(&self, now: SystemTime) -> Duration {
        left(self.deadline, now, self.created)
    }

    /// Compares a request with the one that was accepted under its key or ID.
    pub(super) fn compare(&self, accepted: StoredRequest) -> Acceptance {
        let is_same = match (&self.key, &accepted.record.key) {
            (Some(key), Some(accepted_key)) => {
                key == accepted_key && self.owner == accepted.record.owner
            }
            _ => false,
        };
        if is_same {
            Acceptance::Repeated(Box::new(accepted))
        } else {
            Acceptance::Conflict
        }
    }
}
