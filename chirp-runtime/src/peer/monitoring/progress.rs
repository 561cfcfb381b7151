use std::task::{Context, Poll};
use std::time::Duration;

use super::watchdog::Watchdog;

/// Received bytes that restart the timer.
const PROGRESS: u64 = 64 << 10;

/// Detects a peer that stops in the middle of a packet.
///
/// The timer is armed when the reader waits in the middle of a packet, and then left alone until it fires: a busy
/// connection rarely pays for it.
pub(in crate::peer) struct Progress {
    stall: Duration,
    /// `None` before the first packet that has not come at once.
    timer: Option<Box<PacketTimer>>,
}

struct PacketTimer {
    watchdog: Watchdog,
    /// The number of bytes received when the timer was armed, if it is.
    armed: Option<u64>,
}

impl Progress {
    pub(in crate::peer) fn new(stall: Duration) -> Self {
        Self { stall, timer: None }
    }

    pub(in crate::peer) fn stall(&self) -> Duration {
        self.stall
    }

    /// Disarms the timer: a packet is complete, or reading has paused.
    pub(in crate::peer) fn ended(&mut self) {
        if let Some(timer) = &mut self.timer {
            timer.armed = None;
        }
    }

    /// Polls in the middle of a packet, after `bytes` bytes in total. Ready when there was too little progress for too
    /// long.
    pub(in crate::peer) fn poll(&mut self, bytes: u64, cx: &mut Context<'_>) -> Poll<()> {
        let armed = self.timer.as_ref().and_then(|timer| timer.armed);
        if armed.is_none_or(|armed| bytes - armed >= PROGRESS) {
            self.arm(bytes);
        }
        match &mut self.timer {
            Some(timer) => timer.watchdog.poll(cx),
            None => Poll::Pending,
        }
    }

    fn arm(&mut self, bytes: u64) {
        if let Some(timer) = &mut self.timer {
            timer.watchdog.reset();
            timer.armed = Some(bytes);
        } else {
            self.timer = Some(Box::new(PacketTimer {
                watchdog: Watchdog::new(self.stall),
                armed: Some(bytes),
            }));
        }
    }
}
