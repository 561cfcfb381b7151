use std::collections::{HashMap, HashSet};
use std::mem;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use tokio::sync::watch;

use super::picker::{Candidate, Picker};
use super::{AddressState, BalancedConfig, BalancedState};
use crate::channel::{ConnectTarget, Endpoint, EndpointError};
use crate::node::waiting_calls::WaitingCalls;
use crate::node::{ReconnectConfig, ReconnectingPeer};
use crate::peer::{CallError, CallPermit, Found, Peer, PeerBuilder, RetryPolicy, RouteError};
use crate::sync::Mutex;

/// The addresses of a balanced peer with a reconnecting client each, and those of them that are connected.
pub(super) struct Balancer {
    builder: PeerBuilder,
    reconnect: ReconnectConfig,
    pub(super) waiting: Arc<WaitingCalls>,
    /// Held while addresses are added and removed: one change at a time.
    updates: Mutex<()>,
    members: Mutex<Members>,
    pub(super) state: watch::Sender<BalancedState>,
}

struct Members {
    all: Vec<Member>,
    /// The connected ones, in the same order.
    connected: Vec<Connected>,
    picker: Picker,
    closed: bool,
    revision: u64,
}

struct Member {
    address: Arc<Endpoint>,
    link: ReconnectingPeer,
    /// The number of calls in progress, also over earlier connections to the address.
    running: Arc<AtomicUsize>,
}

struct Connected {
    peer: Peer,
    running: Arc<AtomicUsize>,
}

impl Candidate for Connected {
    fn load(&self) -> usize {
        self.running.load(Ordering::Relaxed)
    }

    fn is_usable(&self) -> bool {
        self.peer.takes_calls()
    }
}

impl Balancer {
    /// Creates a balancer without addresses.
    ///
    /// # Panics
    ///
    /// Panics outside a tokio runtime with time and I/O enabled.
    pub(super) fn new(
        builder: &PeerBuilder,
        config: BalancedConfig,
    ) -> Result<Arc<Self>, RouteError> {
        builder.check()?;
        let max_wait = config.reconnect.max_wait;
        Ok(Arc::new_cyclic(|balancer: &Weak<Self>| {
            let balancer = Weak::clone(balancer);
            let mut reconnect = config.reconnect;
            reconnect.on_change = Some(Arc::new(move || {
                if let Some(balancer) = balancer.upgrade() {
                    balancer.refresh();
                }
            }));
            Self {
                builder: builder.clone(),
                reconnect,
                waiting: WaitingCalls::new(max_wait, builder.session_limits().max_pending_calls),
                updates: Mutex::default(),
                members: Mutex::new(Members {
                    all: Vec::new(),
                    connected: Vec::new(),
                    picker: Picker::new(config.policy),
                    closed: false,
                    revision: 0,
                }),
                state: watch::Sender::default(),
            }
        }))
    }

    /// Chooses the connection of a call.
    pub(super) fn pick(&self) -> Option<Found> {
        let mut members = self.members.lock();
        let Members {
            picker, connected, ..
        } = &mut *members;
        let picked = picker.pick(connected)?;
        Some(Found {
            peer: picked.peer.clone(),
            permit: Some(CallPermit::new(&picked.running)),
        })
    }

    /// Waits until a connection can be chosen.
    pub(super) async fn ready(&self) -> Result<Found, CallError> {
        let mut states = self.state.subscribe();
        loop {
            if states.borrow_and_update().is_closed() {
                return Err(self.no_connection());
            }
            if let Some(found) = self.pick() {
                return Ok(found);
            }
            // The sender lives in `self`, so this cannot fail.
            let _changed = states.changed().await;
        }
    }

    /// Checks that the scheme of an address is known.
    pub(super) fn check(&self, endpoint: &Endpoint) -> Result<(), EndpointError> {
        self.builder.schemes.check(endpoint)
    }

    pub(super) fn retry_policy(&self) -> Option<&RetryPolicy> {
        self.reconnect.retry.as_ref()
    }

    pub(super) fn no_connection(&self) -> CallError {
        CallError::NotConnected(self.state.borrow().reason())
    }

    /// Changes the addresses as `change` does, unless the client is closed. Addresses that stay keep their connections.
    pub(super) fn update<T>(&self, change: impl FnOnce(&mut Vec<Arc<Endpoint>>) -> T) -> Option<T> {
        let _turn = self.updates.lock();
        let mut addresses: Vec<_> = {
            let members = self.members.lock();
            if members.closed {
                return None;
            }
            let all = members.all.iter();
            all.map(|member| Arc::clone(&member.address)).collect()
        };
        let known: HashSet<_> = addresses.iter().cloned().collect();
        let changed = change(&mut addresses);
        // Created without the lock: a client whose runtime has stopped reports its end at once.
        let mut created = HashMap::new();
        for address in &addresses {
            if !known.contains(address) && !created.contains_key(address) {
                created.insert(Arc::clone(address), self.member(address));
            }
        }
        let removed = {
            let mut members = self.members.lock();
            if members.closed {
                return None;
            }
            let all = mem::take(&mut members.all).into_iter();
            let mut old: HashMap<_, _> = all
                .map(|member| (Arc::clone(&member.address), member))
                .collect();
            for address in addresses {
                // An address that is given twice counts once.
                let found = old.remove(&address).or_else(|| created.remove(&address));
                members.all.extend(found);
            }
            old
        };
        self.refresh();
        // Calls in progress keep the connections of these.
        drop(removed);
        Some(changed)
    }

    fn member(&self, address: &Arc<Endpoint>) -> Member {
        let _entered = self.waiting.runtime().enter();
        let target = ConnectTarget {
            endpoint: Endpoint::clone(address),
            tls: self.builder.tls.clone(),
            schemes: self.builder.schemes.clone(),
        };
        let link = self
            .builder
            .reconnecting_with(target, self.reconnect.clone());
        Member {
            address: Arc::clone(address),
            link: link.expect("the builder was checked"),
            running: Arc::default(),
        }
    }

    /// Notes which addresses are connected, and publishes the state.
    fn refresh(&self) {
        let (state, old) = {
            let mut members = self.members.lock();
            let connected = members.all.iter().filter_map(|member| {
                Some(Connected {
                    peer: member.link.peer()?,
                    running: Arc::clone(&member.running),
                })
            });
            let connected = connected.collect();
            let old = mem::replace(&mut members.connected, connected);
            members.revision += 1;
            let states = members.all.iter();
            let states =
                states.map(|member| AddressState::new(&member.address, member.link.state()));
            let state = BalancedState::new(states.collect(), members.closed, members.revision);
            (state, old)
        };
        self.state.send_if_modified(|current| {
            let is_newer = state.is_after(current);
            if is_newer {
                *current = state;
            }
            is_newer
        });
        // The last handle of a connection may be among them.
        drop(old);
    }

    /// Forgets all addresses, and returns their clients.
    pub(super) fn close(&self) -> Vec<ReconnectingPeer> {
        let all = {
            let mut members = self.members.lock();
            members.closed = true;
            mem::take(&mut members.all)
        };
        self.refresh();
        all.into_iter().map(|member| member.link).collect()
    }
}
