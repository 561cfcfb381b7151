use bytes::Bytes;

use super::flow_control::{FIRST, TAKEN};
use super::send::StreamOutput;
use super::store::{RecvHalf, SendHalf, StreamHalf, StreamState};
use super::{
    Ending, OpenedStream, SessionStreams, StreamCarrier, StreamEvent, StreamKey, StreamKind,
    StreamSpec,
};
use crate::packet::{
    EndReason, ErrorData, FrameworkError, IncomingPacket, PacketError, PacketType, StreamCredit,
    StreamEnd, StreamEntry, StreamId, StreamItems, StreamOpen,
};
use crate::session::{Event, Fatal, InboundCallId, OutboundCallId, Session};

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

    /// Items came. Those that there was no credit for fail their stream, and so does what would be more than
    /// this side holds.
    pub(super) fn handle_items(&mut self, payload: Bytes) -> Result<(), Fatal> {
        let length = payload.len();
        let StreamItems { id, items } = StreamItems::decode(payload)?;
        let limit = self.limits.max_stream_buffer;
        let Some((streams, mut out)) = self.streams_mut() else {
            return Ok(());
        };
        let found = streams.table.find(id);
        let Some((key, receiving)) = found
            .and_then(|key| Some((key, streams.table.get_mut(key)?)))
            .and_then(|(key, stream)| match &mut stream.half {
                StreamHalf::Receiving(receiving) if !receiving.closed => Some((key, receiving)),
                _ => None,
            })
        else {
            out.counters.packets_dropped += 1;
            return Ok(());
        };
        if items.len() == 0 {
            if !std::mem::replace(&mut receiving.begun, true) {
                streams.events.push_back(StreamEvent::Begun(key));
            }
            return Ok(());
        }
        let mut came = 0;
        let mut wrong = None;
        let count = items.len();
        let bytes = length - StreamItems::payload_len(count, 0);
        let room = limit.saturating_sub(streams.held);
        // As is the rule: there is room, and credit is left behind the last of them.
        if let Some(cost) = receiving.pay_all(bytes, count, room) {
            streams.held += cost;
            came = u16::try_from(count).unwrap_or(u16::MAX);
        }
        for len in items.lens().skip(came.into()) {
            if streams.held > 0 && streams.held.saturating_add(len) > limit {
                wrong = Some(
                    FrameworkError::Overloaded
                        .to_error_data("too many items are waiting to be taken"),
                );
                break;
            }
            let Some(cost) = receiving.pay(len) else {
                wrong = Some(ErrorData::from("an item came without credit"));
                break;
            };
            streams.held += cost;
            came += 1;
        }
        if came > 0 {
            receiving.begun = true;
            streams.last_item = Some((key, receiving.received - 1));
            out.counters.items_in += u64::from(came);
            let items = items.first(came);
            streams.events.push_back(StreamEvent::Items(key, items));
        }
        if let Some(error) = wrong {
            streams.fail(key, error, &mut out);
        }
        Ok(())
    }

    /// The consumer of a stream has taken so many items, of so many bytes together: there is room for more.
    pub fn consumed(&mut self, stream: StreamKey, items: usize, bytes: usize) {
        let Some((streams, mut out)) = self.streams_mut() else {
            return;
        };
        let Some(found) = streams.table.get_mut(stream) else {
            return;
        };
        let ended = found.ended;
        let StreamHalf::Receiving(receiving) = &mut found.half else {
            return;
        };
        streams.held -= receiving.take(items, bytes);
        if ended {
            if receiving.held == 0 {
                streams.remove(stream, &mut out);
            }
        } else if !receiving.closed {
            let granted = receiving.to_grant > 0;
            if streams.windows.grant(receiving) && !granted {
                streams.note_grant(stream);
            }
        }
    }

    /// The consumer of a stream is gone: what it had not taken goes with it, and no event speaks of the stream
    /// any more.
    pub fn drop_receiver(&mut self, stream: StreamKey) {
        let Some((streams, mut out)) = self.streams_mut() else {
            return;
        };
        let reason = EndReason::Cancelled;
        streams.close(stream, reason, ErrorData::default(), &mut out);
        streams.forget_held(stream, &mut out);
    }

    /// The value that came with streams has been decoded, whole, and these are the streams that it names. They
    /// belong to whoever holds them from now on; the others that came with it are refused. A result stream is
    /// not claimed.
    ///
    /// Whether there was something to claim: not after the carrier's call has been answered or cancelled, which
    /// has refused all of them.
    pub fn claim_streams(&mut self, carrier: StreamCarrier, claimed: &[StreamKey]) -> bool {
        let Some((streams, mut out)) = self.streams_mut() else {
            return false;
        };
        let Some(unclaimed) = streams.take_carried(carrier) else {
            return false;
        };
        for key in unclaimed {
            if !claimed.contains(&key) {
                streams.refuse(key, &mut out);
            }
        }
        true
    }

    /// The answer that came with streams is let go of.
    pub(in crate::session) fn release_answer(&mut self, call: OutboundCallId) {
        if let Some((streams, mut out)) = self.streams_mut() {
            streams.refuse_carried(StreamCarrier::Answer(call), &mut out);
        }
    }
}

