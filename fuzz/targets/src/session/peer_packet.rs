use arbitrary::Arbitrary;
use chirp_runtime::packet::{
    CallInfo, Cancel, Compressor, EndReason, ErrorData, ExtensionFlags, FrameworkError, GoingAway,
    HELLO_METHOD, Header, Hello, OneWayPacket, PacketType, RequestPacket, ResponsePacket,
    ResultCode, StreamCredit, StreamEnd, StreamEntry, StreamId, StreamItems, StreamOpen,
};
use std::time::Duration;

/// A packet of the other side. Its numbers are small, so that packets often concern the same call or stream.
#[derive(Debug, Arbitrary)]
pub(super) enum PeerPacket {
    Request(u8, u16),
    Response(u8, u8, u16),
    /// A response that reports an error of the framework.
    Refusal(u8, bool),
    Cancel(u8),
    Context(u32),
    Open([StreamOffer; 2], bool),
    /// A call that opens streams.
    CallWithStreams(u8, [StreamOffer; 2]),
    /// A response that opens streams.
    ResponseWithStreams(u8, [StreamOffer; 2]),
    Items(StreamName, [u16; 3], u8),
    Credit(StreamName, u32),
    End(StreamName, u8, u8),
    OneWay(u16),
    GoingAway(bool),
    Hello(u8, u32),
    /// An answer to the last question, if it has this nonce.
    HelloAnswer(u8, u8, u32),
    Custom(u16),
    /// A header of a payload that is longer than the limit.
    Oversized(u8, u8),
    OtherProtocol(u8),
    Compressed(u8, u16),
}

/// A stream that the other side opens.
#[derive(Clone, Copy, Debug, Arbitrary)]
pub(super) struct StreamOffer {
    number: u8,
    flags: u8,
    window: u16,
}

/// A stream of either side.
#[derive(Clone, Copy, Debug, Arbitrary)]
pub(super) struct StreamName(u8);

impl StreamName {
    fn id(self) -> StreamId {
        let number = u32::from(self.0 >> 1) % 12;
        if self.0 & 1 == 0 {
            StreamId::of_sender(number)
        } else {
            StreamId::of_receiver(number)
        }
    }
}

impl StreamOffer {
    fn entry(self) -> StreamEntry {
        let result = self.flags & 0b1100 == 0b1100;
        StreamEntry {
            number: 1 + u32::from(self.number),
            to_opener: result || self.flags & 1 == 1,
            bound: result || self.flags & 2 == 2,
            result,
            codec: 0,
            window: u32::from(self.window),
        }
    }
}

fn small(number: u8) -> u32 {
    u32::from(number % 12)
}

fn code(number: u8) -> ResultCode {
    // Most calls succeed, and code 1 is left to peers that do not know a method.
    ResultCode::from_u8(number % 8).unwrap_or(ResultCode::Success)
}

fn extensions(flags: u8) -> ExtensionFlags {
    let known = [
        ExtensionFlags::CALL_CONTEXT,
        ExtensionFlags::ONE_WAY,
        ExtensionFlags::COMPRESSION,
        ExtensionFlags::GOING_AWAY,
        ExtensionFlags::STREAMS,
    ];
    let set = known
        .iter()
        .enumerate()
        .filter(|(at, _)| flags >> at & 1 == 0);
    set.fold(ExtensionFlags::NONE, |all, (_, flag)| all.and(*flag))
}

/// Everything that the other side may declare.
pub(super) fn greeting() -> Hello {
    hello(0, u32::MAX)
}

fn hello(flags: u8, payload_limit: u32) -> Hello {
    Hello {
        revision: Hello::REVISION,
        extensions: extensions(flags),
        payload_limit,
        running_limit: 100,
    }
}

fn request(out: &mut Vec<u8>, id: u32, method: &[u8], params: &[u8]) {
    RequestPacket::encode_head(out, id, method, params.len());
    out.extend_from_slice(params);
}

fn response(out: &mut Vec<u8>, id: u32, code: ResultCode, data: &[u8]) {
    ResponsePacket::encode_head(out, id, code, data.len());
    out.extend_from_slice(data);
}

fn with_header(out: &mut Vec<u8>, kind: PacketType, payload: &[u8]) {
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    out.extend_from_slice(&Header::new(kind, length).encode());
    out.extend_from_slice(payload);
}

fn open(out: &mut Vec<u8>, offers: [StreamOffer; 2], one: bool) {
    let entries = offers.map(StreamOffer::entry);
    StreamOpen::encode(out, &entries[usize::from(one)..]);
}

