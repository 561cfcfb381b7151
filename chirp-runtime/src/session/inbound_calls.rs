use std::time::Duration;

use super::request_ids::RequestIds;
use super::slab::{Slab, SlabKey, Slot};

/// The cost of an application packet in addition to its payload, so that empty packets are not free.
const PACKET_OVERHEAD: usize = 64;

/// A call of the other side. No two calls of a connection have the same id, whatever request ids the other side
/// chooses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct InboundCallId(Slot);

impl SlabKey for InboundCallId {
    fn from_slot(slot: Slot) -> Self {
        Self(slot)
    }

    fn slot(self) -> Slot {
        self.0
    }
}

/// The calls that the other side makes.
///
/// A call is pending until its response is given, and running until its handler's future is dropped. A call may
/// run long after its response, as a cancelled one does, and still takes resources; limits count running calls.
#[derive(Debug, Default)]
pub(super) struct InboundCalls {
    calls: Slab<InboundCallId, RunningCall>,
    /// The slots of the pending calls.
    pending: RequestIds,
    bytes: usize,
}

#[derive(Debug)]
struct RunningCall {
    id: u32,
    size: usize,
    time: Option<Duration>,
    pending: bool,
}

impl InboundCalls {
    /// Starts a call. Its request id must not be pending.
    pub(super) fn start(&mut self, id: u32, size: usize, time: Option<Duration>) -> InboundCallId {
        // The limit on running calls is far below the number of slots.
        let key = self.calls.insert(RunningCall {
            id,
            size,
            time,
            pending: true,
        });
        self.bytes += size;
        self.pending.insert(id, key.0.index);
        key
    }

    /// Marks the pending call with this request id as answered, if there is one, and returns it.
    pub(super) fn take_id(&mut self, id: u32) -> Option<InboundCallId> {
        let slot = self.pending.remove(id)?;
        let key = self.calls.key_at(slot)?;
        self.calls.get_mut(key)?.pending = false;
        Some(key)
    }

    /// Marks a pending call as answered, and returns its request id.
    pub(super) fn answer(&mut self, key: InboundCallId) -> Option<u32> {
        let call = self.calls.get_mut(key).filter(|call| call.pending)?;
        call.pending = false;
        let id = call.id;
        self.pending.remove(id);
        Some(id)
    }

    /// The request id of a pending call.
    pub(super) fn id(&self, key: InboundCallId) -> Option<u32> {
        let call = self.calls.get(key).filter(|call| call.pending)?;
        Some(call.id)
    }

    /// The time that the call's caller gave it.
    pub(super) fn time(&self, key: InboundCallId) -> Option<Duration> {
        self.calls.get(key)?.time
    }

    /// Returns `true` if the call is pending.
    pub(super) fn is_pending(&self, key: InboundCallId) -> bool {
        self.calls.get(key).is_some_and(|call| call.pending)
    }

    /// Removes a call whose handler's future has been dropped.
    pub(super) fn finish(&mut self, key: InboundCallId) {
        let Some(call) = self.calls.remove(key) else {
            return;
        };
        self.bytes -= call.size;
        if call.pending {
            self.pending.remove(call.id);
        }
    }

    /// Counts an application packet as held. Returns the number of bytes that are held now.
    pub(super) fn hold_packet(&mut self, len: usize) -> usize {
        self.bytes += len + PACKET_OVERHEAD;
        self.bytes
    }

    /// Counts an application packet as handled.
    pub(super) fn release_packet(&mut self, len: usize) {
        self.bytes -= len + PACKET_OVERHEAD;
    }

    /// The number of calls that have not been answered.
    pub(super) fn pending(&self) -> usize {
        self.pending.len()
    }

    /// The number of calls whose handler's future is alive.
    pub(super) fn running(&self) -> usize {
        self.calls.len()
    }

    /// Bytes of the requests of running calls and of the application packets that are held.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}
