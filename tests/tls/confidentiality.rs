//! What an eavesdropper can read of a connection.
#![cfg(feature = "tls")]
#![allow(clippy::unwrap_used, reason = "a test may")]

use crate::certificates::Authority;
use chirp::channel::{Channel, Keypair, TlsClient, TlsServer};
use chirp::{Peer, PeerBuilder, Request};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream};
use tokio::task::JoinHandle;

/// Two ends of a channel, and all its bytes once it has ended.
fn tapped() -> (DuplexStream, DuplexStream, JoinHandle<Vec<u8>>) {
    let (one, near) = tokio::io::duplex(1 << 16);
    let (far, other) = tokio::io::duplex(1 << 16);
    let tap = tokio::spawn(async move {
        let (near_in, near_out) = tokio::io::split(near);
        let (far_in, far_out) = tokio::io::split(far);
        let (mut there, back) = tokio::join!(pass(near_in, far_out), pass(far_in, near_out));
        there.extend(back);
        there
    });
    (one, other, tap)
}

async fn pass(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin) -> Vec<u8> {
    let mut seen = Vec::new();
    let mut passed = 0;
    while from.read_buf(&mut seen).await.unwrap() > 0 {
        to.write_all(&seen[passed..]).await.ok();
        passed = seen.len();
    }
    to.shutdown().await.ok();
    seen
}

const SECRETS: [&[u8]; 4] = [
    b"Vault.open",
    b"sesame",
    b"treasure",
    b"guarded by a dragon",
];

/// Makes a call that succeeds and one that fails, and closes.
async fn talk(one: Channel, other: Channel) {
    let vault = |request: Request| async move {
        match request.params() {
            b"sesame" => Ok("treasure".as_bytes().to_vec()),
            _ => Err("guarded by a dragon".to_owned()),
        }
    };
    let server = PeerBuilder::new()
        .handle("Vault.open", vault)
        .start(other)
        .unwrap();
    let client: Peer = PeerBuilder::new().start(one).unwrap();
    assert_eq!(
        client.call("Vault.open", "sesame").await.unwrap(),
        "treasure"
    );
    client.call("Vault.open", "please").await.unwrap_err();
    drop(client);
    server.closed().await;
    drop(server);
}

fn sees(seen: &[u8], text: &[u8]) -> bool {
    seen.windows(text.len()).any(|window| window == text)
}

/// Cutting the connection must not look like a graceful close by the other side.
#[tokio::test]
async fn a_truncated_connection_is_an_error() {
    let (here, there) = (Keypair::generate().unwrap(), Keypair::generate().unwrap());
    let client = TlsClient::keys(&here, there.public());
    let server = TlsServer::keys(&there, here.public());
    for is_cut in [false, true] {
        let (one, other, tap) = tapped();
        let (one, other) = tokio::join!(
            client.wrap(Channel::io(one), ""),
            server.wrap(Channel::io(other))
        );
        let one = PeerBuilder::new().start(one.unwrap()).unwrap();
        let other = PeerBuilder::new().start(other.unwrap()).unwrap();
        if is_cut {
            tap.abort();
        } else {
            one.close();
        }
        assert_eq!(other.closed().await.is_clean(), !is_cut);
    }
}

/// Shows that the checks of the other tests can fail.
#[tokio::test]
async fn without_tls_everything_is_readable() {
    let (one, other, tap) = tapped();
    talk(Channel::io(one), Channel::io(other)).await;
    let seen = tap.await.unwrap();
    assert!(SECRETS.iter().all(|secret| sees(&seen, secret)));
}

#[tokio::test]
async fn with_keys_neither_calls_nor_keys_are_readable() {
    let (here, there) = (Keypair::generate().unwrap(), Keypair::generate().unwrap());
    let client = TlsClient::keys(&here, there.public());
    let server = TlsServer::keys(&there, here.public());
    let (one, other, tap) = tapped();
    let (one, other) = tokio::join!(
        client.wrap(Channel::io(one), ""),
        server.wrap(Channel::io(other))
    );
    talk(one.unwrap(), other.unwrap()).await;
    let seen = tap.await.unwrap();
    assert!(seen.len() > 500, "a handshake and two calls");
    assert!(!SECRETS.iter().any(|secret| sees(&seen, secret)));
    assert!(!sees(&seen, here.public().as_bytes()));
    assert!(!sees(&seen, there.public().as_bytes()));
}

#[tokio::test]
async fn with_certificates_only_the_server_name_is_readable() {
    let authority = Authority::named("the authority");
    let worker = authority.issue("worker.test").certificate();
    let client = authority.client().certificate(&worker);
    let server = authority
        .server("vault.test")
        .require_client_certificate(&authority.roots());
    let (one, other, tap) = tapped();
    let (one, other) = tokio::join!(
        client.wrap(Channel::io(one), "vault.test"),
        server.wrap(Channel::io(other))
    );
    talk(one.unwrap(), other.unwrap()).await;
    let seen = tap.await.unwrap();
    assert!(!SECRETS.iter().any(|secret| sees(&seen, secret)));
    assert!(sees(&seen, b"vault.test"));
    assert!(!sees(&seen, b"worker.test") && !sees(&seen, b"the authority"));
}
