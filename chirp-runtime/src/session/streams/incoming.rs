use bytes::Bytes;

use super::stream::{RecvHalf, SendHalf, StreamHalf, StreamState};
use super::window::{FIRST, TAKEN};
use super::{
    OpenedStream, SessionStreams, StreamCarrier, StreamEvent, StreamKey, StreamKind, StreamOutput,
    StreamSpec,
};
use crate::packet::{
    EndReason, ErrorData, FrameworkError, IncomingPacket, PacketError, PacketType, StreamCredit,
    StreamEnd, StreamEntry, StreamId, StreamItems, StreamOpen,
};
use crate::session::{Event, Fatal, InboundCallId, Session};

fn invalid(what: &'static str) -> PacketError {
    PacketError::Stream {
        kind: PacketType::STREAM_OPEN,
        what,
    }
}

impl Session {
    /// What came in a session that has had streams.
    pub(in crate::session) fn handle_with_streams(
        &mut self,
        incoming: IncomingPacket,
    ) -> Result<Option<Event>, Fatal> {
        let opens = self.take_opens(&incoming)?;
        let event = self.handle_incoming(incoming)?;
        match &event {
            Some(Event::Interrupt(run)) => self.run_ended(*run),
            Some(Event::Hello) => self.settle_held_calls(),
            _ => {}
        }
        if let Some(opens) = opens {
            self.open_streams(&opens, event.as_ref());
        }
        Ok(event)
    }

    /// One of the packets of streams. Before both sides have declared that they know them it is discarded.
    pub(in crate::session) fn handle_stream_packet(
        &mut self,
        kind: PacketType,
        payload: Bytes,
    ) -> Result<(), Fatal> {
        let in_use = self.streams_in_use() == Some(true);
        if kind == PacketType::STREAM_OPEN {
            let entries = StreamOpen::decode(&payload)?;
            if in_use {
                let streams = self.streams.get_or_insert_default();
                streams.check_entries(&entries)?;
                streams.next = Some(entries);
                return Ok(());
            }
        } else if in_use && self.streams.is_some() {
            return match kind {
                PacketType::STREAM_ITEMS => self.handle_items(payload),
                PacketType::STREAM_CREDIT => self.handle_credit(payload),
                _ => self.handle_end(payload),
            };
        } else {
            match kind {
                PacketType::STREAM_ITEMS => StreamItems::decode(payload).map(drop)?,
                PacketType::STREAM_CREDIT => StreamCredit::decode(payload).map(drop)?,
                _ => StreamEnd::decode(payload).map(drop)?,
            }
        }
        self.counters.packets_dropped += 1;
        Ok(())
    }

    /// Takes out the streams that a packet carries. What they were said of must follow them.
    fn take_opens(&mut self, incoming: &IncomingPacket) -> Result<Option<Vec<StreamEntry>>, Fatal> {
        let Some(streams) = self.streams.as_deref_mut() else {
            return Ok(None);
        };
        streams.last_item = None;
        let Some(opens) = streams.next.take() else {
            return Ok(None);
        };
        let kind = match incoming {
            IncomingPacket::Packet { kind, .. } => *kind,
            IncomingPacket::Oversized { header, .. } => header.kind,
            IncomingPacket::Discarded(header) => {
                return Err(PacketError::StreamCarrier(header.kind).into());
            }
        };
        match (incoming, kind) {
            (IncomingPacket::Packet { .. }, PacketType::CALL_CONTEXT) => {
                streams.next = Some(opens);
                Ok(None)
            }
            (_, PacketType::REQUEST) => Ok(Some(opens)),
            (IncomingPacket::Packet { payload, .. }, PacketType::STREAM_ITEMS)
                if payload.get(4..6) != Some(&[0, 1]) =>
            {
                Err(invalid("items that carry streams come one by one").into())
            }
            (_, PacketType::RESPONSE | PacketType::STREAM_ITEMS) => {
                if opens.iter().any(|entry| entry.bound) {
                    return Err(invalid("only a call can have streams bound to it").into());
                }
                Ok(Some(opens))
            }
            _ => Err(PacketError::StreamCarrier(kind).into()),
        }
    }

