use std::collections::BTreeMap;

use bytes::{Buf, Bytes};

use super::packet_assembler::{AssembledPacket, PacketAssembler, ReadBudget};

/// The maximum number of segments that wait for an earlier one, per direction.
const MAX_WAITING: usize = 4096;

/// A piece of the bytes of a direction.
#[derive(Debug)]
pub(super) enum Reassembled {
    Packet(AssembledPacket),
    Gap(u64),
}

/// Puts the segments of one direction into order.
#[derive(Debug)]
pub(super) struct Reassembly {
    /// The place of the next byte. The lower half is its sequence number.
    position: u64,
    /// Segments behind a missing one, by place.
    waiting: BTreeMap<u64, Bytes>,
    /// The place of the end, if it has been seen.
    end: Option<u64>,
    pub(super) assembler: PacketAssembler,
}

impl Reassembly {
    /// Creates a direction whose next byte has this sequence number.
    pub(super) fn new(sequence: u32, from_start: bool, max_payload: usize) -> Self {
        Self {
            // Not zero, so that earlier places exist.
            position: (1 << 32) | u64::from(sequence),
            waiting: BTreeMap::new(),
            end: None,
            assembler: PacketAssembler::new(from_start, max_payload),
        }
    }

    /// Returns the place of a sequence number: the one that is nearest to the present.
    fn place(&self, sequence: u32) -> u64 {
        let present = u32::try_from(self.position & u64::from(u32::MAX)).unwrap_or_default();
        let distance = sequence.wrapping_sub(present).cast_signed();
        self.position.saturating_add_signed(distance.into())
    }

    /// Accepts a segment. `is_after_loss` tells that the capture lacks the segments before.
    pub(super) fn push(
        &mut self,
        sequence: u32,
        data: Bytes,
        is_after_loss: bool,
        budget: &mut ReadBudget,
        out: &mut Vec<Reassembled>,
    ) {
        let place = self.place(sequence);
        if data.is_empty() {
            return;
        }
        if place <= self.position {
            self.deliver(place, data, budget, out);
        } else if is_after_loss {
            self.skip_to(place, budget, out);
            self.deliver(place, data, budget, out);
        } else {
            let known = self.waiting.get(&place).map_or(0, Bytes::len);
            if known >= data.len() {
                return;
            }
            let is_full = self.waiting.len() == MAX_WAITING;
            if is_full || !budget.take(data.len()) {
                let first = self
                    .waiting
                    .first_key_value()
                    .map_or(place, |first| *first.0);
                self.skip_to(first.min(place), budget, out);
                self.drain(budget, out);
                // Now behind what was there; the memory for it has become free.
                self.skip_to(place, budget, out);
                self.deliver(place, data, budget, out);
            } else {
                budget.give_back(known);
                self.waiting.insert(place, data);
                return;
            }
        }
        self.drain(budget, out);
    }

    /// Notes that the other side has received everything before this sequence number: what is missing is missing from
    /// the capture.
    pub(super) fn acknowledge(
        &mut self,
        sequence: u32,
        budget: &mut ReadBudget,
        out: &mut Vec<Reassembled>,
    ) {
        while let Some((&place, data)) = self.waiting.first_key_value() {
            if self.place(sequence) < place + data.len() as u64 {
                return;
            }
            self.skip_to(place, budget, out);
            self.drain(budget, out);
        }
    }

    /// Notes that the direction ends at this sequence number.
    pub(super) fn end(&mut self, sequence: u32) {
        self.end = Some(self.place(sequence));
    }

    /// Returns whether everything up to the end has been delivered.
    pub(super) fn has_ended(&self) -> bool {
        self.end
            .is_some_and(|end| self.position >= end && self.waiting.is_empty())
    }

    /// Delivers what is still waiting, and an incomplete packet, at the end of the capture.
    pub(super) fn finish(&mut self, budget: &mut ReadBudget, out: &mut Vec<Reassembled>) {
        while let Some((&place, _)) = self.waiting.first_key_value() {
            self.skip_to(place, budget, out);
            self.drain(budget, out);
        }
        if let Some(end) = self.end {
            self.skip_to(end, budget, out);
        }
        self.assembler
            .finish(budget, &mut |packet| out.push(Reassembled::Packet(packet)));
    }

    fn drain(&mut self, budget: &mut ReadBudget, out: &mut Vec<Reassembled>) {
        while let Some(first) = self.waiting.first_entry() {
            if *first.key() > self.position {
                return;
            }
            let (place, data) = first.remove_entry();
            budget.give_back(data.len());
            self.deliver(place, data, budget, out);
        }
    }

    /// Delivers a segment that begins at or before the present place.
    fn deliver(
        &mut self,
        place: u64,
        mut data: Bytes,
        budget: &mut ReadBudget,
        out: &mut Vec<Reassembled>,
    ) {
        let known = usize::try_from(self.position.saturating_sub(place)).unwrap_or(usize::MAX);
        if known >= data.len() {
            return;
        }
        data.advance(known);
        self.position += data.len() as u64;
        self.assembler
            .push(data, known == 0, budget, &mut |packet| {
                out.push(Reassembled::Packet(packet));
            });
    }

    fn skip_to(&mut self, place: u64, budget: &mut ReadBudget, out: &mut Vec<Reassembled>) {
        let Some(bytes @ 1..) = place.checked_sub(self.position) else {
            return;
        };
        self.position = place;
        // Before the packet that ends with it, so that a reader sees why it is incomplete.
        out.push(Reassembled::Gap(bytes));
        self.assembler.skip(bytes, budget, &mut |packet| {
            out.push(Reassembled::Packet(packet));
        });
    }

    /// Releases the memory of what is waiting, when the connection is forgotten.
    pub(super) fn release(&mut self, budget: &mut ReadBudget) {
        for data in std::mem::take(&mut self.waiting).into_values() {
            budget.give_back(data.len());
        }
        self.assembler.finish(budget, &mut drop);
    }
}
