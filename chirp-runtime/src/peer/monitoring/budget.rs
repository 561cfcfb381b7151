use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

use crate::peer::connection::ConnectionCore;

/// A memory budget that several connections share: the parameters of running calls, and output that waits to be
/// written.
#[derive(Debug)]
pub(in crate::peer) struct Budget {
    limit: usize,
    held: AtomicUsize,
    /// Notified when the connections are below the limit again.
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

    /// Records that a connection that held `before` bytes holds `now`. Returns `true` if the total has fallen below the
    /// limit.
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
    /// Waits until the exceeded budget has room again.
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
