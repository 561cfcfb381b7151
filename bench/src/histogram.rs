//! A histogram of latencies that many tasks can update.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// Buckets per power of two nanoseconds: an error of at most 3 %.
const PARTS: u32 = 32;
const BUCKETS: usize = 64 * PARTS as usize;

/// Counts latencies by bucket.
pub struct Histogram {
    buckets: Vec<AtomicU32>,
}

impl Histogram {
    /// Creates an empty histogram.
    pub fn new() -> Self {
        let buckets = (0..BUCKETS).map(|_| AtomicU32::new(0)).collect();
        Self { buckets }
    }

    /// Records one latency.
    pub fn add(&self, latency: Duration) {
        let nanos = latency.as_nanos().try_into().unwrap_or(u64::MAX);
        self.buckets[bucket(nanos)].fetch_add(1, Ordering::Relaxed);
    }

    /// Returns the given quantile.
    pub fn quantile(&self, part: f64) -> Duration {
        let counts = self
            .buckets
            .iter()
            .map(|count| count.load(Ordering::Relaxed));
        let total: u64 = counts.clone().map(u64::from).sum();
        let wanted = (total as f64 * part).ceil() as u64;
        let mut seen = 0;
        for (at, count) in counts.enumerate() {
            seen += u64::from(count);
            if seen >= wanted {
                return Duration::from_nanos(lowest(at));
            }
        }
        Duration::ZERO
    }
}

impl Default for Histogram {
    fn default() -> Self {
        Self::new()
    }
}

fn bucket(nanos: u64) -> usize {
    let parts = u64::from(PARTS);
    let power = nanos.checked_ilog2().unwrap_or(0);
    let Some(shift) = power.checked_sub(PARTS.ilog2()) else {
        return nanos as usize;
    };
    // The leading one bit selects the power, the five bits after it the bucket.
    (u64::from(shift + 1) * parts + (nanos >> shift) - parts) as usize
}

fn lowest(bucket: usize) -> u64 {
    let parts = PARTS as usize;
    match (bucket / parts).checked_sub(1) {
        None => bucket as u64,
        Some(shift) => ((bucket % parts + parts) as u64) << shift,
    }
}
