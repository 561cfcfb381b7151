use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep};

/// The time in which the other side must make progress.
const TIME: Duration = Duration::from_secs(30);

/// Bytes that are progress.
const PROGRESS: usize = 64 << 10;

/// Limits the time for which the other side may do nothing in the middle of a message.
#[derive(Default)]
pub(super) struct Stall {
    timer: Option<Pin<Box<Sleep>>>,
    is_armed: bool,
    /// Bytes since the timer was armed.
    bytes: usize,
}

impl Stall {
    /// Notes bytes that have arrived.
    pub(super) fn progress(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// Ends the wait.
    pub(super) fn disarm(&mut self) {
        self.is_armed = false;
    }

    /// Waits in the middle of a message. Ready, with an error, when there was too little progress for too long.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep(TIME)));
        if !self.is_armed || self.bytes >= PROGRESS {
            timer.as_mut().reset(Instant::now() + TIME);
            self.is_armed = true;
            self.bytes = 0;
        }
        ready!(timer.as_mut().poll(cx));
        let text = "the JSON-RPC peer made no progress in the middle of a message for 30 s";
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, text)))
    }
}
