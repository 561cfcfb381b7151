use super::stream::StreamHalf;
use super::{SessionStreams, StreamEvent, StreamKey, StreamOutput};
use crate::session::Session;

/// So many bytes of items are put into the transmit buffer at once, overshot by one packet: what calls and
/// answers that come next wait for.
const AHEAD: usize = 64 << 10;

impl Session {
    /// A batch is about to be taken: items go behind what is there, a chunk of each stream in turn.
    pub(in crate::session) fn admit_items(&mut self) {
        let under_way = self.transmit.unsent() > self.transmit.len();
        let Some((streams, mut out)) = self.streams_mut() else {
            return;
        };
        if under_way {
            return;
        }
        streams.send_grants(&mut out);
        while streams.unsent < AHEAD
            && let Some(key) = streams.turn.pop_front()
        {
            streams.send_chunk(key, &mut out);
        }
        self.release_answers();
    }

    /// The batch has been taken.
    pub(in crate::session) fn stream_batch_taken(&mut self) {
        if let Some(streams) = self.streams.as_deref_mut() {
            streams.in_flight = std::mem::take(&mut streams.unsent);
        }
    }
}

impl SessionStreams {
    fn send_grants(&mut self, out: &mut StreamOutput<'_>) {
        if self.grants.is_empty() {
            return;
        }
        let mut entries = Vec::with_capacity(self.grants.len());
        let mut more = Vec::new();
        for key in std::mem::take(&mut self.grants) {
            let Some(stream) = self.table.get_mut(key).filter(|stream| !stream.over) else {
                continue;
            };
            let id = stream.id();
            let StreamHalf::Receiving(receiving) = &mut stream.half else {
                continue;
            };
            let bytes = u32::try_from(receiving.to_grant).unwrap_or(u32::MAX);
            receiving.to_grant -= u64::from(bytes);
            if receiving.to_grant > 0 {
                more.push(key);
            }
            if bytes > 0 {
                entries.push((id, bytes));
            }
        }
        self.grants = more;
        out.credit(&entries);
    }

    /// Sends one packet of a stream's items, and its end behind the last.
    fn send_chunk(&mut self, key: StreamKey, out: &mut StreamOutput<'_>) {
        let Some(stream) = self.table.get_mut(key) else {
            return;
        };
        let id = stream.id();
        let StreamHalf::Sending(sending) = &mut stream.half else {
            return;
        };
        sending.in_turn = false;
        let fitting = out.fitting(sending.queue.iter());
        if fitting == 0 {
            // What waited has been dropped.
            return;
        }
        let mut items: Vec<_> = sending.queue.drain(..fitting).collect();
        let cost = items.iter().map(|queued| queued.cost).sum::<usize>();
        sending.queued -= cost;
        sending.sent += items
            .iter()
            .map(|queued| u64::from(queued.items()))
            .sum::<u64>();
        self.queued -= cost;
        let before = out.transmit.unsent();
        let opens = std::mem::take(&mut items[0].opens);
        if !opens.is_empty() {
            self.announce(&opens, out);
        }
        out.items(id, &mut items);
        self.announced(&opens, out);
        self.unsent += out.transmit.unsent() - before;
        let Some(sending) = self.sending(key) else {
            return;
        };
        if sending.is_ready() {
            self.events.push_back(StreamEvent::Ready(key));
        } else if sending.queue.is_empty() {
            self.end_sent(key, out);
            return;
        }
        self.take_turn(key);
    }

    /// A stream that has something to send is given its turn.
    pub(super) fn take_turn(&mut self, key: StreamKey) {
        if let Some(sending) = self.sending(key)
            && !sending.queue.is_empty()
            && !std::mem::replace(&mut sending.in_turn, true)
        {
            self.turn.push_back(key);
        }
    }
}
