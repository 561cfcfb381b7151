use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::peer::connection::ConnectionCore;
use crate::peer::monitoring::HANDLER_WATCHDOG;
use crate::sync::{AtomicBool, AtomicU64};

/// The stays of a connection's tasks inside of handlers, where a handler may block their thread: of the reader in place
/// and of dispatchers. The [watchdog](HANDLER_WATCHDOG) observes them, and ends those that take too long.
#[derive(Default)]
pub(in crate::peer) struct HandlerStays {
    /// The number of the latest stay, which is odd, until it ends.
    current: AtomicU64,
    /// The watchdog observes the connection.
    watched: AtomicBool,
}

impl HandlerStays {
    /// Returns a number that is odd during a stay, and differs for each.
    pub(in crate::peer) fn current(&self) -> u64 {
        self.current.load(Ordering::SeqCst)
    }

    /// Begins a stay, in place of an earlier one that has not ended. Returns its number.
    pub(super) fn begin(&self) -> u64 {
        let mut current = self.current.load(Ordering::Relaxed);
        loop {
            let stay = (current + 1) | 1;
            match self.current.compare_exchange_weak(
                current,
                stay,
                Ordering::SeqCst,
                Ordering::Relaxed,
            ) {
                Ok(_) => return stay,
                Err(changed) => current = changed,
            }
        }
    }

    /// Lets the watchdog observe the connection, after a stay has begun.
    pub(super) fn observe(&self, connection: &Arc<ConnectionCore>) {
        if !self.watched.load(Ordering::SeqCst) && !self.watched.swap(true, Ordering::SeqCst) {
            HANDLER_WATCHDOG.watch(connection);
        }
    }

    /// Ends a stay. Returns `true` unless it has ended before.
    pub(in crate::peer) fn end(&self, stay: u64) -> bool {
        self.current
            .compare_exchange(stay, stay + 1, Ordering::SeqCst, Ordering::Relaxed)
            .is_ok()
    }

    /// Stops the observation, unless there is a stay. Returns `true` if it has stopped.
    pub(in crate::peer) fn stop_watching(&self) -> bool {
        self.watched.store(false, Ordering::SeqCst);
        // A task that enters after this adds the connection to the watchdog again.
        self.current().is_multiple_of(2) || self.watched.swap(true, Ordering::SeqCst)
    }
}
