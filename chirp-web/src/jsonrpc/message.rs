//! Reads and writes the messages of JSON-RPC 2.0. Values stay JSON text.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use serde::de::{Deserializer as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// The code for input that is not JSON.
pub(super) const PARSE_ERROR: i64 = -32700;
/// The code for JSON that is not a request.
pub(super) const INVALID_REQUEST: i64 = -32600;
/// The code for an unknown method.
pub(super) const METHOD_NOT_FOUND: i64 = -32601;
/// The code for arguments that the method cannot read.
pub(super) const INVALID_PARAMS: i64 = -32602;
/// The code for a method that failed for a reason of its own.
pub(super) const INTERNAL_ERROR: i64 = -32603;

/// The most bytes of the JSON text of a request's id, which is kept until the request has been answered.
pub(super) const MAX_ID: usize = 1024;

/// The id of a message about no request in particular.
pub(super) const NO_ID: &str = "null";

/// A message.
#[derive(Debug)]
pub(super) enum Message<'a> {
    Single(Entry<'a>),
    /// The entries of a batch, which are valid JSON.
    Batch(Vec<&'a str>),
}

/// An object of JSON-RPC.
#[derive(Debug, PartialEq)]
pub(super) enum Entry<'a> {
    /// A request, or a notification, which has no id.
    Request {
        /// The id as JSON text.
        id: Option<&'a str>,
        method: Cow<'a, str>,
        /// An object or an array. `None` if there are none, or if they are `null`.
        params: Option<&'a str>,
        /// The wishes of the caller that JSON-RPC has no members for.
        options: CallMember,
    },
    /// A response.
    Response {
        id: &'a str,
        /// The result as JSON text, or the error.
        outcome: Result<&'a str, ErrorObject<'a>>,
    },
    /// An object with an id that has neither a method nor parameters, a result or an error. Some programs answer so if a method
    /// returns nothing.
    NoMembers { id: &'a str },
    /// A response that is not valid, with its id.
    InvalidResponse { id: &'a str, reason: &'static str },
    /// An object that is neither a request nor a response. The id is `null` if it cannot be told.
    Invalid {
        id: &'a str,
        reason: Cow<'static, str>,
    },
}

/// The member `chirp` of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct CallMember {
    /// The time that the caller gives the call.
    pub(super) timeout: Option<Duration>,
    /// The number of items of the result that may be sent before the caller asks for more.
    pub(super) credit: Option<u64>,
}

/// The error of a response.
#[derive(Debug, PartialEq)]
pub(super) struct ErrorObject<'a> {
    /// The code. [`i64::MAX`] if it is not an integer of 64 bits.
    pub(super) code: i64,
    /// The code as JSON text.
    pub(super) code_text: &'a str,
    pub(super) message: Cow<'a, str>,
    /// JSON text.
    pub(super) data: Option<&'a str>,
}

/// Whether messages must have the member `jsonrpc`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum VersionRule {
    #[default]
    Required,
    Optional,
}

impl VersionRule {
    /// Reads an entry of a batch, which is valid JSON.
    pub(super) fn read_entry(self, text: &str) -> Entry<'_> {
        if text.as_bytes().first() == Some(&b'{')
            && let Ok(entry) = Entry::read(text, self)
        {
            return entry;
        }
        invalid(NO_ID, "expected an object")
    }

    /// Returns `true` for the value of the member that a message may have.
    fn allows(self, version: Option<&str>) -> bool {
        match version {
            Some(version) => version == "\"2.0\"",
            None => self == Self::Optional,
        }
    }
}

/// The reason why input is not a message.
#[derive(Debug)]
pub(super) enum MessageError {
    /// The input is not JSON.
    NotJson(String),
    /// The input is JSON, but neither an object nor an array.
    NotAnObject,
    /// The batch has no entries.
    EmptyBatch,
    /// The batch has more entries than allowed.
    BatchTooLarge { limit: usize },
}

