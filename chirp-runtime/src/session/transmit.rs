#[cfg(feature = "lz4")]
mod compress;

use std::borrow::Cow;
use std::io::IoSlice;
use std::mem;
use std::ops::Range;

use bytes::Bytes;

use crate::packet::{Header, Payload};

/// The largest payload that is copied into the transmit buffer, in bytes. Larger ones are written without a
/// copy.
pub(super) const COPIED: usize = Payload::COPIED;
/// The largest buffer that is kept for reuse, in bytes.
const KEPT: usize = 256 << 10;
/// A buffer of more than [`SMALL`] bytes is not kept if it is this many times as large as its contents were.
const ROOMY: usize = 8;
/// The size up to which a buffer is kept whatever was in it, in bytes.
const SMALL: usize = 4 << 10;
/// Bytes of removed packets that may stay in the buffer in any case.
const WASTE: usize = 16 << 10;

/// The transmit buffer: small packets in one contiguous buffer, with large payloads inserted between them.
#[derive(Debug, Default)]
pub(super) struct Transmit {
    /// Packet heads and small payloads.
    tail: Vec<u8>,
    /// Large payloads, each with the offset in `tail` that it is inserted at.
    inserts: Vec<(usize, Bytes)>,
    insert_bytes: usize,
    /// Parts of `tail` whose packets were removed.
    holes: Vec<Range<usize>>,
    hole_bytes: usize,
    /// Bytes that have left `tail` so far: the position of its first byte.
    taken: u64,
    /// Bytes of the batch that is being written.
    in_flight: usize,
    /// Packets in the buffer that are not responses.
    non_responses: usize,
    /// Packets in the batch being written that are not responses.
    non_responses_in_flight: usize,
    /// Bytes of responses in the buffer.
    response_bytes: usize,
    /// Bytes of responses in the batch that is being written.
    response_bytes_in_flight: usize,
    /// Payloads that are no longer needed, kept for
    /// [`Session::take_leftovers`](super::Session::take_leftovers), since dropping one may run foreign code.
    leftovers: Vec<Bytes>,
    /// Whether large payloads of the next batch are compressed.
    #[cfg(feature = "lz4")]
    compression: compress::Compression,
}

/// The position of a packet among all bytes that ever went through `tail`.
#[derive(Clone, Copy, Debug)]
pub(super) struct PacketSpan {
    at: u64,
    len: u32,
}

impl Transmit {
    /// The buffer that packet heads are appended to.
    pub(super) fn tail(&mut self) -> &mut Vec<u8> {
        &mut self.tail
    }

    /// Appends the rest of a packet. Large payloads are taken, small ones are copied.
    pub(super) fn push(&mut self, payload: &mut Payload) {
        if payload.len() <= COPIED {
            self.tail.extend_from_slice(payload.as_slice());
        } else {
            let large = payload.take_large();
            self.tail.extend_from_slice(payload.as_slice());
            self.insert_bytes += large.len();
            self.inserts.push((self.tail.len(), large));
        }
    }

    /// The position of the next packet.
    pub(super) fn position(&self) -> u64 {
        self.taken + self.tail.len() as u64
    }

    /// The span of the packet that starts at `from` and ends here.
    pub(super) fn span(&self, from: u64) -> PacketSpan {
        let len = u32::try_from(self.position() - from).unwrap_or(u32::MAX);
        PacketSpan { at: from, len }
    }

    /// Removes a request. Returns `false` if it is no longer in the buffer.
    pub(super) fn remove(&mut self, packet: PacketSpan) -> bool {
        let Some(from) = packet.at.checked_sub(self.taken) else {
            return false;
        };
        // The packet is in `tail`, so that its offset is a usize.
        let from = usize::try_from(from).unwrap_or(usize::MAX);
        let hole = from..from + packet.len as usize;
        if let Ok(at) = self.inserts.binary_search_by_key(&hole.end, |(at, _)| *at) {
            let removed = mem::take(&mut self.inserts[at].1);
            self.insert_bytes -= removed.len();
            self.leftovers.push(removed);
        }
        self.hole_bytes += hole.len();
        self.holes.push(hole);
        self.non_responses -= 1;
        if self.hole_bytes == self.tail.len() {
            self.clear();
        }
        true
    }

    /// Returns `true` if [`compact`](Self::compact) is worth its cost: if removed packets make up more than half of the
    /// buffer, and more bytes than `ids` spans to be updated.
    pub(super) fn should_compact(&self, ids: usize) -> bool {
        let worth = WASTE.max(ids * size_of::<PacketSpan>());
        self.hole_bytes > worth && self.hole_bytes > self.tail.len() / 2
    }

