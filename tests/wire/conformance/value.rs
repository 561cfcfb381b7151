//! The session as a value, whose handlers are arms of a `match`.

use std::collections::{HashMap, HashSet};
use std::io::IoSlice;

use bytes::{BufMut, Bytes};
use chirp::Limits;
use chirp::packet::{ErrorData, FrameworkError, PacketDecoder, Payload, RequestPacket, ResultCode};
use chirp_runtime::session::{
    Batch, CallOutcome, Event, Fatal, HelloState, InboundCallId, OutboundCallId, Refused, Session,
};

use crate::conformance::script::Subject;

pub(crate) struct Value {
    session: Session,
    decoder: PacketDecoder,
    /// The running handlers, and the nested calls that `callback` handlers wait for.
    running: HashSet<InboundCallId>,
    calling_back: Vec<(OutboundCallId, InboundCallId)>,
    calls: HashMap<String, OutboundCallId>,
    answers: HashMap<String, String>,
    out: Vec<u8>,
    ended: Option<String>,
    /// Whether unknown methods echo.
    wildcard: bool,
}

impl Value {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            decoder: PacketDecoder::new(limits.max_payload),
            session: Session::new(limits),
            running: HashSet::new(),
            calling_back: Vec::new(),
            calls: HashMap::new(),
            answers: HashMap::new(),
            out: Vec::new(),
            ended: None,
            wildcard: false,
        }
    }

    fn feed(&mut self, bytes: &[u8]) -> Result<(), Fatal> {
        for piece in bytes.chunks(1 << 12) {
            let mut piece = piece;
            while !piece.is_empty() {
                let mut room = self.decoder.buffer();
                let len = room.remaining_mut().min(piece.len());
                room.put_slice(&piece[..len]);
                piece = &piece[len..];
                self.decode()?;
            }
        }
        Ok(())
    }

    fn decode(&mut self) -> Result<(), Fatal> {
        loop {
            let session = &self.session;
            let decoded = self.decoder.decode_with(|kind| session.accepts(kind))?;
            let Some(incoming) = decoded else { break };
            match self.session.handle(incoming)? {
                Some(Event::Request(run, request)) => self.run(run, request),
                Some(Event::Interrupt(run)) => self.interrupt(run),
                Some(Event::Answered(call, outcome)) => self.answered(call, outcome),
                Some(Event::GoingAway(_)) => self.session.leave(),
                Some(Event::Hello | Event::Packet(..)) | None => {}
            }
        }
        Ok(())
    }

    fn run(&mut self, run: InboundCallId, request: RequestPacket) {
        let failed = |error: ErrorData| (ResultCode::ServiceError, error.encode().into());
        let (code, data): (_, Payload) = match request.method() {
            b"echo" => (ResultCode::Success, request.into_params().into()),
            b"fail" => failed(
                String::from_utf8_lossy(request.params())
                    .into_owned()
                    .into(),
            ),
            b"edata" => failed(ErrorData::new(17, "hey").with_data("stuff")),
            b"eempty" => failed(ErrorData::default()),
            b"wait" => {
                self.running.insert(run);
                return;
            }
            b"callback" => {
                self.running.insert(run);
                let mut params = request.into_params().into();
                let call = self.session.call(&Bytes::from_static(b"back"), &mut params);
                self.calling_back.push((call.expect("there is room"), run));
                return;
            }
            _ if self.wildcard => (ResultCode::Success, request.into_params().into()),
            _ => (ResultCode::UnknownMethod, Payload::default()),
        };
        self.respond(run, code, data);
    }

    fn respond(&mut self, run: InboundCallId, code: ResultCode, mut data: Payload) {
        self.session.respond(run, code, &mut data);
        self.session.finish(run);
        self.running.remove(&run);
    }

    /// Drops the handler's future and its nested call.
    fn interrupt(&mut self, run: InboundCallId) {
        if let Some(at) = self.calling_back.iter().position(|(_, of)| *of == run) {
            let (call, _) = self.calling_back.remove(at);
            self.session.cancel(call).expect("one is not too many");
        }
        assert!(self.running.remove(&run), "it ran");
        self.session.finish(run);
    }

    fn answered(&mut self, call: OutboundCallId, outcome: CallOutcome) {
        self.session.release(call);
        if let Some(at) = self.calling_back.iter().position(|(of, _)| *of == call) {
            let (_, run) = self.calling_back.remove(at);
            match outcome {
                CallOutcome::Response(response) if response.code == ResultCode::Success => {
                    self.respond(run, response.code, response.data.into());
                }
                other => {
                    let error = ErrorData::from(said(other));
                    self.respond(run, ResultCode::ServiceError, error.encode().into());
                }
            }
            return;
        }
        let mut calls = self.calls.iter();
        let name = calls.find(|(_, key)| **key == call).expect("a call").0;
        self.answers.insert(name.clone(), said(outcome));
    }

    fn fail(&mut self, why: String) {
        self.session.end();
        for (name, _) in self.calls.drain() {
            self.answers.entry(name).or_insert("closed".to_owned());
        }
        self.ended.get_or_insert(why);
    }

    fn transmit(&mut self) {
        while let Ok(mut batch) = self.session.take_batch(Batch::default()) {
            while !batch.is_done() {
                let mut slices = [IoSlice::new(&[]); 4];
                let count = batch.slices(&mut slices);
                let before = self.out.len();
                for slice in &slices[..count] {
                    self.out.extend_from_slice(slice);
                }
                batch.advance(self.out.len() - before);
            }
            self.session.batch_written();
        }
    }
}

