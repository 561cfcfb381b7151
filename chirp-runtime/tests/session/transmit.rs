use std::io::IoSlice;

use bytes::Bytes;
use chirp_runtime::packet::{
    Cancel, IncomingPacket, PacketType, RequestPacket, ResponsePacket, ResultCode,
};
use chirp_runtime::session::{Batch, Event, OutboundCallId, Session};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::script::limits;

/// An operation between two writes, or a partial write.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// Make a call with this many bytes of parameters.
    Call(usize),
    /// Cancel one of the calls.
    Cancel(usize),
    /// Respond to a call of the other side with this many bytes.
    Answer(usize),
    /// Take a batch.
    Take,
    /// Write this many bytes of the batch, with this many slices.
    Write(usize, usize),
}

/// Lengths around the largest payload that is copied.
fn length() -> impl Strategy<Value = usize> {
    prop_oneof![
        0..40_usize,
        2000..8000_usize,
        8190..8195_usize,
        8193..30_000_usize
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => length().prop_map(Step::Call),
        4 => any::<usize>().prop_map(Step::Cancel),
        1 => length().prop_map(Step::Answer),
        1 => Just(Step::Take),
        2 => (1..50_000_usize, 1..5_usize).prop_map(|(bytes, slices)| Step::Write(bytes, slices)),
    ]
}

/// A session, and its expected output as a plain list of packets.
struct Watched {
    session: Session,
    calls: Vec<OutboundCallId>,
    answers: u32,
    batch: Batch,
    under_way: bool,
    written: Vec<u8>,
    /// Packets that have not been taken, each with its call if it is a request.
    waiting: Vec<(Option<OutboundCallId>, Vec<u8>)>,
    in_flight: usize,
    expected: Vec<u8>,
}

impl Watched {
    fn new() -> Self {
        Self {
            session: Session::new(limits(|limits| limits.max_write_buffer = usize::MAX)),
            calls: Vec::new(),
            answers: 0,
            batch: Batch::default(),
            under_way: false,
            written: Vec::new(),
            waiting: Vec::new(),
            in_flight: 0,
            expected: Vec::new(),
        }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Call(length) => self.call(length),
            Step::Cancel(which) if !self.calls.is_empty() => {
                let call = self.calls.swap_remove(which % self.calls.len());
                self.cancel(call);
            }
            Step::Cancel(_) => {}
            Step::Answer(length) => self.answer(length),
            Step::Take => self.take(),
            Step::Write(bytes, slices) => self.write(bytes, slices),
        }
        drop(self.session.take_leftovers());
        let waiting: usize = self.waiting.iter().map(|(_, packet)| packet.len()).sum();
        assert_eq!(self.session.unsent(), waiting + self.in_flight);
        assert_eq!(self.session.has_output(), waiting > 0);
        assert!(self.expected.starts_with(&self.written));
    }

    /// A byte that differs between successive packets.
    fn fill(&self) -> u8 {
        let [fill, ..] = (self.calls.len() * 7 + self.waiting.len() * 3).to_le_bytes();
        fill
    }

    fn call(&mut self, length: usize) {
        let params = vec![self.fill(); length];
        let method = Bytes::from_static(b"m");
        let called = self.session.call(&method, &mut params.clone().into());
        let call = called.expect("there is room");
        let mut packet = Vec::new();
        RequestPacket::encode_head(&mut packet, call.id(), &method, length);
        packet.extend_from_slice(&params);
        self.calls.push(call);
        self.waiting.push((Some(call), packet));
    }

    fn cancel(&mut self, call: OutboundCallId) {
        self.session.cancel(call).expect("few are abandoned");
        let is_this = |(of, _): &(Option<OutboundCallId>, _)| *of == Some(call);
        if let Some(at) = self.waiting.iter().position(is_this) {
            self.waiting.remove(at);
        } else {
            let mut packet = Vec::new();
            Cancel { id: call.id() }.encode(&mut packet);
            self.waiting.push((None, packet));
        }
    }

    fn answer(&mut self, length: usize) {
        self.answers += 1;
        let mut payload = self.answers.to_be_bytes().to_vec();
        payload.push(0);
        let request = IncomingPacket::Packet {
            kind: PacketType::REQUEST,
            payload: payload.into(),
        };
        let run = match self.session.handle(request) {
            Ok(Some(Event::Request(run, _))) => run,
            other => panic!("{other:?}"),
        };
        let data = vec![self.fill(); length];
        let code = ResultCode::Success;
        self.session.respond(run, code, &mut data.clone().into());
        self.session.finish(run);
        let mut packet = Vec::new();
        ResponsePacket::encode_head(&mut packet, self.answers, code, length);
        packet.extend_from_slice(&data);
        self.waiting.push((None, packet));
    }

    fn take(&mut self) {
        let spare = std::mem::take(&mut self.batch);
        match self.session.take_batch(spare) {
            Ok(batch) => {
                assert!(!self.under_way && !self.waiting.is_empty());
                self.batch = batch;
                self.under_way = true;
                for (_, packet) in self.waiting.drain(..) {
                    self.in_flight += packet.len();
                    self.expected.extend_from_slice(&packet);
                }
            }
            Err(spare) => {
                assert!(self.under_way || self.waiting.is_empty());
                self.batch = spare;
            }
        }
    }

    fn write(&mut self, bytes: usize, slices: usize) {
        if !self.under_way {
            return;
        }
        let mut named = [IoSlice::new(&[]); 4];
        let count = self.batch.slices(&mut named[..slices]);
        let before = self.written.len();
        for slice in &named[..count] {
            assert!(!slice.is_empty());
            let room = bytes - (self.written.len() - before);
            self.written
                .extend_from_slice(&slice[..slice.len().min(room)]);
        }
        let written = self.written.len() - before;
        assert!(written > 0, "there is something to write until it is done");
        self.batch.advance(written);
        if self.batch.is_done() {
            self.session.batch_written();
            self.under_way = false;
            self.in_flight = 0;
        }
    }

    fn finish(mut self) {
        while self.under_way || self.session.has_output() {
            self.step(Step::Take);
            self.step(Step::Write(usize::MAX, 4));
        }
        assert!(self.written == self.expected);
        assert_eq!(self.session.unsent(), 0);
    }
}

proptest! {
    /// Whatever is removed, and however the rest is written: no byte of a removed request is transmitted, and
    /// the other packets stay intact.
    #[test]
    fn exactly_the_packets_that_were_not_removed_are_transmitted(steps in vec(step(), 0..150)) {
        let mut watched = Watched::new();
        for step in steps {
            watched.step(step);
        }
        watched.finish();
    }
}
