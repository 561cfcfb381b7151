use std::io;

use async_trait::async_trait;

use super::{Channel, Listener, OtherAddress};

/// A transport for addresses of a scheme of its own, such as `ws://host/path`.
///
/// Register schemes with `.scheme("ws", ..)` of [`PeerBuilder`](crate::peer::PeerBuilder::scheme),
/// [`ServerBuilder`](crate::server::ServerBuilder::scheme) or [`NodeBuilder`](crate::node::NodeBuilder::scheme). One
/// implementation may be registered under several names.
///
/// Both methods are optional. A method that is not implemented fails with
/// [`Unsupported`](io::ErrorKind::Unsupported). Errors need not name the address: the caller adds it. A panic counts as an
/// error.
///
/// ```
/// # use chirp_runtime as chirp;
/// # use chirp_runtime::peer::PeerBuilder;
/// use std::io;
///
/// use chirp::channel::{Channel, OtherAddress, Scheme};
///
/// /// `socks+tcp://proxy:port/host:port`
/// struct ThroughProxy;
///
/// #[async_trait::async_trait]
/// impl Scheme for ThroughProxy {
///     async fn connect(&self, address: &OtherAddress) -> io::Result<Channel> {
///         let (proxy, target) = address
///             .rest()
///             .split_once('/')
///             .ok_or_else(|| io::Error::other("the target is missing"))?;
///         let stream = tokio::net::TcpStream::connect(proxy).await?;
///         // Ask the proxy for `target` here.
///         Ok(Channel::io(stream))
///     }
/// }
///
/// let builder = PeerBuilder::new().scheme("socks+tcp", ThroughProxy);
/// ```
#[async_trait]
pub trait Scheme: Send + Sync + 'static {
    /// Connects to an address. Callers limit the time, and drop the future to abandon the attempt.
    ///
    /// # Errors
    ///
    /// Returns the reason why the attempt failed.
    async fn connect(&self, address: &OtherAddress) -> io::Result<Channel> {
        Err(unsupported(address, "cannot be connected to"))
    }

    /// Listens on an address. [`Listener::endpoint`] should return an address that can be connected to.
    ///
    /// # Errors
    ///
    /// Returns the reason why listening failed.
    async fn listen(&self, address: &OtherAddress) -> io::Result<Box<dyn Listener>> {
        Err(unsupported(address, "cannot be listened on"))
    }

    /// Returns whether nodes may dial addresses that a discovery has found. The default is `true`. Return `false` if
    /// connecting does more than to open a connection, such as starting a program: what a discovery finds may come from
    /// anybody on the network.
    fn is_discoverable(&self) -> bool {
        true
    }
}

fn unsupported(address: &OtherAddress, why: &str) -> io::Error {
    let text = format!("addresses of the scheme `{}` {why}", address.scheme());
    io::Error::new(io::ErrorKind::Unsupported, text)
}
