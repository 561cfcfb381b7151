//! TLS handshakes with certificates: which are accepted, and the error at each side otherwise.
#![cfg(feature = "tls")]
#![allow(clippy::unwrap_used, reason = "a test may")]

use std::io;
use std::sync::Arc;

use crate::certificates::Authority;
use crate::support::echo;
use chirp::channel::{Refusal, TlsClient, TlsError, TlsServer, memory};
use chirp::{Identity, PeerBuilder, Server};
use tokio::sync::mpsc;

/// The client's and the server's result of one handshake.
async fn shake(
    client: &TlsClient,
    server: &TlsServer,
    host: &str,
) -> (Result<Identity, TlsError>, Result<Identity, TlsError>) {
    let (one, other) = memory();
    let (client, server) = tokio::join!(client.wrap(one, host), server.wrap(other));
    let said = |channel: io::Result<chirp::Channel>| match channel {
        Ok(channel) => Ok(channel.identity()),
        Err(error) => Err(TlsError::of(&error)
            .cloned()
            .unwrap_or_else(|| panic!("{error}"))),
    };
    (said(client), said(server))
}

fn named(name: &str) -> Identity {
    Identity::Names(chirp::channel::CertificateNames::new([name]))
}

#[tokio::test]
async fn a_server_is_verified_by_its_certificate() {
    let authority = Authority::new();
    let (client, server) = shake(
        &authority.client(),
        &authority.server("one.test"),
        "one.test",
    )
    .await;
    assert_eq!(
        (client, server),
        (Ok(named("one.test")), Ok(Identity::Anonymous))
    );
}

#[tokio::test]
async fn a_client_is_identified_by_its_certificate() {
    let authority = Authority::new();
    let server = authority
        .server("one.test")
        .require_client_certificate(&authority.roots());
    let worker = authority.issue_with("worker.test", |params| {
        let uri = "spiffe://test/worker".try_into().unwrap();
        params.subject_alt_names.push(rcgen::SanType::URI(uri));
    });
    let client = authority.client().certificate(&worker.certificate());
    let (_, seen) = shake(&client, &server, "one.test").await;
    let seen = seen.unwrap();
    assert!(
        seen.is_named("Worker.test") && seen.is_named("spiffe://test/worker"),
        "{seen}"
    );
    assert!(!seen.is_named("one.test"));

    let (told, why) = shake(&authority.client(), &server, "one.test").await;
    assert_eq!(told, Err(TlsError::Refused(Refusal::Nobody)));
    assert_eq!(why, Err(TlsError::Nobody));
    let lenient = authority
        .server("one.test")
        .allow_client_certificate(&authority.roots());
    let (told, seen) = shake(&authority.client(), &lenient, "one.test").await;
    assert_eq!(
        (told, seen),
        (Ok(named("one.test")), Ok(Identity::Anonymous))
    );

    let stranger = Authority::new().issue("worker.test");
    for server in [&server, &lenient] {
        let client = authority.client().certificate(&stranger.certificate());
        let (told, why) = shake(&client, server, "one.test").await;
        assert_eq!(told, Err(TlsError::Refused(Refusal::UnknownIssuer)));
        assert_eq!(why, Err(TlsError::UnknownIssuer));
    }
    let client = authority
        .client()
        .certificate(&authority.expired("worker.test").certificate());
    let (told, why) = shake(&client, &server, "one.test").await;
    assert_eq!(told, Err(TlsError::Refused(Refusal::Expired)));
    assert_eq!(why, Err(TlsError::Expired));
}

#[tokio::test]
async fn both_sides_are_told_what_is_wrong_with_a_server() {
    let authority = Authority::named("known");
    let cases = [
        (
            Authority::named("known").server("one.test"),
            TlsError::UnknownIssuer,
            Refusal::BadSignature,
        ),
        (
            Authority::new().server("one.test"),
            TlsError::UnknownIssuer,
            Refusal::UnknownIssuer,
        ),
        (
            TlsServer::new(&authority.expired("one.test").certificate()),
            TlsError::Expired,
            Refusal::Expired,
        ),
        (
            TlsServer::new(&authority.not_yet_valid("one.test").certificate()),
            TlsError::NotYetValid,
            Refusal::Expired,
        ),
        (
            authority.server("other.test"),
            TlsError::WrongName {
                expected: "one.test".into(),
                found: "other.test".into(),
            },
            Refusal::BadCertificate,
        ),
    ];
    for (server, why, told) in cases {
        let (client, server) = shake(&authority.client(), &server, "one.test").await;
        assert_eq!(client, Err(why));
        assert_eq!(server, Err(TlsError::Refused(told)));
    }
    let (client, _) = shake(&authority.client(), &authority.server("x.test"), "no name").await;
    assert_eq!(client, Err(TlsError::NoName("no name".into())));
    let client = authority.client().server_name("x.test").unwrap();
    let (client, _) = shake(&client, &authority.server("x.test"), "no name").await;
    assert_eq!(client, Ok(named("x.test")));
}

/// A TLS server, its address, and its accept errors.
async fn serve(tls: TlsServer) -> (String, mpsc::UnboundedReceiver<Arc<io::Error>>) {
    let (refused, turned_away) = mpsc::unbounded_channel();
    let server = Server::builder()
        .handle("echo", echo)
        .tls(tls)
        .on_accept_error(move |error| {
            if let chirp::AcceptError::Handshake { error, .. } = error {
                refused.send(Arc::clone(error)).ok();
            }
        })
        .bind("tls://localhost:0")
        .await
        .unwrap();
    let chirp::Endpoint::Tls { port, .. } = server.endpoint() else {
        panic!("{}", server.endpoint())
    };
    let address = format!("tls://localhost:{port}");
    tokio::spawn(server.run());
    (address, turned_away)
}

