use std::collections::VecDeque;

/// A random number generator with a seed (`SplitMix64`), or with numbers that are given.
#[derive(Clone, Debug)]
pub(crate) struct Rng {
    state: u64,
    /// The numbers to return first, two bytes each.
    given: VecDeque<u8>,
}

impl Rng {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            state: seed,
            given: VecDeque::new(),
        }
    }

    /// Returns the numbers in these bytes, and then others that depend on them.
    #[allow(dead_code, reason = "for the fuzz target of this model")]
    pub(crate) fn of_bytes(bytes: &[u8]) -> Self {
        let mix = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3);
        Self {
            state: bytes.iter().fold(0, mix),
            given: bytes.iter().copied().collect(),
        }
    }

    pub(crate) fn next(&mut self) -> u64 {
        if let Some(low) = self.given.pop_front() {
            let high = self.given.pop_front().unwrap_or_default();
            return u16::from_le_bytes([low, high]).into();
        }
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number in `0..bound`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound).expect("64 bits");
        usize::try_from(self.next() % bound).expect("it is below a usize")
    }

    /// A number in `from..=to`.
    pub(crate) fn between(&mut self, from: usize, to: usize) -> usize {
        from + self.below(to - from + 1)
    }

    /// True with a probability of `chance` percent.
    pub(crate) fn percent(&mut self, chance: usize) -> bool {
        self.below(100) < chance
    }
}
