use std::sync::Arc;

use tokio::time::Instant;

use super::table::{TimerStep, TrackerTable};
use crate::task::boxed;

/// Starts the task that ends requests at their time limits, unless it runs. The task ends when no request is open.
pub(super) fn ensure<T: Send + 'static, E: Send + 'static>(table: &Arc<TrackerTable<T, E>>) {
    if table.needs_timer() {
        let table = Arc::clone(table);
        let timer = RunningTimer {
            table,
            ended: false,
        };
        tokio::spawn(boxed(run(timer)));
    }
}

async fn run<T, E>(mut timer: RunningTimer<T, E>) {
    while let Some(step) = timer.table.expire(Instant::now()) {
        let changed = timer.table.changed.notified();
        match step {
            TimerStep::Wait => changed.await,
            TimerStep::WaitUntil(deadline) => {
                // Either leads to another look at the time limits.
                let _ = tokio::time::timeout_at(deadline, changed).await;
            }
        }
    }
    timer.ended = true;
}

/// Notes that the task is gone when its runtime ends before it does: the next request, in another runtime, starts another one.
struct RunningTimer<T, E> {
    table: Arc<TrackerTable<T, E>>,
    ended: bool,
}

impl<T, E> Drop for RunningTimer<T, E> {
    fn drop(&mut self) {
        if !self.ended {
            self.table.forget_timer();
        }
    }
}