    /// What carried these streams has been handled: they are there now, or refused with it.
    fn open_streams(&mut self, opens: &[StreamEntry], event: Option<&Event>) {
        let last_item = self.streams.as_deref().and_then(|it| it.last_item);
        let carrier = match event {
            Some(Event::Request(run, _)) => Some(StreamCarrier::Run(*run)),
            Some(Event::Answered(call, outcome)) if outcome.is_success() => {
                Some(StreamCarrier::Answer(*call))
            }
            _ => last_item.map(|(stream, item)| StreamCarrier::Item(stream, item)),
        };
        let limit = self.stream_limit();
        let Some((streams, mut out)) = self.streams_mut() else {
            return;
        };
        if let Some(carrier) = carrier {
            streams.register(opens, carrier, limit, &mut out);
            return;
        }
        // Those that are bound have ended with their call.
        for entry in opens.iter().filter(|entry| !entry.bound) {
            let id = StreamId::of_receiver(entry.number);
            out.end(id, EndReason::Refused, 0, ErrorData::default());
        }
    }
}

impl SessionStreams {
    /// Whether the other side may open these streams.
    fn check_entries(&self, entries: &[StreamEntry]) -> Result<(), PacketError> {
        let mut numbers: Vec<_> = entries.iter().map(|entry| entry.number).collect();
        numbers.sort_unstable();
        let is_twice = numbers.windows(2).any(|pair| pair[0] == pair[1]);
        if is_twice || numbers.iter().any(|number| self.table.is_theirs(*number)) {
            return Err(invalid("a stream's number is in use"));
        }
        let from_opener = entries.iter().filter(|entry| !entry.to_opener);
        for (sending, entry) in (self.table.theirs_sending()..).zip(from_opener) {
            let may_take = sending < TAKEN && entry.window == FIRST;
            if entry.window != 0 && !may_take {
                return Err(invalid("it takes a window that it may not take"));
            }
        }
        Ok(())
    }

    fn register(
        &mut self,
        entries: &[StreamEntry],
        carrier: StreamCarrier,
        limit: usize,
        out: &mut StreamOutput<'_>,
    ) {
        let mut opened = Vec::with_capacity(entries.len());
        let mut unclaimed = Vec::new();
        for entry in entries {
            let spec = StreamSpec {
                sends: entry.to_opener,
                kind: match (entry.bound, entry.result) {
                    (_, true) => StreamKind::Result,
                    (true, false) => StreamKind::Bound,
                    (false, false) => StreamKind::Free,
                },
                codec: entry.codec,
            };
            out.counters.streams += 1;
            let refused = self.table.len() >= limit || self.unclaimed + unclaimed.len() >= limit;
            let key = if refused {
                let id = StreamId::of_receiver(entry.number);
                out.end(id, EndReason::Refused, 0, FrameworkError::Overloaded.into());
                StreamKey::NOBODY
            } else {
                let run = match carrier {
                    StreamCarrier::Run(run) if entry.bound => Some(run),
                    _ => None,
                };
                let key = self.insert_theirs(entry, spec, run);
                if spec.kind != StreamKind::Result {
                    unclaimed.push(key);
                }
                if let Some(run) = run {
                    self.by_run.entry(run).or_default().push(key);
                }
                key
            };
            opened.push(OpenedStream { key, spec, refused });
        }
        if !unclaimed.is_empty() {
            if let StreamCarrier::Item(stream, _) = carrier
                && let Some(receiving) = self.receiving(stream)
            {
                receiving.carries += 1;
            }
            self.unclaimed += unclaimed.len();
            self.carried.insert(carrier, unclaimed);
        }
        // It is told before the item that carries it, which has been told of.
        let at = match (carrier, self.events.back()) {
            (StreamCarrier::Item(..), Some(StreamEvent::Items(..))) => self.events.len() - 1,
            _ => self.events.len(),
        };
        self.events.insert(at, StreamEvent::Opened(carrier, opened));
    }

    fn insert_theirs(
        &mut self,
        entry: &StreamEntry,
        spec: StreamSpec,
        run: Option<InboundCallId>,
    ) -> StreamKey {
        let mut waits = false;
        let half = if spec.sends {
            let mut sending = SendHalf::default();
            sending.grant(entry.window);
            StreamHalf::Sending(sending)
        } else {
            let mut receiving = RecvHalf::default();
            waits = entry.window == 0;
            if waits {
                self.windows.small(&mut receiving);
            } else {
                self.windows.taken(&mut receiving, entry.window);
            }
            StreamHalf::Receiving(receiving)
        };
        let key = self.table.insert(StreamState {
            number: entry.number,
            mine: false,
            spec,
            run,
            announced: true,
            over: false,
            half,
        });
        if waits {
            self.note_grant(key);
        }
        key
    }
}
