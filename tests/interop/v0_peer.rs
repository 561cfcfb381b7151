//! A Python peer, written from PROTOCOL.md alone, calls this library and is called by it.
//!
//! When it calls, `examples/v0_peer` serves. The cases are in `tests/interop/chirp_v0.py`: recorded sessions
//! replayed byte for byte, floods, wrong lengths, a peer that never reads, rapid reset and more.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::has_python;
use crate::support::{echo, idle, socket_path};
use chirp::packet::ErrorData;
use chirp::{CallError, Peer, PeerBuilder};
use tokio::task::JoinSet;

const SCRIPT: &str = "tests/interop/chirp_v0.py";
const VECTORS: &str = "chirp-runtime/tests/vectors/chirp-v0.json";

/// A server process, with its own port or path.
struct Server {
    process: Child,
    address: String,
}

impl Server {
    /// Starts the example, which `cargo test` builds.
    fn of_ours(address: &str) -> Self {
        Self::start(Command::new(example("v0_peer")).arg(address))
    }

    fn of_theirs(address: &str) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join(SCRIPT);
        Self::start(Command::new("python3").arg(script).args(["serve", address]))
    }

    fn start(command: &mut Command) -> Self {
        let mut process = command
            .stdout(Stdio::piped())
            .spawn()
            .expect("it can be started");
        let stdout = process.stdout.take().expect("its output is piped");
        let mut line = String::new();
        BufReader::new(stdout)
            .read_line(&mut line)
            .expect("it says where it listens");
        let address = line
            .trim()
            .strip_prefix("listening on ")
            .expect("it says where it listens");
        Self {
            process,
            address: address.to_owned(),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The server runs until it is killed; if it has already exited, the test has failed.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The path of an example. Cargo builds examples with the tests.
fn example(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("this test is a program");
    let profile = test
        .parent()
        .and_then(Path::parent)
        .expect("it lies in target/PROFILE/deps");
    profile.join("examples").join(name)
}

fn check(address: &str) {
    if !has_python() {
        return;
    }
    let server = Server::of_ours(address);
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let status = Command::new("python3")
        .arg(root.join(SCRIPT))
        .arg(&server.address)
        .arg("all")
        .arg("--vectors")
        .arg(root.join(VECTORS))
        .args(["--timeout", "30"])
        .status()
        .expect("python3 runs");
    assert!(
        status.success(),
        "a case failed over {address}; its line is above"
    );
}

#[test]
fn python_calls_over_tcp() {
    check("tcp://127.0.0.1:0");
}

#[test]
fn python_calls_over_a_unix_socket() {
    let path = socket_path();
    check(&format!("unix://{}", path.display()));
    // The killed server has left its socket.
    let _ = std::fs::remove_file(path);
}

/// Calls each method and checks the result.
async fn call_each(peer: Peer, number: usize) {
    let text = format!("number {number}");
    assert_eq!(
        peer.call("echo", text.clone()).await.expect("answered"),
        text
    );
    let back = peer.call("callback", text.clone()).await;
    assert_eq!(back.expect("answered"), text + " and back");
    let large = vec![u8::try_from(number % 251).expect("a byte"); number * 1000];
    assert_eq!(
        peer.call("echo", large.clone()).await.expect("answered"),
        large
    );

    let remote = |answer| match answer {
        Err(CallError::Remote(error)) => error,
        other => panic!("no service error: {other:?}"),
    };
    let error = remote(peer.call("fail", "oops").await);
    assert_eq!(error, ErrorData::from("oops"));
    let error = remote(peer.call("edata", ()).await);
    assert_eq!(error, ErrorData::new(17, "hey").with_data("stuff"));
    assert!(remote(peer.call("eempty", ()).await).is_empty());
    let unknown = peer.call("nope", ()).await;
    assert!(
        matches!(unknown, Err(CallError::UnknownMethod { .. })),
        "{unknown:?}"
    );
    // The call is cancelled, and its response is discarded.
    let late = peer
        .call("wait", ())
        .timeout(Duration::from_millis(1))
        .await;
    assert!(
        matches!(late, Err(CallError::DeadlineExceeded { .. })),
        "{late:?}"
    );
}

async fn check_serving(address: &str) {
    const AT_ONCE: usize = 128;
    if !has_python() {
        return;
    }
    let server = Server::of_theirs(address);
    let peer = PeerBuilder::new()
        .handle("back", |request: chirp::Request| async {
            let params = echo(request).await?;
            tokio::task::yield_now().await;
            Ok::<_, ErrorData>([&params[..], b" and back"].concat())
        })
        .connect(&server.address)
        .await
        .expect("connected");
    let all = async {
        let mut calls = JoinSet::new();
        for number in 0..AT_ONCE {
            calls.spawn(call_each(peer.clone(), number));
        }
        calls.join_all().await;
        let hello = peer.hello().await.expect("it was asked");
        assert!(hello.is_some(), "it speaks hello");
        call_each(peer.clone(), AT_ONCE).await;
        idle(&peer).await;
    };
    let done = tokio::time::timeout(Duration::from_mins(2), all).await;
    done.expect("no call hangs");

    // A callback to a missing method fails the handler that called back.
    peer.update_routes(|router| router.remove("back"));
    let nested = peer.call("callback", "x").await;
    assert!(
        matches!(&nested, Err(CallError::Remote(error)) if error.code == 0),
        "{nested:?}"
    );
    peer.close();
    assert!(peer.closed().await.is_clean());
    idle(&peer).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn python_serves_over_tcp() {
    check_serving("tcp://127.0.0.1:0").await;
}

#[tokio::test]
async fn python_serves_over_a_unix_socket() {
    let path = socket_path();
    check_serving(&format!("unix://{}", path.display())).await;
    // The killed server has left its socket.
    let _ = std::fs::remove_file(path);
}
