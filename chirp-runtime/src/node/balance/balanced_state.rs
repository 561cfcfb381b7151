use std::fmt;
use std::sync::Arc;

use crate::channel::Endpoint;
use crate::node::ReconnectState;
use crate::node::reconnecting_peer::SHUTTING_DOWN;

/// The number of addresses that an error names.
const NAMED: usize = 32;

/// The state of a [`BalancedPeer`](super::BalancedPeer): that of each of its addresses.
#[derive(Clone, Debug, Default)]
pub struct BalancedState {
    addresses: Arc<[AddressState]>,
    closed: bool,
    /// Orders states, which are published without a lock.
    revision: u64,
}

/// The state of one address of a [`BalancedPeer`](super::BalancedPeer).
#[derive(Clone, Debug)]
pub struct AddressState {
    address: Arc<Endpoint>,
    state: ReconnectState,
}

impl BalancedState {
    pub(super) fn new(addresses: Arc<[AddressState]>, closed: bool, revision: u64) -> Self {
        Self {
            addresses,
            closed,
            revision,
        }
    }

    /// Returns `true` if the state is more recent than another.
    pub(super) fn is_after(&self, other: &Self) -> bool {
        self.revision > other.revision
    }

    /// Returns the addresses with their states, in the order in which they were given.
    pub fn addresses(&self) -> &[AddressState] {
        &self.addresses
    }

    /// Returns the number of addresses that are connected.
    pub fn connected(&self) -> usize {
        let connected = |address: &&AddressState| address.state == ReconnectState::Connected;
        self.addresses.iter().filter(connected).count()
    }

    /// Returns `true` if the client was closed.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// Returns why a call finds no connection, with the last error of each address.
    pub(super) fn reason(&self) -> Arc<str> {
        if self.closed {
            return ReconnectState::Closed.to_string().into();
        }
        if self.addresses.is_empty() {
            return "the client has no address".into();
        }
        let named = self.addresses.iter().take(NAMED).map(ToString::to_string);
        let more = self.addresses.len().saturating_sub(NAMED);
        let more = (more > 0).then(|| format!("and {more} more addresses"));
        named.chain(more).collect::<Vec<_>>().join("; ").into()
    }
}

impl AddressState {
    pub(super) fn new(address: &Arc<Endpoint>, state: ReconnectState) -> Self {
        Self {
            address: Arc::clone(address),
            state,
        }
    }

    /// Returns the address.
    pub fn address(&self) -> &Endpoint {
        &self.address
    }

    /// Returns the state of its connection.
    pub fn state(&self) -> &ReconnectState {
        &self.state
    }
}

/// The address and why it takes no calls.
impl fmt::Display for AddressState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (address, state) = (self.address.to_string(), self.state.to_string());
        match self.state {
            ReconnectState::Connected => write!(f, "{address}: {SHUTTING_DOWN}"),
            // Most errors of connecting contain the address.
            _ if state.contains(&address) => f.write_str(&state),
            _ => write!(f, "{address}: {state}"),
        }
    }
}
