use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::http::problem::Problem;
use crate::requests::DeferredId;
use crate::requests::store::StoredResponse;

/// The content of the response to a deferred request.
#[derive(Debug)]
pub(super) enum DeferredReply {
    /// The result, in JSON.
    Result(Bytes),
    /// The result is a stream, at a URL for so many seconds.
    Stream {
        url: String,
        expires_in: u64,
    },
    Problem(Problem),
}

/// The response as it is posted to its destination.
#[derive(Serialize)]
struct Document<'r> {
    id: String,
    method: &'r str,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<&'r RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_url: Option<&'r str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_in: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Box<RawValue>>,
}

impl DeferredReply {
    /// Returns the response in JSON.
    pub(super) fn to_response(&self, id: DeferredId, method: &str) -> StoredResponse {
        let mut document = Document {
            id: id.to_string(),
            method,
            result: None,
            stream_url: None,
            expires_in: None,
            error: None,
        };
        match self {
            Self::Result(json) => match serde_json::from_slice(json) {
                Ok(result) => document.result = Some(result),
                Err(error) => document.error = raw(&Problem::no_json(&error)),
            },
            Self::Stream { url, expires_in } => {
                document.stream_url = Some(url);
                document.expires_in = Some(*expires_in);
            }
            Self::Problem(problem) => document.error = raw(problem),
        }
        StoredResponse {
            is_error: document.error.is_some(),
            media_type: "application/json".to_owned(),
            // JSON can always be written as JSON.
            body: serde_json::to_vec(&document).unwrap_or_default().into(),
        }
    }
}

/// Returns the URL of the stream in a response, if it has one.
pub(super) fn stream_url(response: &StoredResponse) -> Option<String> {
    #[derive(Deserialize)]
    struct StreamUrl {
        stream_url: Option<String>,
    }

    let document: StreamUrl = serde_json::from_slice(&response.body).ok()?;
    document.stream_url
}

fn raw(problem: &Problem) -> Option<Box<RawValue>> {
    RawValue::from_string(problem.to_json()).ok()
}
