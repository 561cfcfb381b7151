use std::collections::{HashMap, VecDeque};

use super::{StreamKind, StreamSpec};
use crate::packet::{EndReason, ErrorData, ItemRun, Payload, StreamId, StreamItems};
use crate::session::InboundCallId;
use crate::session::slab::{Slab, SlabKey, Slot};

/// The cost of an item in addition to its length, so that empty items are not free.
pub(super) const ITEM_COST: usize = 16;
/// The most credit that a stream can have.
const MAX_CREDIT: i64 = (1 << 31) - 1;
/// The most bytes that may be queued in one stream, which may be exceeded by one item. The credit is no
/// bound, since the other side chooses it.
const QUEUED: usize = 64 << 10;

/// The state of a stream.
#[derive(Debug)]
pub(super) struct StreamState {
    pub(super) number: u32,
    /// Whether this side opened it.
    pub(super) is_local: bool,
    pub(super) spec: StreamSpec,
    /// The call of the other side that the stream is bound to.
    pub(super) call: Option<InboundCallId>,
    /// Whether the packet that opens the stream has been appended to the transmit buffer or received.
    pub(super) announced: bool,
    /// Whether the stream has ended, so that its number may be reused.
    pub(super) ended: bool,
    pub(super) half: StreamHalf,
}

/// This side's half of a stream.
#[derive(Debug)]
pub(super) enum StreamHalf {
    Send(SendHalf),
    Recv(RecvHalf),
}

impl StreamState {
    /// The stream's id in packets of this side.
    pub(super) fn id(&self) -> StreamId {
        if self.is_local {
            StreamId::of_sender(self.number)
        } else {
            StreamId::of_receiver(self.number)
        }
    }

    pub(super) fn is_bound(&self) -> bool {
        self.spec.kind != StreamKind::Free
    }

    /// Returns `true` if the owner of this side's half has not been told that the stream has ended.
    pub(super) fn is_open(&self) -> bool {
        !self.ended
            && match &self.half {
                StreamHalf::Send(send) => !send.dropped,
                StreamHalf::Recv(recv) => !recv.closed,
            }
    }
}

/// The send half of a stream.
#[derive(Debug, Default)]
pub(super) struct SendHalf {
    /// The cost of the items that may still be sent. One item may make it negative.
    pub(super) credit: i64,
    /// Items that have used credit and wait to be sent.
    pub(super) queue: VecDeque<QueuedItem>,
    /// The cost of the queued items.
    pub(super) queued: usize,
    /// The number of items sent.
    pub(super) sent: u64,
    /// Whether the owner waits for [`StreamEvent::Ready`](super::StreamEvent::Ready).
    pub(super) wants_ready: bool,
    /// Whether the stream is in the send queue.
    pub(super) scheduled: bool,
    /// The end to be sent after the last item.
    pub(super) pending_end: Option<(EndReason, ErrorData)>,
    /// Whether the owner has dropped the half, so that no event follows.
    pub(super) dropped: bool,
}

/// A queued item with the streams that it carries, or a batch of items.
#[derive(Debug)]
pub(super) struct QueuedItem {
    pub(super) item: Payload,
    /// The number of items, if this is a batch that is encoded as in a packet.
    pub(super) batch: Option<u16>,
    pub(super) cost: usize,
    pub(super) opens: Vec<StreamKey>,
}

impl QueuedItem {
    pub(super) fn items(&self) -> u16 {
        self.batch.unwrap_or(1)
    }

    /// Bytes of the items, without their length prefixes.
    pub(super) fn bytes(&self) -> usize {
        match self.batch {
            Some(items) => self.item.len() - StreamItems::lengths(items),
            None => self.item.len(),
        }
    }
}

impl SendHalf {
    /// Returns `true` if an item of any size may be sent.
    pub(super) fn may_send(&self) -> bool {
        self.credit > 0 && self.queued < QUEUED
    }

    /// The cost of the items that may be sent before [`may_send`](Self::may_send) is false.
    pub(super) fn room(&self) -> u64 {
        let place = QUEUED.saturating_sub(self.queued) as u64;
        place.min(self.credit.max(0).unsigned_abs())
    }

