use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// Exponential backoff with jitter. Each pause doubles up to the longest, and has a random length between half of
/// that and the whole, so that many clients of one server do not reconnect at the same time.
#[derive(Debug)]
pub(crate) struct Backoff {
    first: Duration,
    longest: Duration,
    next: Duration,
}

impl Backoff {
    pub(crate) fn new(first: Duration, longest: Duration) -> Self {
        // Without any pause, a server that refuses at once would keep a processor busy.
        let first = first.max(Duration::from_millis(1));
        Self {
            first,
            longest: longest.max(first),
            next: first,
        }
    }

    /// Returns the next pause.
    pub(crate) fn pause(&mut self) -> Duration {
        let pause = self.next;
        self.next = pause.saturating_mul(2).min(self.longest);
        let random = RandomState::new().hash_one(pause) >> 32;
        let share = u32::try_from(random).unwrap_or(u32::MAX);
        let half = pause / 2;
        half.saturating_add(half.mul_f64(f64::from(share) / f64::from(u32::MAX)))
    }

    /// Starts again with the first pause.
    pub(crate) fn reset(&mut self) {
        self.next = self.first;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_the_longest_and_begin_anew() {
        let ms = Duration::from_millis;
        let mut backoff = Backoff::new(ms(20), ms(100));
        for _ in 0..2 {
            for whole in [20, 40, 80, 100, 100] {
                let pause = backoff.pause();
                assert!(pause >= ms(whole) / 2 && pause <= ms(whole), "{pause:?}");
            }
            backoff.reset();
        }
    }

    #[test]
    fn pauses_differ() {
        let pauses = (0..100).map(|_| Backoff::new(Duration::from_secs(1), Duration::ZERO).pause());
        let distinct: std::collections::BTreeSet<_> = pauses.collect();
        assert!(distinct.len() > 50, "{}", distinct.len());
    }

    #[test]
    fn there_is_always_a_pause() {
        let mut backoff = Backoff::new(Duration::ZERO, Duration::ZERO);
        assert!((0..10).all(|_| backoff.pause() > Duration::ZERO));
        let mut backoff = Backoff::new(Duration::MAX, Duration::MAX);
        assert!((0..10).all(|_| backoff.pause() > Duration::ZERO));
    }
}
