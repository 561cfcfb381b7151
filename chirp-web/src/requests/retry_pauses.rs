use std::time::Duration;

/// Pauses between attempts. Each has a random length between half of the whole and the whole, so that those who failed together do
/// not come again together; the whole doubles up to the longest.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RetryPauses {
    first: Duration,
    longest: Duration,
}

impl RetryPauses {
    pub(crate) const fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest }
    }

    /// Returns the pause after an attempt. The first attempt has number 1.
    pub(crate) fn after(self, attempt: u32) -> Duration {
        let factor = 1_u32
            .checked_shl(attempt.saturating_sub(1))
            .unwrap_or(u32::MAX);
        let whole = self.first.saturating_mul(factor.max(1)).min(self.longest);
        // Without random numbers the pause is the longest of those that were possible.
        let random = getrandom::u32().unwrap_or(u32::MAX);
        let half = whole / 2;
        half + half.mul_f64(f64::from(random) / f64::from(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_differ() {
        let ms = Duration::from_millis;
        let pauses = RetryPauses::new(ms(20), ms(100));
        for (attempt, whole) in [
            (1, 20),
            (2, 40),
            (3, 80),
            (4, 100),
            (33, 100),
            (u32::MAX, 100),
        ] {
            let pause = pauses.after(attempt);
            assert!(
                pause >= ms(whole) / 2 && pause <= ms(whole),
                "{attempt}: {pause:?}"
            );
        }
        let distinct: std::collections::BTreeSet<_> = (0..100).map(|_| pauses.after(4)).collect();
        assert!(distinct.len() > 50, "{distinct:?}");
    }
}