impl<'a> Message<'a> {
    /// Reads a message with a batch of at most `max_batch` entries.
    pub(super) fn parse(
        input: &'a [u8],
        max_batch: usize,
        version: VersionRule,
    ) -> Result<Self, MessageError> {
        // Only this check, since everything else reads text.
        let text = str::from_utf8(input)
            .map_err(|error| MessageError::NotJson(format!("not UTF-8: {error}")))?;
        let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
        let start = text.trim_ascii_start();
        match start.as_bytes().first() {
            Some(b'{') => Entry::read(start, version).map(Self::Single),
            Some(b'[') => Self::parse_batch(start, max_batch),
            _ => match serde_json::from_slice::<IgnoredAny>(start.as_bytes()) {
                Ok(_) => Err(MessageError::NotAnObject),
                Err(error) => Err(MessageError::NotJson(error.to_string())),
            },
        }
    }

    fn parse_batch(text: &'a str, max_batch: usize) -> Result<Self, MessageError> {
        let mut deserializer = serde_json::Deserializer::from_slice(text.as_bytes());
        let batch = (&mut deserializer).deserialize_seq(BatchVisitor { max_batch });
        let batch = batch.and_then(|batch| deserializer.end().map(|()| batch));
        let (entries, count) = batch.map_err(|error| MessageError::NotJson(error.to_string()))?;
        match count {
            0 => Err(MessageError::EmptyBatch),
            _ if count > max_batch => Err(MessageError::BatchTooLarge { limit: max_batch }),
            _ => Ok(Self::Batch(entries)),
        }
    }
}

impl fmt::Display for MessageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotJson(reason) => write!(f, "invalid JSON: {reason}"),
            Self::NotAnObject => f.write_str("expected an object or a batch"),
            Self::EmptyBatch => f.write_str("the batch is empty"),
            Self::BatchTooLarge { limit } => {
                write!(f, "the batch has more than {limit} entries")
            }
        }
    }
}

/// Collects the entries of a batch, up to a limit, and counts all.
struct BatchVisitor {
    max_batch: usize,
}

impl<'de> Visitor<'de> for BatchVisitor {
    type Value = (Vec<&'de str>, usize);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a batch")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut entries = Vec::new();
        let mut count = 0;
        while count < self.max_batch
            && let Some(entry) = seq.next_element::<&RawValue>()?
        {
            entries.push(entry.get());
            count += 1;
        }
        if count == self.max_batch {
            while seq.next_element::<IgnoredAny>()?.is_some() {
                count += 1;
            }
        }
        Ok((entries, count))
    }
}

/// The members of an object that JSON-RPC knows, as JSON text.
#[derive(Default)]
struct Members<'a> {
    version: Option<&'a str>,
    id: Option<&'a str>,
    method: Option<&'a str>,
    params: Option<&'a str>,
    result: Option<&'a str>,
    error: Option<&'a str>,
    chirp: Option<&'a str>,
    /// A member that occurs twice.
    repeated: Option<&'static str>,
    /// The member that came last, even if its value is not complete.
    last: Option<&'static str>,
}

/// Collects the members of an object, also if it turns out to be invalid later.
struct MembersVisitor<'m, 'a>(&'m mut Members<'a>);

impl<'de> Visitor<'de> for MembersVisitor<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let members = self.0;
        while let Some(name) = map.next_key_seed(NameSeed)? {
            let (place, name) = match name {
                Name::Version => (&mut members.version, "jsonrpc"),
                Name::Id => (&mut members.id, "id"),
                Name::Method => (&mut members.method, "method"),
                Name::Params => (&mut members.params, "params"),
                Name::Result => (&mut members.result, "result"),
                Name::Error => (&mut members.error, "error"),
                Name::Chirp => (&mut members.chirp, "chirp"),
                Name::Other => {
                    members.last = None;
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            members.last = Some(name);
            let value = map.next_value::<&RawValue>()?.get();
            if place.replace(value).is_some() {
                members.repeated = Some(name);
            }
        }
        Ok(())
    }
}

