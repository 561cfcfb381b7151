use std::sync::atomic::{AtomicUsize, Ordering};

/// The memory budget that connections share. No model has one.
pub(in crate::peer) struct Budget {
    pub(in crate::peer) freed: Notifications,
}

/// Counts notifications.
#[derive(Default)]
pub(in crate::peer) struct Notifications(AtomicUsize);

impl Notifications {
    pub(in crate::peer) fn notify_waiters(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    pub(in crate::peer) fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}
