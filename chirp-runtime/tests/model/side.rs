use std::collections::{HashSet, VecDeque};
use std::io::IoSlice;

use bytes::BufMut;
use chirp_runtime::packet::{
    ErrorData, FrameworkError, Header, IncomingPacket, PacketDecoder, RequestPacket,
    ResponsePacket, ResultCode,
};
use chirp_runtime::session::{
    Batch, CallOutcome, Event, InboundCallId, Limits, OpenedStream, OutboundCallId, ReadState,
    Session, SessionConfig, StreamCarrier,
};

use super::departures::Departure;
use super::load::Ticket;
use super::streams::Half;

/// The error of a handler whose nested call was refused.
pub(crate) const NESTED: &str = "nested";

/// The longest refusal in this test, as a packet.
const REFUSAL: usize = 80;

/// One side of a connection: a session, its callers and handlers, and the bytes on the way to it.
pub(crate) struct Side {
    pub(crate) session: Session,
    pub(crate) limits: Limits,
    decoder: PacketDecoder,
    /// Bytes on the way to this side.
    pub(crate) inbox: VecDeque<u8>,
    batch: Option<Batch>,
    pub(crate) calls: Vec<Pending>,
    pub(crate) handlers: Vec<Running>,
    /// The number of calls that this side has yet to make.
    pub(crate) to_call: usize,
    /// The stream halves that the program holds.
    pub(crate) halves: Vec<Half>,
    /// The streams of a request whose event has not come yet.
    pub(crate) arrived: Option<(StreamCarrier, Vec<OpenedStream>)>,
    /// The number of streams opened so far.
    pub(crate) opened: u64,
    /// Whether the last packet ended a stream of this side early.
    pub(crate) cut: bool,
    /// Whether the other side has been asked for its extensions.
    pub(crate) asked: bool,
    pub(crate) departure: Departure,
    /// One-way calls that were accepted and have not been answered.
    pub(crate) one_way: usize,
    /// The numbers of the calls that have come.
    pub(crate) came: HashSet<u64>,
    /// Bytes that it has written since the other side last read an answer, and a request, of its own.
    pub(crate) unanswered: u64,
    pub(crate) uncalled: u64,
    /// Answers and requests that it has read and that the run has not noted.
    pub(crate) read_answers: usize,
    pub(crate) read_calls: usize,
}

/// A call of this side.
pub(crate) struct Pending {
    pub(crate) key: OutboundCallId,
    pub(crate) ticket: Ticket,
    pub(crate) one_way: bool,
}

/// A handler of this side.
pub(crate) struct Running {
    pub(crate) run: InboundCallId,
    pub(crate) ticket: Ticket,
    pub(crate) size: usize,
    pub(crate) nested: Option<OutboundCallId>,
    /// The outcome that it will respond with.
    pub(crate) result: Option<Result<(), ()>>,
}

impl Side {
    pub(crate) fn new(limits: &Limits, to_call: usize) -> Self {
        Self {
            session: Session::new(SessionConfig {
                limits: limits.clone(),
                // Sides with streams ask for each other's extensions, and then compress what gets shorter.
                #[cfg(feature = "lz4")]
                compress_above: (limits.max_streams > 0).then_some(0),
                ..SessionConfig::default()
            }),
            limits: limits.clone(),
            decoder: PacketDecoder::new(limits.max_payload),
            inbox: VecDeque::new(),
            batch: None,
            calls: Vec::new(),
            handlers: Vec::new(),
            to_call,
            halves: Vec::new(),
            arrived: None,
            opened: 0,
            cut: false,
            asked: false,
            departure: Departure::default(),
            one_way: 0,
            came: HashSet::new(),
            unanswered: 0,
            uncalled: 0,
            read_answers: 0,
            read_calls: 0,
        }
    }

    /// Lets a brief pause of reading expire. Returns whether there was one.
    pub(crate) fn wait(&mut self) -> bool {
        let pauses = self.session.reading() != ReadState::Ready;
        if pauses {
            self.session.stop_pausing();
        }
        pauses && self.session.reading() == ReadState::Ready
    }

