use std::collections::VecDeque;
use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, MutexGuard};
use std::task::{Wake, Waker};

use crate::sync::Mutex;

/// The targets whose calls have been woken. With a waker for each call, a group of thousands polls only those that have
/// something to say; polling all of them took 10.5 ms for 1,000 targets, in place of 4.5 ms.
#[derive(Default)]
pub(super) struct ReadyQueue(Mutex<Woken>);

#[derive(Default)]
struct Woken {
    indexes: VecDeque<usize>,
    /// The waker of the task that polls the group.
    waker: Option<Waker>,
}

/// The waker of one call.
pub(super) struct TargetWaker {
    index: usize,
    queued: AtomicBool,
    queue: Arc<ReadyQueue>,
}

impl ReadyQueue {
    fn lock(&self) -> MutexGuard<'_, Woken> {
        self.0.lock()
    }

    /// Sets the task to wake when a call is woken.
    pub(super) fn register(&self, waker: &Waker) {
        let known = self
            .lock()
            .waker
            .as_ref()
            .is_some_and(|known| known.will_wake(waker));
        if !known {
            // Cloned and dropped without the lock: both may run foreign code.
            let waker = waker.clone();
            let old = self.lock().waker.replace(waker);
            drop(old);
        }
    }

    /// Moves the indexes of the woken calls to `ready`, which is empty.
    pub(super) fn take(&self, ready: &mut VecDeque<usize>) {
        mem::swap(&mut self.lock().indexes, ready);
    }
}

impl TargetWaker {
    /// Creates the waker of a call that is about to be polled for the first time.
    pub(super) fn new(index: usize, queue: &Arc<ReadyQueue>) -> Arc<Self> {
        Arc::new(Self {
            index,
            queued: AtomicBool::new(true),
            queue: Arc::clone(queue),
        })
    }

    /// Returns the waker with which the call is polled. From now on a wake queues the call again.
    pub(super) fn prepare(self: &Arc<Self>) -> Waker {
        self.queued.store(false, Ordering::Release);
        Waker::from(Arc::clone(self))
    }
}

impl Wake for TargetWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.queued.swap(true, Ordering::AcqRel) {
            return;
        }
        let mut woken = self.queue.lock();
        woken.indexes.push_back(self.index);
        let waker = woken.waker.clone();
        drop(woken);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}
