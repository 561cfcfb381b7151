use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::packet::Payload;
use crate::peer::stream::demand::Startable;
use crate::peer::stream::endpoint::DetachedHalf;
use crate::sync::Mutex;

/// A call with stream halves among its arguments that has not been awaited. It is sent early when the other half of one
/// of them has to wait: the program may wait there before it awaits the call.
pub(in crate::peer) struct LazyCall<C> {
    /// `None` once the call's future has taken it.
    call: Mutex<Option<C>>,
    /// Whether a stream waits for the call.
    wanted: AtomicBool,
}

/// A call that can be sent without being polled.
pub(in crate::peer) trait SendEarly: Send + 'static {
    /// Returns the parameters if the call has not been sent.
    fn params(&self) -> Option<&Payload>;

    /// Sends the call, if it has not been sent.
    fn send_early(&mut self);
}

impl<C: SendEarly> LazyCall<C> {
    /// Wraps a call. Returns it unchanged if no other half of its streams is in this process.
    pub(in crate::peer) fn new(call: C) -> Result<Arc<Self>, C> {
        let halves = call.params().into_iter().flat_map(Payload::halves);
        let demands: Vec<_> = halves.filter_map(DetachedHalf::demand).collect();
        if demands.is_empty() {
            return Err(call);
        }
        let lazy = Arc::new(Self {
            call: Mutex::new(Some(call)),
            wanted: AtomicBool::new(false),
        });
        let startable: Arc<dyn Startable> = Arc::<Self>::clone(&lazy);
        for demand in demands {
            demand.set(Arc::downgrade(&startable));
        }
        Ok(lazy)
    }

    /// Applies a setting to the call.
    pub(in crate::peer) fn change(&self, change: impl FnOnce(&mut C)) {
        let mut call = self.call.lock();
        call.as_mut().map(change);
        drop(call);
        // A stream that began to wait meanwhile has found the lock taken.
        if self.wanted.load(Ordering::SeqCst) {
            self.start();
        }
    }

    /// Returns the call to its future, which polls it from now on.
    pub(in crate::peer) fn take(&self) -> Option<C> {
        let mut call = self.call.lock();
        call.take()
    }
}

impl<C: SendEarly> Startable for LazyCall<C> {
    fn start(&self) {
        self.wanted.store(true, Ordering::SeqCst);
        // If the lock is held, the call is being sent, taken or changed, possibly by this thread: a handler in this
        // process may wait for the stream during its first poll.
        if let Some(mut call) = self.call.try_lock()
            && let Some(call) = &mut *call
        {
            call.send_early();
        }
    }
}
