//! Two nodes under random schedules of mutual dials, lost packets, half-open links and restarts, in simulated time.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use super::{Effect, LinkId, Links, Offer, Rank};

const SCHEDULES: u64 = 2000;

/// Milliseconds of faults, and when everything must have settled after them.
const FAULTS: u64 = 20_000;
const SETTLED: u64 = 120_000;

const PROBE: u64 = 1000;
const JOIN_TIMEOUT: u64 = 10_000;
const KEEP_ALIVE: u64 = 20_000;

const NAMES: [&str; 2] = ["a", "b"];

struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }

    fn one_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Message {
    Join,
    /// The incarnation of the accepter.
    Joined(u64),
    Leave,
    Probe,
    Answer,
    Closed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    /// A message arrives at a side of a connection.
    Arrive(usize, LinkId, Message),
    /// A side may dial.
    Dial(usize),
    ProbeOver(usize, LinkId),
    JoinOver(usize, LinkId),
    /// Keep-alive of a side, if nothing arrives any more.
    Dead(usize, LinkId),
    Restart(usize),
    Partition(bool),
}

/// One connection. Both sides have an end, which may be open, or gone with its process.
struct Connection {
    dialler: usize,
    incarnation: u64,
    sequence: u64,
    /// The delay of what a side sends: two connections do not keep an order between them.
    delays: [u64; 2],
    open: [bool; 2],
    joined: [bool; 2],
}

#[derive(Default)]
struct Side {
    incarnation: u64,
    sequence: u64,
    links: Links,
    dials: bool,
    dialling: bool,
    had_link: bool,
}

struct World {
    random: Random,
    now: u64,
    events: BinaryHeap<Reverse<(u64, u64, Event)>>,
    count: u64,
    sides: [Side; 2],
    connections: BTreeMap<LinkId, Connection>,
    partitioned: bool,
    /// Nothing fails: then a side that has a link must never be without one.
    is_quiet: bool,
    /// Accepted links, probes, refusals: so that the test sees that schedules do what they are for.
    seen: BTreeMap<&'static str, u64>,
}

impl World {
    fn new(seed: u64) -> Self {
        let is_quiet = seed.is_multiple_of(4);
        let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        for _ in 0..8 {
            random.below(2);
        }
        let mut world = Self {
            now: 0,
            events: BinaryHeap::new(),
            count: 0,
            sides: Default::default(),
            connections: BTreeMap::new(),
            partitioned: false,
            is_quiet,
            seen: BTreeMap::new(),
            random,
        };
        let dialling = world.random.below(4);
        for at in 0..2 {
            world.sides[at].dials = dialling != at as u64;
            world.begin(at);
        }
        if is_quiet {
            return world;
        }
        for _ in 0..world.random.below(4) {
            let (at, begins) = (
                usize::from(world.random.one_in(2)),
                world.random.below(FAULTS),
            );
            world.at(begins, Event::Restart(at));
        }
        for _ in 0..world.random.below(4) {
            let begins = world.random.below(FAULTS);
            let ends = (begins + world.random.below(FAULTS)).min(FAULTS);
            world.at(begins, Event::Partition(true));
            world.at(ends, Event::Partition(false));
        }
        world
    }

    fn see(&mut self, what: &'static str) {
        *self.seen.entry(what).or_default() += 1;
    }

    fn at(&mut self, time: u64, event: Event) {
        self.count += 1;
        self.events.push(Reverse((time, self.count, event)));
    }

    fn after(&mut self, time: u64, event: Event) {
        self.at(self.now + time, event);
    }

    /// Starts a process, which dials soon.
    fn begin(&mut self, at: usize) {
        let dials = self.sides[at].dials;
        self.sides[at] = Side {
            incarnation: self.random.below(u64::MAX),
            dials,
            ..Side::default()
        };
        let soon = self.random.below(50);
        self.dial_after(at, soon);
    }

