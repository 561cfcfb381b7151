use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

/// A time limit is waited for in this many pieces.
const PIECES: u32 = 8;

/// A piece that ends later than this much, and than its own length, is waited for again.
const LATE: Duration = Duration::from_millis(50);

/// A limit on how long the other side may take, which excludes time in which this process did not run: between SIGSTOP and
/// SIGCONT for one, when it could not see what the other side did.
pub(in crate::peer) struct Watchdog {
    piece: Duration,
    left: u32,
    /// When the current piece is over; `None` where the clock cannot express it.
    due: Option<Instant>,
    timer: Pin<Box<Sleep>>,
}

impl Watchdog {
    pub(in crate::peer) fn new(limit: Duration) -> Self {
        let piece = limit / PIECES;
        Self {
            piece,
            left: PIECES,
            due: Instant::now().checked_add(piece),
            timer: Box::pin(tokio::time::sleep(piece)),
        }
    }

    /// Restarts the limit.
    pub(in crate::peer) fn reset(&mut self) {
        self.left = PIECES;
        self.next_piece();
    }

    fn next_piece(&mut self) {
        self.due = Instant::now().checked_add(self.piece);
        if let Some(due) = self.due {
            self.timer.as_mut().reset(due);
        }
    }

    /// Ready when the limit is over.
    pub(in crate::peer) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while self.left > 0 {
            ready!(self.timer.as_mut().poll(cx));
            let late = self.due.map_or(Duration::ZERO, |due| due.elapsed());
            if late <= self.piece.max(LATE) {
                self.left -= 1;
            }
            if self.left > 0 {
                self.next_piece();
            }
        }
        Poll::Ready(())
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_limit_takes_its_time() {
        for limit in [0, 1, 8, 1000, 30_000].map(Duration::from_millis) {
            let begun = Instant::now();
            let mut watchdog = Watchdog::new(limit);
            poll_fn(|cx| watchdog.poll(cx)).await;
            let rounded = limit.max(Duration::from_millis(8));
            let elapsed = begun.elapsed();
            assert!(
                elapsed >= limit && elapsed <= 2 * rounded,
                "{elapsed:?} of {limit:?}"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn time_in_which_the_process_stands_still_does_not_count() {
        let limit = Duration::from_secs(8);
        let mut watchdog = Watchdog::new(limit);
        for before in [0, 3500, 3500] {
            let running = tokio::time::sleep(Duration::from_millis(before));
            tokio::select! {
                biased;
                () = poll_fn(|cx| watchdog.poll(cx)) => panic!("it stood still"),
                () = running => {}
            }
            // Nobody polls, and nothing that has come is read.
            tokio::time::advance(Duration::from_hours(1)).await;
        }
        poll_fn(|cx| watchdog.poll(cx)).await;
        assert_eq!(watchdog.left, 0);
        let never = &mut Watchdog::new(Duration::MAX);
        assert!(poll_fn(|cx| Poll::Ready(never.poll(cx))).await.is_pending());
    }
}
