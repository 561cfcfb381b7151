use std::collections::{HashMap, HashSet};

use bytes::{BufMut, Bytes};
use chirp_runtime::packet::{ErrorData, PacketDecoder, Payload, ResultCode};
use chirp_runtime::session::{
    Batch, Event, Fatal, InboundCallId, Limits, OutboundCallId, Session, StreamCarrier,
    StreamEvent, StreamKey, StreamKind, StreamSpec,
};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::streams::with_streams;
use crate::words::packet;

const STREAMS: usize = 12;
const HELD: usize = 60_000;
const LONGEST: usize = 30_000;

/// A step of the other side, which may send anything, or of the program.
#[derive(Clone, Debug)]
enum Step {
    Receive(String),
    Raw(u16, Vec<u8>),
    Call(Vec<StreamSpec>),
    Cancel(usize),
    Release(usize),
    Respond(usize, bool, Vec<StreamSpec>),
    Finish(usize),
    Claim(usize, bool),
    Send(usize, usize, Vec<StreamSpec>),
    FinishStream(usize),
    Fail(usize),
    DropSender(usize),
    DropReceiver(usize),
    Consume(usize, usize),
    Take,
    Write,
}

fn id() -> impl Strategy<Value = String> {
    (any::<bool>(), prop_oneof![0..6_u32, 0..400_u32]).prop_map(|(own, number)| {
        let whose = if own { '+' } else { '-' };
        format!("{whose}{number}")
    })
}

fn opening() -> impl Strategy<Value = String> {
    let entry = prop_oneof![
        30 => Just("to:free:16384"),
        30 => Just("from:free:16384"),
        20 => Just("from:free:0"),
        20 => Just("to:bound:5"),
        20 => Just("from:bound:16384"),
        20 => Just("to:result:100"),
        1 => Just("from:free:17"),
    ];
    let entries = vec((1..400_u32, entry), 1..4);
    entries.prop_map(|entries| {
        let entries = entries
            .iter()
            .map(|(number, entry)| format!(" {number}:{entry}"));
        format!("Open{}", entries.collect::<String>())
    })
}

fn specs() -> impl Strategy<Value = Vec<StreamSpec>> {
    let kinds = [StreamKind::Free, StreamKind::Bound, StreamKind::Result];
    let spec = (any::<bool>(), 0..3_usize).prop_map(move |(sends, kind)| StreamSpec {
        sends: sends && kind < 2,
        kind: kinds[kind],
        codec: 0,
    });
    vec(spec, 0..3)
}

