use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

use super::connection_core::ConnectionCore;
use super::sending::Sending;

/// The maximum number of bytes that are read from a peer that keeps sending after this side has stopped.
const BYTES: u64 = 1 << 30;

/// How long the reader continues after a failed write: packets that were sent before it have arrived, or nearly so.
const AFTER_FAILURE: Duration = Duration::from_secs(10);

/// How long the reader waits for further bytes after a failed write.
const AFTER_FAILURE_QUIET: Duration = Duration::from_secs(1);

/// The time in place of none.
const FOREVER: Duration = Duration::from_hours(24);

/// Bounds on how long the reader continues after this side has stopped sending.
///
/// Closing a socket while bytes arrive resets it, and output that the peer has not read is lost. So the reader
/// continues until the peer has ended too, or one of these bounds is reached.
pub(in crate::peer) struct Lingering {
    /// The time at which reading ends at the latest.
    end: Instant,
    /// The maximum time without any bytes.
    quiet: Duration,
    timer: Pin<Box<Sleep>>,
    /// The maximum number of bytes read in total.
    limit: u64,
    /// The number of bytes read when the timer was set.
    seen: u64,
}

impl Lingering {
    /// `bytes` is the number of bytes received so far.
    pub(in crate::peer) fn new(bytes: u64, end: Instant, quiet: Duration) -> Self {
        let mut lingering = Self {
            end,
            quiet,
            timer: Box::pin(tokio::time::sleep_until(end)),
            limit: bytes.saturating_add(BYTES),
            seen: bytes,
        };
        lingering.set_timer();
        lingering
    }

    /// Returns `true` if a bound is reached although bytes go on coming, `bytes` of them in all.
    pub(in crate::peer) fn is_over(&self, bytes: u64) -> bool {
        bytes > self.limit || Instant::now() >= self.end
    }

    /// Ready when a bound is reached while no bytes come.
    pub(in crate::peer) fn poll(&mut self, bytes: u64, cx: &mut Context<'_>) -> Poll<()> {
        if self.seen != bytes {
            self.seen = bytes;
            self.set_timer();
        }
        self.timer.as_mut().poll(cx)
    }

    fn set_timer(&mut self) {
        let quiet = Instant::now().checked_add(self.quiet);
        let at = quiet.map_or(self.end, |quiet| quiet.min(self.end));
        self.timer.as_mut().reset(at);
    }
}

impl ConnectionCore {
    /// Returns how long the reader continues if this side has stopped sending. `bytes` is the number received so far.
    pub(in crate::peer) fn lingering(&self, bytes: u64) -> Option<Box<Lingering>> {
        let now = Instant::now();
        let state = self.look();
        let (end, quiet) = match &state.sending {
            Sending::Open | Sending::Leaving | Sending::Closing { .. } => return None,
            Sending::Closed => {
                let stall = state.session.limits().progress_timeout;
                let end = now.checked_add(stall).max(state.shutdown_bound);
                (end.unwrap_or(now + FOREVER), stall)
            }
            Sending::Failed(_) => (now + AFTER_FAILURE, AFTER_FAILURE_QUIET),
        };
        drop(state);
        Some(Box::new(Lingering::new(bytes, end, quiet)))
    }
}
