//! A channel becomes one that is encrypted, or an error that says why not.

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

/// What a server writes first, once it has admitted a client that waits for it. A client of TLS 1.3 is ready
/// before the server has looked at who it is, and would only learn from its first call that it was turned away.
const ADMITTED: u8 = 0x06;

/// How long the other side of a handshake that failed may take to read why, and how much it may still send.
const LAST_WORDS: Duration = Duration::from_secs(1);
const LEFTOVERS: u64 = 64 << 10;

/// The client's part.
pub(super) async fn connect(
    channel: Channel,
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
) -> io::Result<Channel> {
    let named = text_of(&name);
    let (io, about) = ChannelInfo::take(channel);
    let shaken = TlsConnector::from(config).connect(name, io).into_fallible();
    let mut stream = match shaken.await {
        Ok(stream) => stream,
        Err((error, io)) => return Err(failed(error, io).await),
    };
    let state = stream.get_ref().1;
    let identity = match presented(state).map(|shown| raw_keys::public_key(shown)) {
        Some(Some(key)) => Identity::Key(key),
        // It was checked to be for this name.
        Some(None) => Identity::Names(CertificateNames::new([named.as_str()])),
        None => Identity::Anonymous,
    };
    if agreed(state) {
        let word = stream.read_u8().await.map_err(TlsError::explain)?;
        if word != ADMITTED {
            return Err(TlsError::Other("the server has not said that it admits".into()).into());
        }
    }
    Ok(about.put_on(Channel::io(Closing(stream)), identity))
}

/// The server's part.
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
    if agreed(state) {
        stream.write_u8(ADMITTED).await?;
        stream.flush().await?;
    }
    Ok(about.put_on(Channel::io(Closing(stream)), identity))
}

/// The certificate or the key that the other side has shown and proven.
fn presented(state: &CommonState) -> Option<&CertificateDer<'static>> {
    state.peer_certificates()?.first()
}

/// Whether both sides want the server to say that it admits the client.
fn agreed(state: &CommonState) -> bool {
    state.alpn_protocol() == Some(ALPN)
}

/// The names in a certificate that was verified.
fn names(certificate: &CertificateDer<'_>) -> io::Result<CertificateNames> {
    let certificate = webpki::EndEntityCert::try_from(certificate)
        .map_err(|error| TlsError::Certificate(error.to_string()))?;
    let names = certificate.valid_dns_names();
    Ok(CertificateNames::new(
        names.chain(certificate.valid_uri_names()),
    ))
}

/// What is known of a channel beside its bytes.
struct ChannelInfo {
    remote: Option<Endpoint>,
    credentials: Option<Credentials>,
}

impl ChannelInfo {
    fn take(channel: Channel) -> (impl AsyncRead + AsyncWrite + Send + Unpin, Self) {
        let about = Self {
            remote: channel.remote().cloned().map(Endpoint::over_tls),
            credentials: channel.credentials(),
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
        channel.with_identity(identity)
    }
}

/// Says why a handshake failed, once the other side has had time to hear it: a socket that is closed while there
/// is something to read takes back what was written last.
async fn failed(error: io::Error, mut io: impl AsyncRead + AsyncWrite + Unpin) -> io::Error {
    let hears = async {
        io.shutdown().await?;
        let mut leftovers = io.take(LEFTOVERS);
        tokio::io::copy(&mut leftovers, &mut tokio::io::sink()).await
    };
    // Whether it did is its own affair.
    let _ = tokio::time::timeout(LAST_WORDS, hears).await;
    TlsError::explain(error)
}
