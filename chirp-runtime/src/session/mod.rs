//! The protocol of one connection as a sans-I/O state machine.
//!
//! The inputs of a [`Session`] are local operations such as [`call`](Session::call),
//! [`cancel`](Session::cancel) and [`respond`](Session::respond), and the packets of the other side
//! ([`handle`](Session::handle)). Its outputs are [`Event`]s and batches of bytes to write
//! ([`take_batch`](Session::take_batch)). A session never waits and has no clock, lock or socket, so that
//! every rule of the protocol can be tested as a list of packets.
//!
//! The other side chooses the request ids of its calls, and may be faulty or hostile. An inbound call
//! therefore has an [`InboundCallId`] that is never reused, and the late result of an old call cannot answer
//! a new one. The ids of outbound calls carry a generation for the same reason.

mod config;
mod context;
mod counters;
mod event;
mod going_away;
mod hello;
mod inbound;
mod inbound_calls;
mod limits;
mod outbound;
mod outbound_calls;
mod packets;
mod request_ids;
mod send_backlog;
mod slab;
mod streams;
mod transmit;

use std::sync::Arc;

use bytes::Bytes;

use crate::packet::{
    Cancel, FrameworkError, IncomingPacket, PacketType, RequestPacket, ResponsePacket,
};

pub use config::{Negotiation, SessionConfig};
pub use counters::Counters;
pub use event::{CallOutcome, Event, Fatal, LimitOwner, Refused};
pub use hello::HelloState;
pub(crate) use inbound::over_limit;
pub use inbound_calls::InboundCallId;
pub use limits::Limits;
pub use outbound_calls::OutboundCallId;
pub use send_backlog::{ReadState, SendTicket};
pub(crate) use slab::SecondaryMap;
pub use streams::{
    Ending, NotSent, OpenedStream, StreamCarrier, StreamEvent, StreamKey, StreamKind, StreamSpec,
};
pub use transmit::Batch;

use context::Contexts;
use going_away::Departure;
use hello::HelloExchange;
use inbound_calls::InboundCalls;
use outbound_calls::OutboundCalls;
use send_backlog::SendBacklog;
use streams::SessionStreams;
use transmit::Transmit;

/// The protocol state of one side of a connection.
#[derive(Debug)]
pub struct Session {
    /// Shared by all connections of a builder.
    config: Arc<SessionConfig>,
    transmit: Transmit,
    outbound: OutboundCalls,
    inbound: InboundCalls,
    backlog: SendBacklog,
    hello_exchange: HelloExchange,
    departure: Departure,
    contexts: Contexts,
    /// `None` until the first stream is opened.
    streams: Option<Box<SessionStreams>>,
    /// Whether all connections together hold more memory than they may.
    memory_pressure: bool,
    counters: Counters,
}

impl Session {
    /// Creates a session without calls.
    pub fn new(config: impl Into<SessionConfig>) -> Self {
        Self::with_shared(Arc::new(config.into()))
    }

    /// As [`new`](Self::new), with a configuration that other sessions may share.
    pub fn with_shared(config: Arc<SessionConfig>) -> Self {
        Self {
            config,
            transmit: Transmit::default(),
            outbound: OutboundCalls::default(),
            inbound: InboundCalls::default(),
            backlog: SendBacklog::default(),
            hello_exchange: HelloExchange::default(),
            departure: Departure::default(),
            contexts: Contexts::default(),
            streams: None,
            memory_pressure: false,
            counters: Counters::default(),
        }
    }

    /// The limits that the session was created with.
    pub fn limits(&self) -> &Limits {
        &self.config.limits
    }

    /// Handles a packet of the other side.
    ///
    /// # Errors
    ///
    /// [`Fatal`] if the packet violates the protocol. No further packet may be handled then.
    pub fn handle(&mut self, incoming: IncomingPacket) -> Result<Option<Event>, Fatal> {
        #[cfg(feature = "lz4")]
        if incoming.is_compressed() {
            return self.handle_compressed(incoming);
        }
        // Call-Context and Stream-Open are counted with the packet that follows them.
        let with_next = matches!(
            &incoming,
            IncomingPacket::Packet {
                kind: PacketType::CALL_CONTEXT | PacketType::STREAM_OPEN,
                ..
            }
        );
        self.counters.packets_received += u64::from(!with_next);
        self.check_carrier(&incoming)?;
        let event = if self.streams.is_some() {
            self.handle_with_streams(incoming)?
        } else {
            self.handle_incoming(incoming)?
        };
        self.check_read()?;
        Ok(event)
    }