/// The name of a member.
#[derive(Clone, Copy)]
enum Name {
    Version,
    Id,
    Method,
    Params,
    Result,
    Error,
    Chirp,
    Other,
}

struct NameSeed;

impl<'de> serde::de::DeserializeSeed<'de> for NameSeed {
    type Value = Name;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Name, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl Visitor<'_> for NameSeed {
    type Value = Name;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a member")
    }

    fn visit_str<E>(self, name: &str) -> Result<Name, E> {
        Ok(match name {
            "jsonrpc" => Name::Version,
            "id" => Name::Id,
            "method" => Name::Method,
            "params" => Name::Params,
            "result" => Name::Result,
            "error" => Name::Error,
            "chirp" => Name::Chirp,
            _ => Name::Other,
        })
    }
}

impl<'a> Entry<'a> {
    fn read(text: &'a str, version: VersionRule) -> Result<Self, MessageError> {
        let mut members = Members::default();
        match members.read(text) {
            Ok(()) => Ok(members.classify(version)),
            Err(error) => Err(MessageError::NotJson(error.to_string())),
        }
    }
}

/// A guess from the start of a message that has not been read as a whole.
#[derive(Debug, PartialEq)]
pub(super) enum Start<'a> {
    /// A request, with its id if that is known.
    Request { id: Option<&'a str> },
    /// The response to a call.
    Response { id: &'a str },
    /// Possibly the response to any call.
    Unknown,
}

impl<'a> Start<'a> {
    pub(super) fn read(start: &'a [u8]) -> Self {
        let text = match str::from_utf8(start) {
            Ok(text) => text,
            Err(error) => str::from_utf8(&start[..error.valid_up_to()]).unwrap_or_default(),
        };
        let mut members = Members::default();
        // An error is certain.
        let _ = members.read(text);
        let id = members
            .id
            .filter(|id| is_id(id) && members.last != Some("id"));
        let has = |member: Option<&str>, name| member.is_some() || members.last == Some(name);
        if has(members.method, "method") || has(members.params, "params") {
            return Self::Request { id };
        }
        match id {
            Some(id) if has(members.result, "result") || has(members.error, "error") => {
                Self::Response { id }
            }
            _ => Self::Unknown,
        }
    }
}

impl<'a> Members<'a> {
    fn read(&mut self, text: &'a str) -> serde_json::Result<()> {
        let mut deserializer = serde_json::Deserializer::from_slice(text.as_bytes());
        (&mut deserializer).deserialize_map(MembersVisitor(self))?;
        deserializer.end()
    }

    fn classify(self, version: VersionRule) -> Entry<'a> {
        let id = self.id.filter(|id| is_id(id));
        let is_response = self.method.is_none() && (self.result.is_some() || self.error.is_some());
        if is_response {
            return self.response(id, version);
        }
        let shown = id.unwrap_or(NO_ID);
        if let Some(id) = id.filter(|id| id.len() <= MAX_ID)
            && self.method.is_none()
            && self.params.is_none()
            && self.repeated.is_none()
        {
            return Entry::NoMembers { id };
        }
        if let Some(name) = self.repeated {
            return invalid(NO_ID, format!("the member \"{name}\" occurs twice"));
        }
        if self.id.is_some() && id.is_none() {
            return invalid(NO_ID, "expected an id that is a string, a number or null");
        }
        if shown.len() > MAX_ID {
            return invalid(NO_ID, format!("the id is longer than {MAX_ID} bytes"));
        }
        if !version.allows(self.version) {
            return invalid(shown, "expected \"jsonrpc\": \"2.0\"");
        }
        let Some(method) = self.method else {
            return invalid(shown, "expected a method");
        };
        let Some(method) = string(method) else {
            return invalid(shown, "expected a method that is a string");
        };
        if self.result.is_some() || self.error.is_some() {
            return invalid(shown, "a request has neither a result nor an error");
        }
        let params = match self
            .params
            .map(|params| (params, params.as_bytes().first()))
        {
            None | Some(("null", _)) => None,
            Some((params, Some(b'{' | b'['))) => Some(params),
            Some(_) => return invalid(shown, "expected params that are an object or an array"),
        };
        let options = match self.chirp.map(CallMember::read) {
            None => CallMember::default(),
            Some(Some(options)) => options,
            Some(None) => {
                let reason = "expected \"chirp\": {\"timeout_ms\": NUMBER, \"credit\": NUMBER}";
                return invalid(shown, reason);
            }
        };
        Entry::Request {
            id,
            method,
            params,
            options,
        }
    }

    fn response(self, id: Option<&'a str>, version: VersionRule) -> Entry<'a> {
        let Some(id) = id else {
            // Nothing can be answered, and nothing waits for it.
            return Entry::InvalidResponse {
                id: NO_ID,
                reason: "no valid id",
            };
        };
        let invalid = |reason| Entry::InvalidResponse { id, reason };
        if !version.allows(self.version) {
            return invalid("no \"jsonrpc\": \"2.0\"");
        }
        if self.repeated.is_some() {
            return invalid("a member occurs twice");
        }
        // Some programs write the one that does not apply as `null`.
        let outcome = match (self.result, self.error) {
            (Some(result), None | Some("null")) => Ok(result),
            (None | Some("null"), Some(error)) => match ErrorObject::read(error) {
                Some(error) => Err(error),
                None => return invalid("the error is no object with a code and a message"),
            },
            _ => return invalid("both a result and an error"),
        };
        Entry::Response { id, outcome }
    }
}

fn invalid(id: &str, reason: impl Into<Cow<'static, str>>) -> Entry<'_> {
    let reason = reason.into();
    Entry::Invalid { id, reason }
}

/// Returns whether a JSON text is a string, a number or `null`.
fn is_id(text: &str) -> bool {
    text == NO_ID || matches!(text.as_bytes().first(), Some(b'"' | b'-' | b'0'..=b'9'))
}

/// Reads the text of a JSON string.
fn string(json: &str) -> Option<Cow<'_, str>> {
    let inside = json.strip_prefix('"')?.strip_suffix('"')?;
    if memchr::memchr(b'\\', inside.as_bytes()).is_none() {
        return Some(inside.into());
    }
    serde_json::from_slice(json.as_bytes()).ok().map(Cow::Owned)
}

impl CallMember {
    fn read(json: &str) -> Option<Self> {
        #[derive(serde::Deserialize)]
        struct Fields {
            timeout_ms: Option<u64>,
            credit: Option<u64>,
        }
        let fields: Fields = serde_json::from_slice(json.as_bytes()).ok()?;
        Some(Self {
            timeout: fields.timeout_ms.map(Duration::from_millis),
            credit: fields.credit,
        })
    }

    fn write(self, out: &mut Vec<u8>) {
        let timeout = self.timeout.map(|timeout| timeout.as_millis().to_string());
        let credit = self.credit.map(|credit| credit.to_string());
        let fields = [("timeout_ms", timeout), ("credit", credit)];
        let mut separator = b",\"chirp\":{".as_slice();
        for (name, value) in fields {
            let Some(value) = value else {
                continue;
            };
            out.extend_from_slice(separator);
            out.extend_from_slice(format!("\"{name}\":{value}").as_bytes());
            separator = b",";
        }
        if separator == b"," {
            out.push(b'}');
        }
    }
}

/// Reads the code of an error. Some programs print `-32000.0`, and others have codes that are not integers.
fn code(json: &str) -> i64 {
    let whole = json.strip_suffix(".0").unwrap_or(json);
    whole.parse().unwrap_or(i64::MAX)
}

impl<'a> ErrorObject<'a> {
    fn read(json: &'a str) -> Option<Self> {
        #[derive(serde::Deserialize)]
        struct Fields<'a> {
            code: &'a RawValue,
            #[serde(borrow)]
            message: Option<Cow<'a, str>>,
            #[serde(borrow)]
            data: Option<&'a RawValue>,
        }
        let fields: Fields<'a> = serde_json::from_slice(json.as_bytes()).ok()?;
        Some(Self {
            code: code(fields.code.get()),
            code_text: fields.code.get(),
            message: fields.message.unwrap_or_default(),
            data: fields.data.map(RawValue::get),
        })
    }
}

