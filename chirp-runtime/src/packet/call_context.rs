use std::time::Duration;

use bytes::Bytes;

use super::metadata::{METADATA, split_field};
use super::{Header, Metadata, PacketError, PacketType, RESERVED_PREFIX, TraceContext};

/// Information about the call that follows (PROTOCOL.md, "Call context").
///
/// An extension: the packet is sent only to a side that has declared support for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CallInfo {
    /// The time left for the call. Sent in whole milliseconds.
    pub time: Option<Duration>,
    /// The position of the call in a trace.
    pub trace: Option<TraceContext>,
    /// The metadata of the call.
    pub metadata: Metadata,
    /// Whether the context has a required field that this library does not know. Such a call is rejected.
    pub unsupported: bool,
}

const DEADLINE: u8 = 1;
const TRACE: u8 = 2;
/// Fields from this kind on are required: a receiver that does not know one must reject the call.
const REQUIRED: u8 = 0x80;
/// Bytes of a field before its value: kind and length.
const FIELD_HEAD: usize = 3;
/// Bytes of a deadline field.
const DEADLINE_LEN: usize = FIELD_HEAD + 4;

impl CallInfo {
    /// The longest payload, in bytes.
    pub const MAX_LEN: usize = 64 << 10;

    /// Creates the context of a call that may take `time`.
    pub fn within(time: Duration) -> Self {
        Self {
            time: Some(time),
            ..Self::default()
        }
    }

    /// Appends the packet to `out`. Omits a time that does not fit into 32 bits of milliseconds (about 49 days).
    pub fn encode(&self, out: &mut Vec<u8>) {
        let fields = CallFields::new(self.trace.as_ref(), &self.metadata);
        Self::encode_parts(out, self.time, fields.as_ref());
    }

    /// The length of a payload with these fields and a time.
    pub(crate) fn payload_len(fields: &CallFields) -> usize {
        DEADLINE_LEN + fields.encoded_len()
    }

    /// As [`encode`](Self::encode), from a time and fields that have been encoded.
    pub(crate) fn encode_parts(
        out: &mut Vec<u8>,
        time: Option<Duration>,
        fields: Option<&CallFields>,
    ) {
        let millis = time.and_then(|time| u32::try_from(time.as_millis()).ok());
        let fields = fields.map_or(&[][..], |fields| &fields.bytes);
        let length = fields.len() + millis.map_or(0, |_| DEADLINE_LEN);
        // At most 64 KiB.
        let length = u32::try_from(length).unwrap_or(u32::MAX);
        out.extend_from_slice(&Header::new(PacketType::CALL_CONTEXT, length).encode());
        if let Some(millis) = millis {
            out.extend_from_slice(&[DEADLINE, 0, 4]);
            out.extend_from_slice(&millis.to_be_bytes());
        }
        out.extend_from_slice(fields);
    }

    /// Decodes the payload of a `CallContext` packet. Skips unknown fields that are not required, and metadata with
    /// reserved keys.
    ///
    /// # Errors
    ///
    /// Returns [`PacketError::CallContext`] if the payload is over 64 KiB, or if a field is truncated, malformed or
    /// repeated although it may occur once.
    pub fn decode(payload: &Bytes) -> Result<Self, PacketError> {
        Self::decode_fields(payload).map_err(PacketError::CallContext)
    }

    fn decode_fields(payload: &Bytes) -> Result<Self, &'static str> {
        if payload.len() > Self::MAX_LEN {
            return Err("larger than 64 KiB");
        }
        let mut info = Self::default();
        let mut metadata = MetadataFields::default();
        let mut has_trace = false;
        let mut bytes = &payload[..];
        while let Some((&[kind, l0, l1], rest)) = bytes.split_first_chunk() {
            let at = payload.len() - bytes.len();
            let length = usize::from(u16::from_be_bytes([l0, l1]));
            let Some((value, rest)) = rest.split_at_checked(length) else {
                return Err("truncated field");
            };
            match kind {
                DEADLINE if info.time.is_some() => return Err("more than one deadline"),
                DEADLINE => {
                    let millis = value.try_into().map(u32::from_be_bytes);
                    let millis = millis.map_err(|_| "deadline is not 4 bytes long")?;
                    info.time = Some(Duration::from_millis(millis.into()));
                }
                TRACE if has_trace => return Err("more than one trace context"),
                TRACE => {
                    has_trace = true;
                    info.trace = TraceContext::decode(value)?;
                }
                METADATA => {
                    let (key, _) = split_field(value)?;
                    if !key.starts_with(RESERVED_PREFIX) {
                        metadata.add(payload, at, FIELD_HEAD + length);
                    }
                }
                REQUIRED.. => info.unsupported = true,
                _ => {}
            }
            bytes = rest;
        }
        if !bytes.is_empty() {
            return Err("truncated field");
        }
        info.metadata = metadata.finish(payload);
        Ok(info)
    }
}

/// The metadata fields of a payload. As long as they follow each other, they are not copied.
#[derive(Default)]
struct MetadataFields {
    start: usize,
    end: usize,
    copied: Vec<u8>,
}

impl MetadataFields {
    fn add(&mut self, payload: &[u8], at: usize, length: usize) {
        if self.start == self.end {
            self.start = at;
        } else if at != self.end {
            self.copied
                .extend_from_slice(&payload[self.start..self.end]);
            self.start = at;
        }
        self.end = at + length;
    }

    fn finish(mut self, payload: &Bytes) -> Metadata {
        if self.start == self.end {
            return Metadata::default();
        }
        Metadata::of_fields(if self.copied.is_empty() {
            payload.slice(self.start..self.end)
        } else {
            self.copied
                .extend_from_slice(&payload[self.start..self.end]);
            self.copied.into()
        })
    }
}

