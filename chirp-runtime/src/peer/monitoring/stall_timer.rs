use std::pin::Pin;
use std::sync::Arc;
use std::task::Context;
use std::time::Duration;

use tokio::time::{Instant, Sleep};

use crate::peer::connection::ConnectionCore;

/// How long requests and responses may be blocked behind a handler before the reader recovers.
const OVERDUE: Duration = Duration::from_millis(1);

/// The reader's timer for work that is blocked behind a handler, while no packets arrive.
///
/// The timer is armed once and then left alone: a busy connection pays for one timer per millisecond rather than one
/// per batch.
#[derive(Default)]
pub(in crate::peer) struct StallTimer {
    timer: Option<Pin<Box<Sleep>>>,
    armed: bool,
}

impl StallTimer {
    /// Arms the timer if there is blocked work, and recovers from a stalled handler when it fires.
    pub(in crate::peer) fn poll(
        &mut self,
        connection: &Arc<ConnectionCore>,
        blocked_work: bool,
        cx: &mut Context<'_>,
    ) {
        if blocked_work {
            self.arm();
        }
        while self.armed
            && let Some(timer) = &mut self.timer
            && timer.as_mut().poll(cx).is_ready()
        {
            self.armed = false;
            let mut state = connection.lock();
            let blocked_work = state.has_blocked_work();
            let overdue = state.check_stalled_handler();
            drop(state);
            connection.recover(overdue);
            // The next handler may stall, too.
            if blocked_work {
                self.arm();
            }
        }
    }

    fn arm(&mut self) {
        if std::mem::replace(&mut self.armed, true) {
            return;
        }
        match &mut self.timer {
            Some(timer) => timer.as_mut().reset(Instant::now() + OVERDUE),
            None => self.timer = Some(Box::pin(tokio::time::sleep(OVERDUE))),
        }
    }
}