/// Appends a response with a result, which is JSON text.
pub(super) fn write_result(out: &mut Vec<u8>, id: &str, result: &[u8]) {
    out.extend_from_slice(b"{\"jsonrpc\":\"2.0\",\"id\":");
    out.extend_from_slice(id.as_bytes());
    out.extend_from_slice(b",\"result\":");
    out.extend_from_slice(result);
    out.push(b'}');
}

/// Appends a response with an error. The data are JSON text.
pub(super) fn write_error(
    out: &mut Vec<u8>,
    id: Option<&str>,
    code: i64,
    message: &str,
    data: Option<&[u8]>,
) {
    out.extend_from_slice(b"{\"jsonrpc\":\"2.0\"");
    if let Some(id) = id {
        out.extend_from_slice(b",\"id\":");
        out.extend_from_slice(id.as_bytes());
    }
    out.extend_from_slice(b",\"error\":{\"code\":");
    out.extend_from_slice(code.to_string().as_bytes());
    out.extend_from_slice(b",\"message\":");
    write_string(out, message);
    if let Some(data) = data {
        out.extend_from_slice(b",\"data\":");
        out.extend_from_slice(data);
    }
    out.extend_from_slice(b"}}");
}

/// Appends a request, or a notification, which has no id. The parameters are JSON text.
pub(super) fn write_request(
    out: &mut Vec<u8>,
    id: Option<u32>,
    method: &str,
    params: Option<&[u8]>,
    options: CallMember,
) {
    out.extend_from_slice(b"{\"jsonrpc\":\"2.0\"");
    if let Some(id) = id {
        out.extend_from_slice(b",\"id\":");
        out.extend_from_slice(id.to_string().as_bytes());
    }
    out.extend_from_slice(b",\"method\":");
    write_string(out, method);
    if let Some(params) = params {
        out.extend_from_slice(b",\"params\":");
        out.extend_from_slice(params);
    }
    options.write(out);
    out.push(b'}');
}

