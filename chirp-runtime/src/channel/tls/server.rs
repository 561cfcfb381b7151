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

/// Who a server is over TLS, and how it knows its clients. `ServerBuilder::tls` takes it for addresses
/// `tls://host:port`.
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
    /// Shows this certificate, and lets everyone in: whoever connects is nobody known, unless
    /// [`clients`](Self::require_client_certificate) says more.
    pub fn new(certificate: &TlsCertificate) -> Self {
        let config = builder().with_no_client_auth();
        let held = Arc::clone(&certificate.held);
        let kind = Kind::Certificate(certificate.clone());
        Self::of(config.with_cert_resolver(held), kind)
    }

    /// Shows this key, and lets in whose key is admitted: [`KeyPolicy`] is made from one key, from several, or
    /// from a rule.
    pub fn keys(keys: &Keypair, admit: impl Into<KeyPolicy>) -> Self {
        let own = AlwaysResolvesServerRawPublicKeys::new(Arc::clone(&keys.certified));
        let config = builder()
            .with_client_cert_verifier(KeyVerifier::new(admit.into()))
            .with_cert_resolver(Arc::new(own));
        Self::of(config, Kind::Keys)
    }

    /// Lets in who has a certificate from one of these authorities, and nobody else. Has no meaning where keys are
    /// names.
    #[must_use]
    pub fn require_client_certificate(self, roots: &TlsRoots) -> Self {
        self.verified(roots, |builder| builder)
    }

    /// As [`clients`](Self::require_client_certificate), and lets in who shows no certificate, as nobody known. Who shows one that
    /// is wrong is turned away.
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
        .expect("there are roots, and no lists of what was revoked");
        let config = builder().with_client_cert_verifier(verifier);
        let held = Arc::clone(&certificate.held);
        Self::of(config.with_cert_resolver(held), self.kind)
    }

    /// Does the server's part of a handshake over any channel: a Unix socket, pipes. Dropping the future gives it
    /// up. It has no bound in time of its own; a server gives it one when it is its
    /// `ServerBuilder::handshake`.
    ///
    /// # Errors
    ///
    /// [`TlsError`](super::TlsError), inside of the error.
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
        .expect("the provider has ciphers of TLS 1.3")
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
