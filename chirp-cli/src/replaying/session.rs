use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use chirp::channel::{Channel, Reader, Writer};
use chirp::packet::{
    CallInfo, EndReason, ErrorData, ExtensionFlags, HELLO_METHOD, Hello, IncomingPacket,
    PacketDecoder, PacketType, RESERVED_PREFIX, RequestPacket, ResponsePacket, ResultCode,
    StreamCredit, StreamEnd, StreamEntry, StreamId, StreamItems, StreamOpen,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::recorded::{RecordedCall, RecordedStream};

/// The maximum payload that is accepted, in bytes.
const MAX_PAYLOAD: u32 = 64 << 20;
/// The maximum number of bytes of items that one call may answer with.
const MAX_ITEMS: usize = 1 << 30;
/// The credit of a new stream, in bytes.
const WINDOW: u32 = 16_384;
/// The credit that an item costs besides its length, in bytes.
const PER_ITEM: i64 = 16;
/// A call context is accepted and sent, and one-way requests are accepted.
const EXTENSIONS: ExtensionFlags =
    ExtensionFlags(ExtensionFlags::CALL_CONTEXT.0 | ExtensionFlags::STREAMS.0 | 1 << 4);
/// The time limit for the other side to tell its extensions.
const HELLO_TIME: Duration = Duration::from_secs(10);
const HELLO_ID: u32 = u32::MAX;

/// A connection that sends recorded packets again, and answers calls back from the record.
///
/// It speaks the protocol by itself, since recorded values and streams are bytes.
pub(crate) struct ReplaySession {
    reader: Reader,
    writer: Writer,
    decoder: PacketDecoder,
    output: Vec<u8>,
    written: usize,
    needs_flush: bool,
    /// The extensions that the other side accepts.
    extensions: ExtensionFlags,
    next_id: u32,
    next_stream: u32,
    /// The recorded responses to calls of the other side, by method.
    callbacks: HashMap<Vec<u8>, VecDeque<(ResultCode, Bytes)>>,
    /// The streams that come with the next carrier of the other side.
    incoming_streams: Vec<StreamEntry>,
    /// Methods that were called back more often than in the record.
    unexpected: Vec<String>,
}

/// The answer to a call that was sent again.
pub(crate) struct ReplayedAnswer {
    pub(crate) code: ResultCode,
    pub(crate) data: Bytes,
    /// The streams, in the order of the recorded ones. Those that were sent are empty.
    pub(crate) streams: Vec<RecordedStream>,
    /// Methods that were called back meanwhile and have no response in the record.
    pub(crate) unexpected: Vec<String>,
}

/// A stream of the present call.
struct ReplayStream<'a> {
    entry: StreamEntry,
    number: u32,
    credit: i64,
    /// The items to send, and how many of them are sent.
    items: &'a [Bytes],
    sent: usize,
    /// The end to send, if the record has one.
    end: Option<EndReason>,
    has_ended: bool,
    received: RecordedStream,
}

impl ReplaySession {
    /// Begins a session, and learns what the other side accepts.
    pub(crate) async fn begin(
        channel: Channel,
        callbacks: HashMap<Vec<u8>, VecDeque<(ResultCode, Bytes)>>,
    ) -> Result<Self, Failure> {
        let (reader, writer) = channel.into_split();
        let mut session = Self {
            reader,
            writer,
            decoder: PacketDecoder::new(MAX_PAYLOAD as usize),
            output: Vec::new(),
            written: 0,
            needs_flush: false,
            extensions: ExtensionFlags::NONE,
            next_id: 1,
            next_stream: 1,
            callbacks,
            incoming_streams: Vec::new(),
            unexpected: Vec::new(),
        };
        let nonce = u64::from(std::process::id()) << 32 | 0x5EED;
        session.request(
            HELLO_ID,
            HELLO_METHOD.as_bytes(),
            &hello().encode_question(nonce),
        );
        let answer = tokio::time::timeout(HELLO_TIME, async {
            loop {
                if let (PacketType::RESPONSE, payload) = session.packet(&mut []).await? {
                    let response =
                        ResponsePacket::decode(payload).map_err(|error| broken(&error))?;
                    if response.id == HELLO_ID {
                        return Ok::<_, Failure>(Hello::decode_answer(&response.data, nonce));
                    }
                }
            }
        });
        if let Ok(answer) = answer.await {
            session.extensions = answer?.map_or(ExtensionFlags::NONE, |hello| hello.extensions);
        }
        Ok(session)
    }

