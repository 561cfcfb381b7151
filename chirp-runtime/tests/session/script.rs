use std::collections::{HashMap, VecDeque};
use std::io::IoSlice;
use std::time::Duration;

use bytes::{Buf, BufMut};
use chirp_runtime::packet::{GoingAway, PacketDecoder, PacketType, Payload, RequestPacket};
use chirp_runtime::session::{
    Batch, CallOutcome, Event, Fatal, HelloState, InboundCallId, Limits, OutboundCallId, Refused,
    SendTicket, Session, SessionConfig, StreamCarrier, StreamEvent, StreamKey,
};

use crate::words::{bytes, going_away_words, packet, packet_words, result, result_words, word};

/// Plays a script to a new session. Each line is one step, and the lines below it must list all of its effects, in order.
///
/// ```text
/// < PACKET                 receive a packet        call NAME METHOD DATA   make a call
/// < end                    end the channel         cancel NAME             cancel a call
/// > PACKET                 the next packet sent    release NAME            release a call
/// > nothing                no packet is sent       respond RUN RESULT      respond to a call
/// ! run RUN METHOD DATA    a call has come         finish RUN              end a call's handler
/// ! interrupt RUN          it is interrupted       take, write             take a batch, write it
/// ! answered NAME RESULT   a response has come     drain, ask NONCE, give-up-hello, stop-pausing
/// ! GoingAway ...          it goes away            drain MILLISECONDS, leave, give-up-going-away
/// notify NAME METHOD DATA  make a one-way call     packet DATA, ping NONCE, refuse-requests
/// ! hello                  extensions are known    = COUNT VALUE           a property of the session
/// ! refused ..., ! fatal ...                       # a remark
/// ```
///
/// `stream_script.rs` has the steps and effects of streams.
pub(crate) fn check(config: impl Into<SessionConfig>, script: &str) {
    let mut stage = Stage::new(config.into());
    for (number, line) in script.lines().enumerate() {
        let words: Vec<_> = line.split_whitespace().collect();
        match &words[..] {
            [] | ["#", ..] => {}
            [">", "nothing"] => stage.expect_silence(number, line),
            [">", expected @ ..] => {
                let sent = stage.next_sent();
                assert_eq!(
                    sent.unwrap_or_default(),
                    expected.join(" "),
                    "line {number}: {line}"
                );
            }
            ["!", expected @ ..] => {
                let said = stage.said.pop_front();
                let said = said.map(|said| stage.describe(said, expected));
                assert_eq!(
                    said.unwrap_or_default(),
                    expected.join(" "),
                    "line {number}: {line}"
                );
            }
            ["=", what @ .., value] => {
                assert_eq!(
                    stage.count(&what.join(" ")),
                    *value,
                    "line {number}: {line}"
                );
            }
            step => {
                let unsaid = stage.said.pop_front();
                assert!(unsaid.is_none(), "before line {number} {line}: {unsaid:?}");
                stage.step(step);
            }
        }
        drop(stage.session.take_leftovers());
        stage.poll_streams();
    }
    assert!(stage.said.is_empty(), "at the end: {:?}", stage.said);
    stage.expect_silence(usize::MAX, "the end");
}

/// Plays each script of a table, and prints its title.
pub(crate) fn check_all(limits: &Limits, table: &[(&str, &str)]) {
    for (name, script) in table {
        println!("{name}");
        check(limits.clone(), script);
    }
}

/// The default limits with some changes.
pub(crate) fn limits(change: impl FnOnce(&mut Limits)) -> Limits {
    let mut limits = Limits::default();
    change(&mut limits);
    limits
}

/// An effect of a step.
#[derive(Debug)]
pub(crate) enum Said {
    Stream(StreamEvent),
    NotSent(String),
    NothingToClaim,
    Run(InboundCallId, RequestPacket),
    Interrupt(InboundCallId),
    Answered(OutboundCallId, CallOutcome),
    Hello,
    GoingAway(GoingAway),
    Refused(Refused),
    Fatal(Fatal),
}