    fn dial_after(&mut self, at: usize, pause: u64) {
        if self.sides[at].dials && !self.sides[at].dialling {
            self.sides[at].dialling = true;
            self.after(pause, Event::Dial(at));
        }
    }

    fn send(&mut self, from: usize, id: LinkId, message: Message) {
        if self.partitioned || !self.connections[&id].open[from] {
            return;
        }
        let delay = self.connections[&id].delays[from];
        self.after(delay, Event::Arrive(1 - from, id, message));
        // A side whose other side is gone notices it, if not otherwise, by keep-alive.
        if self.now > FAULTS || self.is_quiet {
            return;
        }
        let unlucky = self.random.one_in(20);
        if unlucky {
            let cut = self.random.below(2 * delay);
            self.after(cut, Event::Dead(from, id));
        }
    }

    /// A side closes its end.
    fn close(&mut self, at: usize, id: LinkId) {
        self.send(at, id, Message::Closed);
        self.end(at, id);
    }

    /// A side's end is over.
    fn end(&mut self, at: usize, id: LinkId) {
        if std::mem::take(&mut self.connections.get_mut(&id).expect("one").open[at]) {
            // The other side learns it from the close or from keep-alive.
            self.after(KEEP_ALIVE, Event::Dead(1 - at, id));
            let effects = self.sides[at].links.ended(id);
            self.apply(at, effects);
        }
    }

    fn offer(&mut self, at: usize, id: LinkId, incarnation: u64) {
        let connection = &self.connections[&id];
        let dialler = connection.dialler;
        let rank = Rank::new(NAMES[dialler], NAMES[1 - dialler], connection.sequence);
        let effects = self.sides[at].links.offer(Offer {
            id,
            incarnation,
            rank,
            is_proven: false,
        });
        self.apply(at, effects);
    }

