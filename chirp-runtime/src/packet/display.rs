//! One-line representations of packets, for logs and captures.
//!
//! Bytes from a peer are quoted and escaped, so that they can neither start a new line nor imitate other
//! output. At most 16 bytes of data and 256 bytes of a message are shown, followed by the number of omitted
//! bytes: `"..."+84...`.

use std::fmt::{self, Display, Formatter};

#[cfg(feature = "lz4")]
use super::Compressed;
use super::{
    Cancel, EndReason, ErrorData, GoingAway, Header, IncomingPacket, PROTOCOL, PacketType,
    RequestPacket, ResponsePacket, ResultCode, StreamCredit, StreamEnd, StreamEntry, StreamItems,
    StreamOpen,
};

/// The maximum number of streams, items or credits shown per packet.
const STREAMS_SHOWN: usize = 4;

/// The maximum number of data bytes shown.
const DATA_SHOWN: usize = 16;

/// The maximum number of bytes shown of a service error's message.
const MESSAGE_SHOWN: usize = 256;

/// `Request, 12 bytes`, or `Request of protocol 3, 12 bytes` for another protocol number.
impl Display for Header {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)?;
        if self.protocol != PROTOCOL {
            write!(f, " of protocol {}", self.protocol)?;
        }
        write!(f, ", {} bytes", self.length)
    }
}

/// `Request 7 "Arith.sum_diff" "\x02\x04"`: request id, method name, parameters.
impl Display for RequestPacket {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let method = self.method().escape_ascii();
        write!(
            f,
            "Request {} \"{method}\" {}",
            self.id(),
            DataPreview(self.params())
        )
    }
}

/// `Response 7 success "\x02"`: request id, result code, data.
///
/// A service error is shown as `Response 7 service error 17 "hey", 5 bytes of data`: with its code, its
/// message and the length of its data.
impl Display for ResponsePacket {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "Response {} {}", self.id, self.code)?;
        match self.code {
            ResultCode::ServiceError => match ErrorData::decode(self.data.clone()) {
                Ok(error) => write!(
                    f,
                    " {} {}, {} bytes of data",
                    error.code,
                    Message(&error.message),
                    error.data.len()
                ),
                Err(_) => write!(f, ", malformed: {}", DataPreview(&self.data)),
            },
            _ if self.data.is_empty() && self.code != ResultCode::Success => Ok(()),
            _ => write!(f, " {}", DataPreview(&self.data)),
        }
    }
}

/// `Cancel 7`: the request id.
impl Display for Cancel {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "Cancel {}", self.id)
    }
}

/// The name of the code in the specification, such as `unknown method`.
impl Display for ResultCode {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Success => "success",
            Self::UnknownMethod => "unknown method",
            Self::DuplicateRequest => "duplicate request",
            Self::Cancelled => "cancelled",
            Self::ServiceError => "service error",
        })
    }
}

/// The packet's own representation, or its type and data for an unknown type: `PacketType(300) "hello"`. A
/// skipped payload is noted.
impl Display for IncomingPacket {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Packet { kind, payload } => {
                let known = match *kind {
                    PacketType::REQUEST => {
                        RequestPacket::decode(payload.clone()).map(|it| it.to_string())
                    }
                    PacketType::RESPONSE => {
                        ResponsePacket::decode(payload.clone()).map(|it| it.to_string())
                    }
                    PacketType::CANCEL => Cancel::decode(payload).map(|it| it.to_string()),
                    PacketType::GOING_AWAY => {
                        GoingAway::decode(payload.clone()).map(|it| it.to_string())
                    }
                    #[cfg(feature = "lz4")]
                    PacketType::COMPRESSED => {
                        Compressed::decode(payload.clone(), usize::MAX).map(|it| it.to_string())
                    }
                    PacketType::STREAM_OPEN => {
                        StreamOpen::decode(payload).map(|it| Opening(&it).to_string())
                    }
                    PacketType::STREAM_ITEMS => {
                        StreamItems::decode(payload.clone()).map(|it| it.to_string())
                    }
                    PacketType::STREAM_CREDIT => {
                        StreamCredit::decode(payload.clone()).map(|it| it.to_string())
                    }
                    PacketType::STREAM_END => {
                        StreamEnd::decode(payload.clone()).map(|it| it.to_string())
                    }
                    _ => return write!(f, "{kind} {}", DataPreview(payload)),
                };
                match known {
                    Ok(text) => f.write_str(&text),
                    Err(_) => write!(f, "{kind}, malformed: {}", DataPreview(payload)),
                }
            }
            Self::Oversized { header, id } => write!(f, "{header}, too large, with id {id}"),
            Self::Discarded(header) => write!(f, "{header}, discarded"),
        }
    }
}

