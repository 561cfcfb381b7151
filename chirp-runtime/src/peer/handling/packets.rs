use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::task::AbortHandle;

use crate::packet::PacketType;
use crate::peer::calling::caller::ConnectionRef;
use crate::peer::connection::ConnectionCore;
use crate::peer::guard;
use crate::peer::handling::task;
use crate::peer::state::ConnectionState;
use crate::peer::task::spawn;
use crate::peer::{CallContext, ConnectionError};

/// Packets that one turn handles before it lets the rest of the program run.
const TURN: usize = 32;

/// A packet handler at work. What it ends with ends the session, unless it is `Ok`.
type PacketFuture = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;

/// Takes packets of a type of the application's own, one at a time and in order.
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

/// Packets that have come and wait for their type's handler, and the tasks that hand them over.
#[derive(Default)]
pub(in crate::peer) struct PacketQueues {
    types: HashMap<PacketType, Queue>,
}

#[derive(Default)]
struct Queue {
    packets: VecDeque<Bytes>,
    /// The task is there, or about to be.
    served: bool,
    task: Option<AbortHandle>,
}

impl PacketQueues {
    /// Adds a packet. Whether its type needs a task.
    pub(in crate::peer) fn push(&mut self, kind: PacketType, payload: Bytes) -> bool {
        let queue = self.types.entry(kind).or_default();
        queue.packets.push_back(payload);
        !std::mem::replace(&mut queue.served, true)
    }

    /// The next packet of a type; with none its task ends.
    fn pop(&mut self, kind: PacketType) -> Option<Bytes> {
        let queue = self.types.get_mut(&kind)?;
        let next = queue.packets.pop_front();
        queue.served = next.is_some();
        next
    }

    /// Whether every packet has been handled.
    pub(in crate::peer) fn is_idle(&self) -> bool {
        self.types.values().all(|queue| !queue.served)
    }

    /// Everything, since the session has ended.
    pub(in crate::peer) fn take(&mut self, aborts: &mut Vec<AbortHandle>) -> impl Sized + use<> {
        let types = std::mem::take(&mut self.types);
        aborts.extend(types.values().filter_map(|queue| queue.task.clone()));
        types
    }
}

impl ConnectionCore {
    /// Starts the task that hands the packets of a type to their handler.
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
        let queue = state.packets.types.get_mut(&kind).filter(|_| !ended);
        // What it replaces is the handle of a task that has ended.
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

/// Hands the packets of one type to their handler, one at a time.
struct PacketTask {
    connection: Arc<ConnectionCore>,
    kind: PacketType,
    work: Option<PacketFuture>,
    /// How many bytes the packet at hand counts for.
    held: Option<usize>,
}

impl PacketTask {
    /// Takes the next packet to its handler; nothing when there is none, or nobody to handle it.
    fn next(&mut self) -> Option<PacketFuture> {
        let (payload, serving) = self.connection.with(|state: &mut ConnectionState, _| {
            if let Some(held) = self.held.take() {
                state.session.finish_packet(held);
            }
            Some((state.packets.pop(self.kind)?, state.serving.clone()?))
        })?;
        self.held = Some(payload.len());
        let link = ConnectionRef::uncounted(&self.connection);
        let cx = CallContext::new(link.into(), serving.values(), None);
        let Some(handler) = serving.router.packet_handler(self.kind) else {
            // It was removed while the packet lay here.
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