    /// Compacts the buffer, and updates the spans of the requests in it.
    pub(super) fn compact<'a>(&mut self, requests: impl Iterator<Item = &'a mut PacketSpan>) {
        self.holes.sort_unstable_by_key(|hole| hole.start);
        let mut closed = 0;
        let shifts: Vec<_> = self
            .holes
            .iter()
            .map(|hole| {
                closed += hole.len() as u64;
                (self.taken + hole.start as u64, closed)
            })
            .collect();
        for request in requests {
            let before = shifts.partition_point(|(at, _)| *at < request.at);
            if let Some((_, shift)) = shifts[..before].last() {
                request.at -= shift;
            }
        }
        let mut kept = Batch::default();
        self.close_holes(&mut kept);
        self.tail = kept.bytes;
        self.inserts = kept.inserts;
    }

    /// Drops all packets in the buffer. Large payloads are kept for [`take_leftovers`](Self::take_leftovers).
    pub(super) fn clear(&mut self) {
        self.taken += self.tail.len() as u64;
        self.tail.clear();
        let inserts = self.inserts.drain(..).map(|(_, payload)| payload);
        self.leftovers.extend(inserts);
        self.insert_bytes = 0;
        self.holes.clear();
        self.hole_bytes = 0;
        self.non_responses = 0;
        self.response_bytes = 0;
    }

    /// Keeps a payload for [`take_leftovers`](Self::take_leftovers).
    pub(super) fn defer_drop(&mut self, payload: Bytes) {
        self.leftovers.push(payload);
    }

    pub(super) fn take_leftovers(&mut self) -> Vec<Bytes> {
        mem::take(&mut self.leftovers)
    }

    pub(super) fn has_leftovers(&self) -> bool {
        !self.leftovers.is_empty()
    }

    /// Bytes in the buffer.
    pub(super) fn len(&self) -> usize {
        self.tail.len() - self.hole_bytes + self.insert_bytes
    }

    /// Bytes in the buffer and in the batch that is being written.
    pub(super) fn unsent(&self) -> usize {
        self.len() + self.in_flight
    }

    /// Takes all packets, in exchange for a spare buffer. Returns `false` if there are none, or if a batch is being
    /// written.
    pub(super) fn take(&mut self, spare: &mut Batch) -> bool {
        if self.len() == 0 || self.in_flight > 0 {
            return false;
        }
        self.in_flight = self.len();
        self.non_responses_in_flight = mem::take(&mut self.non_responses);
        self.response_bytes_in_flight = mem::take(&mut self.response_bytes);
        self.taken += self.tail.len() as u64;
        if !spare.bytes.is_empty() {
            spare.clear();
        }
        #[cfg(feature = "lz4")]
        {
            spare.compression = self.compression;
        }
        if self.holes.is_empty() {
            mem::swap(&mut self.tail, &mut spare.bytes);
            mem::swap(&mut self.inserts, &mut spare.inserts);
        } else {
            self.close_holes(spare);
        }
        self.insert_bytes = 0;
        true
    }

    /// Notes that the packet appended last is not a response.
    pub(super) fn note_non_response(&mut self) {
        self.non_responses += 1;
    }

    /// Notes that the packet appended last is a response of `len` bytes.
    pub(super) fn note_response(&mut self, len: usize) {
        self.response_bytes += len;
    }

    /// Bytes of responses in the buffer and in the batch that is being written.
    pub(super) fn unsent_response_bytes(&self) -> usize {
        self.response_bytes + self.response_bytes_in_flight
    }

    /// Returns `true` if the buffer, or the batch that is being written, has packets that are not responses.
    pub(super) fn has_non_responses(&self) -> bool {
        self.non_responses + self.non_responses_in_flight > 0
    }

    /// Notes that the batch has been written.
    pub(super) fn written(&mut self) {
        self.in_flight = 0;
        self.non_responses_in_flight = 0;
        self.response_bytes_in_flight = 0;
    }

    fn close_holes(&mut self, batch: &mut Batch) {
        self.holes.sort_unstable_by_key(|hole| hole.start);
        let inserts = self.inserts.drain(..);
        // An empty payload was removed with its packet.
        let mut inserts = inserts
            .filter(|(_, payload)| !payload.is_empty())
            .peekable();
        let mut from = 0;
        let end = self.tail.len();
        for hole in self.holes.drain(..).chain(std::iter::once(end..end)) {
            // An insert before the end of a kept part belongs to that part.
            while let Some((at, payload)) = inserts.next_if(|(at, _)| *at <= hole.start) {
                batch.bytes.extend_from_slice(&self.tail[from..at]);
                from = at;
                batch.inserts.push((batch.bytes.len(), payload));
            }
            batch.bytes.extend_from_slice(&self.tail[from..hole.start]);
            from = hole.end;
        }
        drop(inserts);
        clear(&mut self.tail);
        self.hole_bytes = 0;
    }
}