/// `StreamOpen 1 to opener, bound, result, codec 0, window 16384; 2 from opener, codec 3, window 0`.
struct Opening<'a>(&'a [StreamEntry]);

impl Display for Opening<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("StreamOpen")?;
        for (at, entry) in self.0.iter().take(STREAMS_SHOWN).enumerate() {
            let StreamEntry {
                number,
                codec,
                window,
                ..
            } = entry;
            let way = if entry.to_opener { "to" } else { "from" };
            let bound = if entry.bound { ", bound" } else { "" };
            let result = if entry.result { ", result" } else { "" };
            let separator = if at == 0 { "" } else { ";" };
            write!(
                f,
                "{separator} {number} {way} opener{bound}{result}, codec {codec}, window {window}"
            )?;
        }
        more(f, self.0.len().saturating_sub(STREAMS_SHOWN))
    }
}

/// `StreamItems own 5: "\x01" "\x02"`: the stream's opener, its number, and the first items.
impl Display for StreamItems {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "StreamItems {}:", self.id)?;
        for item in self.items.clone().take(STREAMS_SHOWN) {
            write!(f, " {}", DataPreview(&item))?;
        }
        more(f, self.items.len().saturating_sub(STREAMS_SHOWN))
    }
}

/// `StreamCredit own 5 +34`: the stream's opener, its number, and the credit in bytes.
impl Display for StreamCredit {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("StreamCredit")?;
        for (at, (id, bytes)) in self.entries().take(STREAMS_SHOWN).enumerate() {
            let separator = if at == 0 { "" } else { "," };
            write!(f, "{separator} {id} +{bytes}")?;
        }
        more(f, self.entries().len().saturating_sub(STREAMS_SHOWN))
    }
}

/// `StreamEnd own 5 finished after 2 items`, or `StreamEnd own 5 failed after 2 items: 17 "hey"` for a failure.
impl Display for StreamEnd {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let reason = match self.reason {
            EndReason::Finished => "finished",
            EndReason::Failed => "failed",
            EndReason::Cancelled => "cancelled",
            EndReason::Refused => "refused",
        };
        write!(
            f,
            "StreamEnd {} {reason} after {} items",
            self.id, self.items
        )?;
        if self.error.is_empty() {
            return Ok(());
        }
        write!(f, ": {} {}", self.error.code, Message(&self.error.message))
    }
}

/// `GoingAway within 5s: 0 "new version"`, or `GoingAway` without a limit and a reason.
impl Display for GoingAway {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("GoingAway")?;
        if let Some(grace) = self.grace {
            write!(f, " within {grace:?}")?;
        }
        if self.reason.is_empty() {
            return Ok(());
        }
        write!(
            f,
            ": {} {}",
            self.reason.code,
            Message(&self.reason.message)
        )
    }
}

/// The first bytes of data, quoted, and the number of omitted bytes.
struct DataPreview<'a>(&'a [u8]);

impl Display for DataPreview<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let shown = self.0.len().min(DATA_SHOWN);
        write!(f, "\"{}\"", self.0[..shown].escape_ascii())?;
        more(f, self.0.len() - shown)
    }
}

/// The start of a text, quoted, and the number of omitted bytes.
struct Message<'a>(&'a str);

