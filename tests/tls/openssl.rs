//! A foreign TLS client: `openssl s_client`, if it is installed.
#![cfg(feature = "tls")]
#![allow(clippy::unwrap_used, reason = "a test may")]

use std::process::Stdio;

use crate::certificates::Authority;
use crate::support::{echo, request, response};
use chirp::packet::PacketType;
use chirp::{Endpoint, Server};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};

/// `s_client`, connected to the server at a port. Returns `None` if it is not installed.
fn s_client(port: &str, root: &std::path::Path, args: &[&str]) -> Option<Child> {
    let spawned = Command::new("openssl")
        .args(["s_client", "-connect", &format!("127.0.0.1:{port}")])
        .args(["-servername", "localhost", "-verify_hostname", "localhost"])
        .args(["-verify_return_error", "-CAfile"])
        .arg(root)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn();
    match spawned {
        Ok(child) => Some(child),
        Err(error) => {
            println!("skipped: openssl cannot be run ({error})");
            None
        }
    }
}

#[tokio::test]
async fn openssl_agrees_on_tls_1_3_and_verifies_the_certificate() {
    let authority = Authority::new();
    let root = std::env::temp_dir().join(format!("chirp-root-{}.pem", std::process::id()));
    std::fs::write(&root, authority.pem()).unwrap();
    let server = Server::builder()
        .handle("echo", echo)
        .tls(authority.server("localhost"))
        .bind("tls://127.0.0.1:0")
        .await
        .unwrap();
    let Endpoint::Tls { port, .. } = server.endpoint().clone() else {
        panic!("{}", server.endpoint())
    };
    tokio::spawn(server.run());

    let Some(client) = s_client(&port, &root, &["-brief", "-tls1_2"]) else {
        return;
    };
    let older = client.wait_with_output().await.unwrap();
    assert!(!older.status.success(), "TLS 1.2 is agreed on");
    let said = String::from_utf8_lossy(&older.stderr);
    assert!(said.contains("alert protocol version"), "{said}");

    // `s_client` prints what was negotiated, and then carries the bytes of a call.
    let client = s_client(&port, &root, &["-brief", "-quiet"]);
    let mut client = client.unwrap();
    let mut stdin = client.stdin.take().unwrap();
    stdin
        .write_all(&request(7, "echo", b"hello"))
        .await
        .unwrap();
    let mut answer = vec![0; response(7, 0, b"hello").len()];
    let mut stdout = client.stdout.take().unwrap();
    stdout.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer, response(7, 0, b"hello"));
    assert_eq!(answer[2..4], PacketType::RESPONSE.0.to_be_bytes());
    drop((stdin, stdout));
    client.start_kill().unwrap();
    let said = client.wait_with_output().await.unwrap().stderr;
    let said = String::from_utf8_lossy(&said);
    assert!(said.contains("TLSv1.3"), "{said}");
    assert!(said.contains("Verification: OK"), "{said}");
    assert!(said.contains("localhost"), "{said}");
    std::fs::remove_file(&root).unwrap();
}