/// An answer, as text.
fn said(outcome: CallOutcome) -> String {
    let response = match outcome {
        CallOutcome::TooLarge { .. } => return "too-large".to_owned(),
        CallOutcome::Response(response) => response,
    };
    match response.code {
        ResultCode::Success => format!("ok {}", String::from_utf8_lossy(&response.data)),
        ResultCode::UnknownMethod => "unknown".to_owned(),
        ResultCode::DuplicateRequest => "duplicate".to_owned(),
        ResultCode::Cancelled => "cancelled".to_owned(),
        ResultCode::ServiceError => {
            let lossy =
                ErrorData::decode_lossy(response.data.clone()).expect("its fields are all there");
            let Ok(error) = ErrorData::decode(response.data) else {
                return format!("malformed {}", crate::conformance::script::error(&lossy));
            };
            match FrameworkError::from_error_data(&error) {
                Some(reason) => format!("fault {:04x}", reason.code()),
                None => crate::conformance::script::error(&error),
            }
        }
    }
}

impl Subject for Value {
    async fn receive(&mut self, bytes: &[u8]) {
        if self.ended.is_none()
            && let Err(fatal) = self.feed(bytes)
        {
            self.fail(why(&fatal));
        }
    }

    async fn end(&mut self) {
        if self.ended.is_none() {
            let why = match self.decoder.finish() {
                Ok(()) => "closed by the other side".to_owned(),
                Err(error) => why(&error.into()),
            };
            self.fail(why);
        }
    }

    async fn sent(&mut self) -> Option<Vec<u8>> {
        if self.ended.is_none() {
            self.transmit();
        }
        let head: Vec<_> = self.out.get(4..8)?.to_vec();
        let len = u32::from_be_bytes(head.try_into().expect("four bytes")) as usize;
        Some(self.out.drain(..8 + len).collect())
    }

    async fn call(&mut self, name: &str, method: Vec<u8>, params: Vec<u8>) {
        match self.session.call(&method.into(), &mut params.into()) {
            Ok(call) => drop(self.calls.insert(name.to_owned(), call)),
            Err(refused) => {
                let why = match refused {
                    Refused::TooLarge { .. } => "too-large",
                    Refused::TooManyPending { .. } => "too-many",
                    Refused::GoingAway => "fault c701",
                    Refused::TooManyStreams { .. }
                    | Refused::TooManyInPacket { .. }
                    | Refused::Unsupported
                    | Refused::UnsupportedMetadata
                    | Refused::MetadataTooLarge { .. } => {
                        panic!("nothing needs an extension")
                    }
                };
                self.answers.insert(name.to_owned(), why.to_owned());
            }
        }
    }

    async fn drop_call(&mut self, name: &str) {
        let call = self.calls.remove(name).expect("a call");
        if let Err(fatal) = self.session.cancel(call) {
            self.fail(why(&fatal));
        }
    }

    async fn answer(&mut self, name: &str) -> String {
        match self.session.hello() {
            HelloState::Known(known) if name == "hello" => {
                known.map_or("none", |_| "known").to_owned()
            }
            _ => self.answers.remove(name).unwrap_or_default(),
        }
    }

    async fn act(&mut self, words: &[&str]) {
        match words {
            ["hello"] => self.session.ask_hello(11).expect("there is room"),
            ["wildcard"] => self.wildcard = true,
            ["give-up"] => self.session.give_up_hello(),
            other => panic!("{other:?} is no step"),
        }
    }

    async fn ended(&mut self) -> String {
        self.ended.clone().unwrap_or_default()
    }

    /// CH-T6.
    async fn finish(mut self) {
        for run in std::mem::take(&mut self.running) {
            self.session.finish(run);
        }
        assert_eq!(self.session.running(), 0);
        if self.ended.is_some() {
            assert_eq!(self.session.pending(), 0);
        }
    }
}

fn why(fatal: &Fatal) -> String {
    match fatal {
        Fatal::Packet(error) => format!("protocol error: {error}"),
        Fatal::Unresponsive { .. } => "does not answer".to_owned(),
        other => format!("{other:?}"),
    }
}
