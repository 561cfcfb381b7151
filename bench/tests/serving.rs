//! A server in a process of its own answers calls, says what it uses, and ends with its input.
#![allow(clippy::unwrap_used, reason = "a test may")]

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};

use chirp_bench::link::Either;
use chirp_bench::serving::ARGUMENT;
use chirp_bench::system::{Client, Result, System};
use chirp_bench::systems::{Visitor, visit};
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

/// The names of the systems that were checked.
#[derive(Default)]
struct Checked(Vec<&'static str>);

impl Visitor for Checked {
    async fn visit<T: System>(&mut self) -> Result<()> {
        if T::SKILLS.connects {
            check::<T>().await;
            self.0.push(T::NAME);
        }
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_system_of_the_build_serves_in_a_process_of_its_own() {
    let mut checked = Checked::default();
    visit(|_| true, &mut checked).await.unwrap();
    for name in ["floor", "pipelined-floor", "chirp"] {
        assert!(checked.0.contains(&name), "{:?}", checked.0);
    }
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
