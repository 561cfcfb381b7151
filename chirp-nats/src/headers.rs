//! The headers of messages.
//!
//! The commonest request has none, since they cost time in every program on its way: a Chirp caller that sends neither trace nor
//! metadata says so in the last token of the subject for the answer, `chirp=MS`, with the milliseconds that the call has left.
//!
//! | header | in | value |
//! |---|---|---|
//! | `Chirp-Call` | requests of Chirp callers, native codec | milliseconds that the call has left, 0 without a limit |
//! | `Chirp-Call-Json` | requests of Chirp callers, values in JSON | as above |
//! | `Chirp-Timeout` | requests of others, in JSON | as above |
//! | `traceparent`, `tracestate` | requests | W3C Trace Context |
//! | `Chirp-Meta-KEY` | requests | metadata, escaped by `%` |
//! | `Chirp-CancelledCall` | a message of its own | the subject of the answer that nobody waits for |
//! | `Chirp-Running` | a sign of life to the subject of the answer | the subject of the server |
//! | `Chirp-Error` | error responses | `unknown`, or the code of the service error in decimal |
//! | `Chirp-Worker` | responses to everyone's calls | the id of the server |
//! | `Nats-Service-Error`, `Nats-Service-Error-Code` | error responses | text and status, as NATS micro has them |

use std::fmt::Write;
use std::time::Duration;

use async_nats::HeaderMap;
use base64::Engine as _;
use bytes::Bytes;
use chirp_runtime::packet::{ErrorData, FrameworkError, Metadata, MetadataError, TraceContext};
use chirp_runtime::session::Limits;

const CALL: &str = "Chirp-Call";
const CALL_JSON: &str = "Chirp-Call-Json";
const TIMEOUT: &str = "Chirp-Timeout";
const CANCEL: &str = "Chirp-CancelledCall";
const RUNNING: &str = "Chirp-Running";
const ERROR: &str = "Chirp-Error";
const WORKER: &str = "Chirp-Worker";
const META: &str = "Chirp-Meta-";
const TRACE_PARENT: &str = "traceparent";
const TRACE_STATE: &str = "tracestate";
const SERVICE_ERROR: &str = "Nats-Service-Error";
const SERVICE_ERROR_CODE: &str = "Nats-Service-Error-Code";
const REQUEST_INFO: &str = "Nats-Request-Info";

/// The value of [`ERROR`] for a method that the server does not have.
const UNKNOWN: &str = "unknown";

/// The longest text of an error in a header, in bytes. The whole text is in the body.
const MAX_TEXT: usize = 1_024;

/// The last token of the subject for the answer to a request of a Chirp caller without headers, before the milliseconds.
const TOKEN: &str = "chirp=";

/// The most decimal digits of a number.
const MAX_DIGITS: usize = 20;

/// The form of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RequestForm {
    /// A Chirp caller, with values in the codec of the service.
    Native,
    /// A Chirp caller, with values in JSON.
    Json,
    /// Any other client of NATS, with values in JSON.
    Plain,
}

/// The fields of a request beside its parameters.
pub(crate) struct RequestHeaders {
    pub(crate) form: RequestForm,
    pub(crate) timeout: Option<Duration>,
    pub(crate) trace: Option<TraceContext>,
    pub(crate) metadata: Metadata,
    /// Why an entry of metadata was not read: the call must not run without it.
    pub(crate) invalid: Option<MetadataError>,
}

impl RequestHeaders {
    /// Returns the milliseconds of the token that says all, if there is nothing else to say.
    pub(crate) fn token(&self) -> Option<u64> {
        let is_short =
            self.form == RequestForm::Native && self.trace.is_none() && self.metadata.is_empty();
        is_short.then(|| self.milliseconds())
    }

    fn milliseconds(&self) -> u64 {
        self.timeout.map_or(0, |left| {
            let whole = left.as_secs().saturating_mul(1_000);
            whole.saturating_add(left.subsec_millis().into()).max(1)
        })
    }

    /// The headers of a Chirp caller.
    pub(crate) fn encode(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let left = self.milliseconds();
        let name = match self.form {
            RequestForm::Native => CALL,
            RequestForm::Json => CALL_JSON,
            RequestForm::Plain => TIMEOUT,
        };
        headers.insert(name, left.to_string());
        if let Some(trace) = &self.trace {
            headers.insert(TRACE_PARENT, trace.traceparent());
            if !trace.state().is_empty() {
                headers.insert(TRACE_STATE, trace.state());
            }
        }
        for (key, value) in &self.metadata {
            let mut name = META.to_owned();
            escape(key.as_bytes(), is_key, &mut name);
            let mut text = String::with_capacity(value.len());
            escape(value, is_value, &mut text);
            headers.append(name, text);
        }
        headers
    }

