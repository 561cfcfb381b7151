use std::io;
use std::pin::Pin;
use std::time::Duration;

use super::{Peer, PeerBuilder, RouteError};
use crate::channel::{Endpoint, EndpointError};

/// How long a connection may take to come about, unless told otherwise.
pub(crate) const CONNECT_TIME: Duration = Duration::from_secs(10);

impl PeerBuilder {
    /// Connects to an address and starts a peer there.
    ///
    /// # Errors
    ///
    /// [`ConnectError`]: that the address cannot be read, who refused, or who did not answer in time.
    pub async fn connect<A>(&self, address: A) -> Result<Peer, ConnectError>
    where
        A: TryInto<Endpoint>,
        EndpointError: From<A::Error>,
    {
        let endpoint = address.try_into().map_err(EndpointError::from)?;
        self.connect_to(endpoint).await
    }

    /// As [`connect`](Self::connect). What is in the box is compiled once and not where it is called.
    fn connect_to(&self, endpoint: Endpoint) -> BorrowedFuture<'_, Result<Peer, ConnectError>> {
        Box::pin(async move {
            let after = self.connect_timeout.unwrap_or(CONNECT_TIME);
            match tokio::time::timeout(after, endpoint.connect_with(self.tls.as_ref())).await {
                Ok(channel) => Ok(self.start_channel(channel?)?),
                Err(_) => Err(ConnectError::Timeout { endpoint, after }),
            }
        })
    }
}

/// Connects to an address. The peer serves nothing; one that does is made with a [`PeerBuilder`].
///
/// # Errors
///
/// [`ConnectError`]: that the address cannot be read, or who refused.
pub async fn connect<A>(address: A) -> Result<Peer, ConnectError>
where
    A: TryInto<Endpoint>,
    EndpointError: From<A::Error>,
{
    PeerBuilder::new().connect(address).await
}

type BorrowedFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Why there is no connection, or no listener.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// Two services claim one method name.
    #[error(transparent)]
    Duplicate(#[from] RouteError),
    /// The address cannot be read.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// The operating system refused; the text names the address.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Nobody answered in time.
    #[error("cannot connect to {endpoint}: no answer in {after:?}")]
    Timeout {
        /// The address.
        endpoint: Endpoint,
        /// How long it was tried.
        after: Duration,
    },
}
