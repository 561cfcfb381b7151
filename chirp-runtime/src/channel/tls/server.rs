use std::fmt;
use std::io;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::server::{
    AlwaysResolvesServerRawPublicKeys, ClientCertVerifierBuilder, NoServerSessionStorage,
    WebPkiClientVerifier,
};

use super::provider::{ALPN, VERSIONS, provider};
use super::raw_keys::KeyVerifier;
use super::{KeyPolicy, Keypair, TlsCertificate, TlsRoots, handshake};
use crate::channel::Channel;

/// TLS settings of a server: its identity, and how it verifies clients. Pass it to `ServerBuilder::tls` for
/// addresses `tls://host:port`.
#[derive(Clone)]
pub struct TlsServer {
    config: Arc<ServerConfig>,
    kind: Kind,
}

#[derive(Clone)]
enum Kind {
    Certificate(TlsCertificate),
    Keys,
}

impl TlsServer {
    /// Presents a certificate and accepts every client. Clients are
    /// [`Identity::Anonymous`](crate::channel::Identity::Anonymous), unless
    /// [`require_client_certificate`](Self::require_client_certificate) or
    /// [`allow_client_certificate`](Self::allow_client_certificate) is set.
    pub fn new(certificate: &TlsCertificate) -> Self {
        let config = builder().with_no_client_auth();
        let resolver = Arc::clone(&certificate.resolver);
        let kind = Kind::Certificate(certificate.clone());
        Self::of(config.with_cert_resolver(resolver), kind)
    }

    /// Presents the key of `keys` and accepts clients with a raw public key that `policy` admits. A [`KeyPolicy`]
    /// can be created from one key, from several, or from a function.
    pub fn keys(keys: &Keypair, policy: impl Into<KeyPolicy>) -> Self {
        let own = AlwaysResolvesServerRawPublicKeys::new(Arc::clone(&keys.certified));
        let config = builder()
            .with_client_cert_verifier(KeyVerifier::new(policy.into()))
            .with_cert_resolver(Arc::new(own));
        Self::of(config, Kind::Keys)
    }

    /// Accepts only clients with a certificate that is signed by one of these authorities. Has no effect with raw
    /// public keys.
    #[must_use]
    pub fn require_client_certificate(self, roots: &TlsRoots) -> Self {
        self.verified(roots, |builder| builder)
    }

    /// Accepts clients with a certificate that is signed by one of these authorities, and clients without one as
    /// [`Identity::Anonymous`](crate::channel::Identity::Anonymous). Rejects clients with an invalid certificate.
    /// Has no effect with raw public keys.
    #[must_use]
    pub fn allow_client_certificate(self, roots: &TlsRoots) -> Self {
        self.verified(roots, ClientCertVerifierBuilder::allow_unauthenticated)
    }

    fn verified(
        self,
        roots: &TlsRoots,
        change: impl FnOnce(ClientCertVerifierBuilder) -> ClientCertVerifierBuilder,
    ) -> Self {
        let Kind::Certificate(certificate) = &self.kind else {
            return self;
        };
        let roots = Arc::clone(&roots.store);
        let verifier = change(WebPkiClientVerifier::builder_with_provider(
            roots,
            provider(),
        ))
        .build()
        .expect("the roots are not empty and there are no revocation lists");
        let config = builder().with_client_cert_verifier(verifier);
        let resolver = Arc::clone(&certificate.resolver);
        let protocols = self.config.alpn_protocols.clone();
        Self::of(config.with_cert_resolver(resolver), self.kind).alpn(protocols)
    }

    /// Offers these protocol names (ALPN) instead of Chirp's, for channels inside of another protocol, such as HTTP. The
    /// server then does not confirm that it admits a client.
    #[must_use]
    pub fn alpn<P: Into<Vec<u8>>>(mut self, protocols: impl IntoIterator<Item = P>) -> Self {
        Arc::make_mut(&mut self.config).alpn_protocols =
            protocols.into_iter().map(Into::into).collect();
        self
    }

    /// Performs the server side of a handshake over any channel, such as a Unix socket or pipes.
    ///
    /// Dropping the future abandons the handshake. The handshake has no time limit of its own;
    /// `ServerBuilder::handshake` applies that of the server.
    ///
    /// # Errors
    ///
    /// Returns the I/O error of the channel, or a [`TlsError`](super::TlsError) inside an `io::Error`.
    pub async fn wrap(&self, channel: Channel) -> io::Result<Channel> {
        handshake::accept(channel, Arc::clone(&self.config)).await
    }

    fn of(mut config: ServerConfig, kind: Kind) -> Self {
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        config.alpn_protocols = vec![ALPN.to_vec()];
        Self {
            config: Arc::new(config),
            kind,
        }
    }
}

fn builder() -> rustls::ConfigBuilder<ServerConfig, rustls::WantsVerifier> {
    ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(VERSIONS)
        .expect("the provider supports TLS 1.3")
}

impl fmt::Debug for TlsServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("TlsServer");
        if let Kind::Certificate(certificate) = &self.kind {
            shown.field("certificate", certificate);
        }
        shown.finish_non_exhaustive()
    }
}
