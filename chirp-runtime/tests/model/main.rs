//! Two sessions with tight limits, narrow pipes and a random scheduler.
//!
//! The sessions alone decide when to read, to queue and to refuse. A mistake there would sooner or later make
//! both wait for each other, exceed their limits, or confuse their calls. A failing run prints its seed;
//! `CHIRP_MODEL_SEED` repeats it, and `CHIRP_MODEL_STEPS` sets the number of steps.

mod departures;
mod load;
mod program;
mod rng;
mod side;
mod streams;

use std::collections::VecDeque;

use bytes::Bytes;
use chirp_runtime::packet::{Header, IncomingPacket, PacketType, ResultCode};
use chirp_runtime::session::{Batch, Counters, Event, Limits, Session};

use load::{Load, TICKET};
use rng::Rng;
use side::Side;

/// The number of steps, unless `CHIRP_MODEL_STEPS` is set.
const STEPS: u64 = 1_000_000;

/// How soon the handlers of a side answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Handlers {
    /// When the scheduler likes.
    Random,
    /// Never.
    Idle,
    /// All at once, when the scheduler likes.
    Eager,
}

/// One connection.
struct Run {
    seed: u64,
    rng: Rng,
    load: Load,
    sides: [Side; 2],
    /// How soon the handlers of each side respond.
    handlers: [Handlers; 2],
    /// Each side always has as many pending calls as it may.
    endless: bool,
    /// The number of calls made so far.
    calls: u64,
    steps: u64,
}

impl Run {
    fn new(seed: u64) -> Self {
        Self::with_rng(seed, Rng::new(seed))
    }

    fn with_rng(seed: u64, mut rng: Rng) -> Self {
        let load = Load::new(&mut rng);
        let mut sides = [0, 1].map(|side| Side::new(&load.limits[side], load.calls[side]));
        for (side, leaves) in sides.iter_mut().zip(load.leaves) {
            side.departure.leaves = leaves;
        }
        Self {
            seed,
            rng,
            load,
            sides,
            handlers: [Handlers::Random; 2],
            endless: false,
            calls: 0,
            steps: 0,
        }
    }

    /// Two sides that have always more to call than there is room for. In some runs one of them answers
    /// nothing, in others all there is at once.
    fn endless(seed: u64) -> Self {
        let mut run = Self::new(seed);
        let load = &mut run.load;
        load.calls = [usize::MAX; 2];
        (load.dropped, load.nested, load.waiting) = (0, 0, 0);
        (load.streams, load.packets) = (0, 0);
        load.ends = false;
        load.leaves = [false; 2];
        load.unanswered = false;
        load.pipe = load.pipe.max(30);
        run.endless = true;
        load.longest_params = [TICKET, load.longest][run.rng.below(2)];
        run.sides = [0, 1].map(|side| {
            let limits = &mut load.limits[side];
            // No call is refused as busy, which needs no room.
            limits.max_pending_calls = 100;
            limits.max_concurrent_handlers = 100;
            limits.max_handler_bytes = 100 * load.longest;
            Side::new(limits, load.calls[side])
        });
        run.handlers[0] = [Handlers::Idle, Handlers::Eager, Handlers::Random][run.rng.below(3)];
        run
    }

    /// Takes so many steps of a run without an end, in which neither calls nor answers may wait forever. How many
    /// calls came.
    fn keep_going(mut self, steps: u64) -> u64 {
        for _ in 0..steps {
            let (side, action) = (self.rng.below(2), self.rng.below(ACTIONS));
            self.step(side, action);
            let [one, other] = &self.sides;
            one.check(other);
            other.check(one);
            self.check_turns(0);
            self.check_turns(1);
        }
        let calls = self
            .sides
            .each_ref()
            .map(|side| side.session.counters().calls_in);
        assert!(calls.iter().all(|calls| *calls > 0), "seed {}", self.seed);
        calls.iter().sum()
    }

