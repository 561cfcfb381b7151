use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use tokio::sync::broadcast::{self, error::RecvError};

use super::Refusal;
use crate::channel::Endpoint;
use crate::peer::guard;
use crate::sync::Mutex;

/// Events that a watcher may not have received yet. It is told how many more it has missed.
const QUEUED_EVENTS: usize = 256;

/// A change of the nodes that a [`Node`](super::Node) is connected to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NodeEvent {
    /// A node is connected: it can be called.
    Joined {
        /// Its name.
        name: Arc<str>,
        /// Its name was proven by a key or a certificate.
        authenticated: bool,
    },
    /// A node is not connected any more.
    Left {
        /// Its name.
        name: Arc<str>,
        /// The reason.
        reason: Arc<str>,
    },
    /// Another process has taken the place of one that did not answer any more, under the same name.
    Replaced {
        /// The name.
        name: Arc<str>,
    },
    /// A join was refused, by this side or by the other.
    Refused {
        /// The name of the other node, if it said one.
        name: Option<Arc<str>>,
        /// The address of the other side, if it has one.
        address: Option<Endpoint>,
        /// The join was refused by this side.
        by_this_side: bool,
        /// The reason.
        refusal: Refusal,
    },
    /// This watcher was too slow: so many events were dropped.
    Missed(u64),
}

impl fmt::Display for NodeEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Joined {
                name,
                authenticated: true,
            } => write!(f, "{name} joined"),
            Self::Joined {
                name,
                authenticated: false,
            } => write!(f, "{name} joined (unauthenticated)"),
            Self::Left { name, reason } => write!(f, "{name} left: {reason}"),
            Self::Replaced { name } => write!(f, "{name} was replaced by another process"),
            Self::Refused {
                name,
                by_this_side,
                refusal,
                ..
            } => {
                let name = name.as_deref().unwrap_or("a node without a name");
                if *by_this_side {
                    write!(f, "{name} was refused: {refusal}")
                } else {
                    write!(f, "{name} refused this node: {refusal}")
                }
            }
            Self::Missed(count) => write!(f, "{count} events were missed"),
        }
    }
}

/// The events of a node, on their way to its watchers.
pub(super) struct EventQueue(Mutex<QueueState>);

struct QueueState {
    queued: VecDeque<NodeEvent>,
    /// A thread sends the queued events.
    is_sending: bool,
    /// `None` once the node is closed.
    watchers: Option<broadcast::Sender<NodeEvent>>,
}

impl EventQueue {
    /// Queues an event. Whoever queues events calls [`send`](Self::send) when it holds no lock: watchers' wakers may run
    /// any code.
    pub(super) fn push(&self, event: NodeEvent) {
        self.0.lock().queued.push_back(event);
    }

    /// Sends the queued events in order, unless another thread does.
    pub(super) fn send(&self) {
        let mut state = self.0.lock();
        if std::mem::replace(&mut state.is_sending, true) {
            return;
        }
        while let Some(event) = state.queued.pop_front() {
            let watchers = state.watchers.clone();
            drop(state);
            #[cfg(feature = "tracing")]
            tracing::info!("{event}");
            if let Some(watchers) = watchers {
                // Without a watcher nobody is told. A waker that panics has no effect on the node.
                let _ = guard::call("a watcher's waker", || watchers.send(event));
            }
            state = self.0.lock();
        }
        state.is_sending = false;
    }

    /// Returns a receiver of later events.
    pub(super) fn subscribe(&self) -> NodeEvents {
        let watchers = self.0.lock().watchers.clone();
        NodeEvents(match watchers {
            Some(watchers) => watchers.subscribe(),
            None => broadcast::channel(1).1,
        })
    }

    /// Ends the receivers.
    pub(super) fn close(&self) {
        let watchers = self.0.lock().watchers.take();
        drop(watchers);
    }
}

impl Default for EventQueue {
    fn default() -> Self {
        Self(Mutex::new(QueueState {
            queued: VecDeque::new(),
            is_sending: false,
            watchers: Some(broadcast::Sender::new(QUEUED_EVENTS)),
        }))
    }
}

/// A receiver of [`NodeEvent`]s.
#[derive(Debug)]
pub struct NodeEvents(broadcast::Receiver<NodeEvent>);

impl NodeEvents {
    /// Waits for the next event. Returns `None` once the node is closed and every event has been received. Cancel safe.
    pub async fn recv(&mut self) -> Option<NodeEvent> {
        match self.0.recv().await {
            Ok(event) => Some(event),
            Err(RecvError::Lagged(count)) => Some(NodeEvent::Missed(count)),
            Err(RecvError::Closed) => None,
        }
    }
}
