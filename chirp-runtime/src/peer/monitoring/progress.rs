use std::task::{Context, Poll};
use std::time::Duration;

use super::watchdog::Watchdog;

/// Progress, in bytes, that starts the time for the next progress afresh.
const PROGRESS: u64 = 64 << 10;

/// Watches a packet that has begun and has not ended.
///
/// The timer is armed when bytes are waited for in the middle of a packet, and then left alone until its
/// time: a busy connection pays for one in a long while.
pub(in crate::peer) struct Progress {
    stall: Duration,
    timer: Option<Box<Watchdog>>,
    /// How many bytes had come when the timer was armed, if it is.
    armed: Option<u64>,
}

impl Progress {
    pub(in crate::peer) fn new(stall: Duration) -> Self {
        Self {
            stall,
            timer: None,
            armed: None,
        }
    }

    pub(in crate::peer) fn stall(&self) -> Duration {
        self.stall
    }

    /// A packet has ended, or reading has paused.
    pub(in crate::peer) fn ended(&mut self) {
        self.armed = None;
    }

    /// Waits in the middle of a packet, when `bytes` have come in all. Ready when there has been too
    /// little progress for too long.
    pub(in crate::peer) fn poll(&mut self, bytes: u64, cx: &mut Context<'_>) -> Poll<()> {
        if self.armed.is_none_or(|armed| bytes - armed >= PROGRESS) {
            self.arm(bytes);
        }
        match &mut self.timer {
            Some(timer) => timer.poll(cx),
            None => Poll::Pending,
        }
    }

    fn arm(&mut self, bytes: u64) {
        match &mut self.timer {
            Some(timer) => timer.reset(),
            None => self.timer = Some(Box::new(Watchdog::new(self.stall))),
        }
        self.armed = Some(bytes);
    }
}