/// Appends a JSON string.
pub(super) fn write_string(out: &mut Vec<u8>, text: &str) {
    // Writing text to memory does not fail.
    let _ = serde_json::to_writer(out, text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_start_of_a_message_tells_requests_from_responses() {
        let request = |id| Start::Request { id };
        for (start, expected) in [
            (
                r#"{"jsonrpc":"2.0","id":7,"method":"x","params":{"a":"..."#,
                request(Some("7")),
            ),
            (r#"{"id":"a","params":["#, request(Some("\"a\""))),
            (r#"{"params":{"id":7,"result":1"#, request(None)),
            (r#"{"method":"long"#, request(None)),
            (
                r#"{"jsonrpc":"2.0","id":7,"result":"..."#,
                Start::Response { id: "7" },
            ),
            (
                r#" {"id":7 , "x": 1, "error" : {"code""#,
                Start::Response { id: "7" },
            ),
            (r#"{"result":"..."#, Start::Unknown),
            (r#"{"id":7,"x":"..."#, Start::Unknown),
            (r#"{"jsonrpc":"2.0","id":"..."#, Start::Unknown),
            (r#"{"jsonrpc":"2.0","id":123"#, Start::Unknown),
            (r#"[{"id":7,"method":"x""#, Start::Unknown),
            ("...", Start::Unknown),
            ("", Start::Unknown),
        ] {
            assert_eq!(Start::read(start.as_bytes()), expected, "{start}");
        }
        let cut = "{\"id\":7,\"method\":\"ä".as_bytes();
        assert_eq!(Start::read(&cut[..cut.len() - 1]), request(Some("7")));
    }
}