    /// A side that has both to call and to answer does both, however much it has of one of them.
    fn check_turns(&self, side: usize) {
        let this = &self.sides[side];
        // The batch under way, the next and one more, and what is written while the scheduler lets handlers wait.
        let limits = &this.limits;
        let batch = limits.max_write_buffer
            + limits.max_write_buffer / 4
            + 2 * (Header::LEN + limits.max_payload);
        let most = 3 * batch as u64 + 4096;
        let (seed, unanswered, uncalled) = (self.seed, this.unanswered, this.uncalled);
        assert!(
            unanswered <= most,
            "seed {seed}: {unanswered} bytes without an answer\n{}",
            this.describe()
        );
        assert!(
            uncalled <= most,
            "seed {seed}: {uncalled} bytes without a call\n{}",
            this.describe()
        );
    }

    /// Takes steps until everything is done or the channel ends.
    fn finish(mut self) -> (u64, Counters, bool) {
        let mut idle = 0;
        while !self.sides.iter().all(Side::is_done) {
            let (side, action) = (self.rng.below(2), self.rng.below(ACTIONS));
            if self.step(side, action) {
                idle = 0;
                self.steps += 1;
                let [one, other] = &self.sides;
                one.check(other);
                other.check(one);
                if self.try_close(side) {
                    break;
                }
            } else {
                idle += 1;
            }
            // After many failed attempts, check that some step is possible.
            if idle > 200 {
                let possible =
                    (0..2).any(|side| (0..=ACTIONS).any(|action| self.step(side, action)));
                assert!(
                    possible,
                    "stuck after {} steps, seed {}\n{}\n{}\n{:?}",
                    self.steps,
                    self.seed,
                    self.sides[0].describe(),
                    self.sides[1].describe(),
                    self.load
                );
                idle = 0;
            }
            if self.load.ends && self.rng.below(2000) == 0 {
                self.sides.iter_mut().for_each(Side::end);
                break;
            }
        }
        let mut counters = self.sides[0].session.counters();
        counters += self.sides[1].session.counters();
        let closed = self.sides.iter().any(|side| side.departure.closed);
        (self.steps, counters, closed)
    }

    /// Tries one action. Returns whether it made progress; optional actions of the programs do not count as
    /// progress.
    fn step(&mut self, side: usize, action: usize) -> bool {
        let possible = self.act(side, action);
        self.sides[side].poll_streams();
        self.note_turns(side);
        possible
    }

    /// Notes what a step of this side means for the other, whose answers and calls it has read.
    fn note_turns(&mut self, side: usize) {
        let [one, other] = &mut self.sides;
        let (this, that) = if side == 0 {
            (one, other)
        } else {
            (other, one)
        };
        if std::mem::take(&mut this.read_answers) > 0 {
            that.unanswered = 0;
        }
        if std::mem::take(&mut this.read_calls) > 0 {
            that.uncalled = 0;
        }
        if this.handlers.is_empty() || self.handlers[side] == Handlers::Idle {
            this.unanswered = 0;
        }
        let mut calls = this.calls.iter();
        if calls.all(|call| this.session.is_queued(call.key)) {
            this.uncalled = 0;
        }
    }

    fn act(&mut self, side: usize, action: usize) -> bool {
        let Self {
            rng,
            load,
            sides: [one, other],
            calls,
            handlers,
            endless,
            ..
        } = self;
        let handlers = handlers[side];
        let (this, that) = if side == 0 {
            (one, other)
        } else {
            (other, one)
        };
        *calls += 1;
        let most = 1 + rng.below(60);
        match action {
            0 => {
                let mut called = this.call(rng, load, *calls);
                while called && *endless {
                    *calls += 1;
                    called = this.call(rng, load, *calls);
                }
                called
            }
            1 => this.drop_call(rng, false),
            2 => {
                if rng.percent(load.dropped) && rng.percent(20) {
                    this.drop_call(rng, true);
                }
                false
            }
            3 | 4 => match handlers {
                Handlers::Idle => false,
                Handlers::Random => this.handle(rng, load, *calls),
                Handlers::Eager => {
                    let begun = this.handlers.len();
                    while this.handle(rng, load, *calls) {}
                    this.handlers.len() < begun
                }
            },
            5 => rng.percent(5) && this.wait(),
            6 | 7 => {
                let room = load.pipe.saturating_sub(that.inbox.len());
                this.write(&mut that.inbox, most.min(room))
            }
            8 | 9 => this.read(most),
            10 => this.ask(load, *calls),
            11 | 12 => this.send_item(rng, load),
            13 | 14 => this.consume(rng),
            15 => {
                if rng.percent(load.dropped) && rng.percent(5) {
                    this.drop_half(rng);
                }
                false
            }
            16 => {
                if this.departure.leaves && rng.percent(2) {
                    this.departure.leaves = false;
                    this.session.drain(None);
                }
                false
            }
            17 => this.agree(),
            _ => this.wait(),
        }
    }
}

