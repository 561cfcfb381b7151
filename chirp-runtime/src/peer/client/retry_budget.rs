use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::time::Instant;

use crate::sync::Mutex;

/// One retry, in the unit that calls pay in: a call pays its percentage.
const RETRY: u64 = 100;

/// The number of retries that can be saved up.
const SAVED: u64 = 100;

/// A limit on retries in relation to calls, so that retries do not multiply the load of a server that is overloaded.
///
/// Each call pays for a share of a retry, and there is a minimum per second for clients that make few calls. A call that
/// would be repeated while the budget is exhausted fails with its error. Clones share one budget.
#[derive(Clone)]
pub struct RetryBudget(Arc<Bucket>);

struct Bucket {
    /// The share that each call adds: 0 to 100 hundredths of a retry.
    percent: u64,
    per_second: u32,
    /// The shares that calls have added, up to [`SAVED`] retries.
    paid: AtomicU64,
    reserve: Mutex<Reserve>,
}

/// The minimum per second.
#[derive(Debug, Default)]
struct Reserve {
    /// The number of retries that are left of one second.
    left: f64,
    /// When `left` was computed.
    at: Option<Instant>,
}

impl RetryBudget {
    /// Creates a budget of `percent` retries for 100 calls (at most 100), of which up to 100 are saved, and of
    /// `per_second` retries in each second.
    pub fn new(percent: u32, per_second: u32) -> Self {
        Self(Arc::new(Bucket {
            percent: u64::from(percent).min(RETRY),
            per_second,
            paid: AtomicU64::new(0),
            reserve: Mutex::default(),
        }))
    }

    /// Counts a call.
    pub(super) fn deposit(&self) {
        let bucket = &self.0;
        let add = |paid: u64| Some((paid + bucket.percent).min(SAVED * RETRY));
        // Always updated.
        let _ = bucket
            .paid
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
    }

    /// Pays for a retry at the time `now`. Returns `false` if the budget is exhausted.
    pub(super) fn withdraw(&self, now: Instant) -> bool {
        let bucket = &self.0;
        let pay = |paid: u64| paid.checked_sub(RETRY);
        let paid = bucket
            .paid
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, pay);
        paid.is_ok() || bucket.reserve.lock().take(bucket.per_second, now)
    }
}

impl Reserve {
    fn take(&mut self, per_second: u32, now: Instant) -> bool {
        let most = f64::from(per_second);
        self.left = match self.at {
            None => most,
            Some(at) => {
                let passed = now.saturating_duration_since(at).as_secs_f64();
                (self.left + passed * most).min(most)
            }
        };
        self.at = Some(self.at.map_or(now, |at| at.max(now)));
        let is_enough = self.left >= 1.0;
        if is_enough {
            self.left -= 1.0;
        }
        is_enough
    }
}

/// 20 retries for 100 calls, and 10 in each second.
impl Default for RetryBudget {
    fn default() -> Self {
        Self::new(20, 10)
    }
}

impl fmt::Debug for RetryBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetryBudget")
            .field("percent", &self.0.percent)
            .field("per_second", &self.0.per_second)
            .field("saved", &(self.0.paid.load(Ordering::Relaxed) / RETRY))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Withdraws until the budget is exhausted.
    fn exhaust(budget: &RetryBudget, now: Instant) -> usize {
        (0..1000).take_while(|_| budget.withdraw(now)).count()
    }

    #[test]
    fn retries_are_a_share_of_calls_and_a_minimum_per_second() {
        let now = Instant::now();
        for (percent, per_second, calls, retries) in [
            (20, 0, 0, 0),
            (20, 0, 4, 0),
            (20, 0, 5, 1),
            (20, 0, 99, 19),
            (20, 10, 0, 10),
            (20, 10, 50, 20),
            (0, 3, 50, 3),
            (0, 0, 50, 0),
            (100, 0, 7, 7),
            // More than one for each call would be no limit.
            (500, 0, 7, 7),
            // At most 100 are saved.
            (20, 0, 10_000, 100),
        ] {
            let budget = RetryBudget::new(percent, per_second);
            let clone = budget.clone();
            (0..calls).for_each(|_| clone.deposit());
            let found = exhaust(&budget, now);
            assert_eq!(found, retries, "{budget:?}, {calls} calls");
        }
    }

    #[test]
    fn the_minimum_returns_with_time() {
        let budget = RetryBudget::new(0, 10);
        let mut now = Instant::now();
        assert_eq!(exhaust(&budget, now), 10);
        now += Duration::from_millis(250);
        assert_eq!(exhaust(&budget, now), 2);
        now += Duration::from_millis(50);
        assert_eq!(exhaust(&budget, now), 1);
        // Not more than that of one second is saved.
        now += Duration::from_hours(1);
        assert_eq!(exhaust(&budget, now), 10);
        // A clock that stands still, or an earlier time of another thread.
        assert_eq!(exhaust(&budget, now - Duration::from_secs(1)), 0);
    }
}
