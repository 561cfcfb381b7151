use std::collections::HashMap;
use std::time::Duration;

use foldhash::fast::RandomState;

/// What a packet of the application's costs beside its payload, so that empty ones are not free.
const PACKET_OVERHEAD: usize = 64;

/// Names a call that this side runs. Never used twice on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct InboundCallId {
    slot: u32,
    generation: u32,
}

impl InboundCallId {
    /// A small number that no other running call has: for tables beside the session.
    pub fn slot(self) -> usize {
        self.slot as usize
    }
}

/// The calls that the other side made.
///
/// An id is pending until it is answered; a call runs until its handler's future is gone. The second
/// may be much later than the first, and it is the second that costs.
#[derive(Debug, Default)]
pub(super) struct InboundCalls {
    /// The calls that are not answered, by the ids that the other side chose: a few thousand at most, so that a
    /// quick hash with a secret will do.
    ids: HashMap<u32, u32, RandomState>,
    runs: Vec<InboundCallEntry>,
    free: Vec<u32>,
    running: usize,
    bytes: usize,
}

#[derive(Debug)]
struct InboundCallEntry {
    generation: u32,
    id: u32,
    size: usize,
    time: Option<Duration>,
    state: InboundCallState,
}

#[derive(Debug, PartialEq)]
enum InboundCallState {
    Free,
    Pending,
    Answered,
}

impl InboundCalls {
    /// A call begins. Its id is not pending.
    pub(super) fn start(&mut self, id: u32, size: usize, time: Option<Duration>) -> InboundCallId {
        let slot = self.free.pop().unwrap_or_else(|| {
            if self.runs.capacity() == 0 {
                // Most sessions run one call at a time.
                self.runs.reserve_exact(1);
            }
            self.runs.push(InboundCallEntry {
                generation: 0,
                id: 0,
                size: 0,
                time: None,
                state: InboundCallState::Free,
            });
            // One entry for each running call, of which there are a few thousand at most.
            u32::try_from(self.runs.len() - 1).unwrap_or(u32::MAX)
        });
        let run = &mut self.runs[slot as usize];
        run.id = id;
        run.size = size;
        run.time = time;
        run.state = InboundCallState::Pending;
        self.running += 1;
        self.bytes += size;
        self.ids.insert(id, slot);
        InboundCallId {
            slot,
            generation: run.generation,
        }
    }

    /// The call of this id, if one is pending. It counts as answered from now on.
    pub(super) fn take_id(&mut self, id: u32) -> Option<InboundCallId> {
        let slot = self.ids.remove(&id)?;
        let run = &mut self.runs[slot as usize];
        run.state = InboundCallState::Answered;
        Some(InboundCallId {
            slot,
            generation: run.generation,
        })
    }

    /// The id of a call that is being answered, unless it has been.
    pub(super) fn answer(&mut self, key: InboundCallId) -> Option<u32> {
        let run = self.run(key)?;
        if run.state != InboundCallState::Pending {
            return None;
        }
        let id = run.id;
        run.state = InboundCallState::Answered;
        self.ids.remove(&id);
        Some(id)
    }

    /// The id of a call that is pending.
    pub(super) fn id(&self, key: InboundCallId) -> Option<u32> {
        self.is_wanted(key).then(|| self.runs[key.slot()].id)
    }

    /// How much time the call had when it began.
    pub(super) fn time(&self, key: InboundCallId) -> Option<Duration> {
        let run = self.runs.get(key.slot())?;
        if run.generation == key.generation {
            run.time
        } else {
            None
        }
    }

    /// Whether the call is pending.
    pub(super) fn is_wanted(&self, key: InboundCallId) -> bool {
        self.runs.get(key.slot()).is_some_and(|run| {
            run.generation == key.generation && run.state == InboundCallState::Pending
        })
    }

    /// The handler's future is gone.
    pub(super) fn finish(&mut self, key: InboundCallId) {
        let Some(run) = self.run(key) else { return };
        let (id, size) = (run.id, run.size);
        let pending =
            std::mem::replace(&mut run.state, InboundCallState::Free) == InboundCallState::Pending;
        // A slot that has served four billion calls is left behind, since no key is used twice.
        if let Some(next) = run.generation.checked_add(1) {
            run.generation = next;
            self.free.push(key.slot);
        }
        self.running -= 1;
        self.bytes -= size;
        if pending {
            self.ids.remove(&id);
        }
    }

    /// A packet of the application's is held. How many bytes are held now.
    pub(super) fn hold(&mut self, len: usize) -> usize {
        self.bytes += len + PACKET_OVERHEAD;
        self.bytes
    }

    /// Such a packet has been handled.
    pub(super) fn let_go(&mut self, len: usize) {
        self.bytes -= len + PACKET_OVERHEAD;
    }

    /// Calls whose handler's future is alive.
    pub(super) fn running(&self) -> usize {
        self.running
    }

    /// The bytes of their requests.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    fn run(&mut self, key: InboundCallId) -> Option<&mut InboundCallEntry> {
        let run = self.runs.get_mut(key.slot())?;
        (run.generation == key.generation && run.state != InboundCallState::Free).then_some(run)
    }
}