/// The number of actions that [`Run::step`] knows, apart from waiting.
const ACTIONS: usize = 18;

/// A run whose random numbers are given, for the fuzz target `two_sessions`. Returns the number of its steps.
#[allow(dead_code, reason = "only the fuzz target uses it")]
pub(crate) fn run_bytes(bytes: &[u8]) -> u64 {
    let (steps, ..) = Run::with_rng(0, Rng::of_bytes(bytes)).finish();
    steps
}

#[cfg(test)]
fn asked_for(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn two_sessions_never_deadlock_or_exceed_their_limits() {
    if let Some(seed) = asked_for("CHIRP_MODEL_SEED") {
        Run::new(seed).finish();
        return;
    }
    let steps = asked_for("CHIRP_MODEL_STEPS").unwrap_or(STEPS);
    let (mut seed, mut taken, mut departures) = (0, 0, 0);
    let mut counters = Counters::default();
    while taken < steps {
        println!("seed {seed}");
        let (more, counted, closed) = Run::new(seed).finish();
        taken += more;
        counters += counted;
        departures += u64::from(closed);
        seed += 1;
    }
    println!("{taken} steps in {seed} runs, {departures} of them closed, {counters:?}");
    assert!(departures > seed / 10);
    // Every action must have been taken often enough to be tested.
    let least = taken / 1000;
    assert!(counters.calls_in > least && counters.streams > least);
    assert!(counters.items_in > 10 * least && counters.cancels_in > least / 10);
}

/// A request that was received is answered although both sides have always more to call than there is room for, and calls
/// leave although there is always something to answer.
#[test]
fn two_sessions_that_call_without_end_answer_and_call_in_turn() {
    if let Some(seed) = asked_for("CHIRP_MODEL_SEED") {
        Run::endless(seed).keep_going(20_000);
        return;
    }
    let runs = (0..100).map(Run::endless);
    let calls: u64 = runs.map(|run| run.keep_going(20_000)).sum();
    // What is not tried is not tested.
    assert!(calls > 20_000, "{calls}");
}

/// A side answers a request that it has received, although the other side sends only requests and this side
/// always has more calls than there is room for.
#[test]
fn received_requests_are_answered_although_the_other_side_only_calls() {
    for seed in 0..200 {
        let mut rng = Rng::new(seed);
        let mut limits = Limits::default();
        limits.max_write_buffer = rng.between(0, 400);
        limits.max_payload = 600;
        let mut session = Session::new(limits);
        let method = Bytes::from_static(b"m");
        let call = |session: &mut Session, length: usize| {
            let params = &mut vec![b'.'; length].into();
            session.call(&method, params).expect("few are pending");
        };
        let mut runs = VecDeque::new();
        let mut received = 0;
        let mut answered = 0;
        let mut batches = 0;
        while answered < 100 {
            // Always queue more calls than there is room for.
            for _ in 0..4 {
                call(&mut session, rng.between(0, 500));
            }
            if received < 100 {
                let packet = IncomingPacket::Packet {
                    kind: PacketType::REQUEST,
                    payload: vec![0, 0, 1, received, 1, b'm'].into(),
                };
                let event = session.handle(packet).expect("it is valid");
                let Some(Event::Request(run, _)) = event else {
                    panic!("{event:?}")
                };
                received += 1;
                runs.push_back(run);
            }
            // Start a handler only if there is room for its response.
            if !session.lacks_room_for_answers()
                && let Some(run) = runs.pop_front()
            {
                let data = &mut vec![b'.'; rng.between(0, 100)].into();
                session.respond(run, ResultCode::Success, data);
                session.finish(run);
            }
            // The other side reads everything, and does not answer.
            let batch = session.take_batch(Batch::default());
            let batch = batch.expect("there is something to send");
            let kinds = batch.packets().map(|(header, _)| header.kind);
            answered += kinds.filter(|kind| *kind == PacketType::RESPONSE).count();
            session.batch_written();
            batches += 1;
            assert!(batches <= 300, "seed {seed}: {answered} of {received}");
        }
    }
}