/// Packets to be written to the channel.
#[derive(Debug, Default)]
pub struct Batch {
    bytes: Vec<u8>,
    inserts: Vec<(usize, Bytes)>,
    /// Bytes of `bytes` that have been written.
    at: usize,
    /// The number of inserts that have been written.
    inserted: usize,
    /// Bytes of the next insert that have been written.
    insert_at: usize,
    #[cfg(feature = "lz4")]
    compression: compress::Compression,
}

impl Batch {
    /// Returns `true` if everything has been written.
    pub fn is_done(&self) -> bool {
        self.at == self.bytes.len() && self.inserted == self.inserts.len()
    }

    /// The headers and payloads of all packets, in order. Nothing of the batch may have been written.
    pub fn packets(&self) -> impl Iterator<Item = (Header, Cow<'_, [u8]>)> {
        self.parts().map(|(header, here, large)| match large {
            None => (header, here.into()),
            Some(large) => (header, [here, large].concat().into()),
        })
    }

    /// Like [`packets`](Self::packets), with each payload in two parts: the contiguous part, and the insert
    /// behind it.
    fn parts(&self) -> impl Iterator<Item = (Header, &[u8], Option<&Bytes>)> {
        let mut at = 0;
        let mut inserts = self.inserts.iter().peekable();
        std::iter::from_fn(move || {
            // The heads are complete and were encoded by this crate.
            let header = Header::decode(*self.bytes[at..].first_chunk()?).ok()?;
            at += Header::LEN;
            let here = self.bytes.len().min(at + header.length as usize);
            let end = at + header.length as usize;
            let large = inserts.next_if(|(before, _)| *before <= here && *before < end);
            let to = large.map_or(here, |(before, _)| *before);
            let payload = &self.bytes[at..to];
            at = to;
            Some((header, payload, large.map(|(_, large)| large)))
        })
    }

    /// Returns the bytes to be written next, if they are all in one piece.
    #[inline]
    pub fn only_slice(&self) -> Option<&[u8]> {
        self.inserts.is_empty().then(|| &self.bytes[self.at..])
    }

    /// Fills `slices` with the bytes to be written next, in order. Returns the number of slices filled.
    pub fn slices<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let mut count = 0;
        let mut at = self.at;
        let mut insert_at = self.insert_at;
        let mut inserts = self.inserts[self.inserted..].iter();
        while count < slices.len() {
            let next = inserts.next();
            let until = next.map_or(self.bytes.len(), |(before, _)| *before);
            if at < until {
                slices[count] = IoSlice::new(&self.bytes[at..until]);
                at = until;
                count += 1;
            }
            let Some((_, payload)) = next else { break };
            if count < slices.len() {
                if insert_at < payload.len() {
                    slices[count] = IoSlice::new(&payload[insert_at..]);
                    count += 1;
                }
                insert_at = 0;
            }
        }
        count
    }

    /// Notes that `written` bytes have been written.
    pub fn advance(&mut self, written: usize) {
        self.skip(written);
        if self.is_done() {
            // Drops a large buffer here, where no lock is held.
            self.clear();
        }
    }

    fn skip(&mut self, mut written: usize) {
        loop {
            let until = self
                .inserts
                .get(self.inserted)
                .map_or(self.bytes.len(), |(before, _)| *before);
            let here = written.min(until - self.at);
            self.at += here;
            written -= here;
            if self.at < until {
                return;
            }
            let Some((_, payload)) = self.inserts.get_mut(self.inserted) else {
                return;
            };
            let here = written.min(payload.len() - self.insert_at);
            self.insert_at += here;
            written -= here;
            if self.insert_at < payload.len() {
                return;
            }
            *payload = Bytes::new();
            self.inserted += 1;
            self.insert_at = 0;
        }
    }

    fn clear(&mut self) {
        clear(&mut self.bytes);
        self.inserts.clear();
        (self.at, self.inserted, self.insert_at) = (0, 0, 0);
    }
}