impl SessionStreams {
    /// Whether the other side may open these streams.
    fn check_entries(&self, entries: &[StreamEntry]) -> Result<(), PacketError> {
        let mut numbers: Vec<_> = entries.iter().map(|entry| entry.number).collect();
        numbers.sort_unstable();
        let is_twice = numbers.windows(2).any(|pair| pair[0] == pair[1]);
        if is_twice
            || numbers
                .iter()
                .any(|number| self.table.is_remote_number_in_use(*number))
        {
            return Err(invalid("a stream's number is in use"));
        }
        let from_opener = entries.iter().filter(|entry| !entry.to_opener);
        for (sending, entry) in (self.table.remote_senders()..).zip(from_opener) {
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
                StreamKey::NONE
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
            is_local: false,
            spec,
            run,
            announced: true,
            ended: false,
            half,
        });
        if waits {
            self.note_grant(key);
        }
        key
    }

    fn take_carried(&mut self, carrier: StreamCarrier) -> Option<Vec<StreamKey>> {
        let keys = self.carried.remove(&carrier)?;
        self.unclaimed -= keys.len();
        if let StreamCarrier::Item(stream, _) = carrier
            && let Some(receiving) = self.receiving(stream)
        {
            receiving.carries -= 1;
        }
        Some(keys)
    }

    /// Nobody will claim the free streams that came with this. What is bound ends in its own way.
    pub(super) fn refuse_carried(&mut self, carrier: StreamCarrier, out: &mut StreamOutput<'_>) {
        for key in self.take_carried(carrier).unwrap_or_default() {
            if self.table.get(key).is_some_and(|stream| !stream.is_bound()) {
                self.refuse(key, out);
            }
        }
    }

    /// The items of a stream that carried others will not be decoded.
    pub(super) fn refuse_items_of(&mut self, stream: StreamKey, out: &mut StreamOutput<'_>) {
        let of_stream = |carrier: &StreamCarrier| matches!(carrier, StreamCarrier::Item(of, _) if *of == stream);
        let carriers: Vec<_> = self.carried.keys().copied().filter(of_stream).collect();
        for carrier in carriers {
            self.refuse_carried(carrier, out);
        }
    }

    /// A stream of the other side's is not taken up.
    fn refuse(&mut self, key: StreamKey, out: &mut StreamOutput<'_>) {
        let Some(stream) = self.table.get(key) else {
            return;
        };
        let sends = stream.spec.sends;
        if stream.is_open() {
            let ending = Ending::Refused(ErrorData::default());
            self.events.push_back(StreamEvent::Ended(key, ending));
            if sends {
                self.break_off(key, EndReason::Refused, out);
            } else {
                self.close(key, EndReason::Refused, ErrorData::default(), out);
            }
        }
        if sends {
            self.end_sent(key, out);
        }
    }

    pub(super) fn receiving(&mut self, key: StreamKey) -> Option<&mut RecvHalf> {
        match &mut self.table.get_mut(key)?.half {
            StreamHalf::Receiving(receiving) => Some(receiving),
            StreamHalf::Sending(_) => None,
        }
    }

    pub(super) fn sending(&mut self, key: StreamKey) -> Option<&mut SendHalf> {
        match &mut self.table.get_mut(key)?.half {
            StreamHalf::Sending(sending) => Some(sending),
            StreamHalf::Receiving(_) => None,
        }
    }
}
