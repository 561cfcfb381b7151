use std::fmt;
use std::fmt::Write as _;
use std::str;

/// The longest `tracestate` that is kept, in bytes.
const MAX_STATE: usize = 512;
/// The most entries of a `tracestate`.
const MAX_STATE_ENTRIES: usize = 32;
/// Bytes of an encoded trace context before its `tracestate`.
const HEAD: usize = 16 + 8 + 1;

/// The position of a call in a distributed trace, as in W3C Trace Context (level 2): `traceparent` and `tracestate`.
///
/// ```
/// # use chirp_runtime::packet as chirp;
/// use chirp::TraceContext;
///
/// let text = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
/// let trace = TraceContext::parse(text)?.with_state("vendor=x")?;
/// assert!(trace.is_sampled());
/// assert_eq!(trace.traceparent(), text);
/// # Ok::<_, chirp::TraceContextError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct TraceContext {
    trace_id: [u8; 16],
    parent_id: [u8; 8],
    flags: u8,
    state: Box<str>,
}

impl TraceContext {
    /// The flag of a trace that is recorded.
    pub const SAMPLED: u8 = 1;

    /// The flag of a trace id whose last 7 bytes are random.
    pub const RANDOM: u8 = 2;

    /// Creates a trace context without a `tracestate`. `parent_id` is the id of the span that makes the call. Flags that
    /// are not defined are cleared.
    ///
    /// # Errors
    ///
    /// [`TraceContextError::ZeroId`] if an id is all zero.
    pub fn new(
        trace_id: [u8; 16],
        parent_id: [u8; 8],
        flags: u8,
    ) -> Result<Self, TraceContextError> {
        if trace_id == [0; 16] || parent_id == [0; 8] {
            return Err(TraceContextError::ZeroId);
        }
        Ok(Self {
            trace_id,
            parent_id,
            flags: flags & (Self::SAMPLED | Self::RANDOM),
            state: Box::default(),
        })
    }

    /// Parses a `traceparent`. Of a later version than 00, the fields of version 00 are read.
    ///
    /// # Errors
    ///
    /// [`TraceContextError`] if the text is malformed or an id is all zero.
    pub fn parse(traceparent: &str) -> Result<Self, TraceContextError> {
        let malformed = || TraceContextError::TraceParent(traceparent.into());
        let bytes = traceparent.as_bytes();
        let fields = bytes.get(..55).ok_or_else(malformed)?;
        let hex = |from: usize, out: &mut [u8]| {
            for (i, byte) in out.iter_mut().enumerate() {
                let pair = &fields[from + 2 * i..][..2];
                *byte = digit(pair[0])? << 4 | digit(pair[1])?;
            }
            Some(())
        };
        let (mut version, mut trace_id, mut parent_id, mut flags) = ([0], [0; 16], [0; 8], [0]);
        hex(0, &mut version)
            .and_then(|()| hex(3, &mut trace_id))
            .and_then(|()| hex(36, &mut parent_id))
            .and_then(|()| hex(53, &mut flags))
            .ok_or_else(malformed)?;
        let separated = [2, 35, 52].iter().all(|at| fields[*at] == b'-');
        let ends = match (version, bytes.get(55)) {
            // Later versions may append fields.
            ([0xFF], _) | ([0], Some(_)) => false,
            (_, None) => true,
            (_, Some(next)) => *next == b'-',
        };
        if !separated || !ends {
            return Err(malformed());
        }
        Self::new(trace_id, parent_id, flags[0])
    }

    /// Sets the `tracestate`. An empty text removes it.
    ///
    /// # Errors
    ///
    /// [`TraceContextError::TraceState`] if the text has other characters than visible ASCII, spaces and tabs, over 512
    /// bytes or over 32 entries.
    pub fn with_state(mut self, tracestate: &str) -> Result<Self, TraceContextError> {
        if !is_state(tracestate.as_bytes()) {
            return Err(TraceContextError::TraceState);
        }
        self.state = tracestate.into();
        Ok(self)
    }

    /// The id of the trace.
    pub fn trace_id(&self) -> [u8; 16] {
        self.trace_id
    }

    /// The id of the span that made the call.
    pub fn parent_id(&self) -> [u8; 8] {
        self.parent_id
    }

    /// The flags: [`SAMPLED`](Self::SAMPLED) and [`RANDOM`](Self::RANDOM).
    pub fn flags(&self) -> u8 {
        self.flags
    }

    /// Returns `true` if the trace is recorded.
    pub fn is_sampled(&self) -> bool {
        self.flags & Self::SAMPLED != 0
    }

    /// The `tracestate`, which may be empty.
    pub fn state(&self) -> &str {
        &self.state
    }

    /// Prints the `traceparent`, of version 00.
    pub fn traceparent(&self) -> String {
        let mut text = String::with_capacity(55);
        text.push_str("00-");
        for part in [&self.trace_id[..], &self.parent_id, &[self.flags]] {
            for byte in part {
                // Writing to a string cannot fail.
                let _ = write!(text, "{byte:02x}");
            }
            text.push('-');
        }
        text.pop();
        text
    }

    /// The length of the encoded trace context, in bytes.
    pub(super) fn encoded_len(&self) -> usize {
        HEAD + self.state.len()
    }

