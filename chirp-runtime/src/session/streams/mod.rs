//! Streams: values that travel one after another, with credit from whoever takes them (PROTOCOL.md, "Streams").
//!
//! Items that this side sends wait in their streams, and leave when a batch is taken: a chunk of each stream in
//! turn, behind the calls and answers that are ready. Items that come are handed on at once, and held against
//! their stream until the consumer has taken them. So neither side holds more than it has agreed to.
//!
//! A session without streams has none of this: the tables are made with the first stream.

mod ends;
mod event;
mod flow_control;
mod open;
mod recv;
mod send;
mod store;

use std::collections::{HashMap, HashSet, VecDeque};

use crate::packet::{ExtensionFlags, StreamEntry};

use super::slab::SecondaryMap;
use super::{HelloState, InboundCallId, OutboundCallId, SendTicket, Session};
use ends::HeldResponse;
use flow_control::Windows;
use send::StreamOutput;
use store::{StreamHalf, StreamState, StreamStore};

pub use event::{
    Ending, NotSent, OpenedStream, StreamCarrier, StreamEvent, StreamKind, StreamSpec,
};
pub use store::StreamKey;

/// The streams of a session that has had any.
#[derive(Debug, Default)]
pub(super) struct SessionStreams {
    store: StreamStore,
    windows: Windows,
    events: VecDeque<StreamEvent>,
    /// What the next packet carries, which has come.
    pending_opens: Option<Vec<StreamEntry>>,
    /// The last item of the packet that is being handled, if it was one of items.
    last_item: Option<(StreamKey, u64)>,
    /// The streams that this side opened with a call, by its id, until its answer has come.
    by_call: SecondaryMap<OutboundCallId, Vec<StreamKey>>,
    /// The same of one-way calls that have no id yet.
    by_one_way_call: HashMap<SendTicket, Vec<StreamKey>>,
    /// One-way calls that were not sent, whose owners have not been told.
    refused_one_way_calls: HashSet<SendTicket>,
    /// The streams that this side opens with an answer which has not left, by the call's id.
    by_response: HashMap<u32, Vec<StreamKey>>,
    /// The streams that are bound to a call which this side runs.
    by_inbound_call: HashMap<InboundCallId, Vec<StreamKey>>,
    /// The streams that came with a value and have not been claimed by whoever decodes it.
    unclaimed: HashMap<StreamCarrier, Vec<StreamKey>>,
    /// How many there are.
    unclaimed_count: usize,
    /// Answers that wait until the items before them have left.
    held_responses: HashMap<InboundCallId, HeldResponse>,
    held_response_bytes: usize,
    /// The calls of those that need not wait any more.
    releasable: Vec<InboundCallId>,
    /// Streams with items that are ready, in turn.
    send_queue: VecDeque<StreamKey>,
    /// Streams whose sending sides are given credit with the next batch.
    pending_grants: Vec<StreamKey>,
    /// What the items cost that wait in their streams.
    queued: usize,
    /// What the items cost that came and have not been taken.
    held: usize,
    /// Bytes of items in the transmit buffer, and in the batch under way.
    unsent: usize,
    in_flight: usize,
}

impl Session {
    /// How many streams there are: those that are not over, and those of which something is held.
    pub fn streams(&self) -> usize {
        let streams = self.streams.as_deref();
        streams.map_or(0, |streams| streams.store.len())
    }

    /// What the items cost that came and have not been taken by their consumers, in bytes.
    pub fn stream_bytes_held(&self) -> usize {
        self.streams.as_deref().map_or(0, |streams| streams.held)
    }

    /// What the items cost that wait in their streams to be sent, in bytes.
    pub fn stream_bytes_queued(&self) -> usize {
        self.streams.as_deref().map_or(0, |streams| streams.queued)
    }

    /// The windows of all streams whose items come to this side, in bytes.
    pub fn stream_windows(&self) -> usize {
        let streams = self.streams.as_deref();
        streams.map_or(0, |streams| streams.windows.total())
    }

    /// Whether [`poll_stream_event`](Self::poll_stream_event) has something to say.
    pub fn has_stream_events(&self) -> bool {
        let streams = self.streams.as_deref();
        streams.is_some_and(|streams| !streams.events.is_empty())
    }

    /// What has happened to streams, in order. To be asked after every step, [`take_batch`](Self::take_batch)
    /// and [`batch_written`](Self::batch_written) included, until there is nothing; and what it says comes before
    /// the [`Event`](super::Event) of the same step.
    pub fn poll_stream_event(&mut self) -> Option<StreamEvent> {
        self.streams.as_deref_mut()?.events.pop_front()
    }

    /// Whether streams can be used; nothing until that is known.
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

    /// How many streams there may be.
    fn stream_limit(&self) -> usize {
        self.limits.max_streams.min(flow_control::MAX_STREAMS)
    }

    /// The streams, if there have been any, and the way out.
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

    /// Bytes of items that are in the transmit buffer or being written.
    pub(super) fn stream_bytes_unsent(&self) -> usize {
        let streams = self.streams.as_deref();
        streams.map_or(0, |streams| streams.unsent + streams.in_flight)
    }

    /// What streams hold of the other side's and for it, but for what is in the transmit buffer.
    pub(super) fn stream_bytes(&self) -> usize {
        let streams = self.streams.as_deref();
        streams.map_or(0, |streams| streams.held + streams.queued)
    }

    /// The data of answers that wait for items before them.
    pub(super) fn held_response_bytes(&self) -> usize {
        let streams = self.streams.as_deref();
        streams.map_or(0, |streams| streams.held_response_bytes)
    }

    /// Whether a stream has something to send that is not in the transmit buffer.
    pub(super) fn streams_have_output(&self) -> bool {
        self.streams.as_deref().is_some_and(|streams| {
            !streams.send_queue.is_empty() || !streams.pending_grants.is_empty()
        })
    }

    /// The batch has been written.
    pub(super) fn stream_batch_written(&mut self) {
        if let Some(streams) = self.streams.as_deref_mut() {
            streams.in_flight = 0;
        }
    }

    /// The channel has ended, and every stream with it.
    pub(super) fn end_streams(&mut self) {
        let Some((streams, mut out)) = self.streams_mut() else {
            return;
        };
        for key in streams.store.keys().collect::<Vec<_>>() {
            if streams.store.get(key).is_some_and(StreamState::is_open) {
                let ended = StreamEvent::Ended(key, Ending::Closed);
                streams.events.push_back(ended);
            }
            streams.remove(key, &mut out);
        }
        for (_, answer) in streams.held_responses.drain() {
            out.transmit.defer_drop(answer.data.into_remains());
        }
        *streams = SessionStreams {
            // Its keys are not used twice.
            store: std::mem::take(&mut streams.store),
            events: std::mem::take(&mut streams.events),
            ..SessionStreams::default()
        };
    }
}

impl SessionStreams {
    /// A stream has credit to give, which leaves with the next batch.
    fn note_grant(&mut self, key: StreamKey) {
        // While nothing is written, streams may come and go.
        if self.pending_grants.len() > 2 * self.store.len() + 64 {
            let store = &self.store;
            self.pending_grants.retain(|key| store.get(*key).is_some());
        }
        self.pending_grants.push(key);
    }

    /// A stream is gone, and all that it held with it. Its number may be used again.
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
