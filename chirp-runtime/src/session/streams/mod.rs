//! Streams with credit-based flow control (PROTOCOL.md, "Streams").
//!
//! Items that are sent are queued in their streams, and move into the transmit buffer when a batch is taken:
//! one chunk of each stream in turn, after the requests and responses. Received items are passed on at once,
//! and count against their stream's window until the consumer has taken them. Neither side therefore holds
//! more than it has agreed to.
//!
//! The tables are created with the first stream.

mod ends;
mod event;
mod flow_control;
mod open;
mod recv;
mod send;
mod store;

use std::collections::{HashMap, VecDeque};

use crate::packet::{ExtensionFlags, StreamEntry};

use super::slab::SecondaryMap;
use super::{HelloState, InboundCallId, OutboundCallId, Refused, SendTicket, Session};
use ends::HeldResponse;
use flow_control::Windows;
use send::StreamOutput;
use store::{RecvHalf, SendHalf, StreamHalf, StreamState, StreamStore};

pub use event::{
    Ending, NotSent, OpenedStream, StreamCarrier, StreamEvent, StreamKind, StreamSpec,
};
pub use store::StreamKey;

/// The streams of a session.
#[derive(Debug, Default)]
pub(super) struct SessionStreams {
    store: StreamStore,
    windows: Windows,
    events: VecDeque<StreamEvent>,
    /// The streams that the packet after Stream-Open carries.
    pending_opens: Option<Vec<StreamEntry>>,
    /// The stream and index of the last item in the packet that is being handled.
    last_item: Option<(StreamKey, u64)>,
    /// The streams that calls of this side opened, until the response has come.
    by_call: SecondaryMap<OutboundCallId, Vec<StreamKey>>,
    /// The streams of queued one-way calls, which have no id yet.
    by_one_way_call: HashMap<SendTicket, Vec<StreamKey>>,
    /// One-way calls that were not sent, and whose owners have not been told.
    refused_one_way_calls: HashMap<SendTicket, Refused>,
    /// The streams that responses will open when they leave, by request id.
    by_response: HashMap<u32, Vec<StreamKey>>,
    /// The streams that are bound to calls of the other side. The keys outlive their calls while responses
    /// are held.
    by_inbound_call: HashMap<InboundCallId, Vec<StreamKey>>,
    /// The streams that came with a value, until they are claimed when the value is decoded.
    unclaimed: HashMap<StreamCarrier, Vec<StreamKey>>,
    /// The number of streams in `unclaimed`.
    unclaimed_count: usize,
    /// Responses that wait until the items before them have left. The keys outlive their calls.
    held_responses: HashMap<InboundCallId, HeldResponse>,
    held_response_bytes: usize,
    /// The calls whose held responses no longer wait.
    releasable: Vec<InboundCallId>,
    /// Streams with queued items, in the order in which they are served.
    send_queue: VecDeque<StreamKey>,
    /// Streams whose credit is sent with the next batch.
    pending_grants: Vec<StreamKey>,
    /// The cost of all queued items.
    queued: usize,
    /// The cost of all received items that have not been consumed.
    held: usize,
    /// Bytes of items in the transmit buffer.
    unsent: usize,
    /// Bytes of items in the batch that is being written.
    in_flight: usize,
}

impl Session {
    /// The number of streams that have not ended or hold items.
    pub fn streams(&self) -> usize {
        let streams = self.streams.as_deref();
        streams.map_or(0, |streams| streams.store.len())
    }

    /// The cost of received items that have not been consumed, in bytes.
    pub fn stream_bytes_held(&self) -> usize {
        self.streams.as_deref().map_or(0, |streams| streams.held)
    }

    /// The cost of items that are queued in their streams, in bytes.
    pub fn stream_bytes_queued(&self) -> usize {
        self.streams.as_deref().map_or(0, |streams| streams.queued)
    }

    /// The flow-control windows of all streams to this side, in bytes.
    pub fn stream_windows(&self) -> usize {
        let streams = self.streams.as_deref();
        streams.map_or(0, |streams| streams.windows.total())
    }

    /// Returns `true` if [`poll_stream_event`](Self::poll_stream_event) would return an event.
    pub fn has_stream_events(&self) -> bool {
        let streams = self.streams.as_deref();
        streams.is_some_and(|streams| !streams.events.is_empty())
    }

    /// The next stream event. Must be called after every operation until it returns `None`, including
    /// [`take_batch`](Self::take_batch) and [`batch_written`](Self::batch_written). Stream events precede the
    /// [`Event`](super::Event) of the same packet.
    pub fn poll_stream_event(&mut self) -> Option<StreamEvent> {
        self.streams.as_deref_mut()?.events.pop_front()
    }

