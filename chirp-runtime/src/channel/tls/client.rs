use std::fmt;
use std::io;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::client::{AlwaysResolvesClientRawPublicKeys, Resumption};
use rustls::pki_types::ServerName;

use super::provider::{ALPN, VERSIONS, provider};
use super::raw_keys::KeyVerifier;
use super::{KeyPolicy, Keypair, TlsCertificate, TlsError, TlsRoots, handshake};
use crate::channel::{Channel, ConnectTarget, Connector, Endpoint};

/// How a client knows a server over TLS, and who it is itself. `PeerBuilder::tls` takes it for addresses
/// `tls://host:port`.
#[derive(Clone)]
pub struct TlsClient {
    config: Arc<ClientConfig>,
    /// In place of the host in the address.
    name: Option<ServerName<'static>>,
}

impl TlsClient {
    /// Believes a server whose certificate is for the host that was connected to, and comes from one of these
    /// authorities.
    pub fn new(roots: &TlsRoots) -> Self {
        let config = builder().with_root_certificates(Arc::clone(&roots.store));
        Self::of(config.with_no_client_auth(), None)
    }

    /// Believes a server whose key is admitted, and shows its own: [`KeyPolicy`] is made from one key, from several,
    /// or from a rule.
    pub fn keys(keys: &Keypair, admit: impl Into<KeyPolicy>) -> Self {
        let own = AlwaysResolvesClientRawPublicKeys::new(Arc::clone(&keys.certified));
        let mut config = builder()
            .dangerous()
            .with_custom_certificate_verifier(KeyVerifier::new(admit.into()))
            .with_client_cert_resolver(Arc::new(own));
        config.enable_sni = false;
        // The key is the name, and no other is looked at.
        Self::of(config, ServerName::try_from("chirp").ok())
    }

    /// Shows a certificate to servers that ask for one.
    #[must_use]
    pub fn certificate(mut self, certificate: &TlsCertificate) -> Self {
        Arc::make_mut(&mut self.config).client_auth_cert_resolver =
            Arc::clone(&certificate.held) as _;
        self
    }

    /// Expects another name in the server's certificate than the host in the address.
    ///
    /// # Errors
    ///
    /// [`TlsError::NoName`].
    pub fn server_name(mut self, name: &str) -> Result<Self, TlsError> {
        self.name = Some(server_name(name)?);
        Ok(self)
    }

    /// Does the client's part of a handshake over any channel: a Unix socket, pipes. `host` is who should be at
    /// the other end; where keys are names, nothing. Dropping the future gives it up. It has no bound in time.
    ///
    /// # Errors
    ///
    /// [`TlsError`], inside of the error.
    pub async fn wrap(&self, channel: Channel, host: &str) -> io::Result<Channel> {
        let name = match &self.name {
            Some(name) => name.clone(),
            None => server_name(host)?,
        };
        handshake::connect(channel, Arc::clone(&self.config), name).await
    }

    /// What connects to an address again and again, with these settings where it is `tls://host:port`.
    pub fn connector(self, endpoint: Endpoint) -> impl Connector {
        ConnectTarget {
            endpoint,
            tls: Some(self),
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
        .expect("the provider has ciphers of TLS 1.3")
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