    /// Whether to push [`StreamEvent::Ready`](super::StreamEvent::Ready), which is then no longer wanted.
    pub(super) fn is_ready(&mut self) -> bool {
        let is_open = self.pending_end.is_none() && !self.dropped;
        if self.wants_ready && is_open && self.may_send() {
            self.wants_ready = false;
            return true;
        }
        false
    }

    /// Queues an item. Returns its cost.
    pub(super) fn push(&mut self, item: Payload, opens: Vec<StreamKey>) -> usize {
        let cost = item.len() + ITEM_COST;
        self.queue(QueuedItem {
            item,
            batch: None,
            cost,
            opens,
        });
        cost
    }

    /// Queues a batch of items. Returns their cost.
    pub(super) fn push_batch(&mut self, run: &mut ItemRun) -> usize {
        let cost = run.bytes() + usize::from(run.items()) * ITEM_COST;
        self.queue(QueuedItem {
            batch: Some(run.items()),
            cost,
            item: run.take().into(),
            opens: Vec::new(),
        });
        cost
    }

    fn queue(&mut self, queued: QueuedItem) {
        self.credit = self.credit.saturating_sub_unsigned(queued.cost as u64);
        self.queued += queued.cost;
        self.queue.push_back(queued);
    }

    /// Adds credit, up to the most that a stream can have.
    pub(super) fn grant(&mut self, bytes: u32) {
        self.credit = (self.credit + i64::from(bytes)).min(MAX_CREDIT);
    }
}

/// The receive half of a stream.
#[derive(Debug, Default)]
pub(super) struct RecvHalf {
    /// The flow-control window: the most bytes that may be on the way and held.
    pub(super) window: usize,
    /// The part of the window that comes from the shared budget.
    pub(super) shared: usize,
    /// The cost of the items that the other side may still send.
    pub(super) credit: i64,
    /// The cost of received items that have not been consumed.
    pub(super) held: usize,
    /// The cost of consumed items that has not been granted as new credit.
    pub(super) ungranted: usize,
    /// Whether the consumer has had no items left at some time since the last grant.
    pub(super) kept_up: bool,
    /// Credit to be sent with the next batch.
    pub(super) to_grant: u64,
    /// The number of items received.
    pub(super) received: u64,
    /// Whether the owner knows that the other side has started the stream.
    pub(super) begun: bool,
    /// Whether the half takes no more items, so that no event follows.
    pub(super) closed: bool,
    /// The number of items with unclaimed streams.
    pub(super) unclaimed_items: usize,
}

impl RecvHalf {
    /// Receives an item of this length. Returns its cost, or `None` if there is no credit.
    pub(super) fn pay(&mut self, len: usize) -> Option<usize> {
        if self.credit <= 0 {
            return None;
        }
        let cost = len + ITEM_COST;
        self.credit = self.credit.saturating_sub_unsigned(cost as u64);
        self.held += cost;
        self.received += 1;
        Some(cost)
    }

    /// Receives `items` items of `bytes` bytes in total. Returns their cost, or `None` if it exceeds `room`
    /// or uses up the credit.
    pub(super) fn pay_all(&mut self, bytes: usize, items: usize, room: usize) -> Option<usize> {
        let cost = bytes + items * ITEM_COST;
        let credit = self.credit.saturating_sub_unsigned(cost as u64);
        if credit <= 0 || cost > room {
            return None;
        }
        self.credit = credit;
        self.held += cost;
        self.received += items as u64;
        Some(cost)
    }

    /// Consumes `items` items of `bytes` bytes in total. Returns their cost.
    pub(super) fn take(&mut self, items: usize, bytes: usize) -> usize {
        let cost = items
            .saturating_mul(ITEM_COST)
            .saturating_add(bytes)
            .min(self.held);
        self.held -= cost;
        self.ungranted += cost;
        cost
    }
}

/// A stream of this side or of the other. No two streams of a connection have the same key, whatever numbers the
/// sides choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StreamKey(Slot);