/// Empties a buffer for reuse, or drops it if it is too large to keep.
fn clear(buffer: &mut Vec<u8>) {
    let roomy = SMALL.max(buffer.len() * ROOMY);
    if buffer.capacity() > KEPT.min(roomy) {
        *buffer = Vec::new();
    }
    buffer.clear();
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;
    use crate::session::{Limits, OutboundCallId, Session};

    fn call(session: &mut Session, length: usize) -> OutboundCallId {
        let params = &mut vec![b'.'; length].into();
        let called = session.call(&Bytes::from_static(b"m"), params);
        called.expect("there is room")
    }

    /// Makes and cancels calls while nothing is written, and checks that memory stays bounded. `kept` calls
    /// stay from before, and `window` are pending at any time.
    fn check(kept: usize, window: usize, length: usize) {
        let mut session = Session::new(Limits::default());
        call(&mut session, 0);
        let under_way = session.take_batch(Batch::default());
        assert!(under_way.is_ok(), "the batch is never written in this test");
        for _ in 0..kept {
            call(&mut session, length);
        }
        let mut alive = VecDeque::new();
        for _ in 0..20_000 {
            alive.push_back(call(&mut session, length));
            if alive.len() > window {
                let oldest = alive.pop_front().expect("a call is pending");
                assert_eq!(session.cancel(oldest), Ok(()));
            }
            let transmit = &session.transmit;
            let held = transmit.tail.len() + transmit.holes.len() * size_of::<Range<usize>>();
            let bound = 4 * transmit.len() + (64 << 10);
            assert!(held <= bound, "{held} bytes for {}", transmit.len());
            assert!(transmit.inserts.len() <= kept + 2 * window + 2000);
            drop(session.take_leftovers());
        }
    }

    #[test]
    fn removed_packets_are_not_kept() {
        for length in [0, 1000, COPIED + 1] {
            check(0, 0, length);
            check(1, 0, length);
            check(0, 10, length);
            check(3, 10, length);
        }
    }

    /// The first part is copied behind the packet's head, the second is not copied.
    #[test]
    fn a_payload_in_two_parts_is_one_on_the_wire() {
        let mut session = Session::new(Limits::default());
        let body = Bytes::from(vec![b'.'; COPIED + 1]);
        let parted = || Payload::parted(b"head".to_vec(), body.clone());
        let name = Bytes::from_static(b"m");
        let calls = [0; 2].map(|_| session.call(&name, &mut parted()).expect("there is room"));
        session.cancel(calls[0]).expect("the call was not sent");
        assert_eq!(session.take_leftovers(), std::slice::from_ref(&body));
        let mut params = parted();
        session.call(&name, &mut params).expect("there is room");
        assert_eq!(
            params.into_vec().as_deref(),
            Some(&b"head"[..]),
            "to be used again"
        );
        let batch = session.take_batch(Batch::default()).expect("two wait");
        let packets: Vec<_> = batch.packets().collect();
        assert_eq!(packets.len(), 2);
        for (header, payload) in packets {
            assert_eq!(header.length as usize, payload.len());
            assert_eq!(
                payload[payload.len() - body.len() - 4..],
                *[b"head", &body[..]].concat()
            );
        }
        let large = batch.inserts.iter().map(|(_, large)| large.as_ptr());
        assert!(large.eq([body.as_ptr(); 2]));
    }

    #[test]
    fn a_large_buffer_is_dropped_once_written() {
        let mut session = Session::new(Limits::default());
        let calls = [0; 1000].map(|_| call(&mut session, 1000));
        for taken_back in [false, true] {
            if taken_back {
                let calls = [0; 1000].map(|_| call(&mut session, 1000));
                session.cancel(calls[0]).expect("the call was not sent");
            }
            let batch = session.take_batch(Batch::default());
            let mut batch = batch.expect("something queued");
            assert!(batch.bytes.capacity() > KEPT);
            batch.advance(batch.bytes.len());
            session.batch_written();
            assert!(batch.is_done());
            assert!(batch.bytes.capacity() <= KEPT);
            assert!(session.transmit.tail.capacity() <= KEPT);
        }
        assert_eq!(session.pending(), calls.len() + 999);
    }

    /// Cancelling one queued call makes room for several one-way calls, and only the cancelled one counts as
    /// failed.
    #[test]
    fn cancelling_one_call_makes_room_for_several() {
        let limits = Limits {
            max_write_buffer: 1000,
            ..Limits::default()
        };
        let mut session = Session::new(limits);
        let large = call(&mut session, 5000);
        for _ in 0..3 {
            let call = session.call_one_way(&Bytes::from_static(b"m"), &mut vec![b'.'; 10].into());
            assert!(call.expect("the call is small").is_some());
        }
        session.cancel(large).expect("the other side is responsive");
        assert_eq!(session.take_admitted().len(), 3);
        let counters = session.counters();
        assert_eq!((counters.calls_out, counters.calls_out_failed), (4, 1));
    }
}
