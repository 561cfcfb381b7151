use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::watch;

use super::balancer::Balancer;
use super::{BalancedConfig, BalancedState};
use crate::channel::{Endpoint, EndpointError};
use crate::node::end_all;
use crate::node::fail_fast::FailFast;
use crate::peer::{
    AsCaller, CallError, Caller, ConnectError, ConnectionSource, Found, Peer, PeerBuilder,
    RetryPolicy, Task,
};

/// A client over several addresses, each of which is connected, and connected again when its connection ends.
///
/// Create generated clients from it as from a [`Peer`]. Each call uses one of the connections, chosen by the
/// [`BalancePolicy`](super::BalancePolicy). A call stays on its connection, with its streams; two calls of one caller may
/// use different ones, so that they may run in another order than they were made.
///
/// While no address is connected, calls wait as those of a [`ReconnectingPeer`](crate::node::ReconnectingPeer) do, and
/// then fail with [`CallError::NotConnected`], which names every address with its last error. A call whose connection
/// ends is sent again over another one under the same conditions as there: if it has provably not run, or if it is
/// idempotent. A server that shuts down gets no new calls.
///
/// Addresses can be added and removed at any time. An address that is removed gets no new calls, and its connection ends
/// after calls in progress. Host names are not resolved into several addresses: each address is one connection.
///
/// Clones are handles of the same client. When the last handle and the last generated client are dropped, the connections
/// end after calls in progress and running handlers.
#[derive(Clone)]
pub struct BalancedPeer {
    shared: Arc<BalancedShared>,
}

/// Creates a client over several addresses with the default settings. It serves nothing: to serve, use a [`PeerBuilder`].
///
/// Returns without waiting: an unreachable server is a state, not an error.
///
/// # Errors
///
/// [`EndpointError`] if an address is invalid or has an unknown scheme.
///
/// # Panics
///
/// Panics outside a tokio runtime with time and I/O enabled.
pub fn connect_any<A>(addresses: impl IntoIterator<Item = A>) -> Result<BalancedPeer, EndpointError>
where
    A: TryInto<Endpoint>,
    EndpointError: From<A::Error>,
{
    let (addresses, builder) = (endpoints(addresses)?, PeerBuilder::new());
    for address in &addresses {
        builder.schemes.check(address)?;
    }
    let peer = builder.balanced(addresses, BalancedConfig::default());
    Ok(peer.expect("a builder without services has no duplicates"))
}

fn endpoints<A>(addresses: impl IntoIterator<Item = A>) -> Result<Vec<Arc<Endpoint>>, EndpointError>
where
    A: TryInto<Endpoint>,
    EndpointError: From<A::Error>,
{
    let endpoints = addresses.into_iter().map(|address| {
        let endpoint = address.try_into().map_err(EndpointError::from);
        endpoint.map(Arc::new)
    });
    endpoints.collect()
}

impl PeerBuilder {
    /// Creates a client over several addresses. The services of the builder are served on every connection.
    ///
    /// Returns without waiting; [`ready`](BalancedPeer::ready) waits for the first connection. There may be no address
    /// at first: see [`BalancedPeer::add`].
    ///
    /// # Errors
    ///
    /// Returns [`ConnectError`] if an address is invalid, or if two services have a method of the same name. An
    /// unreachable server is a state, not an error.
    ///
    /// # Panics
    ///
    /// Panics outside a tokio runtime with time and I/O enabled.
    pub fn connect_any<A>(
        &self,
        addresses: impl IntoIterator<Item = A>,
        config: BalancedConfig,
    ) -> Result<BalancedPeer, ConnectError>
    where
        A: TryInto<Endpoint>,
        EndpointError: From<A::Error>,
    {
        self.balanced(endpoints(addresses)?, config)
    }

    fn balanced(
        &self,
        addresses: Vec<Arc<Endpoint>>,
        config: BalancedConfig,
    ) -> Result<BalancedPeer, ConnectError> {
        for address in &addresses {
            self.schemes.check(address)?;
        }
        let balancer = Balancer::new(self, config)?;
        balancer.update(|all| *all = addresses);
        Ok(BalancedPeer {
            shared: Arc::new(BalancedShared { balancer }),
        })
    }
}

impl BalancedPeer {
    /// Waits until an address is connected, and returns the connection that a call would use.
    ///
    /// This method is cancel safe.
    ///
    /// # Errors
    ///
    /// Returns [`CallError::NotConnected`] if the client is closed.
    pub async fn ready(&self) -> Result<Peer, CallError> {
        Ok(self.shared.balancer.ready().await?.peer)
    }

