use std::collections::VecDeque;
use std::collections::hash_map::{Entry, HashMap};
use std::sync::{Arc, LazyLock, MutexGuard};

use tokio::sync::{Notify, oneshot};

use super::{InprocError, InprocStream};
use crate::sync::Mutex;

/// The names of this process that somebody listens on.
static PORTS: LazyLock<Mutex<HashMap<Arc<str>, Arc<Port>>>> = LazyLock::new(Mutex::default);

/// Somebody who waits to be accepted. Each has a channel of its own, so that nobody can be mistaken for
/// another, and one that gave up is known by its receiver that is gone.
type ConnectRequest = oneshot::Sender<InprocStream>;

/// Where a listener and those who connect to it meet.
pub(super) struct Port {
    name: Arc<str>,
    backlog: usize,
    state: Mutex<RegistryState>,
    arrived: Notify,
}

#[derive(Default)]
struct RegistryState {
    dials: VecDeque<ConnectRequest>,
    closed: bool,
}

impl Port {
    /// Takes a name.
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

    /// Gives the name up. Those who wait are refused.
    pub(super) fn close(&self) {
        let mut ports = PORTS.lock();
        let port = ports.remove(&self.name);
        drop(ports);
        let mut state = self.lock();
        state.closed = true;
        let dials = std::mem::take(&mut state.dials);
        drop(state);
        drop((dials, port));
    }

    /// Gets in line. The answer comes when the listener accepts, and is an error when it goes.
    pub(super) fn dial(name: &str) -> Result<oneshot::Receiver<InprocStream>, InprocError> {
        let ports = PORTS.lock();
        let port = ports.get(name).map(Arc::clone);
        drop(ports);
        let refused = || InprocError::Refused { name: name.into() };
        let port = port.ok_or_else(refused)?;
        let (dial, answer) = oneshot::channel();
        let mut state = port.lock();
        if state.closed {
            return Err(refused());
        }
        if state.dials.len() >= port.backlog {
            // Those who gave up take no room.
            state.dials.retain(|dial| !dial.is_closed());
        }
        if state.dials.len() >= port.backlog {
            return Err(InprocError::QueueFull {
                name: name.into(),
                backlog: port.backlog,
            });
        }
        state.dials.push_back(dial);
        drop(state);
        port.arrived.notify_one();
        Ok(answer)
    }

    /// Accepts the first in line who has not given up. Safe to drop.
    pub(super) async fn accept(&self) -> InprocStream {
        loop {
            let arrived = self.arrived.notified();
            while let Some(dial) = self.next() {
                let (ours, theirs) = InprocStream::pair_of(&self.name);
                if dial.send(theirs).is_ok() {
                    return ours;
                }
            }
            arrived.await;
        }
    }

    fn next(&self) -> Option<ConnectRequest> {
        self.lock().dials.pop_front()
    }

    fn lock(&self) -> MutexGuard<'_, RegistryState> {
        self.state.lock()
    }
}
