use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

use super::connection::ConnectionCore;
use super::sending::Sending;

/// How many bytes are read from a side that does not stop sending, once this side sends no more.
const BYTES: u64 = 1 << 30;

/// How long the reader goes on after a write has failed: what was sent before that is there, or nearly.
const AFTER_FAILURE: Duration = Duration::from_secs(10);

/// How long it waits for bytes then.
const AFTER_FAILURE_QUIET: Duration = Duration::from_secs(1);

/// Where there is no limit.
const FOREVER: Duration = Duration::from_hours(24);

/// Bounds on how long the reader goes on once this side sends no more.
///
/// A socket that is closed while bytes come throws away what it has sent and the other side has not read. So the
/// reader goes on until the other side has ended too, or one of these bounds is reached.
pub(super) struct Lingering {
    /// No longer than until here,
    end: Instant,
    /// nor for longer than this without any bytes.
    quiet: Duration,
    timer: Pin<Box<Sleep>>,
    /// How many bytes may have come in all,
    limit: u64,
    /// and how many had when the timer was set.
    seen: u64,
}

impl Lingering {
    /// `bytes` is how many have come so far.
    pub(super) fn new(bytes: u64, end: Instant, quiet: Duration) -> Self {
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

    /// Whether a bound is reached although bytes go on coming, `bytes` of them in all.
    pub(super) fn is_over(&self, bytes: u64) -> bool {
        bytes > self.limit || Instant::now() >= self.end
    }

    /// Ready when a bound is reached while no bytes come.
    pub(super) fn poll(&mut self, bytes: u64, cx: &mut Context<'_>) -> Poll<()> {
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
    /// How long the reader goes on, if this side sends no more; `bytes` is how many have come so far.
    pub(super) fn lingering(&self, bytes: u64) -> Option<Box<Lingering>> {
        let now = Instant::now();
        let state = self.look();
        let (end, quiet) = match &state.sending {
            Sending::Open | Sending::Closing { .. } => return None,
            Sending::Closed => {
                let stall = state.session.limits().progress_timeout;
                let end = now.checked_add(stall).max(state.grace);
                (end.unwrap_or(now + FOREVER), stall)
            }
            Sending::Failed(_) => (now + AFTER_FAILURE, AFTER_FAILURE_QUIET),
        };
        drop(state);
        Some(Box::new(Lingering::new(bytes, end, quiet)))
    }
}