pub(crate) struct Stage {
    pub(crate) session: Session,
    decoder: PacketDecoder,
    pub(crate) calls: HashMap<String, OutboundCallId>,
    tickets: HashMap<String, SendTicket>,
    pub(crate) runs: HashMap<String, InboundCallId>,
    pub(crate) streams: HashMap<String, StreamKey>,
    pub(crate) carriers: HashMap<String, StreamCarrier>,
    pub(crate) said: VecDeque<Said>,
    in_flight: Option<Batch>,
    sent: VecDeque<String>,
    /// Whether the last batch would have been compressed if the other side were known to accept that.
    asks: bool,
}

impl Stage {
    fn new(config: SessionConfig) -> Self {
        Self {
            decoder: PacketDecoder::new(config.limits.max_payload),
            session: Session::new(config),
            calls: HashMap::new(),
            tickets: HashMap::new(),
            runs: HashMap::new(),
            streams: HashMap::new(),
            carriers: HashMap::new(),
            said: VecDeque::new(),
            in_flight: None,
            sent: VecDeque::new(),
            asks: false,
        }
    }

    /// Stream events precede the event of the same packet.
    fn poll_streams(&mut self) {
        while let Some(event) = self.session.poll_stream_event() {
            self.said.push_back(Said::Stream(event));
        }
    }

    fn step(&mut self, words: &[&str]) {
        if self.stream_step(words) || self.departure_step(words) {
            return;
        }
        let done = match words {
            ["<", "end"] => self.decoder.finish().map_err(Fatal::from),
            ["<", words @ ..] => self.receive(&packet(words)),
            ["call", name, method, data] => {
                let params = &mut Payload::from(bytes(data));
                match self.session.call(&bytes(method).into(), params) {
                    Ok(call) => drop(self.calls.insert((*name).to_owned(), call)),
                    Err(refused) => self.said.push_back(Said::Refused(refused)),
                }
                Ok(())
            }
            ["cancel", name] => self.session.cancel(self.calls[*name]),
            ["release", name] => {
                self.session.release(self.calls[*name]);
                Ok(())
            }
            ["respond", run, how @ ..] => {
                let (code, data) = result(how);
                self.session
                    .respond(self.runs[*run], code, &mut data.into());
                Ok(())
            }
            ["finish", run] => {
                self.session.finish(self.runs[*run]);
                Ok(())
            }
            ["take"] => {
                assert!(self.in_flight.is_none(), "a batch is under way");
                self.in_flight = self.session.take_batch(Batch::default()).ok();
                assert!(self.in_flight.is_some(), "there is nothing to take");
                Ok(())
            }
            ["write"] => {
                assert!(self.in_flight.is_some(), "no batch was taken");
                self.write();
                Ok(())
            }
            ["notify", name, method, data] => {
                let params = &mut Payload::from(bytes(data));
                match self.session.call_one_way(&bytes(method).into(), params) {
                    Ok(ticket) => self
                        .tickets
                        .extend(ticket.map(|it| ((*name).to_owned(), it))),
                    Err(refused) => self.said.push_back(Said::Refused(refused)),
                }
                Ok(())
            }
            ["packet", data] => {
                let payload = &mut Payload::from(bytes(data));
                if let Err(refused) = self.session.send_packet(PacketType(200), payload) {
                    self.said.push_back(Said::Refused(refused));
                }
                Ok(())
            }
            ["ping", nonce] => {
                let nonce = nonce.parse().expect("a nonce");
                if let Err(refused) = self.session.ping(nonce) {
                    self.said.push_back(Said::Refused(refused));
                }
                Ok(())
            }
            ["ask", nonce] => {
                let nonce = nonce.parse().expect("a nonce");
                if let Err(refused) = self.session.ask_hello(nonce) {
                    self.said.push_back(Said::Refused(refused));
                }
                Ok(())
            }
            ["give-up-hello"] => {
                self.session.give_up_hello();
                Ok(())
            }
            ["stop-pausing"] => {
                self.session.stop_pausing();
                Ok(())
            }
            other => panic!("{other:?} is no step"),
        };
        if let Err(fatal) = done {
            self.said.push_back(Said::Fatal(fatal));
        }
    }

