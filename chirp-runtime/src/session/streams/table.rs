use std::collections::HashMap;

use super::stream::StreamState;
use crate::packet::StreamId;

/// Names a stream at one side. Never used twice on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StreamKey {
    slot: u32,
    generation: u32,
}

impl StreamKey {
    /// Names nothing.
    pub(super) const NOBODY: Self = Self {
        slot: u32::MAX,
        generation: u32::MAX,
    };

    /// A small number that no other stream of this side has: for tables beside the session.
    pub fn slot(self) -> usize {
        self.slot as usize
    }
}

/// All streams, by their keys and by their numbers.
#[derive(Debug, Default)]
pub(super) struct StreamSlab {
    slots: Vec<StreamSlot>,
    free: Vec<u32>,
    len: usize,
    /// Those that this side opened, and those that the other did, by number, until they are over. The hash is
    /// keyed, since the other side chooses numbers.
    mine: HashMap<u32, StreamKey>,
    theirs: HashMap<u32, StreamKey>,
    /// The last number that this side gave.
    number: u32,
    /// Streams whose opener sends their items and that are not over: those of this side, which have been
    /// announced, and those of the other.
    mine_sending: usize,
    theirs_sending: usize,
}

#[derive(Debug)]
struct StreamSlot {
    generation: u32,
    stream: Option<StreamState>,
}

impl StreamSlab {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn keys(&self) -> Vec<StreamKey> {
        let slots = (0..).zip(&self.slots);
        let taken = slots.filter(|(_, slot)| slot.stream.is_some());
        let keys = taken.map(|(slot, taken)| StreamKey {
            slot,
            generation: taken.generation,
        });
        keys.collect()
    }

    /// The next number for a stream of this side.
    pub(super) fn next_number(&mut self) -> u32 {
        loop {
            self.number = self.number % StreamId::MAX_NUMBER + 1;
            // There are some thousand streams at most, so one that is free is soon found.
            if !self.mine.contains_key(&self.number) {
                return self.number;
            }
        }
    }

    pub(super) fn insert(&mut self, stream: StreamState) -> StreamKey {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(StreamSlot {
                generation: 0,
                stream: None,
            });
            u32::try_from(self.slots.len() - 1).unwrap_or(u32::MAX)
        });
        let entry = &mut self.slots[slot as usize];
        let key = StreamKey {
            slot,
            generation: entry.generation,
        };
        if stream.mine {
            self.mine.insert(stream.number, key);
        } else {
            self.theirs.insert(stream.number, key);
            self.theirs_sending += usize::from(!stream.spec.sends);
        }
        entry.stream = Some(stream);
        self.len += 1;
        key
    }

    pub(super) fn get(&self, key: StreamKey) -> Option<&StreamState> {
        let slot = self.slots.get(key.slot())?;
        slot.stream
            .as_ref()
            .filter(|_| slot.generation == key.generation)
    }

    pub(super) fn get_mut(&mut self, key: StreamKey) -> Option<&mut StreamState> {
        let slot = self.slots.get_mut(key.slot())?;
        slot.stream
            .as_mut()
            .filter(|_| slot.generation == key.generation)
    }

    /// The stream that a packet of the other side's speaks of.
    pub(super) fn find(&self, id: StreamId) -> Option<StreamKey> {
        if id.is_of_sender() {
            return self.theirs.get(&id.number()).copied();
        }
        let key = *self.mine.get(&id.number())?;
        // It cannot know of one that has not left.
        self.get(key).filter(|stream| stream.announced)?;
        Some(key)
    }

    /// Whether the other side has a stream of this number that is not over.
    pub(super) fn is_theirs(&self, number: u32) -> bool {
        self.theirs.contains_key(&number)
    }

    pub(super) fn theirs_sending(&self) -> usize {
        self.theirs_sending
    }

    pub(super) fn mine_sending(&self) -> usize {
        self.mine_sending
    }

    /// The stream's opening is in the transmit buffer.
    pub(super) fn announce(&mut self, key: StreamKey) {
        if let Some(stream) = self.get_mut(key) {
            stream.announced = true;
            self.mine_sending += usize::from(stream.spec.sends);
        }
    }

    /// A stream is over: its number may be used again.
    pub(super) fn over(&mut self, key: StreamKey) {
        let Some(stream) = self.get_mut(key) else {
            return;
        };
        if std::mem::replace(&mut stream.over, true) {
            return;
        }
        let number = stream.number;
        let (mine, sends) = (stream.mine, stream.spec.sends);
        let announced = stream.announced;
        if mine {
            self.mine.remove(&number);
            self.mine_sending -= usize::from(sends && announced);
        } else {
            self.theirs.remove(&number);
            self.theirs_sending -= usize::from(!sends);
        }
    }

    pub(super) fn remove(&mut self, key: StreamKey) -> Option<StreamState> {
        self.over(key);
        self.get(key)?;
        let slot = &mut self.slots[key.slot()];
        let stream = slot.stream.take();
        // A slot that has served four billion streams is left behind, since no key is used twice.
        if let Some(next) = slot.generation.checked_add(1) {
            slot.generation = next;
            self.free.push(key.slot);
        }
        self.len -= 1;
        stream
    }
}
