//! Peers over child processes: how they start and end, and that nothing is left of them.
#![cfg(feature = "process")]
#![allow(clippy::unwrap_used, reason = "a test may")]

use std::fs::{self, File};
use std::io::{self, Read};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use chirp::channel::{self, Child};
use chirp::packet::ErrorData;
use chirp::{
    CallContext, CallError, Channel, ConnectionError, ConnectionStats, Peer, PeerBuilder, Request,
};
use command_fds::{CommandFdExt, FdMapping};
use tokio::task::JoinSet;

/// Much longer than any step takes: a test that hangs fails.
const LONG: Duration = Duration::from_secs(30);

const KILLED: i32 = 9;

/// As in `examples/child.rs`, the child.
#[chirp::service]
#[allow(dead_code, reason = "it is implemented by the child")]
trait Worker {
    async fn sum(&self, cx: &CallContext, numbers: Vec<u64>) -> u64;
    fn id(&self) -> u32;
    async fn hang(&self);
}

#[chirp::service]
trait Supervisor {
    async fn progress(&self, done: u64, of: u64);
}

#[derive(Default)]
struct Counter(AtomicU64);

impl Supervisor for Counter {
    async fn progress(&self, _done: u64, _of: u64) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// `examples/child` as a serving child. Cargo builds examples with the tests.
fn worker() -> Command {
    let test = std::env::current_exe().expect("this test is a program");
    let profile = test.parent().and_then(Path::parent);
    let profile = profile.expect("it lies in target/PROFILE/deps");
    let mut command = Command::new(profile.join("examples/child"));
    command.arg("serve").stderr(Stdio::null());
    command
}

fn sh(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]).stderr(Stdio::null());
    command
}

fn start(command: Command) -> (Peer, Child) {
    let (channel, child) = Child::spawn(command).unwrap();
    (PeerBuilder::new().start(channel).unwrap(), child)
}

async fn ended(child: &Child) -> ExitStatus {
    let status = tokio::time::timeout(LONG, child.wait()).await;
    let status = status.expect("the child ends").unwrap();
    assert_eq!(child.status(), Some(status));
    assert_reaped(child);
    status
}

