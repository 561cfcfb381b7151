use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

use crate::peer::connection::ConnectionCore;

/// How many bytes several connections may hold together: parameters of calls that run, and what waits to
/// be written.
#[derive(Debug)]
pub(in crate::peer) struct Budget {
    limit: usize,
    held: AtomicUsize,
    /// Told when the connections hold less than the limit again.
    pub(in crate::peer) freed: Notify,
}

impl Budget {
    pub(in crate::peer) fn new(limit: usize) -> Self {
        Self {
            limit,
            held: AtomicUsize::new(0),
            freed: Notify::new(),
        }
    }

    /// A connection that held `before` bytes holds `now`. Whether the limit is not exceeded any more.
    pub(in crate::peer) fn change(&self, before: usize, now: usize) -> bool {
        if now >= before {
            self.held.fetch_add(now - before, Ordering::Relaxed);
            return false;
        }
        let held = self.held.fetch_sub(before - now, Ordering::Relaxed);
        held > self.limit && held - (before - now) <= self.limit
    }

    pub(in crate::peer) fn is_exceeded(&self) -> bool {
        self.held.load(Ordering::Relaxed) > self.limit
    }
}

impl ConnectionCore {
    /// Waits until the budget that this connection was over is not exceeded any more.
    pub(in crate::peer) async fn budget_freed(&self) {
        let Some(budget) = &self.budget else {
            return std::future::pending().await;
        };
        let freed = budget.freed.notified();
        if self.look().session.has_memory_pressure() && !budget.is_exceeded() {
            return;
        }
        freed.await;
    }
}
