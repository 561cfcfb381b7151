use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};

use tokio::runtime::Handle;
use tokio::task::AbortHandle;

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
    /// The task that waits for a connection while nothing polls the call.
    connecting: Mutex<Option<AbortHandle>>,
}

/// A call that can be sent without being polled.
pub(in crate::peer) trait SendEarly: Send + 'static {
    /// Returns the parameters if the call has not been sent.
    fn params(&self) -> Option<&Payload>;

    /// Sends the call, if it has not been sent and can be sent from this thread.
    fn send_early(&mut self);

    /// Returns the runtime of the wait if the call waits for a connection.
    fn waits_on(&self) -> Option<Handle>;

    /// Waits for the connection and sends the call.
    fn poll_sent(&mut self, cx: &mut Context<'_>) -> Poll<()>;
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
            connecting: Mutex::new(None),
        });
        let startable: Weak<dyn Startable> = Arc::<Self>::downgrade(&lazy);
        let mut waiting = false;
        for demand in demands {
            waiting |= demand.set(Weak::clone(&startable));
        }
        if waiting {
            Arc::clone(&lazy).start();
        }
        Ok(lazy)
    }

    /// Applies a setting to the call.
    pub(in crate::peer) fn change(self: &Arc<Self>, change: impl FnOnce(&mut C)) {
        let mut call = self.call.lock();
        call.as_mut().map(change);
        drop(call);
        // A stream that began to wait meanwhile has found the lock taken.
        if self.wanted.load(Ordering::SeqCst) {
            Arc::clone(self).start();
        }
    }

    /// Returns the call to its future, which polls it from now on.
    pub(in crate::peer) fn take(&self) -> Option<C> {
        let call = self.call.lock().take();
        self.stop_connecting();
        call
    }

    /// Waits for the connection in a task, as long as this value lives and has the call.
    fn connect(self: &Arc<Self>, runtime: &Handle) {
        let mut connecting = self.connecting.lock();
        if connecting.is_some() {
            return;
        }
        let lazy = Arc::downgrade(self);
        let sent = poll_fn(move |cx| match lazy.upgrade() {
            Some(lazy) => match &mut *lazy.call.lock() {
                Some(call) => call.poll_sent(cx),
                None => Poll::Ready(()),
            },
            None => Poll::Ready(()),
        });
        *connecting = Some(runtime.spawn(sent).abort_handle());
    }
}

impl<C> LazyCall<C> {
    fn stop_connecting(&self) {
        if let Some(task) = self.connecting.lock().take() {
            task.abort();
        }
    }
}

impl<C> Drop for LazyCall<C> {
    fn drop(&mut self) {
        self.stop_connecting();
    }
}

impl<C: SendEarly> Startable for LazyCall<C> {
    fn start(self: Arc<Self>) {
        self.wanted.store(true, Ordering::SeqCst);
        // If the lock is held, the call is being sent, taken or changed, possibly by this thread: a handler in this
        // process may wait for the stream during its first poll.
        let waits_on = self.call.try_lock().and_then(|mut call| {
            let call = call.as_mut()?;
            call.send_early();
            call.waits_on()
        });
        if let Some(runtime) = waits_on {
            self.connect(&runtime);
        }
    }
}