/// The trace context and the metadata of a call, encoded.
#[derive(Clone, Debug)]
pub struct CallFields {
    bytes: Bytes,
    metadata_len: usize,
    required: bool,
}

impl CallFields {
    /// The most bytes of fields, so that a deadline fits into the packet too.
    pub const MAX_LEN: usize = CallInfo::MAX_LEN - DEADLINE_LEN;

    /// Encodes a trace context and metadata. Returns `None` if there is neither.
    pub fn new(trace: Option<&TraceContext>, metadata: &Metadata) -> Option<Self> {
        let bytes = match trace {
            None if metadata.is_empty() => return None,
            None => metadata.fields().clone(),
            Some(trace) => {
                let length = trace.encoded_len();
                let fields = metadata.fields();
                let mut bytes = Vec::with_capacity(FIELD_HEAD + length + fields.len());
                bytes.push(TRACE);
                bytes.extend_from_slice(&u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes());
                trace.encode(&mut bytes);
                bytes.extend_from_slice(fields);
                bytes.into()
            }
        };
        Some(Self {
            bytes,
            metadata_len: metadata.encoded_len(),
            required: metadata.is_required(),
        })
    }

    /// Returns `true` if the call must not be sent to a side that does not support them.
    pub fn is_required(&self) -> bool {
        self.required
    }

    /// The number of bytes of metadata.
    pub fn metadata_len(&self) -> usize {
        self.metadata_len
    }

    /// The number of bytes of all fields.
    pub fn encoded_len(&self) -> usize {
        self.bytes.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(bytes: &[u8]) -> Result<CallInfo, PacketError> {
        CallInfo::decode(&Bytes::copy_from_slice(bytes))
    }

    fn trace() -> TraceContext {
        let trace = TraceContext::new([1; 16], [2; 8], 1).expect("not zero");
        trace.with_state("a=b").expect("valid")
    }

    #[test]
    fn contexts_survive_encoding_and_decoding() {
        let mut metadata = Metadata::new();
        metadata.insert("user", "anna").expect("allowed");
        let trace_field = [&[2, 0, 28][..], &[1; 16], &[2; 8], &[1], b"a=b"].concat();
        let user = b"\x03\x00\x09\x04useranna";
        for (time, trace, metadata, payload) in [
            (Some(1500), None, None, vec![1, 0, 4, 0, 0, 5, 0xDC]),
            (Some(0), None, None, vec![1, 0, 4, 0, 0, 0, 0]),
            (None, None, None, vec![]),
            (None, None, Some(&metadata), user.to_vec()),
            (None, Some(trace()), None, trace_field.clone()),
            (
                Some(1),
                Some(trace()),
                Some(&metadata),
                [&[1, 0, 4, 0, 0, 0, 1], &trace_field[..], user].concat(),
            ),
        ] {
            let info = CallInfo {
                time: time.map(Duration::from_millis),
                trace,
                metadata: metadata.cloned().unwrap_or_default(),
                unsupported: false,
            };
            let mut out = Vec::new();
            info.encode(&mut out);
            let length = u8::try_from(payload.len()).expect("short");
            assert_eq!(out[..Header::LEN], [0xC7, 0, 0xC7, 0, 0, 0, 0, length]);
            assert_eq!(out[Header::LEN..], payload);
            assert_eq!(decode(&payload), Ok(info));
        }
    }

    #[test]
    fn metadata_between_other_fields_keeps_its_order() {
        let info = decode(
            &[
                &b"\x03\x00\x03\x01a1"[..],
                b"\x03\x00\x03\x01b2",
                b"\x01\x00\x04\x00\x00\x00\x01",
                b"\x09\x00\x01x",
                b"\x03\x00\x03\x01a3",
                b"\x03\x00\x08\x07chirp.x",
                b"\x03\x00\x02\x01c",
            ]
            .concat(),
        );
        let info = info.expect("well-formed");
        let entries: Vec<_> = info.metadata.iter().collect();
        let expected: [(&str, &[u8]); 4] = [("a", b"1"), ("b", b"2"), ("a", b"3"), ("c", b"")];
        assert_eq!(entries, expected);
        assert_eq!(info.time, Some(Duration::from_millis(1)));
    }

    #[test]
    fn malformed_fields_are_errors_and_unknown_fields_are_skipped() {
        let trace = [&[2, 0, 25][..], &[1; 25]].concat();
        for wrong in [
            &[1][..],
            &[1, 0],
            &[1, 0, 4, 0, 0, 0],
            &[1, 0, 3, 0, 0, 0],
            &[1, 0, 4, 0, 0, 0, 1].repeat(2),
            &[2, 0, 0],
            &[&[2, 0, 24][..], &[1; 24]].concat(),
            &trace.repeat(2),
            // A trace context that is ignored counts, too.
            &[&[2, 0, 25][..], &[0; 25], &trace].concat(),
            &[3, 0, 0],
            &[3, 0, 1, 0],
            &[3, 0, 2, 2, b'a'],
            &[3, 0, 2, 1, 0xFF],
            &[9, 0, 1],
            &vec![9; CallInfo::MAX_LEN + 1],
        ] {
            assert!(decode(wrong).is_err(), "{wrong:?}");
        }
        assert_eq!(decode(&[]), Ok(CallInfo::default()));
        assert_eq!(decode(&[9, 0, 2, 7, 7]), Ok(CallInfo::default()));
        let ignored = [&[2, 0, 25][..], &[0; 16], &[1; 9]].concat();
        assert_eq!(decode(&ignored), Ok(CallInfo::default()));
        assert!(decode(&[0x80, 0, 0]).expect("well-formed").unsupported);
    }
}
