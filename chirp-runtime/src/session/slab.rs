use std::marker::PhantomData;
use std::mem;

/// A slot of a [`Slab`], and a generation that tells its entry from earlier ones of the same slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Slot {
    pub(super) index: u32,
    pub(super) generation: u32,
}

/// The key of an entry of a [`Slab`].
pub(crate) trait SlabKey: Copy {
    /// The number of slots that keys can address.
    const SLOTS: usize = u32::MAX as usize;

    /// The number of generations after which the keys of a slot repeat. By default no key repeats: a slot
    /// that has had 2³² entries is not reused.
    const GENERATIONS: Option<u32> = None;

    /// The key of a slot's entry.
    fn from_slot(slot: Slot) -> Self;

    /// The slot that this key addresses.
    fn slot(self) -> Slot;
}

/// A table whose keys are checked by generation: the key of a removed entry finds nothing, even after its
/// slot has been reused. Tables with the same keys are [`SecondaryMap`]s.
#[derive(Debug)]
pub(super) struct Slab<K, T> {
    entries: Vec<Entry<T>>,
    free: Vec<u32>,
    len: usize,
    key: PhantomData<K>,
}

#[derive(Debug)]
struct Entry<T> {
    generation: u32,
    value: Option<T>,
}

impl<K, T> Default for Slab<K, T> {
    fn default() -> Self {
        Self {
            entries: Vec::new(),
            free: Vec::new(),
            len: 0,
            key: PhantomData,
        }
    }
}

impl<K: SlabKey, T> Slab<K, T> {
    /// Returns `true` if every slot is in use, so that nothing can be inserted.
    pub(super) fn is_full(&self) -> bool {
        self.free.is_empty() && self.entries.len() >= K::SLOTS
    }

    /// Inserts a value and returns its key. The slab must not be [full](Self::is_full).
    pub(super) fn insert(&mut self, value: T) -> K {
        let index = self.free.pop().unwrap_or_else(|| self.add_slot());
        let entry = &mut self.entries[index as usize];
        entry.value = Some(value);
        self.len += 1;
        let generation = entry.generation;
        K::from_slot(Slot { index, generation })
    }

    fn add_slot(&mut self) -> u32 {
        if self.entries.capacity() == 0 {
            // Most connections have one call at a time.
            self.entries.reserve_exact(1);
        }
        self.entries.push(Entry {
            generation: 0,
            value: None,
        });
        // Below `K::SLOTS`, since the slab is not full.
        u32::try_from(self.entries.len() - 1).unwrap_or(u32::MAX)
    }

    /// The key of the value in the slot with this index.
    pub(super) fn key_at(&self, index: u32) -> Option<K> {
        let entry = self.entries.get(index as usize)?;
        entry.value.as_ref()?;
        let generation = entry.generation;
        Some(K::from_slot(Slot { index, generation }))
    }

    pub(super) fn get(&self, key: K) -> Option<&T> {
        let slot = key.slot();
        let entry = self.entries.get(slot.index as usize)?;
        if entry.generation == slot.generation {
            entry.value.as_ref()
        } else {
            None
        }
    }

    pub(super) fn get_mut(&mut self, key: K) -> Option<&mut T> {
        let slot = key.slot();
        let entry = self.entries.get_mut(slot.index as usize)?;
        if entry.generation == slot.generation {
            entry.value.as_mut()
        } else {
            None
        }
    }

    /// Removes a value. Its key finds nothing from now on.
    pub(super) fn remove(&mut self, key: K) -> Option<T> {
        let slot = key.slot();
        let entry = self.entries.get_mut(slot.index as usize)?;
        if entry.generation != slot.generation {
            return None;
        }
        let value = entry.value.take()?;
        let next = match K::GENERATIONS {
            Some(generations) => Some((entry.generation + 1) % generations),
            None => entry.generation.checked_add(1),
        };
        if let Some(next) = next {
            entry.generation = next;
            if self.free.capacity() == 0 {
                self.free.reserve_exact(1);
            }
            self.free.push(slot.index);
        }
        self.len -= 1;
        Some(value)
    }

    /// The number of values.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The number of slots, whether in use or free.
    pub(super) fn slots(&self) -> usize {
        self.entries.len()
    }

    /// The keys of all values, in the order of their slots.
    pub(super) fn keys(&self) -> impl Iterator<Item = K> {
        let entries = (0..).zip(&self.entries);
        let taken = entries.filter(|(_, entry)| entry.value.is_some());
        taken.map(|(index, entry)| {
            let generation = entry.generation;
            K::from_slot(Slot { index, generation })
        })
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &T> {
        self.entries.iter().filter_map(|entry| entry.value.as_ref())
    }

    pub(super) fn values_mut(&mut self) -> impl Iterator<Item = &mut T> {
        let entries = self.entries.iter_mut();
        entries.filter_map(|entry| entry.value.as_mut())
    }
}

/// Values for some of the keys of a [`Slab`]. The value of a key must be removed before its slot is reused.
#[derive(Debug)]
pub(crate) struct SecondaryMap<K, T> {
    entries: Vec<Option<(u32, T)>>,
    key: PhantomData<K>,
}

impl<K, T> Default for SecondaryMap<K, T> {
    fn default() -> Self {
        Self {
            entries: Vec::new(),
            key: PhantomData,
        }
    }
}

impl<K: SlabKey, T> SecondaryMap<K, T> {
    /// Sets the value of a key. Returns the value that was in its slot, which may be of an earlier key.
    pub(crate) fn insert(&mut self, key: K, value: T) -> Option<T> {
        let slot = key.slot();
        let index = slot.index as usize;
        if self.entries.len() <= index {
            self.entries.resize_with(index + 1, || None);
        }
        let (_, replaced) = self.entries[index].replace((slot.generation, value))?;
        Some(replaced)
    }

