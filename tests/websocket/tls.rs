//! Addresses `wss://`.

use std::sync::Arc;

use chirp::channel::{Keypair, TlsCertificate, TlsClient, TlsServer};
use chirp::websocket::WebSocket;
use chirp::{PeerBuilder, Server};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::calls::{ArithClient, ArithServer, Calculator};
use crate::certificates::Authority;
use crate::raw::handshake;
use crate::support::in_time;

async fn serve(settings: WebSocket) -> (String, tokio::task::JoinHandle<()>) {
    let server = Server::builder()
        .scheme("wss", settings)
        .service(ArithServer::new(Calculator))
        .bind("wss://127.0.0.1:0/chirp")
        .await
        .unwrap();
    let address = server.endpoint().to_string();
    (address, tokio::spawn(server.run()))
}

fn certificate(authority: &Authority, name: &str) -> TlsCertificate {
    let issued = authority.issue(name);
    TlsCertificate::from_pem(&issued.chain, &issued.key).unwrap()
}

#[tokio::test]
async fn both_ends_are_verified() {
    let authority = Authority::new();
    let tls = TlsServer::new(&certificate(&authority, "localhost"))
        .require_client_certificate(&authority.roots());
    let (address, running) = serve(WebSocket::new().server_tls(tls)).await;
    assert!(address.starts_with("wss://127.0.0.1:"), "{address}");
    let tls =
        TlsClient::new(&authority.roots()).certificate(&certificate(&authority, "ann.example"));
    let builder = PeerBuilder::new().scheme("wss", WebSocket::new().client_tls(tls));
    let peer = in_time(builder.connect(&*address)).await.unwrap();
    assert_eq!(in_time(ArithClient::new(&peer).add(1, 2)).await.unwrap(), 3);
    assert!(peer.identity().is_named("127.0.0.1"), "{}", peer.identity());
    // Without a certificate, the client is told by the first read.
    let anonymous = WebSocket::new().client_tls(TlsClient::new(&authority.roots()));
    let anonymous = PeerBuilder::new().scheme("wss", anonymous);
    let error = in_time(anonymous.connect(&*address)).await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("requires a certificate or a key"),
        "{error}"
    );
    running.abort();
}

#[tokio::test]
async fn keys_identify_both_ends() {
    let (here, there) = (Keypair::generate().unwrap(), Keypair::generate().unwrap());
    let (address, running) =
        serve(WebSocket::new().server_tls(TlsServer::keys(&there, here.public()))).await;
    let client = WebSocket::new().client_tls(TlsClient::keys(&here, there.public()));
    let peer = in_time(PeerBuilder::new().scheme("wss", client).connect(&*address))
        .await
        .unwrap();
    assert!(peer.identity().is_key(&there.public()));
    running.abort();
}

/// Browsers offer `http/1.1` alone, and expect no byte before the answer to their handshake.
#[tokio::test]
async fn the_protocol_of_browsers_is_negotiated() {
    let authority = Authority::new();
    let server = WebSocket::new().server_tls(TlsServer::new(&certificate(&authority, "localhost")));
    let (address, running) = serve(server).await;
    let host = address
        .strip_prefix("wss://")
        .unwrap()
        .strip_suffix("/chirp")
        .unwrap();
    let mut roots = rustls::RootCertStore::empty();
    let pem = authority.pem();
    for certificate in rustls::pki_types::pem::PemObject::pem_slice_iter(pem.as_bytes()) {
        let certificate: rustls::pki_types::CertificateDer<'_> = certificate.unwrap();
        roots.add(certificate).unwrap();
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let tcp = TcpStream::connect(host).await.unwrap();
    let name = rustls::pki_types::ServerName::try_from("127.0.0.1").unwrap();
    let mut io = in_time(connector.connect(name, tcp)).await.unwrap();
    assert_eq!(io.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    io.write_all(handshake(host).as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    in_time(io.read_exact(&mut answer)).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 101");
    running.abort();
}

#[tokio::test]
async fn a_server_needs_a_certificate() {
    let bound = Server::builder()
        .scheme("wss", WebSocket::new())
        .bind("wss://127.0.0.1:0/")
        .await;
    let error = bound.err().unwrap().to_string();
    assert!(
        error.contains("set one with `WebSocket::server_tls`"),
        "{error}"
    );
}
