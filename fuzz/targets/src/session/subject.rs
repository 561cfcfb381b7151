use std::collections::{HashMap, HashSet, VecDeque};
use std::io::IoSlice;

use bytes::{BufMut, Bytes};
use chirp_runtime::packet::{
    ErrorData, IncomingPacket, PacketDecoder, PacketType, Payload, RequestPacket, ResultCode,
};
use chirp_runtime::session::{
    Batch, Event, Fatal, HelloState, InboundCallId, Limits, OutboundCallId, ReadState, SendTicket,
    Session, SessionConfig, StreamCarrier, StreamEvent, StreamKey,
};

use super::output::Output;
use super::{SessionStep, Settings, StreamAction, peer_packet};

/// The largest payload that the session accepts, in bytes.
pub(super) const MAX_PAYLOAD: usize = 4096;

/// The nonce of its question for extensions.
pub(super) const NONCE: u64 = 5;

const MAX_PENDING: usize = 16;
const STREAM_BUFFER: usize = 16 << 10;

/// A session, its program and its transport.
pub(super) struct Subject {
    session: Session,
    limits: Limits,
    decoder: PacketDecoder,
    inbox: VecDeque<u8>,
    batch: Option<Batch>,
    output: Output,
    calls: Vec<OutboundCallId>,
    tickets: Vec<SendTicket>,
    handlers: Vec<InboundCallId>,
    packets: VecDeque<usize>,
    carriers: Vec<(StreamCarrier, Vec<StreamKey>)>,
    streams: Vec<StreamKey>,
    ended: HashSet<StreamKey>,
    held: HashMap<StreamKey, VecDeque<usize>>,
    /// Whether the other side has sent more custom packets than are handled. The last one is held for ever.
    flooded: bool,
}

/// One of the latest entries.
fn latest<T: Copy>(list: &[T], at: u8) -> Option<T> {
    list.iter().rev().nth(usize::from(at % 8)).copied()
}

fn payload(length: u16) -> Payload {
    vec![b'p'; usize::from(length % 5000)].into()
}

impl Subject {
    pub(super) fn new(settings: Settings) -> Self {
        let limits = Limits::default()
            .max_payload(MAX_PAYLOAD)
            .max_pending_calls(MAX_PENDING)
            .max_unanswered_cancels(20)
            .max_concurrent_handlers(1 + usize::from(settings.handlers % 8))
            .max_handler_bytes(settings.handler_bytes.into())
            .max_write_buffer(settings.write_buffer.into())
            .max_streams(usize::from(settings.streams % 16))
            .max_stream_buffer(STREAM_BUFFER);
        let mut session = Session::new(SessionConfig {
            limits: limits.clone(),
            compress_above: settings.compresses.then_some(100),
            ..SessionConfig::default()
        });
        if settings.greets {
            session.assume_hello(peer_packet::greeting());
        }
        Self {
            session,
            limits,
            decoder: PacketDecoder::new(MAX_PAYLOAD),
            inbox: VecDeque::new(),
            batch: None,
            output: Output::new(),
            calls: Vec::new(),
            tickets: Vec::new(),
            handlers: Vec::new(),
            packets: VecDeque::new(),
            carriers: Vec::new(),
            streams: Vec::new(),
            ended: HashSet::new(),
            held: HashMap::new(),
            flooded: false,
        }
    }

