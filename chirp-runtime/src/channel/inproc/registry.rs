use std::collections::VecDeque;
use std::collections::hash_map::{Entry, HashMap};
use std::sync::{Arc, LazyLock, MutexGuard};

use tokio::sync::{Notify, oneshot};

use super::{InprocError, InprocStream};
use crate::sync::Mutex;

/// The in-process names that have a listener.
static PORTS: LazyLock<Mutex<HashMap<Arc<str>, Arc<Port>>>> = LazyLock::new(Mutex::default);

/// A connection that waits to be accepted. Each has a channel of its own: a closed receiver identifies a connection
/// that was abandoned.
type ConnectRequest = oneshot::Sender<InprocStream>;

/// A name, with the queue of connections that wait for its listener.
pub(super) struct Port {
    name: Arc<str>,
    backlog: usize,
    state: Mutex<PortState>,
    arrived: Notify,
}

#[derive(Default)]
struct PortState {
    requests: VecDeque<ConnectRequest>,
    closed: bool,
}

impl Port {
    /// Takes a name.
    ///
    /// # Errors
    ///
    /// Returns [`InprocError::InUse`] if the name has a listener already.
    pub(super) fn open(name: &str, backlog: usize) -> Result<Arc<Self>, InprocError> {
        let mut ports = PORTS.lock();
        match ports.entry(name.into()) {
            Entry::Occupied(_) => Err(InprocError::InUse { name: name.into() }),
            Entry::Vacant(vacant) => {
                let port = Arc::new(Self {
                    name: Arc::clone(vacant.key()),
                    backlog,
                    state: Mutex::default(),
                    arrived: Notify::new(),
                });
                Ok(Arc::clone(vacant.insert(port)))
            }
        }
    }

    /// Frees the name and refuses waiting connections.
    pub(super) fn close(&self) {
        let mut ports = PORTS.lock();
        let port = ports.remove(&self.name);
        drop(ports);
        let mut state = self.lock();
        state.closed = true;
        let requests = std::mem::take(&mut state.requests);
        drop(state);
        drop((requests, port));
    }

    /// Enqueues a connection. The receiver resolves when the listener accepts, and fails when the listener is
    /// dropped.
    pub(super) fn dial(name: &str) -> Result<oneshot::Receiver<InprocStream>, InprocError> {
        let ports = PORTS.lock();
        let port = ports.get(name).map(Arc::clone);
        drop(ports);
        let refused = || InprocError::Refused { name: name.into() };
        let port = port.ok_or_else(refused)?;
        let (request, answer) = oneshot::channel();
        let mut state = port.lock();
        if state.closed {
            return Err(refused());
        }
        if state.requests.len() >= port.backlog {
            // Abandoned connections do not count towards the backlog.
            state.requests.retain(|request| !request.is_closed());
        }
        if state.requests.len() >= port.backlog {
            return Err(InprocError::QueueFull {
                name: name.into(),
                backlog: port.backlog,
            });
        }
        state.requests.push_back(request);
        drop(state);
        port.arrived.notify_one();
        Ok(answer)
    }

    /// Accepts the first connection that was not abandoned. Cancel safe.
    pub(super) async fn accept(&self) -> InprocStream {
        loop {
            let arrived = self.arrived.notified();
            while let Some(request) = self.next() {
                let (ours, theirs) = InprocStream::pair_of(&self.name);
                if request.send(theirs).is_ok() {
                    return ours;
                }
            }
            arrived.await;
        }
    }

    fn next(&self) -> Option<ConnectRequest> {
        self.lock().requests.pop_front()
    }

    fn lock(&self) -> MutexGuard<'_, PortState> {
        self.state.lock()
    }
}