    pub(crate) fn get(&self, key: K) -> Option<&T> {
        let slot = key.slot();
        let (generation, value) = self.entries.get(slot.index as usize)?.as_ref()?;
        (*generation == slot.generation).then_some(value)
    }

    pub(crate) fn remove(&mut self, key: K) -> Option<T> {
        let slot = key.slot();
        let entry = self.entries.get_mut(slot.index as usize)?;
        let (_, value) = entry.take_if(|(found, _)| *found == slot.generation)?;
        Some(value)
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &T> {
        let entries = self.entries.iter().flatten();
        entries.map(|(_, value)| value)
    }

    /// Removes all values.
    pub(crate) fn drain(&mut self) -> impl Iterator<Item = T> + use<K, T> {
        let entries = mem::take(&mut self.entries).into_iter();
        entries.flatten().map(|(_, value)| value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A key of two slots and, where `WRAPS`, of three generations.
    #[derive(Clone, Copy, Debug, PartialEq)]
    struct Key<const WRAPS: bool>(Slot);

    impl<const WRAPS: bool> SlabKey for Key<WRAPS> {
        const SLOTS: usize = 2;
        const GENERATIONS: Option<u32> = if WRAPS { Some(3) } else { None };

        fn from_slot(slot: Slot) -> Self {
            Self(slot)
        }

        fn slot(self) -> Slot {
            self.0
        }
    }

    #[test]
    fn the_key_of_a_removed_value_finds_nothing() {
        let mut slab = Slab::<Key<false>, _>::default();
        let first = slab.insert('a');
        let other = slab.insert('b');
        assert!(slab.is_full());
        assert_eq!(slab.remove(first), Some('a'));
        assert_eq!(slab.remove(first), None);
        assert_eq!((slab.len(), slab.is_full()), (1, false));
        let second = slab.insert('c');
        assert_eq!(first.0.index, second.0.index);
        assert_eq!(slab.get(first), None);
        assert_eq!(slab.get_mut(first), None);
        assert_eq!(slab.get(second), Some(&'c'));
        assert_eq!(slab.key_at(second.0.index), Some(second));
        assert_eq!(slab.key_at(2), None);
        assert_eq!(slab.keys().collect::<Vec<_>>(), [second, other]);
        assert!(slab.values().eq(&['c', 'b']));
        slab.values_mut().for_each(|value| *value = 'd');
        assert_eq!(slab.remove(other), Some('d'));
        let unknown = Key(Slot {
            index: u32::MAX,
            generation: 0,
        });
        assert_eq!(slab.get(unknown), None);
        assert_eq!(slab.slots(), 2);
    }

    #[test]
    fn keys_repeat_only_where_generations_wrap() {
        let mut slab = Slab::<Key<true>, _>::default();
        let keys = [(); 4].map(|()| {
            let key = slab.insert(());
            slab.remove(key);
            key
        });
        assert_eq!(keys[0], keys[3]);
        assert_ne!(keys[0], keys[1]);

        let mut slab = Slab::<Key<false>, _>::default();
        let key = slab.insert(());
        slab.entries[0].generation = u32::MAX;
        let last = Key(Slot {
            generation: u32::MAX,
            ..key.0
        });
        assert_eq!(slab.remove(last), Some(()));
        assert_eq!(slab.insert(()).0.index, 1, "the first slot is not reused");
    }

    #[test]
    fn a_secondary_map_checks_generations() {
        let key = |index, generation| Key::<false>(Slot { index, generation });
        let mut map = SecondaryMap::default();
        assert_eq!(map.get(key(1, 0)), None);
        assert_eq!(map.insert(key(1, 0), 'a'), None);
        assert_eq!(map.get(key(1, 0)), Some(&'a'));
        assert_eq!(map.get(key(1, 1)), None);
        assert_eq!(map.remove(key(1, 1)), None);
        assert_eq!(map.remove(key(0, 0)), None);
        assert_eq!(map.insert(key(1, 1), 'b'), Some('a'));
        assert_eq!(map.get(key(1, 0)), None);
        assert_eq!(map.remove(key(1, 1)), Some('b'));
        map.insert(key(0, 5), 'c');
        assert!(map.values().eq(&['c']));
        assert!(map.drain().eq(['c']));
        assert_eq!(map.get(key(0, 5)), None);
    }
}