    fn apply(&mut self, at: usize, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Accept(id) => {
                    self.see("accepted");
                    let connection = self.connections.get_mut(&id).expect("one");
                    connection.joined[at] = true;
                    if connection.dialler != at {
                        let incarnation = self.sides[at].incarnation;
                        self.send(at, id, Message::Joined(incarnation));
                    }
                }
                Effect::Refuse(id, _) => {
                    self.see("refused");
                    self.close(at, id);
                }
                Effect::Probe(id) => {
                    self.see("probed");
                    self.send(at, id, Message::Probe);
                    self.after(PROBE, Event::ProbeOver(at, id));
                }
                Effect::Leave(id) => {
                    self.see("left");
                    self.send(at, id, Message::Leave);
                }
                Effect::Close(id) => {
                    self.see("closed");
                    self.close(at, id);
                }
                Effect::Cut(id) => {
                    self.see("cut");
                    self.close(at, id);
                }
            }
        }
        let side = &mut self.sides[at];
        if side.links.current().is_some() {
            side.had_link = true;
            return;
        }
        assert!(!self.is_quiet || !side.had_link, "a side lost its link");
        let pause = 20 + self.random.below(480);
        self.dial_after(at, pause);
    }

    fn step(&mut self, event: Event) {
        match event {
            Event::Dial(at) => {
                self.sides[at].dialling = false;
                if self.sides[at].links.current().is_some() {
                    return;
                }
                self.sides[at].sequence += 1;
                let id = self.connections.len() as u64;
                let connection = Connection {
                    dialler: at,
                    incarnation: self.sides[at].incarnation,
                    sequence: self.sides[at].sequence,
                    delays: [1 + self.random.below(300), 1 + self.random.below(300)],
                    open: [true; 2],
                    joined: [false; 2],
                };
                self.connections.insert(id, connection);
                self.sides[at].dialling = true;
                self.send(at, id, Message::Join);
                let limit = if self.partitioned { 500 } else { JOIN_TIMEOUT };
                self.after(limit, Event::JoinOver(at, id));
            }
            Event::JoinOver(at, id) => {
                let connection = &self.connections[&id];
                if connection.incarnation == self.sides[at].incarnation && !connection.joined[at] {
                    self.dialled(at);
                    self.close(at, id);
                }
            }
            Event::Arrive(at, id, message) => {
                if self.connections[&id].open[at] {
                    self.arrive(at, id, message);
                }
            }
            Event::ProbeOver(at, id) => {
                let effects = self.sides[at].links.probed(id, false);
                self.apply(at, effects);
            }
            Event::Dead(at, id) => self.end(at, id),
            Event::Restart(at) => {
                self.see("restarted");
                let half_open = self.random.one_in(2);
                let ids: Vec<_> = self.connections.keys().copied().collect();
                for id in ids {
                    if !half_open {
                        self.send(at, id, Message::Closed);
                    }
                    let open = &mut self.connections.get_mut(&id).expect("one").open;
                    if std::mem::take(&mut open[at]) {
                        self.after(KEEP_ALIVE, Event::Dead(1 - at, id));
                    }
                }
                self.begin(at);
            }
            Event::Partition(begins) => {
                self.see("partitioned");
                self.partitioned = begins;
                let ids: Vec<_> = self.connections.keys().copied().collect();
                for id in ids.into_iter().filter(|_| begins) {
                    // Packets were lost: both sides give the connection up, one after the other.
                    for at in 0..2 {
                        let time = self.random.below(KEEP_ALIVE);
                        self.after(time, Event::Dead(at, id));
                    }
                }
            }
        }
    }

    /// An attempt of a side is over.
    fn dialled(&mut self, at: usize) {
        self.sides[at].dialling = false;
        if self.sides[at].links.current().is_none() {
            let pause = 20 + self.random.below(480);
            self.dial_after(at, pause);
        }
    }

    fn arrive(&mut self, at: usize, id: LinkId, message: Message) {
        match message {
            Message::Join => {
                let incarnation = self.connections[&id].incarnation;
                self.offer(at, id, incarnation);
            }
            Message::Joined(incarnation) => {
                self.offer(at, id, incarnation);
                self.dialled(at);
            }
            Message::Leave => {
                let effects = self.sides[at].links.left_there(id);
                self.apply(at, effects);
            }
            Message::Probe => self.send(at, id, Message::Answer),
            Message::Answer => {
                let effects = self.sides[at].links.probed(id, true);
                self.apply(at, effects);
            }
            Message::Closed => {
                self.end(at, id);
                let pending = self.connections[&id].dialler == at
                    && self.connections[&id].incarnation == self.sides[at].incarnation
                    && !self.connections[&id].joined[at];
                if pending {
                    self.dialled(at);
                }
            }
        }
    }

    fn run(&mut self) {
        while let Some(Reverse((time, _, event))) = self.events.pop() {
            if time > SETTLED {
                return;
            }
            self.now = time;
            self.step(event);
        }
    }
}

#[test]
fn random_schedules_end_with_one_link() {
    let mut seen = BTreeMap::<&str, u64>::new();
    for seed in 0..SCHEDULES {
        let mut world = World::new(seed);
        world.run();
        let open = world.connections.iter().filter(|(_, connection)| {
            connection.open == [true; 2] && connection.joined == [true; 2]
        });
        let open: Vec<LinkId> = open.map(|(id, _)| *id).collect();
        for side in &world.sides {
            assert_eq!(side.links.len(), 1, "schedule {seed}: links of one side");
            assert_eq!(
                side.links.current(),
                open.first().copied(),
                "schedule {seed}"
            );
        }
        assert_eq!(open.len(), 1, "schedule {seed}");
        for (what, count) in world.seen {
            *seen.entry(what).or_default() += count;
        }
    }
    // The schedules reach every rule, but for two living processes of one name.
    for what in [
        "accepted",
        "probed",
        "left",
        "closed",
        "cut",
        "restarted",
        "partitioned",
    ] {
        assert!(seen.get(what).is_some_and(|count| *count > 20), "{seen:?}");
    }
}
