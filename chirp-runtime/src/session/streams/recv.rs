use bytes::Bytes;

use super::flow_control::{INITIAL_WINDOW, UNREQUESTED_WINDOWS};
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
    /// Handles a packet in a session that has had streams.
    pub(in crate::session) fn handle_with_streams(
        &mut self,
        incoming: IncomingPacket,
    ) -> Result<Option<Event>, Fatal> {
        let opens = self.take_opens(&incoming)?;
        let event = self.handle_incoming(incoming)?;
        if let Some(Event::Interrupt(call)) = &event {
            self.inbound_call_ended(*call);
        }
        if let Some(opens) = opens {
            self.open_streams(&opens, event.as_ref());
        }
        Ok(event)
    }

    /// Handles a packet of the streams extension, or discards it if streams are not in use.
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
                streams.pending_opens = Some(entries);
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

    /// Takes the streams that this packet carries. Checks that Stream-Open is followed by a packet that can
    /// carry them.
    fn take_opens(&mut self, incoming: &IncomingPacket) -> Result<Option<Vec<StreamEntry>>, Fatal> {
        let Some(streams) = self.streams.as_deref_mut() else {
            return Ok(None);
        };
        streams.last_item = None;
        let Some(opens) = streams.pending_opens.take() else {
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
                streams.pending_opens = Some(opens);
                Ok(None)
            }
            (_, PacketType::REQUEST) => Ok(Some(opens)),
            (IncomingPacket::Packet { payload, .. }, PacketType::STREAM_ITEMS)
                if payload.get(4..6) != Some(&[0, 1]) =>
            {
                Err(invalid("an item that carries streams must be alone in its packet").into())
            }
            (_, PacketType::RESPONSE | PacketType::STREAM_ITEMS) => {
                if opens.iter().any(|entry| entry.bound) {
                    return Err(invalid("only a request can open bound streams").into());
                }
                Ok(Some(opens))
            }
            _ => Err(PacketError::StreamCarrier(kind).into()),
        }
    }

    /// Registers the streams of a packet that has been handled, or refuses them if the packet was not
    /// accepted.
    fn open_streams(&mut self, opens: &[StreamEntry], event: Option<&Event>) {
        let last_item = self.streams.as_deref().and_then(|it| it.last_item);
        let carrier = match event {
            Some(Event::Request(call, _)) => Some(StreamCarrier::Run(*call)),
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
        // Bound streams have ended with their call.
        for entry in opens.iter().filter(|entry| !entry.bound) {
            let id = StreamId::of_receiver(entry.number);
            out.end(id, EndReason::Refused, 0, ErrorData::default());
        }
    }

    /// Handles Stream-Items. Fails the stream at the first item without credit or beyond the limit on held
    /// items.
    pub(super) fn handle_items(&mut self, payload: Bytes) -> Result<(), Fatal> {
        let length = payload.len();
        let StreamItems { id, items } = StreamItems::decode(payload)?;
        let limit = self.config.limits.max_stream_buffer;
        let Some((streams, mut out)) = self.streams_mut() else {
            return Ok(());
        };
        let found = streams.store.find(id);
        let Some((key, recv)) = found
            .and_then(|key| Some((key, streams.store.get_mut(key)?)))
            .and_then(|(key, stream)| match &mut stream.half {
                StreamHalf::Recv(recv) if !recv.closed => Some((key, recv)),
                _ => None,
            })
        else {
            out.counters.packets_dropped += 1;
            return Ok(());
        };
        if items.len() == 0 {
            if !std::mem::replace(&mut recv.begun, true) {
                streams.events.push_back(StreamEvent::Begun(key));
            }
            return Ok(());
        }
        let mut came = 0;
        let mut wrong = None;
        let count = items.len();
        let bytes = length - StreamItems::payload_len(count, 0);
        let room = limit.saturating_sub(streams.held);
        // The usual case: there is room for all items, and credit is left after the last.
        if let Some(cost) = recv.pay_all(bytes, count, room) {
            streams.held += cost;
            came = u16::try_from(count).unwrap_or(u16::MAX);
        }
        for len in items.lens().skip(came.into()) {
            if streams.held > 0 && streams.held.saturating_add(len) > limit {
                wrong = Some(
                    FrameworkError::Overloaded.to_error_data("too many items wait to be consumed"),
                );
                break;
            }
            let Some(cost) = recv.pay(len) else {
                wrong = Some(ErrorData::from("item sent without credit"));
                break;
            };
            streams.held += cost;
            came += 1;
        }
        if came > 0 {
            recv.begun = true;
            streams.last_item = Some((key, recv.received - 1));
            out.counters.items_in += u64::from(came);
            let items = items.first(came);
            streams.events.push_back(StreamEvent::Items(key, items));
        }
        if let Some(error) = wrong {
            streams.fail(key, error, &mut out);
        }
        Ok(())
    }

    /// Notes that the consumer has taken `items` items of `bytes` bytes in total, which makes room for more.
    pub fn consumed(&mut self, stream: StreamKey, items: usize, bytes: usize) {
        let Some((streams, mut out)) = self.streams_mut() else {
            return;
        };
        let Some(found) = streams.store.get_mut(stream) else {
            return;
        };
        let ended = found.ended;
        let StreamHalf::Recv(recv) = &mut found.half else {
            return;
        };
        streams.held -= recv.take(items, bytes);
        if ended {
            if recv.held == 0 {
                streams.remove(stream, &mut out);
            }
        } else if !recv.closed {
            let granted = recv.to_grant > 0;
            if streams.windows.grant(recv) && !granted {
                streams.note_grant(stream);
            }
        }
    }

    /// Drops the receive half with the items that have not been consumed. No event follows.
    pub fn drop_receiver(&mut self, stream: StreamKey) {
        let Some((streams, mut out)) = self.streams_mut() else {
            return;
        };
        let reason = EndReason::Cancelled;
        streams.close(stream, reason, ErrorData::default(), &mut out);
        streams.drop_unconsumed(stream, &mut out);
    }

    /// Claims the streams that a decoded value names. The other streams that came with the value are refused.
    /// Result streams need no claim.
    ///
    /// Returns `false` if there was nothing to claim, since the call has been answered or cancelled in the
    /// meantime. All streams have been refused then.
    pub fn claim_streams(&mut self, carrier: StreamCarrier, claimed: &[StreamKey]) -> bool {
        let Some((streams, mut out)) = self.streams_mut() else {
            return false;
        };
        let Some(unclaimed) = streams.take_unclaimed(carrier) else {
            return false;
        };
        for key in unclaimed {
            if !claimed.contains(&key) {
                streams.refuse(key, &mut out);
            }
        }
        true
    }

    /// Refuses the unclaimed streams of a response.
    pub(in crate::session) fn refuse_response_streams(&mut self, call: OutboundCallId) {
        if let Some((streams, mut out)) = self.streams_mut() {
            streams.refuse_unclaimed(StreamCarrier::Answer(call), &mut out);
        }
    }
}

