use std::time::Duration;

use chirp_runtime::packet::{Metadata, TraceContext};
use http::StatusCode;
use http::header::{HeaderMap, HeaderName};
use http::request::Parts;

use super::arguments::OPTION;
use super::problem::Problem;
use super::settings::Settings;

/// The time limit of a call: `Chirp-Timeout: 500ms`.
pub(crate) const TIMEOUT: HeaderName = HeaderName::from_static("chirp-timeout");
/// The same in the query, in milliseconds, for those who cannot set headers.
const TIMEOUT_MS: &str = "chirp.timeout_ms";
pub(crate) const TRACE_PARENT: HeaderName = HeaderName::from_static("traceparent");
pub(crate) const TRACE_STATE: HeaderName = HeaderName::from_static("tracestate");

/// The beginning of headers that are metadata: `Chirp-Metadata-Tenant: a` is the entry `tenant`.
pub(crate) const METADATA: &str = "chirp-metadata-";

/// As good as no limit, and without an overflow when it is added to the time of day.
const CENTURY: Duration = Duration::from_hours(876_600);

/// The options of a call that the headers of its request set.
#[derive(Debug, Default)]
pub(super) struct CallHead {
    pub(super) timeout: Option<Duration>,
    pub(super) trace: Option<TraceContext>,
    pub(super) metadata: Metadata,
}

impl CallHead {
    pub(super) fn of(parts: &Parts) -> Result<Self, Problem> {
        let headers = &parts.headers;
        let mut metadata = Metadata::new();
        for (name, value) in headers {
            if let Some(key) = name.as_str().strip_prefix(METADATA) {
                metadata.append(key, value.as_bytes()).map_err(|error| {
                    Problem::new(StatusCode::BAD_REQUEST, format!("header {name}: {error}"))
                })?;
            }
        }
        let mut timeout = match headers.get(TIMEOUT) {
            None => None,
            Some(value) => {
                let time = value.to_str().ok().and_then(parse_time);
                let time = time.ok_or_else(|| {
                    let detail =
                        "the header Chirp-Timeout is a number and a unit, such as 500ms or 2s";
                    Problem::new(StatusCode::BAD_REQUEST, detail)
                })?;
                Some(time)
            }
        };
        let query = parts.uri.query().unwrap_or_default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            if !name.starts_with(OPTION) {
                continue;
            }
            let time = value.parse().ok().filter(|_| name == TIMEOUT_MS);
            let time = time.map(Duration::from_millis).ok_or_else(|| {
                let detail = format!(
                    "\"{name}\" in the query is not an option: there is {TIMEOUT_MS}, a number of milliseconds"
                );
                Problem::new(StatusCode::BAD_REQUEST, detail)
            })?;
            timeout = Some(timeout.map_or(time, |other: Duration| other.min(time)));
        }
        Ok(Self {
            timeout,
            trace: trace(headers),
            metadata,
        })
    }

    /// Returns the time limit of the call.
    pub(super) fn time_limit(&self, settings: &Settings, has_streams: bool) -> Duration {
        let (default, longest) = if has_streams {
            (settings.max_stream_time, settings.max_stream_time)
        } else {
            (settings.timeout, settings.max_timeout)
        };
        self.timeout.unwrap_or(default).min(longest).min(CENTURY)
    }
}

/// Reads the trace of a request. One that is malformed is ignored, as W3C Trace Context says.
fn trace(headers: &HeaderMap) -> Option<TraceContext> {
    let mut parents = headers.get_all(TRACE_PARENT).iter();
    let trace = TraceContext::parse(parents.next()?.to_str().ok()?).ok()?;
    if parents.next().is_some() {
        return None;
    }
    let states = headers.get_all(TRACE_STATE).iter();
    let states: Result<Vec<_>, _> = states.map(http::HeaderValue::to_str).collect();
    match states {
        Ok(states) if !states.is_empty() => {
            let state = states.join(",");
            Some(trace.clone().with_state(&state).unwrap_or(trace))
        }
        _ => Some(trace),
    }
}

/// Parses a whole number with a unit: `500ms`, `2s` or `1m`.
fn parse_time(text: &str) -> Option<Duration> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().ok()?;
    match unit {
        "ms" => Some(Duration::from_millis(number)),
        "s" => Some(Duration::from_secs(number)),
        "m" => number.checked_mul(60).map(Duration::from_secs),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_unit() {
        assert_eq!(parse_time("500ms"), Some(Duration::from_millis(500)));
        assert_eq!(parse_time("2s"), Some(Duration::from_secs(2)));
        assert_eq!(parse_time("3m"), Some(Duration::from_mins(3)));
        for text in [
            "",
            "5",
            "ms",
            "-1s",
            "1.5s",
            "1 s",
            "99999999999999999999s",
            "18446744073709551615m",
        ] {
            assert_eq!(parse_time(text), None, "{text}");
        }
    }
}
