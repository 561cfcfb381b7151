use std::hash::{BuildHasher, RandomState};

/// The masks of a client's frames, and the key of its handshake. They are unpredictable without the seed, which is from
/// the operating system, as far as `SipHash` is a pseudorandom function.
#[derive(Default)]
pub(super) struct Masks {
    seed: RandomState,
    count: u64,
}

impl Masks {
    pub(super) fn new() -> Self {
        Self::default()
    }

    fn next_word(&mut self) -> u64 {
        self.count += 1;
        self.seed.hash_one(self.count)
    }

    pub(super) fn next(&mut self) -> [u8; 4] {
        let [a, b, c, d, ..] = self.next_word().to_ne_bytes();
        [a, b, c, d]
    }

    /// Returns 16 random bytes, for the key of a handshake.
    pub(super) fn key(&mut self) -> [u8; 16] {
        let (one, other) = (self.next_word(), self.next_word());
        (u128::from(one) << 64 | u128::from(other)).to_ne_bytes()
    }
}