    /// Adds an address at the end. Returns `false` if the client has this address already or is closed.
    ///
    /// # Errors
    ///
    /// Returns [`EndpointError`] if the address is invalid or has an unknown scheme.
    pub fn add<A>(&self, address: A) -> Result<bool, EndpointError>
    where
        A: TryInto<Endpoint>,
        EndpointError: From<A::Error>,
    {
        let endpoint = address.try_into().map_err(EndpointError::from)?;
        self.shared.balancer.check(&endpoint)?;
        let added = self.shared.balancer.update(|addresses| {
            let is_new = !addresses.iter().any(|address| **address == endpoint);
            if is_new {
                addresses.push(Arc::new(endpoint));
            }
            is_new
        });
        Ok(added.unwrap_or(false))
    }

    /// Removes an address. It gets no new calls, and its connection ends after calls in progress. Returns `false` if
    /// the client does not have this address or is closed.
    ///
    /// # Errors
    ///
    /// Returns [`EndpointError`] if the address is invalid.
    pub fn remove<A>(&self, address: A) -> Result<bool, EndpointError>
    where
        A: TryInto<Endpoint>,
        EndpointError: From<A::Error>,
    {
        let endpoint = address.try_into().map_err(EndpointError::from)?;
        let removed = self.shared.balancer.update(|addresses| {
            let before = addresses.len();
            addresses.retain(|address| **address != endpoint);
            addresses.len() < before
        });
        Ok(removed.unwrap_or(false))
    }

    /// Replaces the addresses. Those that stay keep their connections; the others are added and removed. An address
    /// that is given twice counts once. Has no effect if the client is closed.
    ///
    /// # Errors
    ///
    /// Returns [`EndpointError`] if an address is invalid. Then nothing has changed.
    pub fn set_addresses<A>(
        &self,
        addresses: impl IntoIterator<Item = A>,
    ) -> Result<(), EndpointError>
    where
        A: TryInto<Endpoint>,
        EndpointError: From<A::Error>,
    {
        let endpoints = endpoints(addresses)?;
        for endpoint in &endpoints {
            self.shared.balancer.check(endpoint)?;
        }
        self.shared.balancer.update(|all| *all = endpoints);
        Ok(())
    }

    /// Returns a caller over the same connections whose calls fail at once if no address is connected.
    pub fn fail_fast(&self) -> Caller {
        Caller::routed(Arc::new(FailFast(Arc::clone(&self.shared))))
    }

    /// Returns the current state of all addresses.
    pub fn state(&self) -> BalancedState {
        self.shared.balancer.state.borrow().clone()
    }

    /// Returns a receiver of the state and its changes. States that follow each other quickly may be skipped.
    pub fn watch(&self) -> watch::Receiver<BalancedState> {
        self.shared.balancer.state.subscribe()
    }

    /// Closes all connections at once and stops reconnecting. Waiting calls fail with [`CallError::NotConnected`].
    pub fn close(&self) {
        for link in self.shared.balancer.close() {
            link.close();
        }
    }

    /// Stops reconnecting and closes all connections gracefully within `bound`, as [`Peer::shutdown`] does.
    pub async fn shutdown(&self, bound: Duration) {
        let links = self.shared.balancer.close();
        let endings = links
            .into_iter()
            .map(|link| -> Task { Box::pin(async move { link.shutdown(bound).await }) });
        end_all(self.shared.balancer.waiting.runtime(), endings.collect()).await;
    }
}

impl AsCaller for BalancedPeer {
    fn as_caller(&self) -> Caller {
        Caller::routed(Arc::clone(&self.shared) as _)
    }
}

impl fmt::Debug for BalancedPeer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BalancedPeer")
            .field("state", &self.state())
            .finish_non_exhaustive()
    }
}

/// State shared by handles, clients and calls. Dropping the last reference ends the client.
struct BalancedShared {
    balancer: Arc<Balancer>,
}

impl Drop for BalancedShared {
    fn drop(&mut self) {
        drop(self.balancer.close());
    }
}

impl ConnectionSource for BalancedShared {
    fn current(&self) -> Option<Found> {
        self.balancer.pick()
    }

    fn ready(&self, is_timed: bool) -> Task<Result<Found, CallError>> {
        let (here, late) = (Arc::clone(&self.balancer), Arc::clone(&self.balancer));
        let ready = async move { here.ready().await };
        let waiting = &self.balancer.waiting;
        waiting.wait(is_timed, ready, move || late.no_connection())
    }

    fn max_wait(&self) -> Duration {
        self.balancer.waiting.max_wait()
    }

    fn retry_policy(&self) -> Option<&RetryPolicy> {
        self.balancer.retry_policy()
    }

    fn reason(&self) -> Arc<str> {
        self.balancer.state.borrow().reason()
    }

    fn runtime(&self) -> &Handle {
        self.balancer.waiting.runtime()
    }
}

impl fmt::Debug for BalancedShared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.balancer.state.borrow();
        let (connected, all) = (state.connected(), state.addresses().len());
        write!(f, "balanced: {connected} of {all} connected")
    }
}