/// Checks that a process is gone and was reaped.
fn assert_reaped(child: &Child) {
    let process = PathBuf::from(format!("/proc/{}", child.id()));
    assert!(!process.exists(), "{} is there", process.display());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parent_and_child_call_each_other() {
    let calls = Arc::new(Counter::default());
    let (channel, child) = Child::spawn(worker()).unwrap();
    let peer = PeerBuilder::new()
        .service(SupervisorServer::from_arc(Arc::clone(&calls)))
        .start(channel)
        .unwrap();
    let worker = WorkerClient::new(&peer);
    assert_eq!(worker.id().await.unwrap(), child.id());
    assert_eq!(child.status(), None);

    let mut sums = JoinSet::new();
    for n in 0..128 {
        let sum = worker.sum(vec![n, 1, 2, 3]);
        sums.spawn(async move { assert_eq!(sum.await.unwrap(), n + 6) });
    }
    let done = tokio::time::timeout(LONG, sums.join_all()).await;
    assert_eq!(done.expect("no call hangs").len(), 128);
    assert_eq!(calls.0.load(Ordering::Relaxed), 128 * 4);

    peer.shutdown(LONG).await;
    assert!(ended(&child).await.success(), "it leaves by itself");
}

/// `cat` returns what this peer sends, so that the peer calls itself.
#[tokio::test]
async fn large_payloads_go_through_a_child() {
    let (channel, child) = Child::spawn(Command::new("cat")).unwrap();
    let echo = PeerBuilder::new().handle("echo", |request: Request| async {
        Ok::<_, ErrorData>(request.into_params())
    });
    let peer = echo.start(channel).unwrap();
    for len in [0, 65_536, 5 << 20] {
        let data: Vec<u8> = (0..=255).cycle().take(len).collect();
        let call = peer.call("echo", data.clone());
        let answer = tokio::time::timeout(LONG, call).await.unwrap().unwrap();
        assert!(answer == data, "{len} bytes");
    }
    peer.close();
    assert!(ended(&child).await.success());
}

/// CH-34: the child is killed with SIGKILL while calls are running.
#[tokio::test]
async fn calls_of_a_killed_child_fail_with_the_reason() {
    let (peer, child) = start(worker());
    let worker = WorkerClient::new(&peer);
    let mut calls = JoinSet::new();
    for _ in 0..100 {
        calls.spawn(worker.hang().start());
    }
    // Calls start in order of arrival: the others are running by now.
    worker.id().await.unwrap();
    let killed = Command::new("kill")
        .args(["-9", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(killed.success());

    let calls = tokio::time::timeout(LONG, calls.join_all()).await;
    for call in calls.expect("no call hangs") {
        assert!(
            matches!(
                call,
                Err(CallError::ConnectionLost(ConnectionError::ClosedByPeer))
            ),
            "{call:?}"
        );
    }
    let reason = peer.closed().await;
    assert!(matches!(reason, ConnectionError::ClosedByPeer), "{reason}");
    assert_eq!(ended(&child).await.signal(), Some(KILLED));
    assert_eq!(peer.stats(), ConnectionStats::default());
    child.kill().expect("it is well if it has ended");
}

#[tokio::test]
async fn a_child_that_does_not_exit_is_killed() {
    for grace in [Duration::ZERO, Duration::from_millis(50)] {
        let (peer, child) = start(sh("exec sleep 1000"));
        child.set_grace(grace);
        let closed = Instant::now();
        peer.close();
        assert_eq!(ended(&child).await.signal(), Some(KILLED));
        assert!(closed.elapsed() >= grace);
    }
}

#[tokio::test]
async fn a_child_that_exits_is_not_killed() {
    let (peer, child) = start(sh("cat > /dev/null; exit 3"));
    child.set_grace(LONG);
    let waits = child.clone();
    let waits = tokio::spawn(async move { waits.wait().await });
    peer.close();
    assert_eq!(ended(&child).await.code(), Some(3));
    assert_eq!(waits.await.unwrap().unwrap().code(), Some(3));
}

#[tokio::test]
async fn a_channel_that_is_dropped_ends_its_child() {
    let (channel, child) = Child::spawn(Command::new("cat")).unwrap();
    drop(channel);
    assert!(ended(&child).await.success());
    // Either half keeps the child.
    let (channel, child) = Child::spawn(Command::new("cat")).unwrap();
    child.set_grace(Duration::ZERO);
    let (reader, writer) = channel.into_split();
    drop(reader);
    assert_eq!(child.status(), None);
    drop(writer);
    ended(&child).await;
}

#[test]
fn children_end_with_their_runtime() {
    let runtime = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
    };
    let one = runtime();
    let (peer, child) = one.block_on(async {
        let (peer, child) = start(sh("exec sleep 1000"));
        child.set_grace(Duration::from_millis(10));
        (peer, child)
    });
    drop(one);
    let status = runtime().block_on(ended(&child));
    assert_eq!(status.signal(), Some(KILLED));
    drop(peer);
}

/// A grandchild holds the pipes' other ends, and nothing waits for it.
#[tokio::test]
async fn the_channel_ends_with_the_child() {
    let (peer, child) = start(sh("exec 3<&0; cat <&3 & exit 7"));
    let reason = tokio::time::timeout(LONG, peer.closed()).await;
    let reason = reason.expect("the end is noticed");
    assert!(matches!(reason, ConnectionError::ClosedByPeer), "{reason}");
    assert_eq!(ended(&child).await.code(), Some(7));
}

/// The child gets the pipes as descriptors 3 and 4, and keeps its own standard input and output.
#[tokio::test]
async fn a_child_may_inherit_pipes_under_other_numbers() {
    let (channel, ends) = channel::pipes().unwrap();
    let mut command = sh("test $STORE = _pipe:3:4 && exec cat <&3 >&4");
    command.env("STORE", "_pipe:3:4").stdin(Stdio::null());
    let mapping = |parent_fd, child_fd| FdMapping {
        parent_fd,
        child_fd,
    };
    command
        .fd_mappings(vec![mapping(ends.read, 3), mapping(ends.write, 4)])
        .unwrap();
    let (channel, child) = Child::spawn_on(command, channel).unwrap();
    child.set_grace(LONG);
    let echo = PeerBuilder::new().handle("echo", |request: Request| async {
        Ok::<_, ErrorData>(request.into_params())
    });
    let peer = echo.start(channel).unwrap();
    assert_eq!(peer.call("echo", "hello").await.unwrap(), "hello");
    // The command has been dropped, and this side's copies with it: the child sees the end.
    peer.close();
    assert!(ended(&child).await.success());
}

#[tokio::test]
async fn a_childs_input_and_output_may_be_sockets() {
    let (here, there) = UnixStream::pair().unwrap();
    here.set_nonblocking(true).unwrap();
    let here = tokio::net::UnixStream::from_std(here).unwrap();
    call_over(Channel::from(here), there.into()).await;

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let there = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (here, _) = listener.accept().unwrap();
    here.set_nonblocking(true).unwrap();
    let here = tokio::net::TcpStream::from_std(here).unwrap();
    call_over(Channel::try_from(here).unwrap(), there.into()).await;
}

async fn call_over(here: Channel, there: OwnedFd) {
    let mut command = worker();
    command.stdin(there.try_clone().unwrap()).stdout(there);
    let (channel, child) = Child::spawn_on(command, here).unwrap();
    child.set_grace(LONG);
    let peer = PeerBuilder::new().start(channel).unwrap();
    let worker = WorkerClient::new(&peer);
    assert_eq!(worker.id().await.unwrap(), child.id());
    assert_eq!(worker.sum(vec![1, 2]).await.unwrap(), 3);
    peer.close();
    assert!(ended(&child).await.success());
}

/// Files cannot be polled; a child serves them all the same, to their end.
#[test]
fn a_childs_input_may_be_a_file() {
    let path = std::env::temp_dir().join(format!("chirp-children-{}", std::process::id()));
    fs::write(&path, []).unwrap();
    let status = worker()
        .stdin(File::open(&path).unwrap())
        .stdout(File::options().write(true).open(&path).unwrap())
        .status()
        .unwrap();
    assert!(status.success());
    fs::remove_file(&path).unwrap();
}

/// Not a test: the child of the next test.
#[tokio::test]
async fn a_child_that_closes_and_stays() {
    if std::env::var_os("CHIRP_STAY").is_none() {
        return;
    }
    let channel = channel::stdio().unwrap();
    println!("stray");
    let again = channel::stdio().unwrap_err();
    assert_eq!(again.kind(), io::ErrorKind::AlreadyExists);
    drop(channel);
    loop {
        std::thread::park();
    }
}

/// A child closes its channel and keeps running: this side sees the end, and not what the child prints.
#[test]
fn standard_output_closes_with_its_channel() {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "children::a_child_that_closes_and_stays",
            "--nocapture",
        ])
        .env("CHIRP_STAY", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut printed = String::new();
    let mut output = child.stdout.take().unwrap();
    output.read_to_string(&mut printed).unwrap();
    assert_eq!(child.try_wait().unwrap(), None, "it stays");
    child.kill().unwrap();
    child.wait().unwrap();
    // The output of the test harness precedes the channel.
    assert!(printed.contains("running 1 test"), "{printed}");
    assert!(!printed.contains("stray"), "{printed}");
}

#[tokio::test]
async fn a_program_that_is_not_there_is_an_error() {
    let error = Child::spawn(Command::new("/no/such/program")).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
}
