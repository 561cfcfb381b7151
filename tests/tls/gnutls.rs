//! Raw public keys (RFC 7250) with a client that is not ours: `gnutls-cli`, where it is installed.
#![cfg(feature = "tls")]
#![allow(clippy::unwrap_used, reason = "a test may")]

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use crate::support::{echo, request, response};
use chirp::channel::{Keypair, TlsServer};
use chirp::{Endpoint, PublicKey, Server};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};

/// Raw public keys in both directions, and nothing but TLS 1.3.
const PRIORITY: &str = "NORMAL:-VERS-ALL:+VERS-TLS1.3:+CTYPE-CLI-RAWPK:+CTYPE-SRV-RAWPK";

/// Writes the public half of a key pair, as the `openssl` program prints it, beside its private half.
fn save(keys: &Keypair, dir: &Path) -> Option<[String; 2]> {
    let [private, public] =
        ["key.pem", "key.pub"].map(|name| dir.join(name).to_str().unwrap().to_owned());
    std::fs::write(&private, keys.to_pem()).unwrap();
    let status = std::process::Command::new("openssl")
        .args(["pkey", "-in", &private, "-pubout", "-out", &public])
        .status();
    status
        .is_ok_and(|status| status.success())
        .then_some([private, public])
}

/// Connects `gnutls-cli` to a port with a key pair, or returns `None` where the program is missing.
fn gnutls_cli(port: &str, [private, public]: &[String; 2], log: &Path) -> Option<Child> {
    let spawned = Command::new("gnutls-cli")
        .args(["--port", port, "--priority", PRIORITY])
        // The client would check a certificate of the server; the key is checked by the server alone here.
        .args([
            "--insecure",
            "--rawpkfile",
            public,
            "--rawpkkeyfile",
            private,
        ])
        .arg("--logfile")
        .arg(log)
        .arg("127.0.0.1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn();
    match spawned {
        Ok(child) => Some(child),
        Err(error) => {
            println!("skipped: gnutls-cli cannot be run ({error})");
            None
        }
    }
}

async fn serve(accepted: PublicKey) -> String {
    let server = Server::builder()
        .handle("echo", echo)
        .tls(TlsServer::keys(&Keypair::generate().unwrap(), accepted))
        .bind("tls://127.0.0.1:0")
        .await
        .unwrap();
    let Endpoint::Tls { port, .. } = server.endpoint().clone() else {
        panic!("{}", server.endpoint())
    };
    tokio::spawn(server.run());
    port
}

#[tokio::test]
async fn a_client_of_gnutls_is_accepted_by_its_raw_public_key() {
    let dir = std::env::temp_dir().join(format!("chirp-gnutls-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let keys = Keypair::generate().unwrap();
    let Some(files) = save(&keys, &dir) else {
        println!("skipped: openssl cannot be run");
        return;
    };
    let log = dir.join("log");

    let port = serve(keys.public()).await;
    let Some(mut client) = gnutls_cli(&port, &files, &log) else {
        return;
    };
    let mut stdin = client.stdin.take().unwrap();
    let mut stdout = client.stdout.take().unwrap();
    stdin
        .write_all(&request(7, "echo", b"hello"))
        .await
        .unwrap();
    let mut answer = vec![0; response(7, 0, b"hello").len()];
    let read = tokio::time::timeout(Duration::from_secs(20), stdout.read_exact(&mut answer));
    read.await.expect("an answer in time").unwrap();
    assert_eq!(answer, response(7, 0, b"hello"));
    // It writes its log when it ends.
    drop((stdin, stdout));
    let ended = tokio::time::timeout(Duration::from_secs(20), client.wait());
    ended.await.expect("it ends with its input").unwrap();
    let said = std::fs::read_to_string(&log).unwrap();
    assert!(said.contains("TLS1.3"), "{said}");
    assert!(said.contains("Raw"), "{said}");

    // Another key is refused.
    let port = serve(Keypair::generate().unwrap().public()).await;
    let mut client = gnutls_cli(&port, &files, &dir.join("refused")).unwrap();
    let mut rest = Vec::new();
    let mut stdout = client.stdout.take().unwrap();
    let read = tokio::time::timeout(Duration::from_secs(20), stdout.read_to_end(&mut rest));
    read.await.expect("an end in time").unwrap();
    assert!(rest.is_empty(), "{rest:?}");
    std::fs::remove_dir_all(&dir).unwrap();
}