    /// Writes up to `most` bytes to the other side.
    pub(crate) fn write(&mut self, pipe: &mut VecDeque<u8>, most: usize) -> bool {
        if self.batch.is_none() {
            self.batch = self.session.take_batch(Batch::default()).ok();
            #[cfg(feature = "lz4")]
            if let Some(batch) = &mut self.batch {
                batch.compress();
            }
        }
        let Some(batch) = &mut self.batch else {
            return false;
        };
        let mut slices = [IoSlice::new(&[]); 2];
        let count = batch.slices(&mut slices);
        let mut room = most;
        for slice in &slices[..count] {
            let taken = room.min(slice.len());
            pipe.extend(&slice[..taken]);
            room -= taken;
        }
        let written = most - room;
        self.unanswered += written as u64;
        self.uncalled += written as u64;
        batch.advance(written);
        if batch.is_done() {
            self.batch = None;
            self.session.batch_written();
        }
        most > room
    }

    /// Reads up to `most` bytes and handles the complete packets, unless reading is paused.
    pub(crate) fn read(&mut self, most: usize) -> bool {
        let mut progressed = false;
        loop {
            if self.session.reading() != ReadState::Ready {
                return progressed;
            }
            let session = &self.session;
            let decoded = self.decoder.decode_with(|kind| session.accepts(kind));
            match decoded.expect("it is Chirp") {
                Some(incoming) => self.receive(incoming),
                None if progressed || self.inbox.is_empty() => return progressed,
                None => {
                    let mut room = self.decoder.buffer();
                    let piece = most.min(self.inbox.len()).min(room.remaining_mut());
                    for byte in self.inbox.drain(..piece) {
                        room.put_u8(byte);
                    }
                    self.decoder.note_read(piece);
                }
            }
            progressed = true;
        }
    }

    fn receive(&mut self, incoming: IncomingPacket) {
        self.cut = false;
        let event = self.session.handle(incoming).expect("nothing is fatal");
        self.poll_streams();
        self.read_calls += usize::from(matches!(event, Some(Event::Request(..))));
        self.read_answers += usize::from(matches!(event, Some(Event::Answered(..))));
        match event {
            Some(Event::Request(run, request)) => self.start(run, &request),
            Some(Event::Answered(key, outcome)) => self.answered(key, outcome),
            // The handler notices by itself.
            Some(Event::Interrupt(_)) | None => {}
            Some(Event::Hello) => self.departure.to_agree |= self.session.may_leave(),
            Some(Event::GoingAway(_)) => self.departure.to_agree = true,
            Some(Event::Packet(..)) => panic!("nobody asked"),
        }
    }

    fn start(&mut self, run: InboundCallId, request: &RequestPacket) {
        assert!(!self.departure.closed, "every call comes before the end");
        let ticket = Ticket::decode(request.params());
        assert!(self.came.insert(ticket.number), "no call comes twice");
        self.take_up(run, ticket);
        self.handlers.push(Running {
            run,
            ticket,
            size: request.size(),
            nested: None,
            result: None,
        });
    }

    /// Checks that each call gets its own response, or a reason for having none, exactly once.
    fn answered(&mut self, key: OutboundCallId, outcome: CallOutcome) {
        let at = self.calls.iter().position(|call| call.key == key);
        let Some(at) = at else {
            assert!(self.one_way > 0, "somebody waits for it");
            self.one_way -= 1;
            self.session.release(key);
            return;
        };
        let call = self.calls.swap_remove(at);
        self.take_up_back(key, call.ticket);
        self.session.release(key);
        let CallOutcome::Response(ResponsePacket { code, data, .. }) = outcome else {
            panic!("nothing is too large");
        };
        let result = match code {
            ResultCode::Success => {
                assert!(!self.cut, "an answer overtakes no items and no end");
                assert_eq!(data, call.ticket.answer(), "of call {}", call.ticket.number);
                Ok(())
            }
            ResultCode::ServiceError => {
                let error = ErrorData::decode(data).expect("it is valid");
                let refused = match FrameworkError::from_error_data(&error) {
                    Some(FrameworkError::Overloaded) => true,
                    Some(FrameworkError::ShuttingDown) => !self.session.has_heard_going_away(),
                    _ => false,
                };
                assert!(refused || call.ticket.depth > 0 && error.message == NESTED);
                Err(())
            }
            other => panic!("{other:?}"),
        };
        let handler = self
            .handlers
            .iter_mut()
            .find(|handler| handler.nested == Some(key));
        if let Some(handler) = handler {
            assert!(!call.one_way);
            handler.nested = None;
            handler.result = Some(result);
        }
    }

