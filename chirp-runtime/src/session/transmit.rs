#[cfg(feature = "lz4")]
mod compress;

use std::borrow::Cow;
use std::io::IoSlice;
use std::mem;
use std::ops::Range;

use bytes::Bytes;

use crate::packet::{Header, Payload};

/// Payloads up to this size are copied into the transmit buffer; larger ones are written from where
/// they stand.
pub(super) const COPIED: usize = Payload::COPIED;
/// A buffer that grew beyond this is not kept,
const KEPT: usize = 256 << 10;
/// and neither is one that is this many times as large as what was in it, unless it is small.
const ROOMY: usize = 8;
const SMALL: usize = 4 << 10;
/// So many bytes that were removed again may stand in the buffer, whatever else does.
const WASTE: usize = 16 << 10;

/// What is to be written: small packets one after another in one buffer, and large payloads between
/// them.
#[derive(Debug, Default)]
pub(super) struct Transmit {
    tail: Vec<u8>,
    /// Large payloads, each before the byte of `tail` that it is named with.
    inserts: Vec<(usize, Bytes)>,
    insert_bytes: usize,
    /// Parts of `tail` that were removed again.
    holes: Vec<Range<usize>>,
    hole_bytes: usize,
    /// How many bytes of `tail` were taken before its first.
    taken: u64,
    /// How many bytes are being written.
    in_flight: usize,
    /// Packets that are no answers: those that wait, and those that are being written.
    questions: usize,
    questions_in_flight: usize,
    /// Bytes of answers: those that wait, and those that are being written.
    answer_bytes: usize,
    answer_bytes_in_flight: usize,
    /// Payloads that are no longer needed. Dropping one may run its owner's code, so they leave with the
    /// next [`Session::take_leftovers`](super::Session::take_leftovers).
    leftovers: Vec<Bytes>,
    /// What becomes of the large payloads of the next batch.
    #[cfg(feature = "lz4")]
    packing: compress::Compression,
}

/// Where a packet stands among all bytes that ever went through `tail`.
#[derive(Clone, Copy, Debug)]
pub(super) struct PacketSpan {
    at: u64,
    len: u32,
}

impl Transmit {
    /// Where the next packet's head goes.
    pub(super) fn tail(&mut self) -> &mut Vec<u8> {
        &mut self.tail
    }

    /// Appends the rest of a packet. What is large is taken from `payload`, what is small is copied.
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

    /// Where the next packet begins.
    pub(super) fn position(&self) -> u64 {
        self.taken + self.tail.len() as u64
    }

    /// The packet that began at `from` and is complete.
    pub(super) fn span(&self, from: u64) -> PacketSpan {
        let len = u32::try_from(self.position() - from).unwrap_or(u32::MAX);
        PacketSpan { at: from, len }
    }

    /// Removes a request, if none of it has been taken.
    pub(super) fn remove(&mut self, packet: PacketSpan) -> bool {
        let Some(from) = packet.at.checked_sub(self.taken) else {
            return false;
        };
        // What has not been taken is in `tail`, whose length is a usize.
        let from = usize::try_from(from).unwrap_or(usize::MAX);
        let hole = from..from + packet.len as usize;
        if let Ok(at) = self.inserts.binary_search_by_key(&hole.end, |(at, _)| *at) {
            let removed = mem::take(&mut self.inserts[at].1);
            self.insert_bytes -= removed.len();
            self.leftovers.push(removed);
        }
        self.hole_bytes += hole.len();
        self.holes.push(hole);
        self.questions -= 1;
        if self.hole_bytes == self.tail.len() {
            self.clear();
        }
        true
    }

    /// Whether what was removed is to be closed up now: when it is more than half of the buffer, and worth
    /// a look at `ids` spans.
    pub(super) fn is_wasteful(&self, ids: usize) -> bool {
        let worth = WASTE.max(ids * size_of::<PacketSpan>());
        self.hole_bytes > worth && self.hole_bytes > self.tail.len() / 2
    }

