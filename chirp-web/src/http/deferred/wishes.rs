use bytes::Bytes;
use http::header::{HeaderMap, HeaderName};
use http::{HeaderValue, StatusCode};
use sha2::{Digest, Sha256};

use crate::http::problem::Problem;
use crate::requests::store::IdempotencyKey;

/// The URL to which the response is posted.
const RESPOND_TO: HeaderName = HeaderName::from_static("chirp-respond-to");
const PREFER: HeaderName = HeaderName::from_static("prefer");
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

const MAX_KEY: usize = 255;

/// The headers by which a request asks for a response later.
#[derive(Debug)]
pub(super) struct DeferralWishes {
    /// The URL to which the response is posted. `None` if it is kept for its caller.
    pub(super) hook: Option<String>,
    pub(super) key: Option<String>,
}

impl DeferralWishes {
    /// Reads the headers of a request. Returns `None` if the request does not ask for a response later.
    pub(super) fn of(headers: &HeaderMap) -> Result<Option<Self>, Problem> {
        let hook = text(headers, &RESPOND_TO)?;
        if hook.is_none() && !prefers_later(headers) {
            return Ok(None);
        }
        let key = text(headers, &IDEMPOTENCY_KEY)?.map(|key| unquoted(&key));
        if key
            .as_ref()
            .is_some_and(|key| key.is_empty() || key.len() > MAX_KEY)
        {
            let detail = format!("the header Idempotency-Key has 1 to {MAX_KEY} characters");
            return Err(Problem::new(StatusCode::BAD_REQUEST, detail));
        }
        Ok(Some(Self { hook, key }))
    }

    /// Returns the key of the request, with a hash of everything by which requests differ.
    pub(super) fn idempotency_key(
        &self,
        method: &str,
        arguments: &Bytes,
        collects: bool,
    ) -> Option<IdempotencyKey> {
        let key = self.key.clone()?;
        let mut hash = Sha256::new();
        let hook = self.hook.as_deref().unwrap_or_default();
        for part in [
            method.as_bytes(),
            hook.as_bytes(),
            arguments.as_ref(),
            &[u8::from(collects)],
        ] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        Some(IdempotencyKey {
            key,
            fingerprint: hash.finalize().into(),
        })
    }
}

/// Returns `true` for a request that names a destination of its response.
pub(super) fn has_hook(headers: &HeaderMap) -> bool {
    headers.contains_key(RESPOND_TO)
}

/// Returns the value of a header that may be there once.
fn text(headers: &HeaderMap, name: &HeaderName) -> Result<Option<String>, Problem> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    match value.to_str() {
        Ok(value) if values.next().is_none() => Ok(Some(value.to_owned())),
        _ => {
            let detail = format!("the header {name} is one text in ASCII");
            Err(Problem::new(StatusCode::BAD_REQUEST, detail))
        }
    }
}

/// Returns `true` if the preference `respond-async` is among those of the request (RFC 7240).
fn prefers_later(headers: &HeaderMap) -> bool {
    let values = headers
        .get_all(PREFER)
        .iter()
        .filter_map(|value| HeaderValue::to_str(value).ok());
    let mut preferences = values.flat_map(|value| value.split(','));
    preferences.any(|preference| {
        let name = preference.split([';', '=']).next().unwrap_or_default();
        name.trim().eq_ignore_ascii_case("respond-async")
    })
}

/// Removes the quotes of a string as structured fields have it (RFC 9651). Many clients send the key without them.
fn unquoted(value: &str) -> String {
    let inner = value
        .strip_prefix('"')
        .and_then(|value| value.strip_suffix('"'));
    match inner {
        Some(inner) => inner.replace("\\\"", "\"").replace("\\\\", "\\"),
        None => value.to_owned(),
    }
}