    /// Reads the headers of a request, and the subject for its answer. A field that is not valid is left out.
    pub(crate) fn decode(headers: Option<&HeaderMap>, reply: Option<&str>) -> Self {
        let mut fields = Self {
            form: RequestForm::Plain,
            timeout: None,
            trace: None,
            metadata: Metadata::new(),
            invalid: None,
        };
        let Some(headers) = headers else {
            let last = reply.and_then(|reply| reply.rsplit_once('.'));
            if let Some(left) = last.and_then(|(_, last)| last.strip_prefix(TOKEN)) {
                fields.form = RequestForm::Native;
                fields.timeout = milliseconds(left);
            }
            return fields;
        };
        let mut state = None;
        for (name, values) in headers.iter() {
            let name: &str = name.as_ref();
            let Some(value) = values.first().map(AsRef::<str>::as_ref) else {
                continue;
            };
            match name {
                CALL => {
                    fields.form = RequestForm::Native;
                    fields.timeout = milliseconds(value);
                }
                CALL_JSON => {
                    fields.form = RequestForm::Json;
                    fields.timeout = milliseconds(value);
                }
                TIMEOUT => fields.timeout = milliseconds(value),
                TRACE_PARENT => fields.trace = TraceContext::parse(value).ok(),
                TRACE_STATE => state = Some(value),
                _ => {
                    let Some(key) = name.strip_prefix(META) else {
                        continue;
                    };
                    let Ok(key) = String::from_utf8(unescape(key)) else {
                        continue;
                    };
                    for value in values {
                        // Each entry copies the others. What is over the limit is refused as such.
                        if fields.metadata.encoded_len() > Limits::default().max_metadata {
                            break;
                        }
                        let value = unescape(value.as_str());
                        if let Err(error) = fields.metadata.append(&key, value) {
                            fields.invalid.get_or_insert(error);
                        }
                    }
                }
            }
        }
        if let (Some(trace), Some(state)) = (fields.trace.take(), state) {
            let with_state = trace.clone().with_state(state);
            fields.trace = Some(with_state.unwrap_or(trace));
        }
        fields
    }
}

/// Returns the subject for the answer to the call with this number: below `prefix`, which ends with a dot, and with the milliseconds
/// of [`RequestHeaders::token`].
pub(crate) fn reply_subject(prefix: &str, call: u64, token: Option<u64>) -> String {
    let len = prefix.len() + MAX_DIGITS + 1 + TOKEN.len() + MAX_DIGITS;
    let mut subject = String::with_capacity(len);
    subject.push_str(prefix);
    push_number(&mut subject, call);
    if let Some(milliseconds) = token {
        subject.push('.');
        subject.push_str(TOKEN);
        push_number(&mut subject, milliseconds);
    }
    subject
}