impl StreamKey {
    /// The key of no stream.
    pub(super) const NONE: Self = Self(Slot {
        index: u32::MAX,
        generation: u32::MAX,
    });
}

impl SlabKey for StreamKey {
    fn from_slot(slot: Slot) -> Self {
        Self(slot)
    }

    fn slot(self) -> Slot {
        self.0
    }
}

/// All streams, by their keys and by their numbers.
#[derive(Debug, Default)]
pub(super) struct StreamStore {
    streams: Slab<StreamKey, StreamState>,
    /// The streams that this side opened, by number, until they have ended.
    local: HashMap<u32, StreamKey>,
    /// The streams that the other side opened, by number, until they have ended. The hash is keyed, since the
    /// other side chooses the numbers.
    remote: HashMap<u32, StreamKey>,
    /// The number that this side gave last.
    last_number: u32,
    /// Announced streams that this side opened to send items, and that have not ended.
    local_senders: usize,
    /// Streams that the other side opened to send items, and that have not ended.
    remote_senders: usize,
}

impl StreamStore {
    pub(super) fn len(&self) -> usize {
        self.streams.len()
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = StreamKey> {
        self.streams.keys()
    }

    /// The next number for a stream of this side.
    pub(super) fn next_number(&mut self) -> u32 {
        loop {
            self.last_number = self.last_number % StreamId::MAX_NUMBER + 1;
            // There are at most a few thousand streams, so that a free number is soon found.
            if !self.local.contains_key(&self.last_number) {
                return self.last_number;
            }
        }
    }

    pub(super) fn insert(&mut self, stream: StreamState) -> StreamKey {
        let (number, is_local, sends) = (stream.number, stream.is_local, stream.spec.sends);
        // The limit on streams is far below the number of slots.
        let key = self.streams.insert(stream);
        if is_local {
            self.local.insert(number, key);
        } else {
            self.remote.insert(number, key);
            self.remote_senders += usize::from(!sends);
        }
        key
    }

    pub(super) fn get(&self, key: StreamKey) -> Option<&StreamState> {
        self.streams.get(key)
    }

    pub(super) fn get_mut(&mut self, key: StreamKey) -> Option<&mut StreamState> {
        self.streams.get_mut(key)
    }

    /// The stream that the other side names in a packet.
    pub(super) fn find(&self, id: StreamId) -> Option<StreamKey> {
        if id.is_of_sender() {
            return self.remote.get(&id.number()).copied();
        }
        let key = *self.local.get(&id.number())?;
        // The other side cannot know of a stream whose opening has not left.
        self.get(key).filter(|stream| stream.announced)?;
        Some(key)
    }

    /// Returns `true` if the other side has opened a stream with this number that has not ended.
    pub(super) fn is_remote_number_in_use(&self, number: u32) -> bool {
        self.remote.contains_key(&number)
    }

    pub(super) fn remote_senders(&self) -> usize {
        self.remote_senders
    }

    pub(super) fn local_senders(&self) -> usize {
        self.local_senders
    }

    /// Notes that a stream's opening was put into the transmit buffer.
    pub(super) fn announce(&mut self, key: StreamKey) {
        if let Some(stream) = self.get_mut(key) {
            stream.announced = true;
            self.local_senders += usize::from(stream.spec.sends);
        }
    }

    /// Marks a stream as ended, so that its number may be reused.
    pub(super) fn end(&mut self, key: StreamKey) {
        let Some(stream) = self.streams.get_mut(key) else {
            return;
        };
        if std::mem::replace(&mut stream.ended, true) {
            return;
        }
        let sends = stream.spec.sends;
        if stream.is_local {
            self.local.remove(&stream.number);
            self.local_senders -= usize::from(sends && stream.announced);
        } else {
            self.remote.remove(&stream.number);
            self.remote_senders -= usize::from(!sends);
        }
    }

    pub(super) fn remove(&mut self, key: StreamKey) -> Option<StreamState> {
        self.end(key);
        self.streams.remove(key)
    }
}
