//! The protocol of one connection, as a value.
//!
//! A [`Session`] is told what happens and says what follows from it. What goes in: `call`, `cancel`,
//! [`handle`](Session::handle) for what came from the other side, `respond` for what handlers said. What
//! comes out: bytes to transmit ([`take_batch`](Session::take_batch)), and [`Event`]s. It never waits,
//! has no clock, holds no lock and knows no socket, so that every rule of the protocol can be tested by
//! writing packets down.
//!
//! The other side chooses the ids of its calls and may be wrong or hostile. So an inbound call is known
//! here by a [`InboundCallId`] that is never used twice, and a late result of an old call cannot answer a new
//! one. The ids of outbound calls carry a generation for the same reason.

mod calls;
mod context;
mod counters;
mod event;
mod hello;
mod inbound;
mod inbound_calls;
mod limits;
mod outbound;
mod packets;
mod send_backlog;
mod streams;
mod transmit;

use bytes::Bytes;

use crate::packet::{
    Cancel, FrameworkError, IncomingPacket, PacketType, RequestPacket, ResponsePacket,
};

pub use counters::Counters;
pub use event::{CallOutcome, Event, Fatal, LimitOwner, Refused};
pub use hello::HelloState;
pub use inbound::InboundCallId;
pub(crate) use inbound_calls::over_limit;
pub use limits::{Limits, Negotiation};
pub use outbound::OutboundCallId;
pub use send_backlog::{ReadState, SendTicket};
pub use streams::{
    Ending, NotSent, OpenedStream, StreamCarrier, StreamEvent, StreamKey, StreamKind, StreamSpec,
};
pub use transmit::Batch;

use context::Contexts;
use hello::HelloExchange;
use inbound::InboundCalls;
use outbound::OutboundCalls;
use send_backlog::SendBacklog;
use streams::SessionStreams;
use transmit::Transmit;

/// The protocol state of one side of one connection.
#[derive(Debug)]
pub struct Session {
    limits: Limits,
    transmit: Transmit,
    outbound: OutboundCalls,
    inbound: InboundCalls,
    backlog: SendBacklog,
    greeting: HelloExchange,
    draining: bool,
    contexts: Contexts,
    /// Nothing in a session that has had no streams.
    streams: Option<Box<SessionStreams>>,
    /// This connection and others together hold more than they should.
    memory_pressure: bool,
    counters: Counters,
}

