use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use tokio::sync::watch;

use super::HealthStatus;

/// The states of the services of a program, which peers can ask for.
///
/// Clones share the states. Give it to [`ServerBuilder::health`](crate::server::ServerBuilder::health) or
/// [`PeerBuilder::health`](crate::peer::PeerBuilder::health), and set the states while the program runs. The name of a
/// service is any text; the empty name stands for the program as a whole, which is serving unless set otherwise. The names of
/// registered services are not known by themselves.
///
/// While a connection drains, every known service is [`NotServing`](HealthStatus::NotServing) there.
#[derive(Clone)]
pub struct Health {
    states: Arc<watch::Sender<BTreeMap<String, bool>>>,
}

impl Default for Health {
    fn default() -> Self {
        Self::new()
    }
}

impl Health {
    /// Creates states in which the program as a whole is serving, and no service is known.
    pub fn new() -> Self {
        let states = BTreeMap::from([(String::new(), true)]);
        Self {
            states: Arc::new(watch::Sender::new(states)),
        }
    }

    /// Sets a service to [`Serving`](HealthStatus::Serving).
    pub fn set_serving(&self, service: impl Into<String>) {
        self.set(service.into(), true);
    }

    /// Sets a service to [`NotServing`](HealthStatus::NotServing).
    pub fn set_not_serving(&self, service: impl Into<String>) {
        self.set(service.into(), false);
    }

    /// Removes a service, which is [`Unknown`](HealthStatus::Unknown) from now on.
    pub fn remove(&self, service: &str) {
        self.states
            .send_if_modified(|states| states.remove(service).is_some());
    }

    /// Returns the state of a service.
    pub fn status(&self, service: &str) -> HealthStatus {
        match self.states.borrow().get(service) {
            None => HealthStatus::Unknown,
            Some(true) => HealthStatus::Serving,
            Some(false) => HealthStatus::NotServing,
        }
    }

    /// Returns a receiver that is notified of every change.
    pub(super) fn changes(&self) -> watch::Receiver<BTreeMap<String, bool>> {
        self.states.subscribe()
    }

    fn set(&self, service: String, serving: bool) {
        self.states.send_if_modified(|states| {
            let before = states.insert(service, serving);
            before != Some(serving)
        });
    }
}

impl fmt::Debug for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.states.borrow().iter()).finish()
    }
}
