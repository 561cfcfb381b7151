use chirp_runtime::packet::{ErrorData, FrameworkError};
use chirp_runtime::peer::CallContext;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use tokio::time::Instant;

use crate::http::call_head::{METADATA, TIMEOUT, TRACE_PARENT, TRACE_STATE};

/// Returns the headers that say what a call has besides its arguments: its deadline, its trace and its metadata.
///
/// # Errors
///
/// The error for metadata that has no form in headers, unless it is optional.
pub(super) fn call_headers(
    context: &CallContext,
    deadline: Option<Instant>,
) -> Result<HeaderMap, ErrorData> {
    let mut headers = HeaderMap::new();
    // Without one, the gateway's own default holds.
    if let Some(deadline) = deadline {
        let left = deadline.saturating_duration_since(Instant::now());
        let left = u64::try_from(left.as_millis()).unwrap_or(u64::MAX).max(1);
        if let Ok(timeout) = HeaderValue::try_from(format!("{left}ms")) {
            headers.insert(TIMEOUT, timeout);
        }
    }
    if let Some(trace) = context.trace() {
        if let Ok(parent) = HeaderValue::try_from(trace.traceparent()) {
            headers.insert(TRACE_PARENT, parent);
        }
        if let (Ok(state), false) = (
            HeaderValue::try_from(trace.state()),
            trace.state().is_empty(),
        ) {
            headers.insert(TRACE_STATE, state);
        }
    }
    let metadata = context.metadata();
    for (key, value) in metadata {
        match entry(key, value) {
            Some((name, value)) => {
                headers.append(name, value);
            }
            None if metadata.is_optional(key) => {}
            None => {
                let detail = format!("the metadata \"{key}\" has no form in a header of HTTP");
                return Err(FrameworkError::Unsupported.to_error_data(&detail));
            }
        }
    }
    Ok(headers)
}

/// Returns a header whose value another side reads as it was.
fn entry(key: &str, value: &[u8]) -> Option<(HeaderName, HeaderValue)> {
    // Names of headers are read in lower case, and white space around values is not part of them.
    if key.bytes().any(|byte| byte.is_ascii_uppercase()) || value.trim_ascii().len() < value.len() {
        return None;
    }
    let name = HeaderName::try_from(format!("{METADATA}{key}")).ok()?;
    Some((name, HeaderValue::from_bytes(value).ok()?))
}