    /// As [`handle`](Self::handle), for a small packet that has been decoded, which is a request or response most often.
    ///
    /// # Errors
    ///
    /// As [`handle`](Self::handle).
    #[inline]
    pub(crate) fn handle_small(
        &mut self,
        kind: PacketType,
        payload: Bytes,
    ) -> Result<Option<Event>, Fatal> {
        let has_streams = self.streams.is_some();
        let event = match kind {
            PacketType::REQUEST if !has_streams => {
                self.counters.packets_received += 1;
                self.handle_request(RequestPacket::decode(payload)?)
            }
            // Anything but a request is an error behind a context.
            PacketType::RESPONSE if !has_streams && self.contexts.has_none() => {
                self.counters.packets_received += 1;
                let response = ResponsePacket::decode(payload)?;
                self.handle_response(response.id, CallOutcome::Response(response))?
            }
            kind => return self.handle(IncomingPacket::Packet { kind, payload }),
        };
        self.check_read()?;
        Ok(event)
    }

    fn handle_incoming(&mut self, incoming: IncomingPacket) -> Result<Option<Event>, Fatal> {
        match incoming {
            IncomingPacket::Packet {
                kind: PacketType::REQUEST,
                payload,
            } => Ok(self.handle_request(RequestPacket::decode(payload)?)),
            IncomingPacket::Packet {
                kind: PacketType::RESPONSE,
                payload,
            } => {
                let response = ResponsePacket::decode(payload)?;
                self.handle_response(response.id, CallOutcome::Response(response))
            }
            IncomingPacket::Packet {
                kind: PacketType::CANCEL,
                payload,
            } => Ok(self.handle_cancel(Cancel::decode(&payload)?)),
            IncomingPacket::Packet {
                kind: PacketType::CALL_CONTEXT,
                payload,
            } => self.handle_context(&payload).map(|()| None),
            IncomingPacket::Packet {
                kind: PacketType::GOING_AWAY,
                payload,
            } => self.handle_going_away(payload),
            IncomingPacket::Packet { kind, payload } if kind.is_of_streams() => {
                self.handle_stream_packet(kind, payload).map(|()| None)
            }
            IncomingPacket::Packet { kind, payload } => self.handle_packet(kind, payload),
            IncomingPacket::Oversized { header, id } if header.kind == PacketType::STREAM_ITEMS => {
                self.handle_large_item(id);
                Ok(None)
            }
            // Only requests and responses can be skipped without losing data unnoticed.
            IncomingPacket::Oversized { header, .. }
                if !matches!(header.kind, PacketType::REQUEST | PacketType::RESPONSE) =>
            {
                Err(Fatal::TooLarge {
                    header,
                    limit: self.config.limits.max_payload as u64,
                })
            }
            IncomingPacket::Oversized { header, id } if header.kind == PacketType::REQUEST => {
                let event = self.handle_duplicate(id);
                if event.is_none() {
                    let limit = self.config.limits.max_payload as u64;
                    self.refuse(id, FrameworkError::TooLarge { limit });
                }
                Ok(event)
            }
            IncomingPacket::Oversized { id, .. } => self.handle_response(
                id,
                CallOutcome::TooLarge {
                    limit: self.config.limits.max_payload as u64,
                },
            ),
            IncomingPacket::Discarded(_) => {
                self.counters.packets_dropped += 1;
                Ok(None)
            }
        }
    }

    /// Takes the packets that are ready to be written, in exchange for the buffer of an earlier batch.
    /// Returns that buffer as the error if nothing is ready, or if the previous batch has not been written.
    pub fn take_batch(&mut self, mut spare: Batch) -> Result<Batch, Batch> {
        if self.swap_batch(&mut spare) {
            Ok(spare)
        } else {
            Err(spare)
        }
    }

    /// As [`take_batch`](Self::take_batch), in place: a `batch` that has been written becomes the one to be written next.
    /// Returns `false` and leaves `batch` alone if nothing is ready, or if the previous batch has not been written.
    pub fn swap_batch(&mut self, batch: &mut Batch) -> bool {
        self.admit_items();
        #[cfg(feature = "lz4")]
        self.decide_compression();
        let is_taken = self.transmit.take(batch);
        if is_taken {
            self.stream_batch_taken();
        }
        is_taken
    }

