//! A peer that was written from PROTOCOL.md alone, in Python, against `examples/v0_peer`.
//!
//! Each case is one of `tests/interop/chirp_v0.py`: recorded sessions replayed byte for byte, floods, lies
//! about lengths, a peer that never reads, rapid reset and more.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

const SCRIPT: &str = "tests/interop/chirp_v0.py";
const VECTORS: &str = "chirp-runtime/tests/vectors/chirp-v0.json";

/// The example as a process, on a port or a path of its own.
struct Server {
    process: Child,
    address: String,
}

impl Server {
    fn start(address: &str) -> Self {
        let mut process = Command::new(example("v0_peer"))
            .arg(address)
            .stdout(Stdio::piped())
            .spawn()
            .expect("examples/v0_peer, which `cargo test` builds, runs");
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
        // It serves until it is killed; if it is gone already, the test has failed for that.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Examples are built beside the tests.
fn example(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("this test is a program");
    let profile = test
        .parent()
        .and_then(Path::parent)
        .expect("it lies in target/PROFILE/deps");
    profile.join("examples").join(name)
}

fn check(address: &str) {
    if Command::new("python3").arg("--version").output().is_err() {
        eprintln!("skipped: there is no python3");
        return;
    }
    let server = Server::start(address);
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
fn over_tcp() {
    check("tcp://127.0.0.1:0");
}

#[test]
fn over_a_unix_socket() {
    let dir = std::env::temp_dir().join(format!("chirp-interop-{}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("a temporary folder");
    check(&format!("unix://{}/v0.sock", dir.display()));
    std::fs::remove_dir_all(&dir).expect("the folder is ours");
}
