use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::BufMut;
use chirp_runtime::packet::{
    ErrorData, FrameworkError, Header, IncomingPacket, PacketDecoder, RequestPacket,
    ResponsePacket, ResultCode,
};
use chirp_runtime::session::{
    Batch, CallOutcome, Event, InboundCallId, Limits, OpenedStream, OutboundCallId, ReadState,
    Session, StreamCarrier,
};

use crate::load::Ticket;
use crate::streams::Half;

/// What a handler's own failure is called: a call that it made was refused.
pub(crate) const NESTED: &str = "nested";

/// The longest refusal there is here, as a packet.
const REFUSAL: usize = 80;

/// One side of a connection: a session, its callers and its handlers, and what travels towards it.
pub(crate) struct Side {
    pub(crate) session: Session,
    pub(crate) limits: Limits,
    decoder: PacketDecoder,
    /// Bytes on their way to this side.
    pub(crate) inbox: VecDeque<u8>,
    batch: Option<Batch>,
    pub(crate) calls: Vec<Pending>,
    pub(crate) handlers: Vec<Running>,
    /// Calls that this side has yet to make.
    pub(crate) to_call: usize,
    /// The halves of streams that its program holds.
    pub(crate) halves: Vec<Half>,
    /// Streams that came with a request which is still to be told of.
    pub(crate) arrived: Option<(StreamCarrier, Vec<OpenedStream>)>,
    /// Streams opened so far, for their numbers.
    pub(crate) opened: u64,
    /// What came last ended a stream here that had not come to its end.
    pub(crate) cut: bool,
    /// The other side has been asked what it knows.
    pub(crate) asked: bool,
    /// Bytes that it has written since the other side last read an answer, and a request, of its own.
    pub(crate) unanswered: u64,
    pub(crate) uncalled: u64,
    /// Answers and requests that it has read and that the run has not noted.
    pub(crate) read_answers: usize,
    pub(crate) read_calls: usize,
}

/// A call of this side's.
pub(crate) struct Pending {
    pub(crate) key: OutboundCallId,
    pub(crate) ticket: Ticket,
    pub(crate) one_way: bool,
}

/// A handler of this side's.
pub(crate) struct Running {
    pub(crate) run: InboundCallId,
    pub(crate) ticket: Ticket,
    pub(crate) size: usize,
    pub(crate) nested: Option<OutboundCallId>,
    /// What it will answer.
    pub(crate) result: Option<Result<(), ()>>,
}

impl Side {
    pub(crate) fn new(limits: &Limits, to_call: usize) -> Self {
        Self {
            session: Session::new(limits.clone()),
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
            unanswered: 0,
            uncalled: 0,
            read_answers: 0,
            read_calls: 0,
        }
    }

    /// Time passes: a pause that may not last for ever is over. Whether it was one.
    pub(crate) fn wait(&mut self) -> bool {
        let pauses = self.session.reading() != ReadState::Ready;
        if pauses {
            self.session.stop_pausing();
        }
        pauses && self.session.reading() == ReadState::Ready
    }

    /// Writes up to so many bytes towards the other side.
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

    /// Reads up to so many bytes, and handles the packets that are whole; unless reading pauses.
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
            // Its handler finds out by itself.
            Some(Event::Interrupt(_)) | None => {}
            Some(Event::Hello) => assert!(self.limits.max_streams > 0, "nobody asked"),
            Some(Event::Packet(..)) => panic!("nobody asked"),
        }
    }

    fn start(&mut self, run: InboundCallId, request: &RequestPacket) {
        let ticket = Ticket::decode(request.params());
        self.take_up(run, ticket);
        self.handlers.push(Running {
            run,
            ticket,
            size: request.size(),
            nested: None,
            result: None,
        });
    }

    /// Every call gets its own answer, or a reason why there is none, and gets it once.
    fn answered(&mut self, key: OutboundCallId, outcome: CallOutcome) {
        let at = self.calls.iter().position(|call| call.key == key);
        let call = self.calls.swap_remove(at.expect("somebody waits for it"));
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
                let busy =
                    FrameworkError::from_error_data(&error) == Some(FrameworkError::Overloaded);
                assert!(busy || call.ticket.depth > 0 && error.message == NESTED);
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

    /// What is held is within its bounds.
    pub(crate) fn check(&self, other: &Self) {
        let session = &self.session;
        let limits = &self.limits;
        let longest = Header::LEN + limits.max_payload;
        assert!(session.running() <= limits.max_concurrent_handlers);
        assert_eq!(session.running(), self.handlers.len());
        // The question what the other side knows is a call too.
        let asked = session.pending() - self.calls.len();
        assert!(asked <= usize::from(self.asked), "{asked}");
        assert!(session.pending() + session.abandoned() <= limits.max_pending_calls + asked);
        self.check_streams();
        // One request beyond the mark.
        let requests: usize = self.handlers.iter().map(|handler| handler.size).sum();
        assert!(requests <= limits.max_handler_bytes + longest, "{requests}");
        let bound = self.unsent_bound(other);
        assert!(session.unsent() <= bound, "{} of {bound}", session.unsent());
    }

    /// How many bytes may wait to be written.
    pub(crate) fn unsent_bound(&self, other: &Self) -> usize {
        let limits = &self.limits;
        let longest = Header::LEN + limits.max_payload;
        // What calls may take beside answers, one call and one answer beyond the mark, and a parked answer of each call that ran when it was reached. Then,
        // in the batch under way and in the next, a refusal for each call of the other side's and a Cancel
        // for each of this side's.
        limits.max_write_buffer
            + limits.max_write_buffer / 4
            + longest * (2 + limits.max_concurrent_handlers)
            + 2 * REFUSAL * other.limits.max_pending_calls
            + 2 * (Header::LEN + 4) * limits.max_pending_calls
            + self.streams_unsent(other)
    }

    /// Whether nothing is left to be done.
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

    /// The channel has ended: callers and handlers go, and nothing of theirs is left.
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
        // A question that waits for room, waits for nobody.
        assert!(self.session.pending() <= usize::from(self.asked));
        assert_eq!(self.session.running(), 0);
    }

    /// For the message of a run that is stuck.
    pub(crate) fn describe(&self) -> String {
        let session = &self.session;
        format!(
            "{} streams, {} halves, {} to call, {} pending, {} abandoned, {} running, {} unsent, {} in the pipe, {:?}, {:?}",
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
