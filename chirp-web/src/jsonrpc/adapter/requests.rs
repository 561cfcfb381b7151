use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::batches::BatchKey;
use super::methods::MethodFacts;
use super::request_id::RequestId;

/// The requests of the other side that have no response yet.
#[derive(Debug, Default)]
pub(super) struct Requests {
    slots: Vec<Option<PendingRequest>>,
    free: Vec<u32>,
    by_id: HashMap<RequestId, u32, RandomState>,
}

/// A request of the other side that has no response yet.
#[derive(Debug)]
pub(super) struct PendingRequest {
    /// `None` for a notification.
    pub(super) id: Option<RequestId>,
    pub(super) batch: Option<BatchKey>,
    /// Whether the response is to be dropped.
    pub(super) is_abandoned: bool,
    /// The facts about the method, unless there is nothing to know.
    pub(super) facts: Option<Arc<MethodFacts>>,
}

impl Requests {
    /// Returns whether a request with this id has no response yet.
    pub(super) fn contains(&self, id: &RequestId) -> bool {
        self.by_id.contains_key(id)
    }

    /// Adds a request. Returns its id in packets.
    pub(super) fn insert(
        &mut self,
        id: Option<RequestId>,
        batch: Option<BatchKey>,
        facts: Option<Arc<MethodFacts>>,
    ) -> u32 {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            // Each has taken bytes of a packet, so there are never so many.
            u32::try_from(self.slots.len() - 1).unwrap_or(u32::MAX)
        });
        if let Some(id) = &id
            && !id.is_null()
        {
            self.by_id.insert(id.clone(), slot);
        }
        self.slots[slot as usize] = Some(PendingRequest {
            id,
            batch,
            is_abandoned: false,
            facts,
        });
        slot + 1
    }

    /// Returns whether all requests have been answered.
    pub(super) fn is_empty(&self) -> bool {
        self.free.len() == self.slots.len()
    }

    /// Finds a request by the id that the other side gave it.
    pub(super) fn find(&mut self, id: &RequestId) -> Option<(u32, &mut PendingRequest)> {
        let slot = *self.by_id.get(id)?;
        let request = self.slots.get_mut(slot as usize)?.as_mut()?;
        Some((slot + 1, request))
    }

    /// Returns the request with this id in packets.
    pub(super) fn get_mut(&mut self, packet_id: u32) -> Option<&mut PendingRequest> {
        let slot = packet_id.checked_sub(1)?;
        self.slots.get_mut(slot as usize)?.as_mut()
    }

    /// Removes the request with this id in packets.
    pub(super) fn remove(&mut self, packet_id: u32) -> Option<PendingRequest> {
        let slot = packet_id.checked_sub(1)?;
        let request = self.slots.get_mut(slot as usize)?.take()?;
        if let Some(id) = &request.id {
            self.by_id.remove(id);
        }
        self.free.push(slot);
        Some(request)
    }
}