impl Display for Message<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let shown = self.0.floor_char_boundary(MESSAGE_SHOWN);
        write!(f, "{:?}", &self.0[..shown])?;
        more(f, self.0.len() - shown)
    }
}

fn more(f: &mut Formatter<'_>, bytes: usize) -> fmt::Result {
    match bytes {
        0 => Ok(()),
        bytes => write!(f, "+{bytes}..."),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn response(code: ResultCode, data: impl Into<Bytes>) -> ResponsePacket {
        ResponsePacket {
            id: 7,
            code,
            data: data.into(),
        }
    }

    fn service_error(error: &ErrorData) -> ResponsePacket {
        response(ResultCode::ServiceError, error.encode())
    }

    fn packet(kind: u16, payload: &'static [u8]) -> IncomingPacket {
        IncomingPacket::Packet {
            kind: PacketType(kind),
            payload: Bytes::from_static(payload),
        }
    }

    /// CH-10. CH-W15: the original implementation prints packet types modulo 256.
    #[test]
    fn each_packet_is_one_readable_line() {
        let table: &[(&dyn Display, &str)] = &[
            (&PacketType::REQUEST, "Request"),
            (&PacketType::CANCEL, "Cancel"),
            (&PacketType::RESPONSE, "Response"),
            (&PacketType::CALL_CONTEXT, "CallContext"),
            (&PacketType::ONE_WAY, "OneWay"),
            (&PacketType::COMPRESSED, "Compressed"),
            (&PacketType::GOING_AWAY, "GoingAway"),
            (&PacketType(258), "PacketType(258)"),
            (&PacketType(0xFFFF), "PacketType(65535)"),
            (&Header::new(PacketType::REQUEST, 12), "Request, 12 bytes"),
            (
                &Header {
                    protocol: 3,
                    kind: PacketType(300),
                    length: u32::MAX,
                },
                "PacketType(300) of protocol 3, 4294967295 bytes",
            ),
            (&RequestPacket::new(7, b"sum", b""), r#"Request 7 "sum" """#),
            (
                &RequestPacket::new(7, b"", b"\x02\x04"),
                r#"Request 7 "" "\x02\x04""#,
            ),
            (
                &RequestPacket::new(u32::MAX, b"a\nb\xFF", b"\"0123456789abcde"),
                r#"Request 4294967295 "a\nb\xff" "\"0123456789abcde""#,
            ),
            (
                &RequestPacket::new(1, b"put", b"0123456789abcdefg"),
                r#"Request 1 "put" "0123456789abcdef"+1..."#,
            ),
            (
                &response(ResultCode::Success, ""),
                r#"Response 7 success """#,
            ),
            (
                &response(ResultCode::Success, vec![b'x'; 100]),
                r#"Response 7 success "xxxxxxxxxxxxxxxx"+84..."#,
            ),
            (
                &response(ResultCode::UnknownMethod, ""),
                "Response 7 unknown method",
            ),
            (
                &response(ResultCode::DuplicateRequest, ""),
                "Response 7 duplicate request",
            ),
            (&response(ResultCode::Cancelled, ""), "Response 7 cancelled"),
            (
                &response(ResultCode::Cancelled, "why"),
                r#"Response 7 cancelled "why""#,
            ),
            (
                &service_error(&ErrorData::new(17, "hey").with_data("stuff")),
                r#"Response 7 service error 17 "hey", 5 bytes of data"#,
            ),
            (
                &service_error(&ErrorData::default()),
                r#"Response 7 service error 0 "", 0 bytes of data"#,
            ),
            (
                &service_error(&ErrorData::new(1, "zwölf\r\n\u{202E}")),
                r#"Response 7 service error 1 "zwölf\r\n\u{202e}", 0 bytes of data"#,
            ),
            (
                &response(ResultCode::ServiceError, "\0"),
                r#"Response 7 service error, malformed: "\x00""#,
            ),
            (&Cancel { id: 7 }, "Cancel 7"),
            (&packet(2, b"\0\0\0\x07\x03sum!"), r#"Request 7 "sum" "!""#),
            (&packet(4, b"\0\0\0\x07\0!"), r#"Response 7 success "!""#),
            (&packet(3, b"\0\0\0\x07"), "Cancel 7"),
            (
                &packet(3, b"\0\0\x07"),
                r#"Cancel, malformed: "\x00\x00\x07""#,
            ),
            (&packet(300, b"hello"), r#"PacketType(300) "hello""#),
            (
                &IncomingPacket::Discarded(Header::new(PacketType(5), 0)),
                "PacketType(5), 0 bytes, discarded",
            ),
            (
                &IncomingPacket::Oversized {
                    header: Header::new(PacketType::REQUEST, 1 << 30),
                    id: 9,
                },
                "Request, 1073741824 bytes, too large, with id 9",
            ),
        ];
        for (shown, expected) in table {
            assert_eq!(shown.to_string(), *expected);
        }
    }

    #[test]
    fn each_going_away_is_one_readable_line() {
        let table: &[(&[u8], &str)] = &[
            (b"\xff\xff\xff\xff", "GoingAway"),
            (
                b"\0\0\x05\xdc\0\x07\0\x03hey",
                r#"GoingAway within 1.5s: 7 "hey""#,
            ),
            (b"\0\0\x05", r#"GoingAway, malformed: "\x00\x00\x05""#),
        ];
        for (bytes, expected) in table {
            assert_eq!(packet(0xC706, bytes).to_string(), *expected);
        }
    }

    #[test]
    fn each_stream_packet_is_one_readable_line() {
        let table: &[(&dyn Display, &str)] = &[
            (
                &packet(
                    0xC707,
                    b"\0\0\0\x01\x07\0\0\0\x40\0\0\0\0\x02\0\x03\0\0\0\0",
                ),
                "StreamOpen 1 to opener, bound, result, codec 0, window 16384; 2 from opener, codec 3, window 0",
            ),
            (
                &packet(0xC701, b"\x80\0\0\x05\0\x02\0\0\0\x01a\0\0\0\0"),
                r#"StreamItems other's 5: "a" """#,
            ),
            (&packet(0xC701, b"\0\0\0\x05\0\0"), "StreamItems own 5:"),
            (
                &packet(0xC701, b"\0\0\0\x05\0\x01"),
                r#"StreamItems, malformed: "\x00\x00\x00\x05\x00\x01""#,
            ),
            (
                &packet(0xC702, b"\0\0\0\x05\0\0\0\x22\x80\0\0\x06\0\0\0\x01"),
                "StreamCredit own 5 +34, other's 6 +1",
            ),
            (
                &packet(0xC703, b"\0\0\0\x05\0\0\0\0\0\0\0\0\x02"),
                "StreamEnd own 5 finished after 2 items",
            ),
            (
                &packet(0xC703, b"\0\0\0\x05\x02\0\0\0\0\0\0\0\x01"),
                "StreamEnd own 5 cancelled after 1 items",
            ),
            (
                &packet(0xC703, b"\x80\0\0\x05\x03\0\0\0\0\0\0\0\0"),
                "StreamEnd other's 5 refused after 0 items",
            ),
            (
                &packet(0xC703, b"\0\0\0\x05\x09\0\0\0\0\0\0\0\0\0\x11\0\x03hey"),
                r#"StreamEnd own 5 failed after 0 items: 17 "hey""#,
            ),
        ];
        for (shown, expected) in table {
            assert_eq!(shown.to_string(), *expected);
        }
    }

    #[test]
    fn a_long_message_is_cut_between_characters() {
        let line = service_error(&ErrorData::new(1, "ä".repeat(1000) + "b")).to_string();
        assert!(line.ends_with("ää\"+1745..., 0 bytes of data"), "{line}");
        let line = service_error(&ErrorData::new(1, "b".to_owned() + &"ä".repeat(200))).to_string();
        assert!(line.contains("ä\"+146..., "), "{line}");
    }
}
