use std::any::Any;
use std::hash::{BuildHasher, RandomState};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use crate::packet::FrameworkError;
use crate::peer::connection::ConnectionCore;
use crate::peer::guard;
use crate::peer::monitoring::log;
use crate::peer::monitoring::span::Span;
use crate::peer::server::slow_methods::MethodPrefix;
use crate::peer::{HandlerFuture, Reply};
use crate::session::InboundCallId;

/// A task of its own for a handler that is pending. Aborting the task interrupts the handler. The call ends only when
/// the handler's future has been dropped.
pub(in crate::peer) struct HandlerTask {
    connection: Arc<ConnectionCore>,
    id: InboundCallId,
    handling: Option<HandlerFuture>,
    span: Span,
    method: MethodPrefix,
}

impl HandlerTask {
    pub(in crate::peer) fn new(
        connection: Arc<ConnectionCore>,
        id: InboundCallId,
        handling: HandlerFuture,
        span: Span,
        method: MethodPrefix,
    ) -> Self {
        Self {
            connection,
            id,
            handling: Some(handling),
            span,
            method,
        }
    }
}

impl ConnectionCore {
    /// Spawns the tasks of handlers that are pending, and registers them so that a cancel finds them.
    pub(in crate::peer) fn spawn_handlers(&self, tasks: impl Iterator<Item = HandlerTask>) {
        // Without the lock: a runtime that has been shut down drops the handlers here.
        let spawned: Vec<_> = tasks
            .map(|task| (task.id, self.runtime.spawn(task).abort_handle()))
            .collect();
        let mut state = self.lock();
        for (id, task) in spawned {
            state.put_task(id, task);
        }
    }
}

impl Future for HandlerTask {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Self { handling, span, .. } = &mut *self;
        let Some(handling) = handling else {
            return Poll::Ready(());
        };
        let poll = || span.inside(|| handling.as_mut().poll(cx));
        let reply = match catch_unwind(AssertUnwindSafe(poll)) {
            Ok(polled) => ready!(polled),
            Err(panic) => panicked(panic, self.method.as_bytes(), Some(&self.connection)),
        };
        drop_caught(self.handling.take());
        self.connection.complete(self.id, reply);
        Poll::Ready(())
    }
}

impl Drop for HandlerTask {
    fn drop(&mut self) {
        if let Some(handling) = self.handling.take() {
            drop_caught(Some(handling));
            self.connection.finish(self.id);
        }
    }
}

/// Drops a handler's future. Its drop is the program's code, so a panic is caught.
pub(in crate::peer) fn drop_caught(handling: Option<HandlerFuture>) {
    guard::discard(handling);
}

/// Returns the reply of a handler that panicked. The caller gets a reference number, and the log has the panic's
/// message beside it.
#[cold]
pub(in crate::peer) fn panicked(
    panic: Box<dyn Any + Send>,
    method: &[u8],
    connection: Option<&ConnectionCore>,
) -> Reply {
    // A `RandomState` differs from the last one: random enough to find the number in a log.
    let reference = RandomState::new().hash_one(0);
    let remote = connection.and_then(|connection| connection.remote());
    log::panicked(method, remote, reference, guard::text(&*panic));
    guard::discard(panic);
    FrameworkError::Panicked { reference }.into()
}
