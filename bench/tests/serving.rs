//! A server in a process of its own answers calls, says what it uses, and ends with its input.
#![allow(clippy::unwrap_used, reason = "a test may")]

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};

use chirp_bench::link::Either;
use chirp_bench::serving::ARGUMENT;
use chirp_bench::system::{Client, System};
use chirp_bench::systems::{Chirp, Floor, Pipelined};
use chirp_bench::usage::Usage;
use tokio::net::UnixStream;

const PROGRAM: &str = env!("CARGO_BIN_EXE_chirp-bench");

fn serve(system: &str, socket: &str) -> Child {
    Command::new(PROGRAM)
        .args([ARGUMENT, system, socket, "1"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

async fn check<T: System>() {
    let name = format!("chirp-bench-test-{}-{}", std::process::id(), T::NAME);
    let socket = std::env::temp_dir().join(name);
    let mut server = serve(T::NAME, socket.to_str().unwrap());
    let mut input = server.stdin.take().unwrap();
    let mut output = BufReader::new(server.stdout.take().unwrap()).lines();
    assert_eq!(output.next().unwrap().unwrap(), "listening");

    // Two connections, because systems accept the first and later ones in a loop of their own.
    for number in 0..2 {
        let stream = UnixStream::connect(&socket).await.unwrap();
        let client = T::client(Either::Unix(stream)).await.unwrap();
        assert_eq!(client.add(number, 2).await.unwrap(), number + 2);
        assert_eq!(client.echo("a text").await.unwrap(), "a text");
    }

    writeln!(input, "usage").unwrap();
    let usage: Usage = serde_json::from_str(&output.next().unwrap().unwrap()).unwrap();
    assert!(!usage.cpu.is_zero() && usage.resident > 0, "{usage:?}");

    drop(input);
    assert!(server.wait().unwrap().success());
    // Chirp's server removes its socket by itself.
    let _ = std::fs::remove_file(socket);
}

#[tokio::test]
async fn chirp_serves_in_a_process_of_its_own() {
    check::<Chirp>().await;
}

#[tokio::test]
async fn a_server_for_each_connection_serves_in_a_process_of_its_own() {
    check::<Floor>().await;
    check::<Pipelined>().await;
}

#[test]
fn an_unknown_system_is_an_error() {
    let mut server = serve("unheard-of", "/nonexistent/socket");
    let mut said = String::new();
    let mut errors = server.stderr.take().unwrap();
    errors.read_to_string(&mut said).unwrap();
    assert!(!server.wait().unwrap().success());
    assert!(said.contains("unheard-of"), "{said}");
}
