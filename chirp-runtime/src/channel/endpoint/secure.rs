//! Addresses that need the feature `tls`.

use std::io;

use super::{Endpoint, SchemeTable};
use crate::channel::{Channel, Connector, Listener};

#[cfg(feature = "tls")]
pub(crate) use crate::channel::tls::{TlsClient as ClientTls, TlsServer as ServerTls};

/// Uninhabited without the feature `tls`, so that settings cannot exist.
#[cfg(not(feature = "tls"))]
#[derive(Clone, Debug)]
pub(crate) enum ClientTls {}
#[cfg(not(feature = "tls"))]
#[derive(Clone, Debug)]
pub(crate) enum ServerTls {}

/// An address with the TLS settings and the schemes for connecting to it.
#[derive(Clone, Debug)]
pub(crate) struct ConnectTarget {
    pub(crate) endpoint: Endpoint,
    pub(crate) tls: Option<ClientTls>,
    pub(crate) schemes: SchemeTable,
}

#[async_trait::async_trait]
impl Connector for ConnectTarget {
    async fn connect(&self) -> io::Result<Channel> {
        let (tls, schemes) = (self.tls.as_ref(), &self.schemes);
        self.endpoint.connect_with(tls, schemes).await
    }
}

#[cfg(feature = "tls")]
pub(super) async fn connect(
    host: &str,
    port: &str,
    tls: Option<&ClientTls>,
) -> io::Result<Channel> {
    use crate::channel::{TlsRoots, tcp};

    let tls = match tls {
        Some(tls) => tls.clone(),
        None => ClientTls::new(&tokio::task::spawn_blocking(TlsRoots::system).await??),
    };
    let channel = tcp::connect(host, port).await?;
    // Certificates do not contain the zone of an address.
    let name = match host.split_once('%') {
        Some((address, _zone)) if address.contains(':') => address,
        _ if host.is_empty() => "localhost",
        _ => host,
    };
    tls.wrap(channel, name).await
}

#[cfg(feature = "tls")]
pub(super) async fn listen(
    host: &str,
    port: &str,
    tls: Option<&ServerTls>,
) -> io::Result<Box<dyn Listener>> {
    use crate::channel::{tcp, tls::TlsListener};

    let listener = Box::new(tcp::listen(host, port).await?);
    Ok(Box::new(TlsListener::new(listener, tls)?))
}

#[cfg(not(feature = "tls"))]
#[expect(clippy::unused_async, reason = "same signature as with the feature")]
pub(super) async fn connect(_: &str, _: &str, _: Option<&ClientTls>) -> io::Result<Channel> {
    Err(missing())
}

#[cfg(not(feature = "tls"))]
#[expect(clippy::unused_async, reason = "same signature as with the feature")]
pub(super) async fn listen(
    _: &str,
    _: &str,
    _: Option<&ServerTls>,
) -> io::Result<Box<dyn Listener>> {
    Err(missing())
}

#[cfg(not(feature = "tls"))]
fn missing() -> io::Error {
    io::Error::new(
        io::ErrorKind::Unsupported,
        "not supported: tls:// needs the feature `tls` of the crate chirp",
    )
}