    #[expect(clippy::too_many_lines, reason = "a case for each step")]
    pub(super) fn act(&mut self, step: SessionStep<'_>) -> Result<(), Fatal> {
        if std::env::var_os("CHIRP_FUZZ_SHOW").is_some() {
            eprintln!("{step:?}");
        }
        let method = Bytes::from_static(b"m");
        let session = &mut self.session;
        match step {
            SessionStep::Packet(packet) | SessionStep::SamePacket(packet) => {
                let mut bytes = Vec::new();
                packet.encode(&mut bytes);
                self.inbox.extend(bytes);
                self.read(usize::MAX)?;
            }
            SessionStep::Bytes(bytes) => self.inbox.extend(bytes),
            SessionStep::Read(most) => self.read(most.into())?,
            SessionStep::ReadAll => self.read(usize::MAX)?,
            SessionStep::StopPausing => session.stop_pausing(),
            SessionStep::Call(length, opens) => {
                let opens = opens.specs();
                let params = &mut payload(u16::from(length) * 30);
                if let Ok((call, keys)) = session.call_with(&method, params, None, &opens) {
                    self.calls.push(call);
                    self.streams.extend(keys);
                }
            }
            SessionStep::OneWay(length, opens) => {
                let mut opens = opens.specs();
                opens.retain(|spec| spec.kind == chirp_runtime::session::StreamKind::Free);
                let params = &mut payload(u16::from(length) * 30);
                if let Ok((ticket, keys)) = session.call_one_way_with(&method, params, &opens) {
                    self.tickets.extend(ticket);
                    self.streams.extend(keys);
                }
            }
            SessionStep::SendPacket(length) => {
                let sent = session.send_packet(PacketType(201), &mut payload(length.into()));
                self.tickets.extend(sent.ok().flatten());
            }
            SessionStep::Cancel(at) => {
                if let Some(call) = latest(&self.calls, at) {
                    self.calls.retain(|other| *other != call);
                    session.cancel(call)?;
                }
            }
            SessionStep::Respond(at, code, opens) => {
                if let Some(call) = latest(&self.handlers, at) {
                    let code = if code.is_multiple_of(8) {
                        ResultCode::ServiceError
                    } else {
                        ResultCode::Success
                    };
                    let mut opens = opens.specs();
                    opens.retain(|spec| spec.kind == chirp_runtime::session::StreamKind::Free);
                    let data = &mut if code == ResultCode::Success {
                        payload(u16::from(at) * 30)
                    } else {
                        ErrorData::from("why").encode().into()
                    };
                    if let Ok(keys) = session.respond_with(call, code, data, &opens) {
                        self.streams.extend(keys);
                    }
                    session.finish(call);
                    self.handlers.retain(|other| *other != call);
                }
            }
            SessionStep::Finish(at) => {
                if let Some(call) = latest(&self.handlers, at) {
                    session.finish(call);
                    self.handlers.retain(|other| *other != call);
                }
                if let Some(length) = self.packets.pop_front() {
                    session.finish_packet(length);
                }
            }
            SessionStep::Claim(at, all) => {
                if let Some((carrier, keys)) = self.carriers.iter().rev().nth(usize::from(at % 8)) {
                    let claimed = if all {
                        &keys[..]
                    } else {
                        &keys[..keys.len() / 2]
                    };
                    session.claim_streams(*carrier, claimed);
                }
            }
            SessionStep::SendItem(at, length, opens) => {
                if let Some(stream) = latest(&self.streams, at) {
                    let opens = opens.specs();
                    let sent = session.send_item_with(stream, &mut payload(length), &opens);
                    self.streams.extend(sent.unwrap_or_default());
                }
            }
            SessionStep::EndStream(at, action) => self.end_stream(at, action),
            SessionStep::Consume(at, items) => {
                if let Some(stream) = latest(&self.streams, at)
                    && let Some(held) = self.held.get_mut(&stream)
                {
                    let items = held.len().min(usize::from(items % 8));
                    let bytes = held.drain(..items).sum();
                    session.consumed(stream, items, bytes);
                }
            }
            SessionStep::Write(most) => self.write(most.into()),
            SessionStep::WriteAll => while self.write_some(usize::MAX) {},
            SessionStep::AskHello => {
                if session.hello() == HelloState::Unknown {
                    let _ = session.ask_hello(NONCE);
                }
            }
            SessionStep::Ping => {
                let _ = session.ping(NONCE);
            }
            SessionStep::Drain => session.drain(None),
            SessionStep::Leave => {
                if session.may_leave() {
                    session.leave();
                }
            }
            SessionStep::RefuseRequests => session.refuse_requests(),
            SessionStep::GiveUp => {
                session.give_up_hello();
                session.give_up_going_away();
            }
            SessionStep::Pressure(is) => session.set_memory_pressure(is),
            SessionStep::Tick => session.tick()?,
        }
        self.listen();
        self.release_tickets();
        drop(self.session.take_leftovers());
        Ok(())
    }

