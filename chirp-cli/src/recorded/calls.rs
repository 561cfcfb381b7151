use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use chirp::packet::{
    CallInfo, Cancel, Compressed, EndReason, ErrorData, GoingAway, Header, PacketType,
    RequestPacket, ResponsePacket, ResultCode, StreamCredit, StreamEnd, StreamEntry, StreamId,
    StreamItems, StreamOpen,
};
use chirp::record::{CapturedPacket, Origin};

/// The maximum length of a payload that is decompressed, in bytes.
const MAX_UNPACKED: usize = 64 << 20;

/// A packet of a record, and the call that it belongs to.
#[derive(Debug)]
pub(crate) struct RecordedPacket {
    pub(crate) connection: u64,
    pub(crate) time: Duration,
    pub(crate) origin: Origin,
    pub(crate) kind: PacketType,
    /// The length of the payload.
    pub(crate) length: u32,
    /// The id of the call.
    pub(crate) id: Option<u32>,
    /// The method of the call. Bytes that are not UTF-8 are replaced.
    pub(crate) method: Option<String>,
    /// The time between a request and its response.
    pub(crate) duration: Option<Duration>,
    pub(crate) contents: PacketContents,
}

/// The content of a packet.
#[derive(Debug)]
pub(crate) enum PacketContents {
    /// The parameters of a call.
    Request(Bytes),
    OneWay(Bytes),
    Success(Bytes),
    Failure(ResultCode, Option<ErrorData>),
    Cancel,
    Context(CallInfo),
    Open(Vec<StreamEntry>),
    Items {
        stream: StreamId,
        /// The place of the stream among those that came with the call. `None` for the result.
        argument: Option<usize>,
        codec: u8,
        items: Vec<Bytes>,
    },
    Credit(Vec<(StreamId, u32)>),
    End(StreamEnd),
    GoingAway,
    /// A packet of another type, or of another protocol number.
    Other(Bytes),
    /// Bytes are missing.
    Incomplete(u64),
    Malformed,
}

/// A call of a record.
#[derive(Debug)]
pub(crate) struct RecordedCall {
    pub(crate) connection: u64,
    /// The side that called.
    pub(crate) caller: Origin,
    pub(crate) method: Vec<u8>,
    pub(crate) params: Bytes,
    /// The metadata and the trace of the call.
    pub(crate) context: Option<CallInfo>,
    pub(crate) opened: Vec<StreamEntry>,
    /// The streams, in the order of `opened`.
    pub(crate) streams: Vec<RecordedStream>,
    pub(crate) is_one_way: bool,
    pub(crate) is_cancelled: bool,
    /// The code and the data of the response.
    pub(crate) outcome: Option<(ResultCode, Bytes)>,
    time: Duration,
}

/// A stream of a [`RecordedCall`].
#[derive(Debug, Default)]
pub(crate) struct RecordedStream {
    pub(crate) items: Vec<Bytes>,
    /// The end that its sending side sent.
    pub(crate) end: Option<EndReason>,
}

/// Finds the calls that packets belong to.
#[derive(Debug, Default)]
pub(crate) struct CallTracker {
    connections: HashMap<u64, TrackedConnection>,
    calls: Vec<RecordedCall>,
    /// Whether parameters, results and items are kept.
    keeps_values: bool,
}

#[derive(Debug, Default)]
struct TrackedConnection {
    /// The calls without a response, by caller and id.
    pending: HashMap<(Origin, u32), usize>,
    /// The streams, by the side that opened them and their number.
    streams: HashMap<(Origin, u32), TrackedStream>,
    /// The streams that the next carrier of each side opens.
    opening: HashMap<Origin, Vec<StreamEntry>>,
    /// The context of the next call of each side.
    contexts: HashMap<Origin, CallInfo>,
}

#[derive(Clone, Copy, Debug)]
struct TrackedStream {
    call: usize,
    /// The place in the call's list.
    place: usize,
    entry: StreamEntry,
}

