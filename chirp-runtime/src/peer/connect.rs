use std::io;
use std::pin::Pin;
use std::time::Duration;

use super::{Peer, PeerBuilder, RouteError, Task, guard};
use crate::channel::{Endpoint, EndpointError};

/// The default connect timeout.
pub(crate) const CONNECT_TIME: Duration = Duration::from_secs(10);

impl PeerBuilder {
    /// Connects to an address and starts a peer on the connection.
    ///
    /// Dropping the future abandons the attempt.
    ///
    /// # Errors
    ///
    /// [`ConnectError`] if the address is invalid, the connection is refused, or there is no answer within
    /// [`connect_timeout`](Self::connect_timeout).
    pub async fn connect<A>(&self, address: A) -> Result<Peer, ConnectError>
    where
        A: TryInto<Endpoint>,
        EndpointError: From<A::Error>,
    {
        let endpoint = address.try_into().map_err(EndpointError::from)?;
        self.connect_to(endpoint).await
    }

    /// As [`connect`](Self::connect), but not generic. Boxed, so that the future is compiled once.
    fn connect_to(&self, endpoint: Endpoint) -> BorrowedFuture<'_, Result<Peer, ConnectError>> {
        Box::pin(async move {
            self.schemes.check(&endpoint)?;
            let after = self.connect_timeout.unwrap_or(CONNECT_TIME);
            let connects = endpoint.connect_with(self.tls.as_ref(), &self.schemes);
            match tokio::time::timeout(after, guard::run("a scheme", connects)).await {
                Ok(Ok(channel)) => Ok(self.start_connected(channel?)?),
                Ok(Err(panicked)) => Err(io::Error::from(panicked).into()),
                Err(_) => Err(ConnectError::Timeout { endpoint, after }),
            }
        })
    }
}

/// Connects to an address. The peer serves nothing: to serve, use a [`PeerBuilder`].
///
/// Dropping the future abandons the attempt.
///
/// # Errors
///
/// [`ConnectError`] if the address is invalid, the connection is refused, or there is no answer within 10 s.
pub async fn connect<A>(address: A) -> Result<Peer, ConnectError>
where
    A: TryInto<Endpoint>,
    EndpointError: From<A::Error>,
{
    let endpoint = address.try_into().map_err(EndpointError::from)?;
    connect_alone(endpoint).await
}

/// As [`connect`], but not generic. The builder is inside of the box, too: the future of the program keeps a pointer.
fn connect_alone(endpoint: Endpoint) -> Task<Result<Peer, ConnectError>> {
    Box::pin(async move { PeerBuilder::new().connect_to(endpoint).await })
}

type BorrowedFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// An error while connecting or listening.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// A service could not be registered.
    #[error(transparent)]
    Duplicate(#[from] RouteError),
    /// The address is invalid, or its scheme is not known.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// The operating system reported an error; its text contains the address.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// There was no answer in time.
    #[error("cannot connect to {endpoint}: no answer in {after:?}")]
    Timeout {
        /// The address.
        endpoint: Endpoint,
        /// The timeout.
        after: Duration,
    },
}