    fn end_stream(&mut self, at: u8, action: StreamAction) {
        let Some(stream) = latest(&self.streams, at) else {
            return;
        };
        let session = &mut self.session;
        match action {
            StreamAction::Begin => session.begin_stream(stream),
            StreamAction::Finish => session.finish_stream(stream),
            StreamAction::Fail => session.fail_stream(stream, ErrorData::from("why")),
            StreamAction::DropSender => session.drop_sender(stream),
            StreamAction::DropReceiver => {
                session.drop_receiver(stream);
                self.held.remove(&stream);
            }
        }
    }

    fn release_tickets(&mut self) {
        let _ = self.session.take_admitted();
        let session = &mut self.session;
        self.tickets.retain(|ticket| {
            session.take_refused_one_way_call(*ticket).is_none() && session.is_waiting(*ticket)
        });
    }

    /// Reads like the reader of a connection.
    fn read(&mut self, most: usize) -> Result<(), Fatal> {
        let mut left = most;
        while self.session.reading() == ReadState::Ready {
            let session = &self.session;
            let accepts = |kind: PacketType| session.accepts(kind) || kind.is_custom();
            if let Some(packet) = self.decoder.decode_with(accepts)? {
                self.handle(packet)?;
                continue;
            }
            let mut room = self.decoder.buffer();
            let piece = left.min(self.inbox.len()).min(room.remaining_mut());
            if piece == 0 {
                return Ok(());
            }
            for byte in self.inbox.drain(..piece) {
                room.put_u8(byte);
            }
            left -= piece;
            self.decoder.note_read(piece);
        }
        Ok(())
    }

    fn handle(&mut self, packet: IncomingPacket) -> Result<(), Fatal> {
        self.note_request(&packet);
        let handled = self.session.handle(packet);
        self.flooded = matches!(handled, Err(Fatal::Flooded { .. }));
        let event = handled?;
        self.listen();
        match event {
            Some(Event::Request(call, _)) => {
                assert!(!self.handlers.contains(&call), "a call runs once");
                self.handlers.push(call);
            }
            Some(Event::Interrupt(call)) => assert!(self.handlers.contains(&call), "{call:?} runs"),
            Some(Event::Answered(call, _)) => {
                self.calls.retain(|other| *other != call);
                self.session.release(call);
            }
            Some(Event::Packet(_, payload)) => self.packets.push_back(payload.len()),
            Some(Event::Hello | Event::GoingAway(_)) | None => {}
        }
        Ok(())
    }

    /// Notes the requests that have an answer.
    fn note_request(&mut self, packet: &IncomingPacket) {
        match packet {
            IncomingPacket::Packet {
                kind: PacketType::REQUEST,
                payload,
            } => {
                if let Ok(request) = RequestPacket::decode(payload.clone()) {
                    self.output.owe(request.id());
                }
            }
            IncomingPacket::Oversized { header, id } if header.kind == PacketType::REQUEST => {
                self.output.owe(*id);
            }
            IncomingPacket::Packet {
                kind: PacketType::COMPRESSED,
                payload,
            } => {
                let compressed =
                    chirp_runtime::packet::Compressed::decode(payload.clone(), MAX_PAYLOAD);
                if let Ok(bytes) = compressed.and_then(|compressed| compressed.unpack())
                    && let Ok(request) = RequestPacket::decode(bytes)
                {
                    self.output.owe(request.id());
                }
            }
            _ => {}
        }
    }