fn fill(length: u16) -> Vec<u8> {
    vec![b'x'; usize::from(length % 2048)]
}

impl PeerPacket {
    /// Appends the packet.
    #[expect(clippy::too_many_lines, reason = "a case for each packet")]
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Request(id, length) => request(out, small(*id), b"m", &fill(*length)),
            Self::Response(id, result, length) => response(
                out,
                small(*id),
                code(*result),
                &data(code(*result), *length),
            ),
            Self::Refusal(id, busy) => {
                let error = if *busy {
                    FrameworkError::Overloaded
                } else {
                    FrameworkError::ShuttingDown
                };
                response(
                    out,
                    small(*id),
                    ResultCode::ServiceError,
                    &error.to_error_data("").encode(),
                );
            }
            Self::Cancel(id) => Cancel { id: small(*id) }.encode(out),
            Self::Context(time) => {
                CallInfo::within(Duration::from_millis((*time).into())).encode(out);
            }
            Self::Open(offers, one) => open(out, *offers, *one),
            Self::CallWithStreams(id, offers) => {
                open(out, *offers, id & 64 != 0);
                request(out, small(*id), b"m", b"");
            }
            Self::ResponseWithStreams(id, offers) => {
                open(out, *offers, id & 64 != 0);
                response(out, small(*id), ResultCode::Success, b"");
            }
            Self::Items(stream, lengths, count) => {
                let lengths = &lengths[..usize::from(count % 4).min(3)];
                let lengths: Vec<_> = lengths
                    .iter()
                    .map(|length| usize::from(length % 2048))
                    .collect();
                let items = u16::try_from(lengths.len()).unwrap_or_default();
                StreamItems::encode_head(out, stream.id(), items, lengths.iter().sum());
                for length in lengths {
                    StreamItems::encode_item_head(out, length);
                    out.resize(out.len() + length, b'i');
                }
            }
            Self::Credit(stream, bytes) => StreamCredit::encode(out, &[(stream.id(), *bytes)]),
            Self::End(stream, reason, items) => {
                let reasons = [
                    EndReason::Finished,
                    EndReason::Failed,
                    EndReason::Cancelled,
                    EndReason::Refused,
                ];
                StreamEnd {
                    id: stream.id(),
                    reason: reasons[usize::from(reason % 4)],
                    items: (*items).into(),
                    error: ErrorData::default(),
                }
                .encode(out);
            }
            Self::OneWay(length) => {
                let params = fill(*length);
                OneWayPacket::encode_head(out, b"m", params.len());
                out.extend_from_slice(&params);
            }
            Self::GoingAway(grace) => {
                let away = GoingAway {
                    grace: grace.then_some(Duration::from_secs(1)),
                    ..GoingAway::default()
                };
                with_header(out, PacketType::GOING_AWAY, &away.encode());
            }
            Self::Hello(flags, limit) => {
                let question = hello(*flags, limit.max(&64).to_owned()).encode_question(7);
                request(out, small(*flags), HELLO_METHOD.as_bytes(), &question);
            }
            Self::HelloAnswer(id, flags, limit) => {
                let answer = hello(*flags, *limit).encode_answer(super::subject::NONCE);
                response(out, small(*id), ResultCode::Success, &answer);
            }
            Self::Custom(length) => with_header(out, PacketType(200), &fill(*length)),
            Self::Oversized(kind, id) => {
                let kinds = [
                    PacketType::REQUEST,
                    PacketType::RESPONSE,
                    PacketType::STREAM_ITEMS,
                    PacketType(200),
                ];
                let mut payload = vec![0; super::subject::MAX_PAYLOAD + 1];
                payload[3] = id % 12;
                with_header(out, kinds[usize::from(kind % 4)], &payload);
            }
            Self::OtherProtocol(length) => {
                let header = Header {
                    protocol: 1,
                    kind: PacketType::REQUEST,
                    length: (*length).into(),
                };
                out.extend_from_slice(&header.encode());
                out.resize(out.len() + usize::from(*length), 0);
            }
            Self::Compressed(id, length) => {
                let head = [0, 0, 0, id % 12, 1, b'm'];
                let body = fill(*length);
                if let Some(packed) = Compressor::default().pack(PacketType::REQUEST, &head, &body)
                {
                    with_header(out, PacketType::COMPRESSED, packed);
                }
            }
        }
    }
}

/// The data of a response, which is error data if its method failed.
fn data(code: ResultCode, length: u16) -> Vec<u8> {
    if code == ResultCode::ServiceError {
        ErrorData::new(length, "why").encode()
    } else {
        fill(length)
    }
}