    /// Sends a call with its streams, and waits for the answer.
    pub(crate) async fn call(&mut self, call: &RecordedCall) -> Result<ReplayedAnswer, Failure> {
        let id = self.next_id;
        self.next_id += 1;
        let mut streams = Vec::new();
        for (entry, recorded) in call.opened.iter().zip(&call.streams) {
            streams.push(ReplayStream {
                entry: *entry,
                number: self.next_stream,
                credit: WINDOW.into(),
                items: if entry.to_opener {
                    &[]
                } else {
                    &recorded.items
                },
                sent: 0,
                end: recorded.end.filter(|_| !entry.to_opener),
                has_ended: false,
                received: RecordedStream::default(),
            });
            self.next_stream += 1;
        }
        if !streams.is_empty() {
            if !self.extensions.contains(ExtensionFlags::STREAMS) {
                return Err(Failure::new(
                    ExitCode::Usage,
                    "the target does not support streams",
                ));
            }
            let entries: Vec<_> = streams
                .iter()
                .map(|stream| StreamEntry {
                    number: stream.number,
                    window: WINDOW,
                    ..stream.entry
                })
                .collect();
            StreamOpen::encode(&mut self.output, &entries);
        }
        self.context(call.context.as_ref());
        // A one-way call is sent as a request, too, so that its end is seen.
        self.request(id, &call.method, &call.params);
        let mut outcome = None;
        let mut held = 0;
        loop {
            self.send_items(&mut streams);
            let is_open = |stream: &ReplayStream<'_>| {
                stream.entry.to_opener && !stream.entry.bound && !stream.has_ended
            };
            if let Some((code, data)) = &outcome
                && (*code != ResultCode::Success || !streams.iter().any(is_open))
            {
                return Ok(ReplayedAnswer {
                    code: *code,
                    data: Bytes::clone(data),
                    streams: streams.into_iter().map(|stream| stream.received).collect(),
                    unexpected: std::mem::take(&mut self.unexpected),
                });
            }
            match self.packet(&mut streams).await? {
                (PacketType::RESPONSE, payload) => {
                    let response =
                        ResponsePacket::decode(payload).map_err(|error| broken(&error))?;
                    if response.id == id {
                        outcome = Some((response.code, response.data));
                    }
                }
                (PacketType::STREAM_ITEMS, payload) => held += payload.len(),
                _ => {}
            }
            if held > MAX_ITEMS {
                let message = "the target answered with more than 1 GiB of items";
                return Err(Failure::new(ExitCode::Framework, message));
            }
        }
    }

    /// Sends the context of a call without its deadline.
    fn context(&mut self, context: Option<&CallInfo>) {
        let Some(context) = context else {
            return;
        };
        let mut context = context.clone();
        context.time = None;
        let is_empty = context.trace.is_none() && context.metadata.is_empty();
        if !is_empty && self.extensions.contains(ExtensionFlags::CALL_CONTEXT) {
            context.encode(&mut self.output);
        }
    }

    fn request(&mut self, id: u32, method: &[u8], params: &[u8]) {
        RequestPacket::encode_head(&mut self.output, id, method, params.len());
        self.output.extend_from_slice(params);
    }

    fn respond(&mut self, id: u32, code: ResultCode, data: &[u8]) {
        ResponsePacket::encode_head(&mut self.output, id, code, data.len());
        self.output.extend_from_slice(data);
    }

    /// Appends the items for which there is credit.
    fn send_items(&mut self, streams: &mut [ReplayStream<'_>]) {
        for stream in streams {
            let id = StreamId::of_sender(stream.number);
            while stream.credit > 0
                && !stream.has_ended
                && let Some(item) = stream.items.get(stream.sent)
            {
                StreamItems::encode_head(&mut self.output, id, 1, item.len());
                StreamItems::encode_item_head(&mut self.output, item.len());
                self.output.extend_from_slice(item);
                stream.credit -= cost(item);
                stream.sent += 1;
            }
            let is_complete = !stream.entry.to_opener && stream.sent == stream.items.len();
            if let (true, false, Some(reason)) = (is_complete, stream.has_ended, stream.end) {
                self.end_stream(id, reason, stream.sent);
                stream.has_ended = true;
            }
        }
    }

    fn end_stream(&mut self, id: StreamId, reason: EndReason, items: usize) {
        let end = StreamEnd {
            id,
            reason,
            items: items as u64,
            error: ErrorData::default(),
        };
        end.encode(&mut self.output);
    }

    /// Waits for the next packet, and handles what is not the answer to a call of this side.
    async fn packet(
        &mut self,
        streams: &mut [ReplayStream<'_>],
    ) -> Result<(PacketType, Bytes), Failure> {
        loop {
            let incoming = self
                .decoder
                .decode_with(|kind| (0xC700..0xC708).contains(&kind.0));
            match incoming.map_err(|error| broken(&error))? {
                Some(IncomingPacket::Packet { kind, payload }) => {
                    self.handle(kind, &payload, streams)?;
                    return Ok((kind, payload));
                }
                Some(IncomingPacket::Oversized { .. }) => {
                    let message = "the target sent a packet over 64 MiB";
                    return Err(Failure::new(ExitCode::Framework, message));
                }
                Some(IncomingPacket::Discarded(_)) => {}
                None => self.transfer().await?,
            }
        }
    }

    /// Reads or writes some bytes.
    async fn transfer(&mut self) -> Result<(), Failure> {
        let lost = |error: std::io::Error| {
            let message = format!("the connection to the target was lost: {error}");
            Failure::new(ExitCode::NoConnection, message)
        };
        let has_output = self.written < self.output.len();
        let (writer, rest) = (&mut self.writer, &self.output[self.written..]);
        // Both are cancel safe.
        let sending = async {
            if has_output {
                writer.write(rest).await
            } else {
                writer.flush().await.map(|()| 0)
            }
        };
        let mut buffer = self.decoder.buffer();
        tokio::select! {
            read = self.reader.read_buf(&mut buffer) => {
                let read = read.map_err(lost)?;
                if read == 0 {
                    let message = "the target closed the connection";
                    return Err(Failure::new(ExitCode::NoConnection, message));
                }
                self.decoder.note_read(read);
            }
            sent = sending, if has_output || self.needs_flush => {
                self.written += sent.map_err(lost)?;
                self.needs_flush = has_output;
                if self.written == self.output.len() {
                    self.output.clear();
                    self.written = 0;
                }
            }
        }
        Ok(())
    }

    fn handle(
        &mut self,
        kind: PacketType,
        payload: &Bytes,
        streams: &mut [ReplayStream<'_>],
    ) -> Result<(), Failure> {
        let payload = payload.clone();
        match kind {
            PacketType::REQUEST => {
                let request = RequestPacket::decode(payload).map_err(|error| broken(&error))?;
                self.answer(&request);
            }
            PacketType::STREAM_OPEN => {
                let entries = StreamOpen::decode(&payload).map_err(|error| broken(&error))?;
                self.incoming_streams = entries;
            }
            PacketType::STREAM_ITEMS => {
                let StreamItems { id, items } =
                    StreamItems::decode(payload).map_err(|error| broken(&error))?;
                let Some(stream) = find(streams, id) else {
                    return Ok(());
                };
                let items: Vec<Bytes> = items.collect();
                let cost = items.iter().map(cost).sum::<i64>();
                stream.received.items.extend(items);
                if let Ok(cost @ 1..) = u32::try_from(cost) {
                    let id = StreamId::of_sender(stream.number);
                    StreamCredit::encode(&mut self.output, &[(id, cost)]);
                }
            }
            PacketType::STREAM_CREDIT => {
                let credit = StreamCredit::decode(payload).map_err(|error| broken(&error))?;
                for (id, bytes) in credit.entries() {
                    if let Some(stream) = find(streams, id) {
                        stream.credit = stream.credit.saturating_add(bytes.into());
                    }
                }
            }
            PacketType::STREAM_END => {
                let end = StreamEnd::decode(payload).map_err(|error| broken(&error))?;
                if let Some(stream) = find(streams, end.id) {
                    if stream.entry.to_opener {
                        stream.received.end = Some(end.reason);
                    } else if !stream.has_ended {
                        // The receiving side wants no more.
                        let id = StreamId::of_sender(stream.number);
                        let (reason, sent) = (EndReason::Cancelled, stream.sent);
                        self.end_stream(id, reason, sent);
                    }
                    stream.has_ended = true;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Answers a call of the other side from the record.
    fn answer(&mut self, request: &RequestPacket) {
        let (id, method) = (request.id(), request.method());
        // Streams that come with the call are not taken.
        for entry in std::mem::take(&mut self.incoming_streams) {
            if !entry.bound {
                self.end_stream(StreamId::of_receiver(entry.number), EndReason::Refused, 0);
            }
        }
        if method == HELLO_METHOD.as_bytes() {
            match Hello::decode_question(request.params()) {
                Some((nonce, _)) => {
                    self.respond(id, ResultCode::Success, &hello().encode_answer(nonce));
                }
                None => self.respond(id, ResultCode::UnknownMethod, &[]),
            }
            return;
        }
        let recorded = self.callbacks.get_mut(method).and_then(VecDeque::pop_front);
        if let Some((code, data)) = recorded {
            self.respond(id, code, &data);
            return;
        }
        if !method.starts_with(RESERVED_PREFIX.as_bytes()) {
            let method = String::from_utf8_lossy(method).into_owned();
            self.unexpected.push(method);
        }
        self.respond(id, ResultCode::UnknownMethod, &[]);
    }
}

fn hello() -> Hello {
    Hello {
        revision: Hello::REVISION,
        extensions: EXTENSIONS,
        payload_limit: MAX_PAYLOAD,
        running_limit: 1024,
    }
}

fn cost(item: &Bytes) -> i64 {
    i64::try_from(item.len()).unwrap_or(i64::MAX - PER_ITEM) + PER_ITEM
}

/// Returns the stream of the present call that a packet of the other side names.
fn find<'s, 'a>(
    streams: &'s mut [ReplayStream<'a>],
    id: StreamId,
) -> Option<&'s mut ReplayStream<'a>> {
    let mut streams = streams.iter_mut();
    streams.find(|stream| !id.is_of_sender() && stream.number == id.number())
}

fn broken(error: &chirp::packet::PacketError) -> Failure {
    let message = format!("the target broke the protocol: {error}");
    Failure::new(ExitCode::Framework, message)
}