    /// Takes a step of the end of a connection. Returns whether it was one.
    fn departure_step(&mut self, words: &[&str]) -> bool {
        match words {
            ["drain"] => {
                self.session.drain(None);
            }
            ["drain", millis] => {
                let grace = millis.parse().expect("milliseconds");
                self.session.drain(Some(Duration::from_millis(grace)));
            }
            ["refuse-requests"] => {
                self.session.refuse_requests();
            }
            ["leave"] => {
                self.session.leave();
            }
            ["give-up-going-away"] => {
                self.session.give_up_going_away();
            }
            _ => return false,
        }
        true
    }

    fn receive(&mut self, mut bytes: &[u8]) -> Result<(), Fatal> {
        while !bytes.is_empty() {
            let mut room = self.decoder.buffer();
            let piece = room.remaining_mut().min(bytes.len());
            room.put_slice(&bytes[..piece]);
            bytes.advance(piece);
            loop {
                let session = &self.session;
                let Some(incoming) = self.decoder.decode_with(|kind| session.accepts(kind))? else {
                    break;
                };
                let event = self.session.handle(incoming)?;
                self.poll_streams();
                let said = match event {
                    None => continue,
                    Some(Event::Request(run, request)) => Said::Run(run, request),
                    Some(Event::Interrupt(run)) => Said::Interrupt(run),
                    Some(Event::Answered(call, outcome)) => Said::Answered(call, outcome),
                    Some(Event::Hello) => Said::Hello,
                    Some(Event::GoingAway(packet)) => Said::GoingAway(*packet),
                    Some(Event::Packet(kind, _)) => {
                        panic!("the scripts want no packets of type {kind}")
                    }
                };
                self.said.push_back(said);
            }
        }
        Ok(())
    }

    /// The words for an effect. A new call gets the name that the script expects.
    fn describe(&mut self, said: Said, expected: &[&str]) -> String {
        match said {
            Said::Stream(event) => self.describe_stream(event, expected),
            Said::NotSent(words) => words,
            Said::NothingToClaim => "nothing to claim".to_owned(),
            Said::Run(run, request) => {
                let name = expected.get(1).copied().unwrap_or_default();
                self.runs.insert(name.to_owned(), run);
                let (method, params) = (word(request.method()), word(request.params()));
                format!("run {name} {method} {params}")
            }
            Said::Interrupt(run) => {
                let is_this = |(_, key): &(&String, &InboundCallId)| **key == run;
                let name = self.runs.iter().find(is_this).expect("a run").0;
                format!("interrupt {name}")
            }
            Said::Answered(call, outcome) => {
                let is_this = |(_, key): &(&String, &OutboundCallId)| **key == call;
                // One-way calls have no names.
                let name = self.calls.iter().find(is_this);
                let name = name.map_or_else(|| call.id().to_string(), |(name, _)| name.clone());
                match outcome {
                    CallOutcome::Response(response) => {
                        let how = result_words(response.code, &response.data);
                        format!("answered {name} {how}")
                    }
                    CallOutcome::TooLarge { limit } => format!("answered {name} over {limit}"),
                }
            }
            Said::Hello => "hello".to_owned(),
            Said::GoingAway(packet) => going_away_words(&packet),
            Said::Refused(Refused::GoingAway) => "refused going-away".to_owned(),
            Said::Refused(Refused::TooLarge { limit, whose }) => {
                format!("refused too-large {limit} {whose}")
            }
            Said::Refused(Refused::TooManyPending { limit }) => {
                format!("refused too-many-pending {limit}")
            }
            Said::Refused(Refused::TooManyStreams { limit }) => {
                format!("refused too-many-streams {limit}")
            }
            Said::Refused(Refused::TooManyInPacket { limit }) => {
                format!("refused too-many-in-packet {limit}")
            }
            Said::Refused(Refused::Unsupported) => "refused unsupported".to_owned(),
            Said::Refused(refused) => format!("refused {refused:?}"),
            Said::Fatal(Fatal::Unresponsive { abandoned }) => {
                format!("fatal unresponsive {abandoned}")
            }
            Said::Fatal(Fatal::NotReading { .. }) => "fatal not-reading".to_owned(),
            Said::Fatal(Fatal::Packet(error)) => format!("fatal {error}"),
            Said::Fatal(Fatal::TooLarge { header, limit }) => {
                format!("fatal {header} over {limit}")
            }
            Said::Fatal(Fatal::Flooded { .. }) => {
                panic!("the scripts send no packets of the application's")
            }
        }
    }