#[tokio::test]
async fn a_tls_address_is_enough() {
    let authority = Authority::new();
    let worker = authority.issue("worker.test").certificate();
    let tls = authority
        .server("localhost")
        .require_client_certificate(&authority.roots());
    let (address, _) = serve(tls).await;
    let builder = PeerBuilder::new().tls(authority.client().certificate(&worker));
    let peer = builder.connect(&address).await.unwrap();
    assert!(peer.identity().is_named("localhost"));
    assert!(peer.remote().unwrap().to_string().starts_with("tls://"));
    let large = vec![7; 3 << 20];
    assert_eq!(peer.call("echo", large.clone()).await.unwrap(), large);

    let again = builder.reconnecting(&address).unwrap();
    let peer = again.ready().await.unwrap();
    assert_eq!(peer.call("echo", "x").await.unwrap(), "x");
    assert!(peer.identity().is_named("localhost"));
}

#[tokio::test]
async fn a_certificate_is_renewed_without_a_restart() {
    let authority = Authority::new();
    let dir = std::env::temp_dir().join(format!("chirp-tls-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let (chain, key) = (dir.join("chain.pem"), dir.join("key.pem"));
    let write = |name: &str| {
        let issued = authority.issue(name);
        std::fs::write(&chain, issued.chain).unwrap();
        std::fs::write(&key, issued.key).unwrap();
    };
    write("one.test");
    let certificate = chirp::channel::TlsCertificate::from_files(&chain, &key).unwrap();
    let server = TlsServer::new(&certificate);
    let client = authority.client();
    assert!(shake(&client, &server, "one.test").await.0.is_ok());

    write("two.test");
    assert!(
        shake(&client, &server, "one.test").await.0.is_ok(),
        "not yet"
    );
    certificate.reload().unwrap();
    assert!(shake(&client, &server, "one.test").await.0.is_err());
    assert!(shake(&client, &server, "two.test").await.0.is_ok());

    // A certificate that cannot be read changes nothing.
    std::fs::write(&key, authority.issue("three.test").key).unwrap();
    let error = certificate.reload().unwrap_err().to_string();
    assert!(
        error.contains("does not belong to the certificate"),
        "{error}"
    );
    std::fs::write(&chain, "nothing").unwrap();
    let error = certificate.reload().unwrap_err().to_string();
    assert!(
        error.contains("chain.pem") && error.contains("no certificate"),
        "{error}"
    );
    assert!(shake(&client, &server, "two.test").await.0.is_ok());

    let three = authority.issue("three.test");
    certificate.replace(&three.chain, &three.key).unwrap();
    assert!(shake(&client, &server, "three.test").await.0.is_ok());
    std::fs::remove_dir_all(&dir).unwrap();
}

#[tokio::test]
async fn a_client_without_tls_is_told() {
    let authority = Authority::new();
    let (address, mut turned_away) = serve(authority.server("localhost")).await;
    let plain = PeerBuilder::new()
        .connect(address.replace("tls:", "tcp:"))
        .await
        .unwrap();
    let error = plain.call("echo", "hello").await.unwrap_err().to_string();
    assert!(error.contains("one side uses TLS"), "{error}");
    let error = turned_away.recv().await.unwrap();
    assert_eq!(TlsError::of(&error), Some(&TlsError::NotTls));

    let (ended, mut why) = mpsc::unbounded_channel();
    let server = Server::builder()
        .handle("echo", echo)
        .on_disconnect(move |_, reason| drop(ended.send(reason.to_string())))
        .bind("tcp://127.0.0.1:0")
        .await
        .unwrap();
    let address = server.endpoint().to_string().replace("tcp:", "tls:");
    tokio::spawn(server.run());
    let error = PeerBuilder::new()
        .tls(authority.client())
        .connect(&address)
        .await
        .unwrap_err();
    assert!(error.to_string().contains(&address), "{error}");
    let chirp::ConnectError::Io(error) = error else {
        panic!("{error}")
    };
    assert_eq!(TlsError::of(&error), Some(&TlsError::Ended));
    let why = why.recv().await.unwrap();
    assert!(why.contains("one side uses TLS"), "{why}");
}

#[tokio::test(start_paused = true)]
async fn a_handshake_that_never_ends_is_given_up_by_either_side() {
    let authority = Authority::new();
    let (address, mut turned_away) = serve(authority.server("localhost")).await;
    let silent = tokio::net::TcpStream::connect(address.trim_start_matches("tls://")).await;
    let error = turned_away.recv().await.unwrap();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    assert!(error.to_string().contains("timed out after 10s"), "{error}");
    drop(silent);

    let nobody = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("tls://{}", nobody.local_addr().unwrap());
    let builder = PeerBuilder::new().tls(authority.client());
    let error = builder.connect(&address).await.unwrap_err();
    assert!(
        matches!(error, chirp::ConnectError::Timeout { .. }),
        "{error}"
    );
}

#[tokio::test]
async fn a_tls_address_needs_certificates_or_keys() {
    let error = Server::builder()
        .bind("tls://127.0.0.1:0")
        .await
        .unwrap_err();
    let chirp::ConnectError::Io(error) = error else {
        panic!("{error}")
    };
    assert_eq!(TlsError::of(&error), Some(&TlsError::NotSetUp));
}