    fn listen(&mut self) {
        while let Some(event) = self.session.poll_stream_event() {
            match event {
                StreamEvent::Opened(carrier, opened) => {
                    let keys: Vec<_> = opened
                        .iter()
                        .filter(|opened| !opened.refused)
                        .map(|opened| opened.key)
                        .collect();
                    self.streams.extend(&keys);
                    self.carriers.push((carrier, keys));
                }
                StreamEvent::Items(key, items) => {
                    assert!(!self.ended.contains(&key), "no items after the end");
                    self.held
                        .entry(key)
                        .or_default()
                        .extend(items.map(|item| item.len()));
                }
                StreamEvent::Ended(key, _) => assert!(self.ended.insert(key), "a stream ends once"),
                StreamEvent::Begun(key) | StreamEvent::Ready(key) => {
                    assert!(!self.ended.contains(&key));
                }
                StreamEvent::Unsupported(call, _) => self.calls.retain(|other| *other != call),
            }
        }
    }

    fn write(&mut self, most: usize) {
        self.write_some(most);
    }

    /// Writes up to `most` bytes of a batch. Returns `false` if there was none.
    fn write_some(&mut self, most: usize) -> bool {
        if self.batch.is_none() {
            self.batch = self.session.take_batch(Batch::default()).ok();
            if let Some(batch) = &mut self.batch {
                batch.compress();
            }
        }
        let Some(batch) = &mut self.batch else {
            return false;
        };
        let mut slices = [IoSlice::new(&[]); 4];
        let count = batch.slices(&mut slices);
        let mut room = most;
        for slice in &slices[..count] {
            let taken = room.min(slice.len());
            self.output.read(&slice[..taken]);
            room -= taken;
        }
        batch.advance(most - room);
        if batch.is_done() {
            self.batch = None;
            self.session.batch_written();
            self.listen();
        }
        true
    }

    /// Checks that memory is within the limits.
    pub(super) fn check(&self) {
        let (session, limits) = (&self.session, &self.limits);
        assert_eq!(session.running(), self.handlers.len());
        assert!(session.running() <= limits.max_concurrent_handlers);
        assert!(
            session.pending() >= self.calls.len(),
            "{} of {}",
            session.pending(),
            self.calls.len()
        );
        assert!(session.streams() <= limits.max_streams);
        assert!(session.stream_bytes_held() <= STREAM_BUFFER + MAX_PAYLOAD + 16);
        assert!(session.stream_windows() <= 32 << 20);
        let queued = limits.max_streams * ((64 << 10) + MAX_PAYLOAD + 16);
        assert!(session.stream_bytes_queued() <= queued);
        // Calls and packets may exceed their limit by one payload each; a refusal has some hundred bytes.
        let unsent = limits.max_write_buffer * 2
            + (4 + limits.max_concurrent_handlers) * (MAX_PAYLOAD + 300)
            + (8 << 20)
            + queued;
        assert!(
            session.unsent() <= unsent,
            "{} over {unsent}",
            session.unsent()
        );
        let requests =
            2 * limits.max_handler_bytes + (1 + limits.max_concurrent_handlers) * (MAX_PAYLOAD + 8);
        let held = requests
            + session.unsent()
            + session.stream_bytes_held()
            + session.stream_bytes_queued();
        assert!(session.held() <= held, "{} over {held}", session.held());
    }

    /// Ends the channel, and checks that nothing is left.
    pub(super) fn end(mut self) {
        self.session.end();
        self.listen();
        self.release_tickets();
        for ticket in std::mem::take(&mut self.tickets) {
            self.session.take_back(ticket);
        }
        for call in std::mem::take(&mut self.calls) {
            let _ = self.session.cancel(call);
        }
        for call in std::mem::take(&mut self.handlers) {
            self.session
                .respond(call, ResultCode::Success, &mut Payload::default());
            self.session.finish(call);
        }
        for length in std::mem::take(&mut self.packets) {
            self.session.finish_packet(length);
        }
        self.listen();
        self.session.discard();
        drop(self.session.take_leftovers());
        let session = &self.session;
        let left = [
            session.pending(),
            session.running(),
            session.streams(),
            session.stream_bytes_held(),
            session.stream_bytes_queued(),
            session.stream_windows(),
            session.unsent(),
            if self.flooded { 0 } else { session.held() },
        ];
        assert_eq!(
            left, [0; 8],
            "pending, running, streams, held, queued, windows, unsent, held"
        );
    }
}
