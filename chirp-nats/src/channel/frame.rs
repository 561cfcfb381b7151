//! The messages of a connection over NATS.
//!
//! | kind | fields |
//! |---|---|
//! | 0 hello | version u8, credit u64; the subject for answers is that of the dialling side |
//! | 1 accept | version u8, credit u64; the subject for answers is that of the accepting side |
//! | 2 data | number u64, bytes |
//! | 3 end | number u64: no data follows |
//! | 4 status | number of the last data or end that was sent u64, credit u64 |
//! | 5 abort | text |
//!
//! Numbers count from 1. Credit is the sum of what a side may send since the beginning, in bytes; a data message costs its bytes and
//! [`COST`]. Integers are big-endian.

use bytes::{Buf, BufMut, Bytes, BytesMut};

pub(super) const VERSION: u8 = 1;

/// The bytes of a data message before its bytes.
pub(super) const HEAD: usize = 9;

/// The bytes that each data message costs besides its own, so that small ones are bounded, too.
pub(super) const COST: u64 = 256;

/// The longest text of an abort, in bytes.
const MAX_TEXT: usize = 1_024;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ChannelFrame {
    Hello { version: u8, credit: u64 },
    Accept { version: u8, credit: u64 },
    Data { number: u64, bytes: Bytes },
    End { number: u64 },
    Status { last: u64, credit: u64 },
    Abort { text: String },
}

impl ChannelFrame {
    pub(super) fn encode(&self) -> Bytes {
        let mut out = BytesMut::new();
        match self {
            Self::Hello { version, credit } => {
                out.put_slice(&[0, *version]);
                out.put_u64(*credit);
            }
            Self::Accept { version, credit } => {
                out.put_slice(&[1, *version]);
                out.put_u64(*credit);
            }
            Self::Data { number, bytes } => return data(*number, bytes),
            Self::End { number } => {
                out.put_u8(3);
                out.put_u64(*number);
            }
            Self::Status { last, credit } => {
                out.put_u8(4);
                out.put_u64(*last);
                out.put_u64(*credit);
            }
            Self::Abort { text } => {
                out.put_u8(5);
                out.put_slice(&text.as_bytes()[..text.floor_char_boundary(MAX_TEXT)]);
            }
        }
        out.freeze()
    }

    /// Returns `None` for what is no message of a connection.
    pub(super) fn decode(mut message: Bytes) -> Option<Self> {
        let kind = message.try_get_u8().ok()?;
        Some(match kind {
            0 | 1 => {
                let version = message.try_get_u8().ok()?;
                let credit = message.try_get_u64().ok()?;
                match kind {
                    0 => Self::Hello { version, credit },
                    _ => Self::Accept { version, credit },
                }
            }
            2 => Self::Data {
                number: message.try_get_u64().ok()?,
                bytes: message,
            },
            3 => Self::End {
                number: message.try_get_u64().ok()?,
            },
            4 => Self::Status {
                last: message.try_get_u64().ok()?,
                credit: message.try_get_u64().ok()?,
            },
            5 => {
                message.truncate(MAX_TEXT);
                Self::Abort {
                    text: String::from_utf8_lossy(&message).into_owned(),
                }
            }
            _ => return None,
        })
    }
}

/// A data message.
pub(super) fn data(number: u64, bytes: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(HEAD + bytes.len());
    out.put_u8(2);
    out.put_u64(number);
    out.put_slice(bytes);
    out.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_survive_encoding() {
        for frame in [
            ChannelFrame::Hello {
                version: 1,
                credit: 1 << 20,
            },
            ChannelFrame::Accept {
                version: 1,
                credit: 0,
            },
            ChannelFrame::Data {
                number: 1,
                bytes: Bytes::from_static(b"abc"),
            },
            ChannelFrame::Data {
                number: u64::MAX,
                bytes: Bytes::new(),
            },
            ChannelFrame::End { number: 7 },
            ChannelFrame::Status { last: 3, credit: 9 },
            ChannelFrame::Abort {
                text: "why".to_owned(),
            },
        ] {
            let encoded = frame.encode();
            assert_eq!(ChannelFrame::decode(encoded.clone()), Some(frame.clone()));
            if !matches!(
                frame,
                ChannelFrame::Data { .. } | ChannelFrame::Abort { .. }
            ) {
                let short = encoded.slice(..encoded.len() - 1);
                assert_eq!(ChannelFrame::decode(short), None, "{frame:?}");
            }
        }
        assert_eq!(ChannelFrame::decode(Bytes::new()), None);
        assert_eq!(ChannelFrame::decode(Bytes::from_static(b"\x09abc")), None);
    }
}