    /// Closes up what was removed, and says of every request that waits where it stands now.
    pub(super) fn close_up<'a>(&mut self, requests: impl Iterator<Item = &'a mut PacketSpan>) {
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

    /// Drops everything that waits. What was large leaves with the leftovers.
    pub(super) fn clear(&mut self) {
        self.taken += self.tail.len() as u64;
        self.tail.clear();
        let inserts = self.inserts.drain(..).map(|(_, payload)| payload);
        self.leftovers.extend(inserts);
        self.insert_bytes = 0;
        self.holes.clear();
        self.hole_bytes = 0;
        self.questions = 0;
        self.answer_bytes = 0;
    }

    /// Keeps a payload until it may be dropped.
    pub(super) fn leave(&mut self, payload: Bytes) {
        self.leftovers.push(payload);
    }

    pub(super) fn take_leftovers(&mut self) -> Vec<Bytes> {
        mem::take(&mut self.leftovers)
    }

    pub(super) fn has_leftovers(&self) -> bool {
        !self.leftovers.is_empty()
    }

    /// How many bytes wait.
    pub(super) fn len(&self) -> usize {
        self.tail.len() - self.hole_bytes + self.insert_bytes
    }

    /// How many bytes wait or are being written.
    pub(super) fn unsent(&self) -> usize {
        self.len() + self.in_flight
    }

    /// Everything that waits, in exchange for a spare buffer; the buffer again when there is nothing.
    pub(super) fn take(&mut self, mut spare: Batch) -> Result<Batch, Batch> {
        if self.len() == 0 || self.in_flight > 0 {
            return Err(spare);
        }
        self.in_flight = self.len();
        self.questions_in_flight = mem::take(&mut self.questions);
        self.answer_bytes_in_flight = mem::take(&mut self.answer_bytes);
        self.taken += self.tail.len() as u64;
        if !spare.bytes.is_empty() {
            spare.clear();
        }
        #[cfg(feature = "lz4")]
        {
            spare.packing = self.packing;
        }
        if self.holes.is_empty() {
            mem::swap(&mut self.tail, &mut spare.bytes);
            mem::swap(&mut self.inserts, &mut spare.inserts);
        } else {
            self.close_holes(&mut spare);
        }
        self.insert_bytes = 0;
        Ok(spare)
    }

    /// What was appended last is no answer.
    pub(super) fn note_question(&mut self) {
        self.questions += 1;
    }

    /// What was appended last is an answer of so many bytes.
    pub(super) fn note_answer(&mut self, len: usize) {
        self.answer_bytes += len;
    }

    /// How many bytes of answers wait or are being written.
    pub(super) fn unsent_answers(&self) -> usize {
        self.answer_bytes + self.answer_bytes_in_flight
    }

    /// Whether anything but answers waits or is being written.
    pub(super) fn has_questions(&self) -> bool {
        self.questions + self.questions_in_flight > 0
    }

    /// The batch that was taken has been written.
    pub(super) fn written(&mut self) {
        self.in_flight = 0;
        self.questions_in_flight = 0;
        self.answer_bytes_in_flight = 0;
    }

    fn close_holes(&mut self, batch: &mut Batch) {
        self.holes.sort_unstable_by_key(|hole| hole.start);
        let inserts = self.inserts.drain(..);
        // Those that were emptied are gone with their packets.
        let mut inserts = inserts
            .filter(|(_, payload)| !payload.is_empty())
            .peekable();
        let mut from = 0;
        let end = self.tail.len();
        for hole in self.holes.drain(..).chain(std::iter::once(end..end)) {
            // An insert before the byte that ends a kept stretch belongs to that stretch.
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

/// Bytes on their way to the channel.
#[derive(Debug, Default)]
pub struct Batch {
    bytes: Vec<u8>,
    inserts: Vec<(usize, Bytes)>,
    /// How much of `bytes` has been written,
    at: usize,
    /// how many of `inserts`,
    inserted: usize,
    /// and how much of the insert that is next.
    insert_at: usize,
    #[cfg(feature = "lz4")]
    packing: compress::Compression,
}

impl Batch {
    /// Whether everything has been written.
    pub fn is_done(&self) -> bool {
        self.at == self.bytes.len() && self.inserted == self.inserts.len()
    }

    /// The packets of a batch of which nothing has been written, in order: their headers and payloads.
    pub fn packets(&self) -> impl Iterator<Item = (Header, Cow<'_, [u8]>)> {
        self.parts().map(|(header, here, large)| match large {
            None => (header, here.into()),
            Some(large) => (header, [here, large].concat().into()),
        })
    }

    /// The same, with each payload as it stands: what is among small packets, and what is large behind that.
    fn parts(&self) -> impl Iterator<Item = (Header, &[u8], Option<&Bytes>)> {
        let mut at = 0;
        let mut inserts = self.inserts.iter().peekable();
        std::iter::from_fn(move || {
            // The heads are whole, and are this library's own.
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

    /// What is to be written next: fills `slices` in order and says how many there are.
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

    /// Says that this many bytes have been written.
    pub fn advance(&mut self, written: usize) {
        self.skip(written);
        if self.is_done() {
            // A large buffer goes here, where no lock is held.
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

/// Empties a buffer for the next time, unless it is too large to be kept.
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

    /// Calls that are made and taken back while nothing is written must not fill memory: with `kept` of
    /// them before, and `window` of them alive at any time.
    fn check(kept: usize, window: usize, length: usize) {
        let mut session = Session::new(Limits::default());
        call(&mut session, 0);
        let under_way = session.take_batch(Batch::default());
        assert!(under_way.is_ok(), "it is not written in this test");
        for _ in 0..kept {
            call(&mut session, length);
        }
        let mut alive = VecDeque::new();
        for _ in 0..20_000 {
            alive.push_back(call(&mut session, length));
            if alive.len() > window {
                let oldest = alive.pop_front().expect("there is one");
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
    fn what_is_taken_back_is_not_kept() {
        for length in [0, 1000, COPIED + 1] {
            check(0, 0, length);
            check(1, 0, length);
            check(0, 10, length);
            check(3, 10, length);
        }
    }

    /// What stands before many bytes is copied to the packet's head, and they are not.
    #[test]
    fn a_payload_in_two_parts_is_one_on_the_wire() {
        let mut session = Session::new(Limits::default());
        let body = Bytes::from(vec![b'.'; COPIED + 1]);
        let parted = || Payload::parted(b"head".to_vec(), body.clone());
        let name = Bytes::from_static(b"m");
        let calls = [0; 2].map(|_| session.call(&name, &mut parted()).expect("there is room"));
        session.cancel(calls[0]).expect("it was not sent");
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
    fn a_large_buffer_goes_with_what_was_written_from_it() {
        let mut session = Session::new(Limits::default());
        let calls = [0; 1000].map(|_| call(&mut session, 1000));
        for taken_back in [false, true] {
            if taken_back {
                let calls = [0; 1000].map(|_| call(&mut session, 1000));
                session.cancel(calls[0]).expect("it was not sent");
            }
            let batch = session.take_batch(Batch::default());
            let mut batch = batch.expect("something waits");
            assert!(batch.bytes.capacity() > KEPT);
            batch.advance(batch.bytes.len());
            session.batch_written();
            assert!(batch.is_done());
            assert!(batch.bytes.capacity() <= KEPT);
            assert!(session.transmit.tail.capacity() <= KEPT);
        }
        assert_eq!(session.pending(), calls.len() + 999);
    }

    /// A call that is taken back makes room for several that nobody waits for: it is one that failed.
    #[test]
    fn one_call_that_is_taken_back_makes_room_for_several() {
        let limits = Limits {
            max_write_buffer: 1000,
            ..Limits::default()
        };
        let mut session = Session::new(limits);
        let large = call(&mut session, 5000);
        for _ in 0..3 {
            let cast = session.call_one_way(&Bytes::from_static(b"m"), &mut vec![b'.'; 10].into());
            assert!(cast.expect("it is small").is_some());
        }
        session.cancel(large).expect("it is responsive");
        assert_eq!(session.take_admitted().len(), 3);
        let counters = session.counters();
        assert_eq!((counters.calls_out, counters.calls_out_failed), (4, 1));
    }
}