/// Appends a number in decimal. Each call has two, and the formatter takes several times as long.
fn push_number(text: &mut String, mut number: u64) {
    let mut digits = [b'0'; MAX_DIGITS];
    let mut at = MAX_DIGITS;
    loop {
        at -= 1;
        digits[at] += (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    text.extend(digits[at..].iter().copied().map(char::from));
}

fn milliseconds(text: &str) -> Option<Duration> {
    text.parse()
        .ok()
        .filter(|left| *left > 0)
        .map(Duration::from_millis)
}

/// The headers of a message that cancels the call with the subject `reply`.
pub(crate) fn cancel(reply: &str) -> HeaderMap {
    one(CANCEL, reply)
}

/// The call that a message cancels.
pub(crate) fn cancelled(headers: &HeaderMap) -> Option<&str> {
    headers.get(CANCEL).map(AsRef::as_ref)
}

/// The headers of a sign of life of the server with the subject `worker`.
pub(crate) fn beat(worker: &str) -> HeaderMap {
    one(RUNNING, worker)
}

/// The subject of the server that sent a sign of life.
pub(crate) fn running(headers: &HeaderMap) -> Option<&str> {
    headers.get(RUNNING).map(AsRef::as_ref)
}

/// Names the server that answers a call to everyone.
pub(crate) fn set_worker(headers: &mut HeaderMap, id: &str) {
    headers.insert(WORKER, id);
}

/// The server that answers a call to everyone.
pub(crate) fn worker(headers: &HeaderMap) -> Option<&str> {
    headers.get(WORKER).map(AsRef::as_ref)
}

/// The claims of a NATS server about the client that made a request, if an import of a service shares them.
pub(crate) fn request_info(headers: &HeaderMap) -> Option<&str> {
    headers.get(REQUEST_INFO).map(AsRef::as_ref)
}

fn one(name: &str, value: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(name, value);
    headers
}

/// An error as it is sent, or a method that the server does not have.
pub(crate) enum ReplyError {
    Unknown,
    Service(ErrorData),
}

impl ReplyError {
    /// Reads the error of a response. `None` if it has none.
    pub(crate) fn decode(headers: &HeaderMap, body: &Bytes) -> Option<Self> {
        if let Some(kind) = headers.get(ERROR) {
            if kind.as_str() == UNKNOWN {
                return Some(Self::Unknown);
            }
            let error = ErrorData::decode_lossy(body.clone());
            return Some(Self::Service(error.unwrap_or_else(|error| {
                ErrorData::new(0, format!("the error could not be read: {error}"))
            })));
        }
        // A service of NATS micro that is not Chirp's.
        let text = headers.get(SERVICE_ERROR);
        let code = headers.get(SERVICE_ERROR_CODE);
        if text.is_none() && code.is_none() {
            return None;
        }
        let text = text.map_or("the service failed", AsRef::as_ref);
        let code = code
            .and_then(|code| code.as_str().parse().ok())
            .unwrap_or(0);
        Some(Self::Service(ErrorData::new(code, text)))
    }

    /// The headers and the body of a response.
    pub(crate) fn encode(&self, form: RequestForm) -> (HeaderMap, Bytes) {
        let mut headers = HeaderMap::new();
        let (kind, text, status) = match self {
            Self::Unknown => (UNKNOWN.to_owned(), "unknown method", 404),
            Self::Service(error) => (error.code.to_string(), &*error.message, status(error)),
        };
        headers.insert(ERROR, kind);
        headers.insert(SERVICE_ERROR, one_line(text));
        headers.insert(SERVICE_ERROR_CODE, status.to_string());
        let body = match (self, form) {
            (Self::Service(error), RequestForm::Native | RequestForm::Json) => {
                error.encode().into()
            }
            (Self::Unknown, RequestForm::Native | RequestForm::Json) => Bytes::new(),
            (Self::Unknown, RequestForm::Plain) => document(None, text, &Bytes::new()),
            (Self::Service(error), RequestForm::Plain) => {
                let is_framework = FrameworkError::from_error_data(error).is_some();
                let data = if is_framework {
                    Bytes::new()
                } else {
                    error.data.clone()
                };
                document(Some(error.code), text, &data)
            }
        };
        (headers, body)
    }
}

/// The body of an error for clients that are not Chirp's: JSON.
fn document(code: Option<u16>, message: &str, data: &[u8]) -> Bytes {
    let mut document = serde_json::json!({ "message": message });
    if let Some(code) = code {
        document["code"] = code.into();
    }
    if !data.is_empty() {
        let text = || base64::engine::general_purpose::STANDARD.encode(data);
        let json = serde_json::from_slice(data);
        document["data"] = json.unwrap_or_else(|_| text().into());
    }
    document.to_string().into()
}

/// The status of an error, in the numbers of HTTP that NATS micro uses.
fn status(error: &ErrorData) -> u16 {
    match FrameworkError::from_error_data(error) {
        None => 422,
        Some(FrameworkError::Overloaded | FrameworkError::ShuttingDown) => 503,
        Some(FrameworkError::DeadlineExceeded) => 504,
        Some(FrameworkError::InvalidArguments | FrameworkError::UnknownStream) => 400,
        Some(FrameworkError::TooLarge { .. }) => 413,
        Some(FrameworkError::MetadataTooLarge { .. }) => 431,
        Some(FrameworkError::PermissionDenied) => 403,
        Some(FrameworkError::Unsupported) => 501,
        Some(_) => 500,
    }
}

fn one_line(text: &str) -> String {
    let text = &text[..text.floor_char_boundary(MAX_TEXT)];
    text.replace(|c: char| c.is_control(), " ")
}

fn is_key(_: usize, _: usize, byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')
}

fn is_value(at: usize, len: usize, byte: u8) -> bool {
    match byte {
        b'%' => false,
        // Spaces around a value are not kept.
        b' ' => at > 0 && at + 1 < len,
        byte => byte.is_ascii_graphic(),
    }
}

fn escape(bytes: &[u8], is_plain: fn(usize, usize, u8) -> bool, text: &mut String) {
    for (at, byte) in bytes.iter().enumerate() {
        if is_plain(at, bytes.len(), *byte) {
            text.push(char::from(*byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(text, "%{byte:02X}");
        }
    }
}

fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = || {
            let digits = str::from_utf8(after.get(..2)?).ok()?;
            let is_hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
            u8::from_str_radix(digits, 16).ok().filter(|_| is_hex)
        };
        if let (b'%', Some(byte)) = (first, hex()) {
            bytes.push(byte);
            rest = &after[2..];
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_of_a_request_survive_its_headers() {
        let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let trace = TraceContext::parse(trace).expect("valid");
        let trace = trace.with_state("vendor=x").expect("valid");
        let mut metadata = Metadata::new();
        for (key, value) in [
            ("tenant", &b"blue"[..]),
            ("hop", b" a b "),
            ("hop", b"100%\r\n"),
            ("a:b \u{e4}", &[0, 255]),
            ("empty", b""),
        ] {
            metadata.append(key, value).expect("valid");
        }
        for form in [RequestForm::Native, RequestForm::Json, RequestForm::Plain] {
            let fields = RequestHeaders {
                form,
                invalid: None,
                timeout: Some(Duration::from_millis(1_500)),
                trace: Some(trace.clone()),
                metadata: metadata.clone(),
            };
            let read = RequestHeaders::decode(Some(&fields.encode()), Some("_INBOX.a.chirp=7"));
            assert_eq!(read.form, form);
            assert_eq!(read.timeout, fields.timeout);
            assert_eq!(read.trace, fields.trace);
            assert_eq!(read.metadata.len(), metadata.len());
            for (key, value) in &metadata {
                let values: Vec<_> = read.metadata.get_all(key).collect();
                assert!(values.contains(&value), "{key}");
            }
        }
    }

    #[test]
    fn requests_without_headers_are_plain() {
        let read = RequestHeaders::decode(None, Some("_INBOX.a.1"));
        assert_eq!(read.form, RequestForm::Plain);
        assert_eq!(read.timeout, None);
        assert!(read.metadata.is_empty());
    }

    #[test]
    fn metadata_over_the_limit_is_not_collected() {
        let mut headers = HeaderMap::new();
        for number in 0..20_000 {
            headers.append(format!("Chirp-Meta-{number}"), "value");
            headers.append("Chirp-Meta-same", "value");
        }
        let read = RequestHeaders::decode(Some(&headers), None);
        let limit = Limits::default().max_metadata;
        // So much that the call is refused, and not more.
        let len = read.metadata.encoded_len();
        assert!((limit + 1..limit + 64).contains(&len), "{len}");
    }

    #[test]
    fn the_subject_of_the_answer_may_say_all() {
        let mut fields = RequestHeaders::decode(None, None);
        assert_eq!(fields.token(), None, "a plain request");
        fields.form = RequestForm::Native;
        for (timeout, token) in [
            (None, 0),
            (Some(Duration::from_millis(1_500)), 1_500),
            (Some(Duration::from_micros(1)), 1),
            (Some(Duration::MAX), u64::MAX),
        ] {
            fields.timeout = timeout;
            assert_eq!(fields.token(), Some(token));
            let reply = reply_subject("_INBOX.a.", 7, Some(token));
            assert_eq!(reply, format!("_INBOX.a.7.chirp={token}"));
            let read = RequestHeaders::decode(None, Some(&reply));
            assert_eq!(read.form, RequestForm::Native);
            let sent = Duration::from_millis(token);
            assert_eq!(read.timeout, timeout.map(|_| sent));
        }
        assert_eq!(
            reply_subject("a.", u64::MAX, None),
            format!("a.{}", u64::MAX)
        );
        fields.metadata.append("a", "b").expect("valid");
        assert_eq!(fields.token(), None);
    }

    #[test]
    fn errors_survive_for_chirp_callers_and_are_json_for_others() {
        let error = ErrorData::new(7, "line\r\nbreak").with_data(&b"{\"a\":1}"[..]);
        let (headers, body) = ReplyError::Service(error.clone()).encode(RequestForm::Native);
        assert_eq!(
            headers.get("Nats-Service-Error").map(AsRef::as_ref),
            Some("line  break")
        );
        assert!(
            matches!(ReplyError::decode(&headers, &body), Some(ReplyError::Service(read)) if read == error)
        );
        let (headers, body) = ReplyError::Service(error).encode(RequestForm::Plain);
        assert_eq!(
            headers.get("Nats-Service-Error-Code").map(AsRef::as_ref),
            Some("422")
        );
        let body: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
        assert_eq!(
            body,
            serde_json::json!({"code": 7, "message": "line\r\nbreak", "data": {"a": 1}})
        );
        let (headers, body) = ReplyError::Unknown.encode(RequestForm::Native);
        assert!(matches!(
            ReplyError::decode(&headers, &body),
            Some(ReplyError::Unknown)
        ));
    }
}