/// A packet of the other side.
fn said() -> impl Strategy<Value = String> {
    let request = (1..5_u32).prop_map(|id| format!("Request {id} m -"));
    let response = (1..5_u32, any::<bool>()).prop_map(|(id, ok)| {
        let how = if ok { "ok -" } else { "error no" };
        format!("Response {id} {how}")
    });
    let length = prop_oneof![0..20_usize, Just(5000), 0..LONGEST];
    let items = (id(), vec(length, 0..4)).prop_map(|(id, lengths)| {
        // Only a single item may be longer than 16 KiB.
        let is_large = lengths.iter().sum::<usize>() > 16_000;
        let lengths = if is_large { &lengths[..1] } else { &lengths };
        let items = lengths.iter().map(|length| format!(" x*{length}"));
        format!("Items {id}{}", items.collect::<String>())
    });
    let grant = prop_oneof![0..100_u32, Just(20_000), Just(u32::MAX)];
    let credit = (id(), grant).prop_map(|(id, bytes)| format!("Credit {id}:{bytes}"));
    let reason = prop_oneof![
        Just("finished"),
        Just("failed"),
        Just("cancelled"),
        Just("refused"),
    ];
    let end =
        (id(), reason, 0..4_u32).prop_map(|(id, why, items)| format!("End {id} {why} {items}"));
    prop_oneof![
        20 => request,
        10 => response,
        10 => (1..5_u32).prop_map(|id| format!("Cancel {id}")),
        30 => items,
        20 => credit,
        15 => end,
        1 => opening(),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let at = 0..8_usize;
    let at = || at.clone();
    let length = prop_oneof![0..50_usize, Just(9000), 0..LONGEST];
    // Stream-Open mostly has a valid carrier, or most sessions would end at once.
    let carried = (opening(), 1..5_u32, any::<bool>()).prop_map(|(open, id, call)| {
        let carrier = if call { "Request" } else { "Response" };
        let rest = if call { "m -" } else { "ok -" };
        let open = if call {
            open
        } else {
            open.replace("bound", "free").replace("result", "free")
        };
        Step::Receive(format!("{open}|{carrier} {id} {rest}"))
    });
    prop_oneof![
        24 => said().prop_map(Step::Receive),
        16 => carried,
        1 => (0..4_u16, vec(any::<u8>(), 0..30)).prop_map(|(kind, bytes)| Step::Raw(kind, bytes)),
        4 => specs().prop_map(Step::Call),
        1 => at().prop_map(Step::Cancel),
        1 => at().prop_map(Step::Release),
        3 => (at(), any::<bool>(), specs()).prop_map(|(run, ok, specs)| Step::Respond(run, ok, specs)),
        2 => at().prop_map(Step::Finish),
        4 => (at(), any::<bool>()).prop_map(|(at, all)| Step::Claim(at, all)),
        8 => (at(), length, specs()).prop_map(|(at, length, specs)| Step::Send(at, length, specs)),
        1 => at().prop_map(Step::FinishStream),
        1 => at().prop_map(Step::Fail),
        1 => at().prop_map(Step::DropSender),
        1 => at().prop_map(Step::DropReceiver),
        6 => (at(), 0..LONGEST).prop_map(|(at, length)| Step::Consume(at, length)),
        4 => Just(Step::Take),
        4 => Just(Step::Write),
    ]
}

/// A session with the state of its program.
struct Tried {
    session: Session,
    decoder: PacketDecoder,
    batch: Option<Batch>,
    calls: Vec<OutboundCallId>,
    runs: Vec<InboundCallId>,
    carriers: Vec<(StreamCarrier, Vec<StreamKey>)>,
    streams: Vec<StreamKey>,
    ended: HashSet<StreamKey>,
    dropped: HashSet<StreamKey>,
    came: HashMap<StreamKey, u64>,
}

fn one_of<T: Copy>(list: &[T], at: usize) -> Option<T> {
    // Prefer the latest entries.
    list.iter().rev().nth(at).copied()
}

impl Tried {
    fn new(limits: Limits) -> Self {
        Self {
            decoder: PacketDecoder::new(limits.max_payload),
            session: Session::new(limits),
            batch: None,
            calls: Vec::new(),
            runs: Vec::new(),
            carriers: Vec::new(),
            streams: Vec::new(),
            ended: HashSet::new(),
            dropped: HashSet::new(),
            came: HashMap::new(),
        }
    }

    fn receive(&mut self, mut bytes: &[u8]) -> Result<(), Fatal> {
        while !bytes.is_empty() {
            let mut room = self.decoder.buffer();
            let piece = room.remaining_mut().min(bytes.len());
            room.put_slice(&bytes[..piece]);
            bytes = &bytes[piece..];
            loop {
                let session = &self.session;
                let decoded = self.decoder.decode_with(|kind| session.accepts(kind))?;
                let Some(incoming) = decoded else { break };
                match self.session.handle(incoming)? {
                    Some(Event::Request(run, _)) => self.runs.push(run),
                    Some(Event::Answered(call, _)) => self.calls.push(call),
                    _ => {}
                }
                self.listen();
            }
        }
        Ok(())
    }

    fn act(&mut self, step: Step) -> Result<(), Fatal> {
        let session = &mut self.session;
        let stream = |at| one_of(&self.streams, at);
        match step {
            Step::Receive(words) => {
                for words in words.split('|') {
                    let words: Vec<_> = words.split(' ').collect();
                    self.receive(&packet(&words))?;
                }
            }
            Step::Raw(kind, bytes) => {
                let kind = [0xC701, 0xC702, 0xC703, 0xC707][usize::from(kind)];
                let kind = chirp_runtime::packet::PacketType(kind);
                let length = u32::try_from(bytes.len()).expect("it is short");
                let header = chirp_runtime::packet::Header::new(kind, length).encode();
                self.receive(&[&header, &bytes[..]].concat())?;
            }
            Step::Call(specs) => {
                let method = Bytes::from_static(b"m");
                let called = session.call_with(&method, &mut Payload::default(), None, &specs);
                if let Ok((call, keys)) = called {
                    self.calls.push(call);
                    self.streams.extend(keys);
                }
            }
            Step::Cancel(at) => {
                if let Some(call) = one_of(&self.calls, at) {
                    session.cancel(call)?;
                }
            }
            Step::Release(at) => {
                if let Some(call) = one_of(&self.calls, at) {
                    session.release(call);
                }
            }
            Step::Respond(at, ok, specs) => {
                if let Some(run) = one_of(&self.runs, at) {
                    let code = if ok {
                        ResultCode::Success
                    } else {
                        ResultCode::ServiceError
                    };
                    let opened = session.respond_with(run, code, &mut Payload::default(), &specs);
                    self.streams.extend(opened.unwrap_or_default());
                }
            }
            Step::Finish(at) => {
                if let Some(run) = one_of(&self.runs, at) {
                    session.finish(run);
                    self.runs.retain(|other| *other != run);
                }
            }
            Step::Claim(at, all) => {
                if let Some((carrier, keys)) = self.carriers.iter().rev().nth(at).cloned() {
                    let claimed = if all {
                        &keys[..]
                    } else {
                        &keys[..keys.len() / 2]
                    };
                    session.claim_streams(carrier, claimed);
                }
            }
            Step::Send(at, length, specs) => {
                if let Some(stream) = stream(at) {
                    let item = &mut vec![b'x'; length].into();
                    let sent = session.send_item_with(stream, item, &specs);
                    self.streams.extend(sent.unwrap_or_default());
                }
            }
            Step::FinishStream(at) => stream(at)
                .into_iter()
                .for_each(|it| session.finish_stream(it)),
            Step::Fail(at) => {
                if let Some(stream) = stream(at) {
                    session.fail_stream(stream, ErrorData::from("why"));
                }
            }
            Step::DropSender(at) => stream(at)
                .into_iter()
                .for_each(|it| session.drop_sender(it)),
            Step::DropReceiver(at) => {
                if let Some(stream) = stream(at) {
                    session.drop_receiver(stream);
                    self.dropped.insert(stream);
                }
            }
            Step::Consume(at, length) => {
                if let Some(stream) = stream(at) {
                    session.consumed(stream, 1, length);
                }
            }
            Step::Take if self.batch.is_none() => {
                self.batch = session.take_batch(Batch::default()).ok();
            }
            Step::Write if self.batch.take().is_some() => session.batch_written(),
            Step::Take | Step::Write => {}
        }
        self.listen();
        drop(self.session.take_leftovers());
        Ok(())
    }

    fn listen(&mut self) {
        while let Some(event) = self.session.poll_stream_event() {
            match event {
                StreamEvent::Opened(carrier, opened) => {
                    let keys: Vec<_> = opened.iter().map(|opened| opened.key).collect();
                    self.streams.extend(&keys);
                    self.carriers.push((carrier, keys));
                }
                StreamEvent::Items(key, items) => {
                    assert!(!self.ended.contains(&key), "nothing comes after the end");
                    assert!(!self.dropped.contains(&key), "nothing comes to nobody");
                    *self.came.entry(key).or_default() += items.len() as u64;
                }
                StreamEvent::Ended(key, _) => assert!(self.ended.insert(key), "it ends once"),
                StreamEvent::Begun(key) | StreamEvent::Ready(key) => {
                    assert!(!self.ended.contains(&key));
                }
                StreamEvent::Unsupported(..) => panic!("both sides have streams"),
            }
        }
    }

    fn check(&self) {
        let session = &self.session;
        assert!(session.streams() <= STREAMS);
        assert!(session.stream_windows() <= 32 << 20);
        assert!(session.stream_bytes_held() <= HELD + LONGEST + 16);
        let queued = STREAMS * ((64 << 10) + LONGEST + 16);
        assert!(session.stream_bytes_queued() <= queued);
        assert!(session.held() >= session.stream_bytes_held() + session.stream_bytes_queued());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Whatever the other side sends and the program does: no panic, no event after the end of a stream,
    /// memory within the limits, and nothing left when the channel ends.
    #[test]
    fn any_sequence_of_steps(steps in vec(step(), 0..120)) {
        let mut limits = with_streams();
        limits.max_streams = STREAMS;
        limits.max_stream_buffer = HELD;
        let mut tried = Tried::new(limits);
        let greeting = "Request 9 chirp.hello ask:5:1000000:streams".to_owned();
        prop_assert_eq!(tried.act(Step::Receive(greeting)), Ok(()));
        for step in steps {
            if tried.act(step).is_err() {
                break;
            }
            tried.check();
        }
        tried.session.end();
        tried.listen();
        let session = &mut tried.session;
        let left = [session.streams(), session.stream_bytes_held(), session.stream_bytes_queued(), session.stream_windows()];
        prop_assert_eq!(left, [0; 4]);
        tried.session.discard();
        prop_assert_eq!(tried.session.unsent(), 0);
    }
}