impl CallTracker {
    /// Creates a tracker that keeps everything that calls carry.
    pub(crate) fn keeping() -> Self {
        Self {
            keeps_values: true,
            ..Self::default()
        }
    }

    /// Returns all calls, in the order of their requests.
    pub(crate) fn into_calls(self) -> Vec<RecordedCall> {
        self.calls
    }

    /// Notes a packet.
    pub(crate) fn packet(&mut self, connection: u64, packet: CapturedPacket) -> RecordedPacket {
        let CapturedPacket {
            time,
            origin,
            header,
            payload,
            missing,
            ..
        } = packet;
        let mut found = RecordedPacket {
            connection,
            time,
            origin,
            kind: header.kind,
            length: header.length,
            id: None,
            method: None,
            duration: None,
            contents: PacketContents::Incomplete(missing),
        };
        if missing > 0 {
            return found;
        }
        let Some((kind, payload)) = unpacked(header, payload) else {
            found.contents = PacketContents::Malformed;
            return found;
        };
        found.kind = kind;
        if header.protocol != 0 {
            found.contents = PacketContents::Other(payload);
            return found;
        }
        let contents = self.contents(&mut found, payload);
        found.contents = contents.unwrap_or(PacketContents::Malformed);
        found
    }

    #[expect(clippy::too_many_lines, reason = "one arm for each kind of packet")]
    fn contents(&mut self, found: &mut RecordedPacket, payload: Bytes) -> Option<PacketContents> {
        let origin = found.origin;
        let tracked = self.connections.entry(found.connection).or_default();
        Some(match found.kind {
            PacketType::REQUEST => {
                let request = RequestPacket::decode(payload).ok()?;
                let (id, method) = (request.id(), request.method().to_vec());
                found.id = Some(id);
                found.method = Some(String::from_utf8_lossy(&method).into_owned());
                let params = request.into_params();
                let call = self.begin(found, method, &params, false);
                let tracked = self.connections.entry(found.connection).or_default();
                tracked.pending.insert((origin, id), call);
                PacketContents::Request(params)
            }
            PacketType::ONE_WAY => {
                let (length, rest) = payload.split_first()?;
                let (method, _) = rest.split_at_checked(usize::from(*length))?;
                let method = method.to_vec();
                found.method = Some(String::from_utf8_lossy(&method).into_owned());
                let params = payload.slice(1 + method.len()..);
                self.begin(found, method, &params, true);
                PacketContents::OneWay(params)
            }
            PacketType::RESPONSE => {
                let response = ResponsePacket::decode(payload).ok()?;
                found.id = Some(response.id);
                let call = tracked.pending.remove(&(origin.other(), response.id));
                if let Some(call) = call.and_then(|call| self.calls.get_mut(call)) {
                    found.method = Some(String::from_utf8_lossy(&call.method).into_owned());
                    found.duration = Some(found.time.saturating_sub(call.time));
                    let data = if self.keeps_values {
                        response.data.clone()
                    } else {
                        Bytes::new()
                    };
                    call.outcome = Some((response.code, data));
                }
                match response.code {
                    ResultCode::Success => PacketContents::Success(response.data),
                    ResultCode::ServiceError => {
                        let error = ErrorData::decode_lossy(response.data).ok();
                        PacketContents::Failure(response.code, error)
                    }
                    code => PacketContents::Failure(code, None),
                }
            }
            PacketType::CANCEL => {
                let cancel = Cancel::decode(&payload).ok()?;
                found.id = Some(cancel.id);
                let call = tracked.pending.get(&(origin, cancel.id)).copied();
                if let Some(call) = call.and_then(|call| self.calls.get_mut(call)) {
                    call.is_cancelled = true;
                    found.method = Some(String::from_utf8_lossy(&call.method).into_owned());
                }
                PacketContents::Cancel
            }
            PacketType::CALL_CONTEXT => {
                let info = CallInfo::decode(&payload).ok()?;
                tracked.contexts.insert(origin, info.clone());
                PacketContents::Context(info)
            }
            PacketType::STREAM_OPEN => {
                let entries = StreamOpen::decode(&payload).ok()?;
                tracked.opening.insert(origin, entries.clone());
                PacketContents::Open(entries)
            }
            PacketType::STREAM_ITEMS => {
                let StreamItems { id, items } = StreamItems::decode(payload).ok()?;
                let items: Vec<Bytes> = items.collect();
                let stream = tracked.streams.get(&opener(origin, id)).copied();
                // Items may open streams, which belong to no call.
                tracked.opening.remove(&origin);
                let mut argument = None;
                if let Some(stream) = stream {
                    argument = (!stream.entry.result).then_some(stream.place);
                    if let Some(call) = self.calls.get_mut(stream.call) {
                        found.method = Some(String::from_utf8_lossy(&call.method).into_owned());
                        if self.keeps_values {
                            call.streams[stream.place]
                                .items
                                .extend(items.iter().cloned());
                        }
                    }
                }
                PacketContents::Items {
                    stream: id,
                    argument,
                    codec: stream.map_or(u8::MAX, |stream| stream.entry.codec),
                    items,
                }
            }
            PacketType::STREAM_CREDIT => {
                let credit = StreamCredit::decode(payload).ok()?;
                PacketContents::Credit(credit.entries().collect())
            }
            PacketType::STREAM_END => {
                let end = StreamEnd::decode(payload).ok()?;
                let place = opener(origin, end.id);
                if let Some(stream) = tracked.streams.get(&place).copied() {
                    // The sending side is the opener if the items come from the opener.
                    let is_sender = (place.0 == origin) != stream.entry.to_opener;
                    if let Some(call) = self.calls.get_mut(stream.call) {
                        found.method = Some(String::from_utf8_lossy(&call.method).into_owned());
                        if is_sender {
                            call.streams[stream.place].end = Some(end.reason);
                        }
                    }
                    if is_sender {
                        tracked.streams.remove(&place);
                    }
                }
                PacketContents::End(end)
            }
            PacketType::GOING_AWAY => {
                GoingAway::decode(payload).ok()?;
                PacketContents::GoingAway
            }
            _ => PacketContents::Other(payload),
        })
    }