    /// Whether both sides support streams. `None` while the other side's extensions are not known.
    pub fn streams_in_use(&self) -> Option<bool> {
        if !self.own_extensions().contains(ExtensionFlags::STREAMS) {
            return Some(false);
        }
        match self.hello_exchange.state() {
            HelloState::Known(Some(theirs)) => {
                Some(theirs.extensions.contains(ExtensionFlags::STREAMS))
            }
            HelloState::Known(None) => Some(false),
            HelloState::Unknown | HelloState::Asked => None,
        }
    }

    /// The limit on streams.
    fn stream_limit(&self) -> usize {
        self.config
            .limits
            .max_streams
            .min(flow_control::MAX_STREAMS)
    }

    /// The streams, if there have been any, with the output for their packets.
    fn streams_mut(&mut self) -> Option<(&mut SessionStreams, StreamOutput<'_>)> {
        self.streams.as_ref()?;
        let (limit, _) = self.send_limit();
        let out = StreamOutput {
            transmit: &mut self.transmit,
            counters: &mut self.counters,
            limit: usize::try_from(limit).unwrap_or(usize::MAX),
        };
        Some((self.streams.as_deref_mut()?, out))
    }

    /// Bytes of items in the transmit buffer and in the batch that is being written.
    pub(super) fn stream_bytes_unsent(&self) -> usize {
        let streams = self.streams.as_deref();
        streams.map_or(0, |streams| streams.unsent + streams.in_flight)
    }

    /// The cost of queued and of received items.
    pub(super) fn stream_bytes(&self) -> usize {
        let streams = self.streams.as_deref();
        streams.map_or(0, |streams| streams.held + streams.queued)
    }

    /// Bytes of responses that wait for items before them.
    pub(super) fn held_response_bytes(&self) -> usize {
        let streams = self.streams.as_deref();
        streams.map_or(0, |streams| streams.held_response_bytes)
    }

    /// Returns `true` if items or credit wait for the next batch.
    pub(super) fn streams_have_output(&self) -> bool {
        self.streams.as_deref().is_some_and(|streams| {
            !streams.send_queue.is_empty() || !streams.pending_grants.is_empty()
        })
    }

    /// Notes that the batch has been written.
    pub(super) fn stream_batch_written(&mut self) {
        if let Some(streams) = self.streams.as_deref_mut() {
            streams.in_flight = 0;
        }
    }

    /// Ends all streams, since the channel has ended.
    pub(super) fn end_streams(&mut self) {
        let Some((streams, mut out)) = self.streams_mut() else {
            return;
        };
        // 1. Every stream ends: its owner is told, and its items are dropped.
        for key in streams.store.keys().collect::<Vec<_>>() {
            streams.push_ended(key, Ending::Closed);
            streams.remove(key, &mut out);
        }
        // 2. Held responses are dropped.
        for (_, response) in streams.held_responses.drain() {
            out.transmit.defer_drop(response.data.into_remains());
        }
        // 3. Everything else is reset, except the events and the store, whose keys are never reused.
        *streams = SessionStreams {
            store: std::mem::take(&mut streams.store),
            events: std::mem::take(&mut streams.events),
            ..SessionStreams::default()
        };
    }
}

impl SessionStreams {
    fn recv_half(&mut self, key: StreamKey) -> Option<&mut RecvHalf> {
        match &mut self.store.get_mut(key)?.half {
            StreamHalf::Recv(recv) => Some(recv),
            StreamHalf::Send(_) => None,
        }
    }

    fn send_half(&mut self, key: StreamKey) -> Option<&mut SendHalf> {
        match &mut self.store.get_mut(key)?.half {
            StreamHalf::Send(send) => Some(send),
            StreamHalf::Recv(_) => None,
        }
    }

    fn is_bound(&self, key: StreamKey) -> bool {
        let stream = self.store.get(key);
        stream.is_some_and(StreamState::is_bound)
    }

    /// Schedules a grant of credit for the next batch.
    fn note_grant(&mut self, key: StreamKey) {
        // Streams may open and end while nothing is written, and must not fill this list.
        if self.pending_grants.len() > 2 * self.store.len() + 64 {
            let store = &self.store;
            self.pending_grants.retain(|key| store.get(*key).is_some());
        }
        self.pending_grants.push(key);
    }

    /// Removes a stream and everything that it holds.
    fn remove(&mut self, key: StreamKey, out: &mut StreamOutput<'_>) {
        let Some(stream) = self.store.remove(key) else {
            return;
        };
        match stream.half {
            StreamHalf::Send(send) => {
                self.queued -= send.queued;
                let mut opened = Vec::new();
                for queued in send.queue {
                    out.transmit.defer_drop(queued.item.into_remains());
                    opened.extend(queued.opens);
                }
                self.never_opened(opened, out);
            }
            StreamHalf::Recv(recv) => {
                self.held -= recv.held;
                self.windows.give_back(&recv);
                if recv.unclaimed_items > 0 {
                    self.refuse_items_of(key, out);
                }
            }
        }
    }
}