    /// Checks that memory is within the limits.
    pub(crate) fn check(&self, other: &Self) {
        let session = &self.session;
        let limits = &self.limits;
        let longest = Header::LEN + limits.max_payload;
        assert!(session.running() <= limits.max_concurrent_handlers);
        assert_eq!(session.running(), self.handlers.len());
        let more = session.pending() - self.calls.len();
        assert!(more <= self.one_way, "{more}");
        assert!(session.pending() + session.abandoned() <= limits.max_pending_calls + more);
        self.check_streams();
        // The limit may be exceeded by one request.
        let requests: usize = self.handlers.iter().map(|handler| handler.size).sum();
        assert!(requests <= limits.max_handler_bytes + longest, "{requests}");
        let bound = self.unsent_bound(other);
        assert!(session.unsent() <= bound, "{} of {bound}", session.unsent());
    }

    /// How many bytes may wait to be written.
    pub(crate) fn unsent_bound(&self, other: &Self) -> usize {
        let limits = &self.limits;
        let longest = Header::LEN + limits.max_payload;
        // The limit may be exceeded by the share of calls, by one call and one response, and by a queued response of
        // each call that was running then. In addition, both the batch being written and the next one may have a
        // refusal for each call of the other side and a Cancel for each call of this side. One-way calls are refused, too.
        limits.max_write_buffer
            + limits.max_write_buffer / 4
            + longest * (2 + limits.max_concurrent_handlers)
            + 2 * REFUSAL * (other.limits.max_pending_calls + other.one_way)
            + 2 * (Header::LEN + 4) * limits.max_pending_calls
            + self.streams_unsent(other)
    }

    /// Whether nothing is left to do.
    pub(crate) fn is_done(&self) -> bool {
        let session = &self.session;
        let counts = [
            self.to_call,
            session.pending(),
            session.abandoned(),
            session.running(),
            session.unsent(),
            self.inbox.len(),
        ];
        counts == [0; 6] && session.is_drained() && self.has_no_streams()
    }

    /// Ends the channel, and checks that nothing of its callers and handlers is left.
    pub(crate) fn end(&mut self) {
        let _ = self.decoder.finish();
        self.session.end();
        self.poll_streams();
        self.take_ended();
        assert!(self.has_no_streams(), "they end with the channel");
        while !self.calls.is_empty() {
            self.cancel(0);
        }
        while !self.handlers.is_empty() {
            self.finish(0);
        }
        assert_eq!(self.session.pending(), 0);
        assert_eq!(self.session.running(), 0);
    }

    /// The state of this side, for the message of a stuck run.
    pub(crate) fn describe(&self) -> String {
        let session = &self.session;
        format!(
            "hello {:?}, drains {}, said {}, heard {}, {} one-way, {} streams, {} halves, {} to call, {} pending, {} abandoned, {} running, {} unsent, {} in the pipe, {:?}, {:?}",
            session.hello(),
            session.is_draining(),
            session.has_said_going_away(),
            session.has_heard_going_away(),
            self.one_way,
            session.streams(),
            self.halves.len(),
            self.to_call,
            session.pending(),
            session.abandoned(),
            session.running(),
            session.unsent(),
            self.inbox.len(),
            session.reading(),
            self.limits,
        )
    }
}
