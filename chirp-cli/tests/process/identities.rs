//! Addresses, certificates and keys.

use chirp::Server;
use chirp::channel::{KeyPolicy, Keypair, TlsCertificate, TlsRoots, TlsServer};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

use super::program::chirp;
use super::scratch::Scratch;
use super::tools::ToolServer;

/// An authority, and the certificates that it signs.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub(crate) pem: String,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).expect("a certificate").pem();
        Self {
            issuer: Issuer::new(params, key),
            pem,
        }
    }

    /// Returns a certificate and its key in PEM.
    pub(crate) fn sign(&self, name: &str) -> (String, String) {
        let params = CertificateParams::new([name.to_owned()]).expect("a name");
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        (certificate.pem(), key.serialize_pem())
    }
}

#[tokio::test]
async fn certificates_of_servers_and_clients() {
    let dir = Scratch::new("certificates");
    let authority = Authority::new();
    let (chain, key) = authority.sign("tools.example");
    let certificate = TlsCertificate::from_pem(&chain, &key).expect("a certificate");
    let roots = TlsRoots::from_pem(&authority.pem).expect("an authority");
    let tls = TlsServer::new(&certificate).require_client_certificate(&roots);
    let builder = Server::builder().reflect().tls(tls);
    let server = ToolServer::start_with(builder, "tls://127.0.0.1:0").await;

    let ca = dir.file("ca.pem", authority.pem.as_bytes());
    let (chain, key) = authority.sign("ann");
    let (chain, key) = (
        dir.file("ann.pem", chain.as_bytes()),
        dir.file("ann.key", key.as_bytes()),
    );
    let call = ["call", &server.address, "Tools.quick", "--ca", &ca];
    let named = [&call[..], &["--server-name", "tools.example"]].concat();
    let run = chirp(&[&named[..], &["--cert", &chain, "--key", &key]].concat()).await;
    assert_eq!(run.ok(), "1\n");
    // Without a certificate, with a wrong name, without the authority, and with a file that is none.
    assert!(matches!(chirp(&named).await.code, Some(3 | 5)));
    chirp(&call).await.failed(5);
    chirp(&["ls", &server.address, "--server-name", "tools.example"])
        .await
        .failed(5);
    chirp(&["ls", &server.address, "--ca", &key])
        .await
        .failed(2);
    chirp(&["ls", &server.address, "--cert", &chain])
        .await
        .failed(2);
    chirp(&["ls", &server.address, "--key", &key])
        .await
        .failed(2);
}

#[tokio::test]
async fn raw_public_keys() {
    let dir = Scratch::new("keys");
    let (own, other) = (
        Keypair::generate().expect("a key"),
        Keypair::generate().expect("a key"),
    );
    let ann = Keypair::load_or_generate(dir.path("ann.pem")).expect("a key");
    let tls = TlsServer::keys(&own, KeyPolicy::from(ann.public()));
    let server =
        ToolServer::start_with(Server::builder().reflect().tls(tls), "tls://127.0.0.1:0").await;
    let key = dir.path("ann.pem");
    let call = [
        "call",
        &server.address,
        "Tools.quick",
        "--key",
        &key,
        "--peer-key",
    ];
    let run = chirp(&[&call[..], &[&own.public().to_string()]].concat()).await;
    assert_eq!(run.ok(), "1\n");
    let run = chirp(&[&call[..], &[&other.public().to_string()]].concat()).await;
    run.failed(5);
    let run = chirp(&[
        "ls",
        &server.address,
        "--peer-key",
        &own.public().to_string(),
    ])
    .await;
    assert!(matches!(run.code, Some(3 | 5)), "{run:?}");
    let plain = ToolServer::start().await;
    let plain = plain.address.replace("tcp://", "tls://");
    chirp(&["ls", &plain, "--peer-key", &own.public().to_string()])
        .await
        .failed(3);
    chirp(&[
        "ls",
        "tcp://127.0.0.1:1",
        "--peer-key",
        &own.public().to_string(),
    ])
    .await
    .failed(2);
    chirp(&["ls", &server.address, "--peer-key", "nonsense"])
        .await
        .failed(2);
}

#[tokio::test]
async fn addresses_of_every_kind() {
    let dir = Scratch::new("addresses");
    let path = format!("unix://{}", dir.path("socket"));
    for address in [&path[..], "unix://@chirp-cli-test", "tcp://127.0.0.1:0"] {
        let server = ToolServer::start_with(Server::builder().reflect(), address).await;
        let run = chirp(&["call", &server.address, "Tools.quick"]).await;
        assert_eq!(run.ok(), "1\n");
    }
    chirp(&["ls", "nowhere://x"]).await.failed(2);
    chirp(&["ls", "127.0.0.1"]).await.failed(2);
    chirp(&["ls", &dir.path("missing")]).await.failed(3);
    chirp(&["ls", "exec:/nonexistent/program"]).await.failed(3);
    chirp(&["ls", "exec:false"]).await.failed(3);
}
