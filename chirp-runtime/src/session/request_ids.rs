use std::collections::HashMap;

use foldhash::fast::RandomState;

/// The maximum number of entries that are found without a hash.
const NEAR: usize = 4096;

/// The slots of pending calls, by the request ids that the other side chose.
///
/// The other side most likely counts its calls, or numbers them from the start, so that the lower bits of the ids that are
/// pending at a time differ. The first call with its lower bits needs no hash, which costs more than the rest of the
/// bookkeeping of a call. The others are found by a fast hash with a secret seed. There are a few thousand at most, so that it
/// is enough.
#[derive(Debug, Default)]
pub(super) struct RequestIds {
    /// By the lower bits of the id. The length is 0 or a power of two, and at most twice the number of calls that were
    /// pending at a time.
    near: Vec<Option<(u32, u32)>>,
    far: HashMap<u32, u32, RandomState>,
    len: usize,
}

impl RequestIds {
    /// Adds a call. Its request id must not be pending.
    pub(super) fn insert(&mut self, id: u32, slot: u32) {
        if self.len >= self.near.len() && self.near.len() < NEAR {
            self.grow();
        }
        self.len += 1;
        match self.near_mut(id) {
            Some(entry @ None) => *entry = Some((id, slot)),
            _ => {
                self.far.insert(id, slot);
            }
        }
    }

    /// Removes a call, and returns its slot.
    #[inline]
    pub(super) fn remove(&mut self, id: u32) -> Option<u32> {
        let found = match self.near_mut(id)?.take_if(|(near, _)| *near == id) {
            Some((_, slot)) => Some(slot),
            None if self.far.is_empty() => None,
            None => self.far.remove(&id),
        };
        self.len -= usize::from(found.is_some());
        found
    }

    /// The number of calls.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    fn near_mut(&mut self, id: u32) -> Option<&mut Option<(u32, u32)>> {
        let mask = self.near.len().wrapping_sub(1);
        self.near.get_mut(id as usize & mask)
    }

    #[cold]
    fn grow(&mut self) {
        let len = (self.near.len() * 2).max(1);
        let near = std::mem::replace(&mut self.near, vec![None; len]);
        // Ids that differ in their lower bits still do.
        for (id, slot) in near.into_iter().flatten() {
            if let Some(entry) = self.near_mut(id) {
                *entry = Some((id, slot));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Inserts and removes ids as a map does, and checks each answer, and the memory.
    fn check(ids: impl Fn(u32) -> u32, window: usize) {
        let mut tested = RequestIds::default();
        let mut expected = HashMap::new();
        for number in 0..3000_u32 {
            let id = ids(number);
            if expected.insert(id, number).is_none() {
                tested.insert(id, number);
            } else {
                let old = tested.remove(id);
                assert!(old.is_some_and(|old| old < number));
                tested.insert(id, number);
            }
            if expected.len() > window {
                let oldest = expected.iter().min_by_key(|(_, slot)| **slot);
                let (id, slot) = oldest.map(|(id, slot)| (*id, *slot)).expect("there is one");
                assert_eq!(tested.remove(id), Some(slot));
                assert_eq!(tested.remove(id), None);
                expected.remove(&id);
            }
            assert_eq!(tested.len(), expected.len());
            assert!(tested.near.len() <= 2 * (window + 1));
        }
        for (id, slot) in expected {
            assert_eq!(tested.remove(id), Some(slot));
        }
        assert_eq!(tested.len(), 0);
        assert!(tested.far.is_empty() && tested.near.iter().all(Option::is_none));
    }

    #[test]
    fn calls_are_found_whatever_their_ids_are() {
        for window in [0, 1, 2, 63, 64, 200] {
            check(|number| number, window);
            check(|number| number << 20, window);
            check(|number| number.wrapping_mul(0x9E37_79B9), window);
            check(|number| ((number % 7) << 10) | (number % 3), window);
            check(u32::reverse_bits, window);
        }
    }

    #[test]
    fn counted_ids_need_no_hash() {
        let mut ids = RequestIds::default();
        (1..=64).for_each(|id| ids.insert(id, id));
        assert!(ids.far.is_empty());
        (1..=1000).for_each(|id| {
            assert_eq!(ids.remove(id), Some(id));
            ids.insert(id + 64, id + 64);
        });
        assert!(ids.far.is_empty());
    }

    #[test]
    fn memory_for_ids_is_bounded() {
        let mut ids = RequestIds::default();
        (0..20_000).for_each(|id| ids.insert(id, id));
        assert_eq!(ids.near.len(), NEAR);
    }
}
