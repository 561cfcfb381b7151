use std::time::Duration;

use super::{Header, PacketError, PacketType};

/// Information about the call that follows (PROTOCOL.md, "Call context").
///
/// An extension: the packet is sent only to a side that has declared support for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CallInfo {
    /// The time left for the call. Sent in whole milliseconds.
    pub time: Option<Duration>,
    /// Whether the context has a required field that this library does not know. Such a call is rejected.
    pub unsupported: bool,
}

const DEADLINE: u8 = 1;
/// Fields from this kind on are required: a receiver that does not know one must reject the call.
const REQUIRED: u8 = 0x80;
const MAX_LEN: usize = 64 << 10;

impl CallInfo {
    /// Creates the context of a call that may take `time`.
    pub fn within(time: Duration) -> Self {
        Self {
            time: Some(time),
            unsupported: false,
        }
    }

    /// Appends the packet to `out`. Omits a time that does not fit into 32 bits of milliseconds (about 49 days).
    pub fn encode(self, out: &mut Vec<u8>) {
        let millis = self
            .time
            .and_then(|time| u32::try_from(time.as_millis()).ok());
        let mut payload = Vec::new();
        if let Some(millis) = millis {
            payload.extend_from_slice(&[DEADLINE, 0, 4]);
            payload.extend_from_slice(&millis.to_be_bytes());
        }
        // At most seven bytes.
        let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
        out.extend_from_slice(&Header::new(PacketType::CALL_CONTEXT, length).encode());
        out.extend_from_slice(&payload);
    }

    /// Decodes the payload of a `CallContext` packet. Skips unknown fields that are not required.
    ///
    /// # Errors
    ///
    /// Returns [`PacketError::CallContext`] if the payload is over 64 KiB, or if a field is truncated,
    /// repeated or of the wrong length.
    pub fn decode(mut bytes: &[u8]) -> Result<Self, PacketError> {
        if bytes.len() > MAX_LEN {
            return Err(PacketError::CallContext("larger than 64 KiB"));
        }
        let mut info = Self::default();
        while let Some((&[kind, l0, l1], rest)) = bytes.split_first_chunk() {
            let length = usize::from(u16::from_be_bytes([l0, l1]));
            let Some((value, rest)) = rest.split_at_checked(length) else {
                return Err(PacketError::CallContext("truncated field"));
            };
            match kind {
                DEADLINE if info.time.is_some() => {
                    return Err(PacketError::CallContext("more than one deadline"));
                }
                DEADLINE => {
                    let millis = value.try_into().map(u32::from_be_bytes);
                    let millis = millis
                        .map_err(|_| PacketError::CallContext("deadline is not 4 bytes long"))?;
                    info.time = Some(Duration::from_millis(millis.into()));
                }
                REQUIRED.. => info.unsupported = true,
                _ => {}
            }
            bytes = rest;
        }
        if bytes.is_empty() {
            Ok(info)
        } else {
            Err(PacketError::CallContext("truncated field"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_survives_encoding_and_decoding() {
        for (time, hex) in [
            (
                1500,
                &[0xC7, 0, 0xC7, 0, 0, 0, 0, 7, 1, 0, 4, 0, 0, 5, 0xDC][..],
            ),
            (0, &[0xC7, 0, 0xC7, 0, 0, 0, 0, 7, 1, 0, 4, 0, 0, 0, 0][..]),
        ] {
            let info = CallInfo::within(Duration::from_millis(time));
            let mut out = Vec::new();
            info.encode(&mut out);
            assert_eq!(out, hex);
            assert_eq!(CallInfo::decode(&out[Header::LEN..]), Ok(info));
        }
    }

    #[test]
    fn malformed_fields_are_errors_and_unknown_fields_are_skipped() {
        for wrong in [
            &[1][..],
            &[1, 0],
            &[1, 0, 4, 0, 0, 0],
            &[1, 0, 3, 0, 0, 0],
            &[9, 0, 1],
        ] {
            assert!(CallInfo::decode(wrong).is_err(), "{wrong:?}");
        }
        assert!(CallInfo::decode(&[1, 0, 4, 0, 0, 0, 1].repeat(2)).is_err());
        assert_eq!(CallInfo::decode(&[]), Ok(CallInfo::default()));
        assert_eq!(CallInfo::decode(&[3, 0, 2, 7, 7]), Ok(CallInfo::default()));
        assert!(
            CallInfo::decode(&[0x80, 0, 0])
                .expect("well-formed")
                .unsupported
        );
    }
}
