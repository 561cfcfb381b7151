//! Two sessions with tight limits, narrow pipes and a random scheduler.
//!
//! The sessions alone decide when to read, to queue and to refuse. A mistake there would sooner or later make
//! both wait for each other, exceed their limits, or confuse their calls. A failing run prints its seed;
//! `CHIRP_MODEL_SEED` repeats it, and `CHIRP_MODEL_STEPS` sets the number of steps.

mod load;
mod program;
mod rng;
mod side;
mod streams;

use std::collections::VecDeque;

use bytes::Bytes;
use chirp_runtime::packet::{IncomingPacket, PacketType, ResultCode};
use chirp_runtime::session::{Batch, Counters, Event, Limits, Session};

use load::Load;
use rng::Rng;
use side::Side;

/// The number of steps, unless `CHIRP_MODEL_STEPS` is set.
const STEPS: u64 = 1_000_000;

/// One connection.
struct Run {
    seed: u64,
    rng: Rng,
    load: Load,
    sides: [Side; 2],
    /// The number of calls made so far.
    calls: u64,
    steps: u64,
}

impl Run {
    fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let load = Load::new(&mut rng);
        let sides = [0, 1].map(|side| Side::new(&load.limits[side], load.calls[side]));
        Self {
            seed,
            rng,
            load,
            sides,
            calls: 0,
            steps: 0,
        }
    }

    /// Takes steps until everything is done or the channel ends.
    fn finish(mut self) -> (u64, Counters) {
        let mut idle = 0;
        while !self.sides.iter().all(Side::is_done) {
            let (side, action) = (self.rng.below(2), self.rng.below(ACTIONS));
            if self.step(side, action) {
                idle = 0;
                self.steps += 1;
                let [one, other] = &self.sides;
                one.check(other);
                other.check(one);
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
        (self.steps, counters)
    }

    /// Tries one action. Returns whether it made progress; optional actions of the programs do not count as
    /// progress.
    fn step(&mut self, side: usize, action: usize) -> bool {
        let possible = self.act(side, action);
        self.sides[side].poll_streams();
        possible
    }

    fn act(&mut self, side: usize, action: usize) -> bool {
        let Self {
            rng,
            load,
            sides: [one, other],
            calls,
            ..
        } = self;
        let (this, that) = if side == 0 {
            (one, other)
        } else {
            (other, one)
        };
        *calls += 1;
        let most = 1 + rng.below(60);
        match action {
            0 => this.call(rng, load, *calls),
            1 => this.drop_call(rng, false),
            2 => {
                if rng.percent(load.dropped) && rng.percent(20) {
                    this.drop_call(rng, true);
                }
                false
            }
            3 | 4 => this.handle(rng, load, *calls),
            5 => rng.percent(5) && this.wait(),
            6 | 7 => {
                let room = load.pipe.saturating_sub(that.inbox.len());
                this.write(&mut that.inbox, most.min(room))
            }
            8 | 9 => this.read(most),
            10 => this.ask(*calls),
            11 | 12 => this.send_item(rng, load),
            13 | 14 => this.consume(rng),
            15 => {
                if rng.percent(load.dropped) && rng.percent(5) {
                    this.drop_half(rng);
                }
                false
            }
            _ => this.wait(),
        }
    }
}

/// The number of actions that [`Run::step`] knows, apart from waiting.
const ACTIONS: usize = 16;

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
    let (mut seed, mut taken) = (0, 0);
    let mut counters = Counters::default();
    while taken < steps {
        println!("seed {seed}");
        let (more, counted) = Run::new(seed).finish();
        taken += more;
        counters += counted;
        seed += 1;
    }
    println!("{taken} steps in {seed} runs, {counters:?}");
    // Every action must have been taken often enough to be tested.
    let least = taken / 1000;
    assert!(counters.calls_in > least && counters.streams > least);
    assert!(counters.items_in > 10 * least && counters.cancels_in > least / 10);
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
