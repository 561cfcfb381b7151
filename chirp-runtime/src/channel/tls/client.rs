use std::fmt;
use std::io;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::client::{AlwaysResolvesClientRawPublicKeys, Resumption};
use rustls::pki_types::ServerName;

use super::provider::{ALPN, VERSIONS, provider};
use super::raw_keys::KeyVerifier;
use super::{KeyPolicy, Keypair, TlsCertificate, TlsError, TlsRoots, handshake};
use crate::channel::{Channel, ConnectTarget, Connector, Endpoint, SchemeTable};

/// TLS settings of a client: how it verifies servers, and its own identity. Pass it to `PeerBuilder::tls` for
/// addresses `tls://host:port`.
#[derive(Clone)]
pub struct TlsClient {
    config: Arc<ClientConfig>,
    /// The expected server name, instead of the host in the address.
    name: Option<ServerName<'static>>,
}

impl TlsClient {
    /// Accepts servers with a certificate that is valid for the host that was connected to and is signed by one of
    /// these authorities.
    pub fn new(roots: &TlsRoots) -> Self {
        let config = builder().with_root_certificates(Arc::clone(&roots.store));
        Self::of(config.with_no_client_auth(), None)
    }

    /// Accepts servers with a raw public key that `policy` admits, and presents the key of `keys`. A [`KeyPolicy`]
    /// can be created from one key, from several, or from a function.
    pub fn keys(keys: &Keypair, policy: impl Into<KeyPolicy>) -> Self {
        let own = AlwaysResolvesClientRawPublicKeys::new(Arc::clone(&keys.certified));
        let mut config = builder()
            .dangerous()
            .with_custom_certificate_verifier(KeyVerifier::new(policy.into()))
            .with_client_cert_resolver(Arc::new(own));
        config.enable_sni = false;
        // The key identifies the server: the name is not used.
        Self::of(config, ServerName::try_from("chirp").ok())
    }

    /// Presents a certificate to servers that ask for one.
    #[must_use]
    pub fn certificate(mut self, certificate: &TlsCertificate) -> Self {
        Arc::make_mut(&mut self.config).client_auth_cert_resolver =
            Arc::clone(&certificate.resolver) as _;
        self
    }

    /// Expects this name in the certificate of the server instead of the host in the address.
    ///
    /// # Errors
    ///
    /// Returns [`TlsError::NoName`] if the text is neither a DNS name nor an IP address.
    pub fn server_name(mut self, name: &str) -> Result<Self, TlsError> {
        self.name = Some(server_name(name)?);
        Ok(self)
    }

    /// Offers these protocol names (ALPN) instead of Chirp's, for channels inside of another protocol, such as HTTP. The
    /// server then does not confirm that it admits this client.
    #[must_use]
    pub fn alpn<P: Into<Vec<u8>>>(mut self, protocols: impl IntoIterator<Item = P>) -> Self {
        Arc::make_mut(&mut self.config).alpn_protocols =
            protocols.into_iter().map(Into::into).collect();
        self
    }

    /// Performs the client side of a handshake over any channel, such as a Unix socket or pipes. `host` is the name
    /// that the certificate must be valid for; it is ignored with raw public keys.
    ///
    /// Dropping the future abandons the handshake, which has no time limit of its own.
    ///
    /// # Errors
    ///
    /// Returns the I/O error of the channel, or a [`TlsError`] inside an `io::Error` ([`TlsError::of`]).
    pub async fn wrap(&self, channel: Channel, host: &str) -> io::Result<Channel> {
        let name = match &self.name {
            Some(name) => name.clone(),
            None => server_name(host)?,
        };
        handshake::connect(channel, Arc::clone(&self.config), name).await
    }

    /// Creates a connector for an address, with these settings if the address is `tls://host:port`.
    pub fn connector(self, endpoint: Endpoint) -> impl Connector {
        ConnectTarget {
            endpoint,
            tls: Some(self),
            schemes: SchemeTable::default(),
        }
    }

    fn of(mut config: ClientConfig, name: Option<ServerName<'static>>) -> Self {
        config.resumption = Resumption::disabled();
        config.alpn_protocols = vec![ALPN.to_vec()];
        Self {
            config: Arc::new(config),
            name,
        }
    }
}

fn builder() -> rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier> {
    ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(VERSIONS)
        .expect("the provider supports TLS 1.3")
}

fn server_name(name: &str) -> Result<ServerName<'static>, TlsError> {
    ServerName::try_from(name.to_owned()).map_err(|_| TlsError::NoName(name.into()))
}

impl fmt::Debug for TlsClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsClient")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