    /// Notes that the batch has been written, and moves queued packets into the transmit buffer.
    pub fn batch_written(&mut self) {
        self.transmit.written();
        self.stream_batch_written();
        self.flush_backlog();
    }

    /// Returns `true` if anything is ready to be written, apart from the batch that is being written.
    pub fn has_output(&self) -> bool {
        self.transmit.len() > 0 || self.streams_have_output()
    }

    /// A mark of the output so far, for [`has_output_beyond`](Self::has_output_beyond).
    pub fn output_mark(&self) -> u64 {
        self.transmit.position()
    }

    /// Returns `true` if anything is ready to be transmitted that was added since `mark`, stream items always included.
    pub fn has_output_beyond(&self, mark: u64) -> bool {
        (self.transmit.len() > 0 && self.transmit.position() != mark) || self.streams_have_output()
    }

    /// Takes the payloads that the session no longer needs. They must be dropped without the session's lock,
    /// since a drop may run foreign code.
    pub fn take_leftovers(&mut self) -> Vec<Bytes> {
        self.transmit.take_leftovers()
    }

    /// Returns `true` if [`take_leftovers`](Self::take_leftovers) would return any payloads.
    pub fn has_leftovers(&self) -> bool {
        self.transmit.has_leftovers()
    }

    /// Returns `true` if no handler is running, every response has been written, and no stream is left.
    pub fn is_drained(&self) -> bool {
        self.inbound.running() == 0
            && self.transmit.unsent() == 0
            && self.backlog.is_empty()
            && self.streams() == 0
    }

    /// Returns `true` if no handler is running, no response is queued, and no stream is left. The last responses may
    /// still have to be written.
    pub fn is_served(&self) -> bool {
        self.inbound.running() == 0 && self.backlog.has_no_queued_responses() && self.streams() == 0
    }

    /// Returns `true` if the send backlog is empty.
    pub fn nothing_waits(&self) -> bool {
        self.backlog.is_empty()
    }

    /// Drops the send backlog, since nothing can be sent any more. [`is_waiting`](Self::is_waiting) stays
    /// true for its one-way calls and packets. Its calls stay pending, like those that were sent.
    pub fn give_up_waiting(&mut self) {
        for queued in self.backlog.take_queued() {
            self.defer_drop(queued);
        }
    }

    /// Ends every call and stream, since the channel has ended.
    pub fn end(&mut self) {
        // 1. Nothing more is sent: the send backlog is dropped.
        self.give_up_waiting();
        // 2. No more responses come: the ids of outbound calls are retired.
        self.counters.calls_out_failed += self.pending() as u64;
        self.hello_exchange.end();
        self.outbound.end();
        // 3. Streams end: their owners are told, and held responses are dropped.
        self.end_streams();
        // 4. Inbound calls stay until their handlers have finished.
    }

    /// Drops everything that was to be written, once the channel has ended.
    pub fn discard(&mut self) {
        // 1. The batch that was being written.
        self.transmit.written();
        self.stream_batch_written();
        // 2. The transmit buffer.
        self.transmit.clear();
        // 3. Queued calls and packets.
        self.give_up_waiting();
        // 4. Queued responses.
        for data in self.backlog.clear() {
            self.transmit.defer_drop(data.into_remains());
        }
    }

    /// Bytes that are held because of the other side: requests of running calls, stream items that have not
    /// been consumed, and unsent data.
    pub fn held(&self) -> usize {
        self.inbound.bytes() + self.unsent() + self.stream_bytes()
    }

    /// Tells the session whether memory is short across all connections. While it is, the session behaves as
    /// if its own limits were reached.
    pub fn set_memory_pressure(&mut self, memory_pressure: bool) {
        self.memory_pressure = memory_pressure;
    }

    /// Returns `true` if memory is short across all connections.
    pub fn has_memory_pressure(&self) -> bool {
        self.memory_pressure
    }

    /// Bytes that have not been written: the transmit buffer, the batch that is being written, and queued and
    /// held responses.
    pub fn unsent(&self) -> usize {
        self.transmit.unsent() + self.backlog.queued_response_bytes() + self.held_response_bytes()
    }

    /// The counters so far.
    pub fn counters(&self) -> Counters {
        self.counters
    }
}
