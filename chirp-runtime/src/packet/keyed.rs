use std::hash::{BuildHasher, Hasher, RandomState};

/// Hashes of what the other side chose: the ids of its calls, the names of methods.
///
/// They are keyed with a secret, and cost one multiplication for eight bytes: a tenth of the standard
/// library's. That is made for tables of any size that an attacker fills; those here have a few thousand
/// entries at most.
#[derive(Clone, Debug)]
pub(crate) struct Keyed {
    key: u64,
}

impl Default for Keyed {
    fn default() -> Self {
        // A `RandomState` is random and differs from the last.
        let key = RandomState::new().hash_one(0);
        Self { key }
    }
}

impl BuildHasher for Keyed {
    type Hasher = KeyedHasher;

    fn build_hasher(&self) -> KeyedHasher {
        KeyedHasher {
            secret: self.key.rotate_left(32) | 1,
            hash: self.key,
        }
    }
}

/// One hash under way.
#[derive(Debug)]
pub(crate) struct KeyedHasher {
    secret: u64,
    hash: u64,
}

impl Hasher for KeyedHasher {
    fn write_u64(&mut self, value: u64) {
        let (low, high) = (self.hash ^ value).carrying_mul(self.secret, 0);
        self.hash = low ^ high;
    }

    fn write_u32(&mut self, value: u32) {
        self.write_u64(value.into());
    }

    fn write_usize(&mut self, value: usize) {
        self.write_u64(value as u64);
    }

    fn write(&mut self, bytes: &[u8]) {
        let (whole, rest) = bytes.as_chunks();
        for eight in whole {
            self.write_u64(u64::from_le_bytes(*eight));
        }
        // The length has been written before.
        let rest = rest
            .iter()
            .fold(0, |value, &byte| value << 8 | u64::from(byte));
        self.write_u64(rest);
    }

    fn finish(&self) -> u64 {
        self.hash
    }
}