impl Session {
    /// A session at its beginning: nothing is pending and nothing is sent.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            transmit: Transmit::default(),
            outbound: OutboundCalls::default(),
            inbound: InboundCalls::default(),
            backlog: SendBacklog::default(),
            greeting: HelloExchange::default(),
            draining: false,
            contexts: Contexts::default(),
            streams: None,
            memory_pressure: false,
            counters: Counters::default(),
        }
    }

    /// The limits it was made with.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Takes what came from the other side.
    ///
    /// # Errors
    ///
    /// [`Fatal`] when the protocol is broken; nothing may be handled after that.
    pub fn handle(&mut self, incoming: IncomingPacket) -> Result<Option<Event>, Fatal> {
        #[cfg(feature = "lz4")]
        if incoming.is_compressed() {
            return self.handle_compressed(incoming);
        }
        // The context of a call counts with its call, and so do its streams.
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
                self.handle_answer(response.id, CallOutcome::Response(response))
            }
            IncomingPacket::Packet {
                kind: PacketType::CANCEL,
                payload,
            } => Ok(self.handle_cancel(Cancel::decode(&payload)?)),
            IncomingPacket::Packet {
                kind: PacketType::CALL_CONTEXT,
                payload,
            } => self.handle_context(&payload).map(|()| None),
            IncomingPacket::Packet { kind, payload } if kind.is_of_streams() => {
                self.handle_stream_packet(kind, payload).map(|()| None)
            }
            IncomingPacket::Packet { kind, payload } => self.handle_packet(kind, payload),
            IncomingPacket::Oversized { header, id } if header.kind == PacketType::STREAM_ITEMS => {
                self.handle_large_item(id);
                Ok(None)
            }
            // Neither of the two that can be skipped without a word.
            IncomingPacket::Oversized { header, .. }
                if !matches!(header.kind, PacketType::REQUEST | PacketType::RESPONSE) =>
            {
                Err(Fatal::TooLarge {
                    header,
                    limit: self.limits.max_payload as u64,
                })
            }
            IncomingPacket::Oversized { header, id } if header.kind == PacketType::REQUEST => {
                let event = self.handle_duplicate(id);
                if event.is_none() {
                    let limit = self.limits.max_payload as u64;
                    self.refuse(id, FrameworkError::TooLarge { limit });
                }
                Ok(event)
            }
            IncomingPacket::Oversized { id, .. } => self.handle_answer(
                id,
                CallOutcome::TooLarge {
                    limit: self.limits.max_payload as u64,
                },
            ),
            IncomingPacket::Discarded(_) => {
                self.counters.packets_dropped += 1;
                Ok(None)
            }
        }
    }

    /// What is ready to be transmitted, in exchange for the buffer of an earlier batch. Nothing while a
    /// batch is under way.
    pub fn take_batch(&mut self, spare: Batch) -> Result<Batch, Batch> {
        self.admit_items();
        #[cfg(feature = "lz4")]
        self.decide_packing();
        let batch = self.transmit.take(spare)?;
        self.stream_batch_taken();
        Ok(batch)
    }

    /// The batch has been written, so there is room for what waited.
    pub fn batch_written(&mut self) {
        self.transmit.written();
        self.stream_batch_written();
        self.make_room();
    }

    /// Whether anything is ready to be transmitted, beside the batch under way.
    pub fn has_output(&self) -> bool {
        self.transmit.len() > 0 || self.streams_have_output()
    }

    /// Payloads that are no longer needed, to be dropped where their owners' code may run.
    pub fn take_leftovers(&mut self) -> Vec<Bytes> {
        self.transmit.take_leftovers()
    }

    /// Whether there are any such.
    pub fn has_leftovers(&self) -> bool {
        self.transmit.has_leftovers()
    }

    /// From now on, requests are refused with *shutting down*.
    pub fn drain(&mut self) {
        self.draining = true;
    }

    /// Whether requests are refused with *shutting down*.
    pub fn is_draining(&self) -> bool {
        self.draining
    }

    /// Whether no handler runs, every answer has been written, and no stream is left.
    pub fn is_drained(&self) -> bool {
        self.inbound.running() == 0
            && self.transmit.unsent() == 0
            && self.backlog.is_empty()
            && self.streams() == 0
    }

    /// Whether no handler runs, no answer waits for room, and no stream is left. What is left may have to be written.
    pub fn is_served(&self) -> bool {
        self.inbound.running() == 0 && self.backlog.has_no_queued_responses() && self.streams() == 0
    }

    /// Whether everything that is to be transmitted has room for that.
    pub fn nothing_waits(&self) -> bool {
        self.backlog.is_empty()
    }

    /// Nothing can be transmitted any more: what waits for room is let go, and [`is_waiting`](Self::is_waiting) stays
    /// true of it. Calls that have not left go on being pending, as those that have.
    pub fn give_up_waiting(&mut self) {
        for waits in self.backlog.give_up_waiting() {
            self.leave(waits);
        }
    }

    /// The channel has ended: no answer will come, and nobody waits for one. What waits for room will not be sent.
    pub fn end(&mut self) {
        self.give_up_waiting();
        self.counters.calls_out_failed += self.outbound.end() as u64;
        self.end_streams();
    }

    /// Lets go of everything that was to be transmitted, once the channel has ended.
    pub fn discard(&mut self) {
        self.transmit.written();
        self.stream_batch_written();
        self.transmit.clear();
        self.give_up_waiting();
        for data in self.backlog.clear() {
            self.transmit.leave(data.into_remains());
        }
    }

    /// Bytes that are held for the other side: the requests of calls that run, items that have not been taken, and
    /// what waits to be written.
    pub fn held(&self) -> usize {
        self.inbound.bytes() + self.unsent() + self.stream_bytes()
    }

    /// Whether memory is tight beyond this connection: then it does as if its own marks were reached.
    pub fn set_memory_pressure(&mut self, memory_pressure: bool) {
        self.memory_pressure = memory_pressure;
    }

    /// Whether memory is tight beyond this connection.
    pub fn has_memory_pressure(&self) -> bool {
        self.memory_pressure
    }

    /// Bytes that wait to be written, the batch under way and answers that wait for room or for items included.
    pub fn unsent(&self) -> usize {
        self.transmit.unsent() + self.backlog.queued_response_bytes() + self.held_answer_bytes()
    }

    /// What has happened so far.
    pub fn counters(&self) -> Counters {
        self.counters
    }
}
