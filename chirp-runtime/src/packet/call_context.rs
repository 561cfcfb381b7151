use std::time::Duration;

use super::{Header, PacketError, PacketType};

/// What a caller says of the call that follows (PROTOCOL.md, "Call context"): an extension, sent only to a
/// side that has declared that it accepts it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CallInfo {
    /// How much time is left for the call. Milliseconds travel.
    pub time: Option<Duration>,
    /// The context holds something that must be understood, and is not. Such a call is refused.
    pub unsupported: bool,
}

const DEADLINE: u8 = 1;
/// Fields from here on must be understood.
const REQUIRED: u8 = 0x80;
const MAX_LEN: usize = 64 << 10;

impl CallInfo {
    /// A call that has this much time.
    pub fn within(time: Duration) -> Self {
        Self {
            time: Some(time),
            unsupported: false,
        }
    }

    /// Appends the packet that says so. A time that is too long to be said is not.
    pub fn encode(self, out: &mut Vec<u8>) {
        let millis = self
            .time
            .and_then(|time| u32::try_from(time.as_millis()).ok());
        let mut payload = Vec::new();
        if let Some(millis) = millis {
            payload.extend_from_slice(&[DEADLINE, 0, 4]);
            payload.extend_from_slice(&millis.to_be_bytes());
        }
        // Seven bytes at the most.
        let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
        out.extend_from_slice(&Header::new(PacketType::CALL_CONTEXT, length).encode());
        out.extend_from_slice(&payload);
    }

    /// Reads the payload of the packet. Fields that need not be understood, and are not, are skipped.
    ///
    /// # Errors
    ///
    /// [`PacketError::CallContext`] when a field is cut short, comes twice, or has the wrong length.
    pub fn decode(mut bytes: &[u8]) -> Result<Self, PacketError> {
        if bytes.len() > MAX_LEN {
            return Err(PacketError::CallContext("it is over 64 KiB"));
        }
        let mut info = Self::default();
        while let Some((&[kind, l0, l1], rest)) = bytes.split_first_chunk() {
            let length = usize::from(u16::from_be_bytes([l0, l1]));
            let Some((value, rest)) = rest.split_at_checked(length) else {
                return Err(PacketError::CallContext("a field is truncated"));
            };
            match kind {
                DEADLINE if info.time.is_some() => {
                    return Err(PacketError::CallContext("there are two deadlines"));
                }
                DEADLINE => {
                    let millis = value.try_into().map(u32::from_be_bytes);
                    let millis = millis
                        .map_err(|_| PacketError::CallContext("a deadline has four bytes"))?;
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
            Err(PacketError::CallContext("a field is truncated"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_goes_there_and_back() {
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
    fn what_is_wrong_and_what_is_skipped() {
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
