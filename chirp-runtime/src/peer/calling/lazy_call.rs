use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::packet::Payload;
use crate::peer::streaming::demand::Startable;
use crate::peer::streaming::endpoint::DetachedHalf;

/// A call with halves of streams among its arguments that has not been awaited. It is sent early when the other half of
/// one of them has to wait, since its program may be waiting there before it awaits the call.
pub(in crate::peer) struct LazyCall<C> {
    /// Nothing once the call's future has taken it.
    call: Mutex<Option<C>>,
    /// A stream waits for the call.
    wanted: AtomicBool,
}

/// A call that can be sent without being polled.
pub(in crate::peer) trait SendEarly: Send + 'static {
    /// The parameters of a call that has not been sent.
    fn params(&self) -> Option<&Payload>;

    /// Sends the call, if it has not been sent.
    fn send_early(&mut self);
}

impl<C: SendEarly> LazyCall<C> {
    /// Takes a call in, unless no other half of its streams is in this process.
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

    /// Changes how the call is made.
    pub(in crate::peer) fn change(&self, change: impl FnOnce(&mut C)) {
        let mut call = self.call.lock().unwrap_or_else(PoisonError::into_inner);
        call.as_mut().map(change);
        drop(call);
        // A stream that began to wait meanwhile has found the lock taken.
        if self.wanted.load(Ordering::SeqCst) {
            self.start();
        }
    }

    /// Gives the call to its future, which polls it from now on.
    pub(in crate::peer) fn take(&self) -> Option<C> {
        let mut call = self.call.lock().unwrap_or_else(PoisonError::into_inner);
        call.take()
    }
}

impl<C: SendEarly> Startable for LazyCall<C> {
    fn start(&self) {
        self.wanted.store(true, Ordering::SeqCst);
        // Where the lock is taken, the call is being sent, taken or changed. It may be this thread that sends it: a
        // handler in this process that waits for the stream at once.
        if let Ok(mut call) = self.call.try_lock()
            && let Some(call) = &mut *call
        {
            call.send_early();
        }
    }
}