    /// Notes a call. Returns its place.
    fn begin(
        &mut self,
        found: &RecordedPacket,
        method: Vec<u8>,
        params: &Bytes,
        is_one_way: bool,
    ) -> usize {
        let place = self.calls.len();
        let tracked = self.connections.entry(found.connection).or_default();
        let opened = tracked.opening.remove(&found.origin).unwrap_or_default();
        let context = tracked.contexts.remove(&found.origin);
        for (at, entry) in opened.iter().enumerate() {
            let stream = TrackedStream {
                call: place,
                place: at,
                entry: *entry,
            };
            tracked.streams.insert((found.origin, entry.number), stream);
        }
        self.calls.push(RecordedCall {
            connection: found.connection,
            caller: found.origin,
            method,
            params: if self.keeps_values {
                params.clone()
            } else {
                Bytes::new()
            },
            context,
            streams: opened.iter().map(|_| RecordedStream::default()).collect(),
            opened,
            is_one_way,
            is_cancelled: false,
            outcome: None,
            time: found.time,
        });
        place
    }
}

/// Returns the side that opened a stream, and the number that it gave.
fn opener(sender: Origin, id: StreamId) -> (Origin, u32) {
    let opener = if id.is_of_sender() {
        sender
    } else {
        sender.other()
    };
    (opener, id.number())
}

/// Returns the packet inside of a compressed one.
fn unpacked(header: Header, payload: Bytes) -> Option<(PacketType, Bytes)> {
    if header.kind != PacketType::COMPRESSED || header.protocol != 0 {
        return Some((header.kind, payload));
    }
    let compressed = Compressed::decode(payload, MAX_UNPACKED).ok()?;
    Some((compressed.kind, compressed.unpack().ok()?))
}
