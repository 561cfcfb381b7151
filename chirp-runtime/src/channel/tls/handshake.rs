//! TLS handshakes of clients and servers over a channel.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, CommonState, ServerConfig};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::error::text_of;
use super::provider::ALPN;
use super::stream::Closing;
use super::{TlsError, raw_keys};
use crate::channel::{CertificateNames, Channel, Credentials, Endpoint, Identity};

/// The byte that a server sends once it has admitted a client that negotiated [`ALPN`]. A TLS 1.3 client completes
/// its handshake before the server has verified it, and would learn about a rejection only from its first call.
const ADMITTED: u8 = 0x06;

/// Limits on reading after a failed handshake, in time and in bytes, so that the other side can receive the alert.
const ALERT_TIMEOUT: Duration = Duration::from_secs(1);
const ALERT_DISCARD: u64 = 64 << 10;

/// Performs the client side of a handshake.
pub(super) async fn connect(
    channel: Channel,
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
) -> io::Result<Channel> {
    let named = text_of(&name);
    let (io, about) = ChannelInfo::take(channel);
    let handshake = TlsConnector::from(config).connect(name, io).into_fallible();
    let mut stream = match handshake.await {
        Ok(stream) => stream,
        Err((error, io)) => return Err(failed(error, io).await),
    };
    let state = stream.get_ref().1;
    let identity = match presented(state).map(|shown| raw_keys::public_key(shown)) {
        Some(Some(key)) => Identity::Key(key),
        // The certificate has been verified for this name.
        Some(None) => Identity::Names(CertificateNames::new([named.as_str()])),
        None => Identity::Anonymous,
    };
    if confirms_admission(state) {
        let byte = stream.read_u8().await.map_err(TlsError::explain)?;
        if byte != ADMITTED {
            return Err(TlsError::Other(
                "the server did not confirm that it admits this client".into(),
            )
            .into());
        }
    }
    Ok(about.put_on(Channel::io(Closing(stream)), identity))
}

/// Performs the server side of a handshake.
pub(super) async fn accept(channel: Channel, config: Arc<ServerConfig>) -> io::Result<Channel> {
    let (io, about) = ChannelInfo::take(channel);
    let mut stream = match TlsAcceptor::from(config).accept(io).into_fallible().await {
        Ok(stream) => stream,
        Err((error, io)) => return Err(failed(error, io).await),
    };
    let state = stream.get_ref().1;
    let identity = match presented(state) {
        Some(shown) => match raw_keys::public_key(shown) {
            Some(key) => Identity::Key(key),
            None => Identity::Names(names(shown)?),
        },
        None => Identity::Anonymous,
    };
    if confirms_admission(state) {
        stream.write_u8(ADMITTED).await?;
        stream.flush().await?;
    }
    Ok(about.put_on(Channel::io(Closing(stream)), identity))
}

/// Returns the verified certificate or key of the other side.
fn presented(state: &CommonState) -> Option<&CertificateDer<'static>> {
    state.peer_certificates()?.first()
}

/// Returns whether both sides negotiated that the server confirms admission.
fn confirms_admission(state: &CommonState) -> bool {
    state.alpn_protocol() == Some(ALPN)
}

/// Returns the names in a verified certificate.
fn names(certificate: &CertificateDer<'_>) -> io::Result<CertificateNames> {
    let certificate = webpki::EndEntityCert::try_from(certificate)
        .map_err(|error| TlsError::Certificate(error.to_string()))?;
    let names = certificate.valid_dns_names();
    Ok(CertificateNames::new(
        names.chain(certificate.valid_uri_names()),
    ))
}

/// The properties of a channel other than its bytes.
struct ChannelInfo {
    remote: Option<Endpoint>,
    credentials: Option<Credentials>,
    is_socket: bool,
}

impl ChannelInfo {
    fn take(channel: Channel) -> (impl AsyncRead + AsyncWrite + Send + Unpin, Self) {
        let about = Self {
            remote: channel.remote().cloned().map(Endpoint::over_tls),
            credentials: channel.credentials(),
            is_socket: channel.is_socket(),
        };
        let (reader, writer) = channel.into_split();
        (tokio::io::join(reader, writer), about)
    }

    fn put_on(self, mut channel: Channel, identity: Identity) -> Channel {
        if let Some(remote) = self.remote {
            channel = channel.with_remote(remote);
        }
        if let Some(credentials) = self.credentials {
            channel = channel.with_credentials(credentials);
        }
        // Encrypting wakes no task.
        channel.is_socket = self.is_socket;
        channel.with_identity(identity)
    }
}

/// Explains a failed handshake, after giving the other side time to read the alert: closing a socket with unread
/// input would discard the alert.
async fn failed(error: io::Error, mut io: impl AsyncRead + AsyncWrite + Unpin) -> io::Error {
    let deliver_alert = async {
        io.shutdown().await?;
        let mut leftovers = io.take(ALERT_DISCARD);
        tokio::io::copy(&mut leftovers, &mut tokio::io::sink()).await
    };
    // A failure to deliver the alert does not matter here.
    let _ = tokio::time::timeout(ALERT_TIMEOUT, deliver_alert).await;
    TlsError::explain(error)
}
