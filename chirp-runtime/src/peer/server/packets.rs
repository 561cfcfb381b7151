use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::task::AbortHandle;

use crate::packet::PacketType;
use crate::peer::client::caller::ConnectionRef;
use crate::peer::connection::ConnectionCore;
use crate::peer::guard;
use crate::peer::server::task;
use crate::peer::task::spawn;
use crate::peer::{CallContext, ConnectionError};

/// The number of packets after which a packet task yields.
const TURN: usize = 32;

/// The future of a packet handler. An error ends the session.
type PacketFuture = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;

/// Handles packets of one of the application's types, one at a time and in order.
pub(in crate::peer) trait PacketHandler: Send + Sync {
    fn handle(&self, cx: CallContext, payload: Bytes) -> PacketFuture;
}

impl<F, Fut, E> PacketHandler for F
where
    F: Fn(CallContext, Bytes) -> Fut + Send + Sync,
    Fut: Future<Output = Result<(), E>> + Send + 'static,
    E: fmt::Display,
{
    fn handle(&self, cx: CallContext, payload: Bytes) -> PacketFuture {
        let work = self(cx, payload);
        Box::pin(async move { work.await.map_err(|error| error.to_string()) })
    }
}

/// Received packets that wait for their handlers, and the tasks that call these.
#[derive(Default)]
pub(in crate::peer) struct PacketQueues {
    /// `None` before the first packet.
    #[expect(
        clippy::box_collection,
        reason = "a null pointer is smaller than an empty map"
    )]
    types: Option<Box<HashMap<PacketType, Queue>>>,
}

#[derive(Default)]
struct Queue {
    packets: VecDeque<Bytes>,
    /// A task exists, or is about to be started.
    served: bool,
    task: Option<AbortHandle>,
}

impl PacketQueues {
    /// Adds a packet. Returns `true` if a task must be started for its type.
    pub(in crate::peer) fn push(&mut self, kind: PacketType, payload: Bytes) -> bool {
        let queue = self.types.get_or_insert_default().entry(kind).or_default();
        queue.packets.push_back(payload);
        !std::mem::replace(&mut queue.served, true)
    }

    /// Takes the next packet of a type. The task of the type ends if there is none.
    fn pop(&mut self, kind: PacketType) -> Option<Bytes> {
        let queue = self.types.as_mut()?.get_mut(&kind)?;
        let next = queue.packets.pop_front();
        queue.served = next.is_some();
        next
    }

    /// Returns `true` if every packet has been handled.
    pub(in crate::peer) fn is_idle(&self) -> bool {
        let mut queues = self.types.iter().flat_map(|types| types.values());
        queues.all(|queue| !queue.served)
    }

    /// Takes everything because the session has ended.
    pub(in crate::peer) fn take(&mut self, aborts: &mut Vec<AbortHandle>) -> impl Sized + use<> {
        let types = std::mem::take(&mut self.types);
        let queues = types.iter().flat_map(|types| types.values());
        aborts.extend(queues.filter_map(|queue| queue.task.clone()));
        types
    }
}

impl ConnectionCore {
    /// Starts the task that calls the handler of a packet type.
    pub(in crate::peer) fn start_packet_task(self: &Arc<Self>, kind: PacketType) {
        let task = PacketTask {
            connection: Arc::clone(self),
            kind,
            work: None,
            held: None,
        };
        let abort = spawn(&self.runtime, task);
        let mut state = self.lock();
        let ended = state.end.is_some();
        let types = state.packets.types.as_mut();
        let queue = types
            .and_then(|types| types.get_mut(&kind))
            .filter(|_| !ended);
        // A handle that is replaced belongs to a task that has ended.
        let unused = match queue {
            Some(queue) => queue.task.replace(abort),
            None => Some(abort),
        };
        drop(state);
        if ended && let Some(task) = unused {
            task.abort();
        }
    }
}

/// Calls the handler of one packet type, for one packet at a time.
struct PacketTask {
    connection: Arc<ConnectionCore>,
    kind: PacketType,
    work: Option<PacketFuture>,
    /// The size of the current packet, which the session accounts for.
    held: Option<usize>,
}

impl PacketTask {
    /// Starts to handle the next packet. Returns `None` if there is none, or the session has ended.
    fn next(&mut self) -> Option<PacketFuture> {
        let (payload, serving) = {
            let mut state = self.connection.lock();
            if let Some(held) = self.held.take() {
                state.session.finish_packet(held);
            }
            let payload = state.packets.pop(self.kind);
            payload.zip(state.serving.clone())?
        };
        self.held = Some(payload.len());
        let link = ConnectionRef::uncounted(&self.connection);
        let cx = CallContext::new(link.into(), serving.extensions(), None);
        let Some(handler) = serving.router.packet_handler(self.kind) else {
            // The handler was removed while the packet was queued.
            return Some(Box::pin(std::future::ready(Ok(()))));
        };
        Some(handler.handle(cx, payload))
    }

    fn poll_caught(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), String>> {
        let polled = catch_unwind(AssertUnwindSafe(|| {
            for _ in 0..TURN {
                if self.work.is_none() {
                    self.work = self.next();
                }
                let Some(work) = &mut self.work else {
                    return Poll::Ready(Ok(()));
                };
                let done = ready!(work.as_mut().poll(cx));
                self.work = None;
                done?;
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        }));
        polled.unwrap_or_else(|panic| {
            let text = guard::text(&*panic).to_owned();
            let kind = format!("packet type {}", self.kind.0);
            task::panicked(panic, kind.as_bytes(), Some(&self.connection));
            Poll::Ready(Err(format!("it panicked: {text}")))
        })
    }
}

impl Future for PacketTask {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if let Err(message) = ready!(self.poll_caught(cx)) {
            let kind = self.kind;
            self.connection
                .end(ConnectionError::PacketHandler { kind, message });
        }
        Poll::Ready(())
    }
}

impl Drop for PacketTask {
    fn drop(&mut self) {
        guard::discard(self.work.take());
    }
}