impl SessionStreams {
    /// Checks that the other side may open these streams.
    fn check_entries(&self, entries: &[StreamEntry]) -> Result<(), PacketError> {
        let mut numbers: Vec<_> = entries.iter().map(|entry| entry.number).collect();
        numbers.sort_unstable();
        let is_twice = numbers.windows(2).any(|pair| pair[0] == pair[1]);
        if is_twice
            || numbers
                .iter()
                .any(|number| self.store.is_remote_number_in_use(*number))
        {
            return Err(invalid("stream number in use"));
        }
        let from_opener = entries.iter().filter(|entry| !entry.to_opener);
        for (send, entry) in (self.store.remote_senders()..).zip(from_opener) {
            let may_take = send < UNREQUESTED_WINDOWS && entry.window == INITIAL_WINDOW;
            if entry.window != 0 && !may_take {
                return Err(invalid("window taken without a grant"));
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
            let refused =
                self.store.len() >= limit || self.unclaimed_count + unclaimed.len() >= limit;
            let key = if refused {
                let id = StreamId::of_receiver(entry.number);
                out.end(id, EndReason::Refused, 0, FrameworkError::Overloaded.into());
                StreamKey::NONE
            } else {
                let call = match carrier {
                    StreamCarrier::Run(call) if entry.bound => Some(call),
                    _ => None,
                };
                let key = self.insert_remote(entry, spec, call);
                if spec.kind != StreamKind::Result {
                    unclaimed.push(key);
                }
                if let Some(call) = call {
                    self.by_inbound_call.entry(call).or_default().push(key);
                }
                key
            };
            opened.push(OpenedStream { key, spec, refused });
        }
        if !unclaimed.is_empty() {
            if let StreamCarrier::Item(stream, _) = carrier
                && let Some(recv) = self.recv_half(stream)
            {
                recv.unclaimed_items += 1;
            }
            self.unclaimed_count += unclaimed.len();
            self.unclaimed.insert(carrier, unclaimed);
        }
        // This event precedes that of the item which carries the streams, and which has already been pushed.
        let at = match (carrier, self.events.back()) {
            (StreamCarrier::Item(..), Some(StreamEvent::Items(..))) => self.events.len() - 1,
            _ => self.events.len(),
        };
        self.events.insert(at, StreamEvent::Opened(carrier, opened));
    }

    fn insert_remote(
        &mut self,
        entry: &StreamEntry,
        spec: StreamSpec,
        call: Option<InboundCallId>,
    ) -> StreamKey {
        let mut queued = false;
        let half = if spec.sends {
            let mut send = SendHalf::default();
            send.grant(entry.window);
            StreamHalf::Send(send)
        } else {
            let mut recv = RecvHalf::default();
            queued = entry.window == 0;
            if queued {
                self.windows.open_minimal(&mut recv);
            } else {
                self.windows.open_requested(&mut recv, entry.window);
            }
            StreamHalf::Recv(recv)
        };
        let key = self.store.insert(StreamState {
            number: entry.number,
            is_local: false,
            spec,
            call,
            announced: true,
            ended: false,
            half,
        });
        if queued {
            self.note_grant(key);
        }
        key
    }

    fn take_unclaimed(&mut self, carrier: StreamCarrier) -> Option<Vec<StreamKey>> {
        let keys = self.unclaimed.remove(&carrier)?;
        self.unclaimed_count -= keys.len();
        if let StreamCarrier::Item(stream, _) = carrier
            && let Some(recv) = self.recv_half(stream)
        {
            recv.unclaimed_items -= 1;
        }
        Some(keys)
    }

    /// Refuses the unclaimed free streams of a value. Bound streams end with their call.
    pub(super) fn refuse_unclaimed(&mut self, carrier: StreamCarrier, out: &mut StreamOutput<'_>) {
        for key in self.take_unclaimed(carrier).unwrap_or_default() {
            if self.store.get(key).is_some_and(|stream| !stream.is_bound()) {
                self.refuse(key, out);
            }
        }
    }

    /// Refuses the unclaimed streams in the items of a stream, since those will not be decoded.
    pub(super) fn refuse_items_of(&mut self, stream: StreamKey, out: &mut StreamOutput<'_>) {
        let of_stream = |carrier: &StreamCarrier| matches!(carrier, StreamCarrier::Item(of, _) if *of == stream);
        let carriers: Vec<_> = self.unclaimed.keys().copied().filter(of_stream).collect();
        for carrier in carriers {
            self.refuse_unclaimed(carrier, out);
        }
    }

    /// Refuses a stream that the other side opened.
    fn refuse(&mut self, key: StreamKey, out: &mut StreamOutput<'_>) {
        let Some(stream) = self.store.get(key) else {
            return;
        };
        let sends = stream.spec.sends;
        if stream.is_open() {
            let ending = Ending::Refused(ErrorData::default());
            self.events.push_back(StreamEvent::Ended(key, ending));
            if sends {
                self.abort_send(key, EndReason::Refused, out);
            } else {
                self.close(key, EndReason::Refused, ErrorData::default(), out);
            }
        }
        if sends {
            self.send_pending_end(key, out);
        }
    }
}