    fn count(&self, what: &str) -> String {
        let session = &self.session;
        if let Some(count) = self.stream_count(what) {
            return count;
        }
        match what {
            "pending" => session.pending().to_string(),
            "abandoned" => session.abandoned().to_string(),
            "running" => session.running().to_string(),
            "unsent" => session.unsent().to_string(),
            "asks" => self.asks.to_string(),
            "drained" => session.is_drained().to_string(),
            "may-call" => session.may_call().to_string(),
            "may-leave" => session.may_leave().to_string(),
            "may-close" => session.may_close().to_string(),
            "waiting" => {
                let waits = |ticket: &&SendTicket| session.is_waiting(**ticket);
                self.tickets.values().filter(waits).count().to_string()
            }
            "reading" => format!("{:?}", session.reading()),
            "hello" => match session.hello() {
                HelloState::Known(Some(hello)) => format!("limit:{}", hello.payload_limit),
                other => format!("{other:?}"),
            },
            _ => match what.split_once(' ') {
                Some(("id", call)) => self.calls[call].id().to_string(),
                Some(("queued", call)) => session.is_queued(self.calls[call]).to_string(),
                Some(("wanted", run)) => session.is_wanted(self.runs[run]).to_string(),
                _ => panic!("{what} is not counted"),
            },
        }
    }

    /// The next packet that is sent. Takes and writes batches as needed.
    fn next_sent(&mut self) -> Option<String> {
        while self.sent.is_empty() {
            if self.in_flight.is_none() {
                self.in_flight = self.session.take_batch(Batch::default()).ok();
            }
            self.in_flight.as_ref()?;
            self.write();
        }
        self.sent.pop_front()
    }

    fn expect_silence(&mut self, number: usize, line: &str) {
        let sent = self.next_sent();
        assert!(sent.is_none(), "line {number}: {line}: {sent:?} is sent");
    }

    /// Writes the batch that was taken.
    fn write(&mut self) {
        let Some(mut batch) = self.in_flight.take() else {
            return;
        };
        #[cfg(feature = "lz4")]
        {
            self.asks = batch.compress();
        }
        let mut decoder = PacketDecoder::new(usize::MAX);
        while !batch.is_done() {
            let mut slices = [IoSlice::new(&[])];
            assert_eq!(batch.slices(&mut slices), 1, "there is something to write");
            let mut room = decoder.buffer();
            let written = slices[0].len().min(room.remaining_mut());
            room.put_slice(&slices[0][..written]);
            batch.advance(written);
            let wanted = |kind: PacketType| {
                kind.is_of_streams()
                    || matches!(kind, PacketType::COMPRESSED | PacketType::GOING_AWAY)
            };
            while let Some(incoming) = decoder.decode_with(wanted).expect("packets are sent") {
                self.sent.push_back(packet_words(incoming));
            }
        }
        assert_eq!(decoder.finish(), Ok(()), "a batch is whole packets");
        self.session.batch_written();
    }
}
