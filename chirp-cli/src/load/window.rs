use std::time::Duration;

use tokio::time::Instant;

/// The time in which calls are measured, after a warm-up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    /// The begin of the warm-up.
    pub(crate) start: Instant,
    /// The begin of the measurement.
    pub(crate) begin: Instant,
    pub(crate) end: Instant,
}

impl Window {
    /// Creates a window that begins after a warm-up from now on.
    pub(crate) fn new(warm_up: Duration, length: Duration) -> Self {
        let start = Instant::now();
        Self {
            start,
            begin: start + warm_up,
            end: start + warm_up + length,
        }
    }

    /// Returns the part of the window that has passed at `now`.
    pub(crate) fn elapsed(&self, now: Instant) -> Duration {
        now.min(self.end).saturating_duration_since(self.begin)
    }
}