    /// Appends the value of a trace field.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.trace_id);
        out.extend_from_slice(&self.parent_id);
        out.push(self.flags);
        out.extend_from_slice(self.state.as_bytes());
    }

    /// Decodes the value of a trace field. Returns `None` if an id is all zero. A `tracestate` that is not valid is left
    /// out, as W3C Trace Context says.
    ///
    /// # Errors
    ///
    /// Returns what is wrong if the value is truncated.
    pub(super) fn decode(value: &[u8]) -> Result<Option<Self>, &'static str> {
        let too_short = "trace context shorter than 25 bytes";
        let (trace_id, rest) = value.split_first_chunk().ok_or(too_short)?;
        let (parent_id, rest) = rest.split_first_chunk().ok_or(too_short)?;
        let (flags, state) = rest.split_first().ok_or(too_short)?;
        let Ok(mut trace) = Self::new(*trace_id, *parent_id, *flags) else {
            return Ok(None);
        };
        if let Ok(text) = str::from_utf8(state)
            && is_state(state)
        {
            trace.state = text.into();
        }
        Ok(Some(trace))
    }
}

/// Returns `true` for the text of a `tracestate`.
fn is_state(text: &[u8]) -> bool {
    let entries = text.split(|byte| *byte == b',').count();
    text.len() <= MAX_STATE
        && entries <= MAX_STATE_ENTRIES
        && text.iter().all(|byte| matches!(byte, b'\t' | b' '..=b'~'))
}

/// The value of a lower-case hexadecimal digit.
fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    }
}

impl str::FromStr for TraceContext {
    type Err = TraceContextError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

/// Prints the `traceparent`.
impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.traceparent())
    }
}

impl fmt::Debug for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TraceContext")
            .field(&format_args!("{self}"))
            .field(&self.state)
            .finish()
    }
}

/// The reason why a trace context is invalid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TraceContextError {
    /// The trace id or the parent id is all zero.
    #[error("the trace id or the parent id is all zero")]
    ZeroId,
    /// The `traceparent` is malformed.
    #[error("malformed traceparent \"{}\"", .0.escape_debug())]
    TraceParent(Box<str>),
    /// The `tracestate` is malformed or too long.
    #[error(
        "malformed tracestate, or one of more than {MAX_STATE} bytes or {MAX_STATE_ENTRIES} entries"
    )]
    TraceState,
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDS: &str = "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331";

    #[test]
    fn a_traceparent_survives_parsing_and_printing() {
        for flags in ["00", "01", "02", "03"] {
            let text = format!("00-{IDS}-{flags}");
            let trace = TraceContext::parse(&text).expect("valid");
            assert_eq!(trace.to_string(), text);
            assert_eq!(trace.is_sampled(), flags == "01" || flags == "03");
            let mut out = Vec::new();
            trace.encode(&mut out);
            assert_eq!(out.len(), trace.encoded_len());
            assert_eq!(TraceContext::decode(&out), Ok(Some(trace)));
        }
    }

    /// W3C Trace Context level 2, sections 3.2 and 4.3: later versions are read as version 00 and continued as such, and
    /// flags that are not defined are cleared.
    #[test]
    fn later_versions_and_unknown_flags_are_read_as_version_00() {
        for (text, flags) in [
            (format!("cc-{IDS}-01"), "01"),
            (format!("cc-{IDS}-01-what-comes"), "01"),
            (format!("fe-{IDS}-01-"), "01"),
            (format!("00-{IDS}-ff"), "03"),
            (format!("01-{IDS}-0c"), "00"),
        ] {
            let trace = TraceContext::parse(&text).expect("valid");
            assert_eq!(trace.traceparent(), format!("00-{IDS}-{flags}"), "{text}");
        }
    }

    #[test]
    fn malformed_texts_are_refused() {
        let zero = "0".repeat(32);
        for text in [
            String::new(),
            format!("00-{IDS}"),
            format!("00-{IDS}-0"),
            format!("00-{IDS}-01-"),
            format!("00-{IDS}-01.x"),
            format!("cc-{IDS}-01.x"),
            format!("ff-{IDS}-01"),
            format!("0-{IDS}-011"),
            format!("00-{}-01", IDS.to_uppercase()),
            format!("00-{}-01", IDS.replace('-', "_")),
            format!("00-{IDS}-0é"),
            format!("+0-{IDS}-01"),
            format!(" 00-{IDS}-01"),
        ] {
            let error = TraceContextError::TraceParent(text.as_str().into());
            assert_eq!(TraceContext::parse(&text), Err(error));
        }
        for ids in [
            format!("{zero}-b7ad6b7169203331"),
            format!("0af7651916cd43dd8448eb211c80319c-{}", &zero[..16]),
        ] {
            let parsed = TraceContext::parse(&format!("00-{ids}-01"));
            assert_eq!(parsed, Err(TraceContextError::ZeroId));
        }
    }

    #[test]
    fn a_state_that_is_malformed_is_left_out() {
        let trace = TraceContext::new([1; 16], [2; 8], 1).expect("not zero");
        let full = "a=1,".repeat(31) + "z=1";
        for (state, is_valid) in [
            ("", true),
            ("rojo=00f067aa0ba902b7,congo=t61rcWkgMzE", true),
            ("a=1,\t b=2", true),
            (&full, true),
            (&format!("{full},x=1"), false),
            (&"a".repeat(513), false),
            ("a=\n", false),
            ("a=ü", false),
        ] {
            let set = trace.clone().with_state(state);
            assert_eq!(set.is_ok(), is_valid, "{state}");
            let mut out = Vec::new();
            trace.encode(&mut out);
            out.extend_from_slice(state.as_bytes());
            let decoded = TraceContext::decode(&out).expect("long enough");
            assert_eq!(decoded, Some(set.unwrap_or_else(|_| trace.clone())));
        }
        assert!(TraceContext::decode(&[1; 24]).is_err());
        assert_eq!(TraceContext::decode(&[0; 30]), Ok(None));
    }
}
