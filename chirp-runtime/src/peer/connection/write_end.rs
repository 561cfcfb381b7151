use std::sync::atomic::Ordering;

use crate::sync::AtomicU32;

/// The write in progress, if there is one, ends under the connection's lock.
const LOCKED: u32 = 0;
/// The write in progress may end without the connection's lock.
const OPEN: u32 = 1;
/// The write has ended without the lock, and the connection's state does not say so yet.
const ENDED: u32 = 2;

/// How the write of a task other than the writer ends.
///
/// Most writes are complete, and nothing follows from their end. The task that makes such a write takes no lock for it: it
/// only notes the end here, and the next task that takes the connection's lock settles it, which frees the turn to write.
/// A task that leaves the lock with something that has to be done behind the write, such as more output,
/// [closes](Self::close) this way before. Then the write ends under the lock, where the task that has written finds what is
/// left to do.
pub(in crate::peer) struct WriteEnd(AtomicU32);

impl Default for WriteEnd {
    fn default() -> Self {
        Self(AtomicU32::new(LOCKED))
    }
}

impl WriteEnd {
    /// Lets the write that begins now end without the lock. Requires the connection's lock.
    pub(super) fn open(&self) {
        self.0.store(OPEN, Ordering::Relaxed);
    }

    /// Notes that the write has ended. Returns `false` if it must end under the lock.
    pub(super) fn end(&self) -> bool {
        self.0
            .compare_exchange(OPEN, ENDED, Ordering::AcqRel, Ordering::Relaxed)
            .is_ok()
    }

    /// Returns `true` if the write may end without the lock, or has done so.
    #[inline]
    pub(super) fn is_open(&self) -> bool {
        self.0.load(Ordering::Relaxed) != LOCKED
    }

    /// Makes the write end under the lock. Returns `false` if it has ended before, and is to be settled.
    pub(super) fn close(&self) -> bool {
        self.0.swap(LOCKED, Ordering::AcqRel) != ENDED
    }

    /// Returns `true` if a write has ended and is to be settled. Requires the connection's lock.
    #[inline]
    pub(super) fn has_ended(&self) -> bool {
        self.0.load(Ordering::Acquire) == ENDED
    }
}
