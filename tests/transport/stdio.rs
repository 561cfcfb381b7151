//! `stdio:` under program starters (shells, inetd, xinetd, systemd): which descriptors they pass, and the state in
//! which these must be left.
#![cfg(all(feature = "process", target_os = "linux"))]
#![allow(clippy::unwrap_used, reason = "a test may")]

use std::fs;
use std::io::{Read, pipe};
use std::mem;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::support::socket_path;
use chirp::{CallContext, Channel, Peer, PeerBuilder, connect};
use tokio::process;

/// Much longer than any step takes: a test that hangs fails.
const LONG: Duration = Duration::from_secs(30);

/// `O_NONBLOCK`, in a descriptor's status flags.
const NONBLOCKING: u32 = 0o4000;

/// A program of `examples/`. Cargo builds examples with the tests.
fn example(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("this test is a program");
    let profile = test.parent().and_then(Path::parent);
    let profile = profile.expect("it lies in target/PROFILE/deps");
    profile.join("examples").join(name)
}

/// As in `examples/arith.rs`.
#[chirp::service]
#[allow(dead_code, reason = "it is implemented by the example")]
trait Arith {
    fn version(&self) -> u32;
    async fn digest(&self, name: &str, data: &[u8]) -> u64;
}

/// As in `examples/child.rs`, which prints while it serves.
#[chirp::service]
#[allow(dead_code, reason = "it is implemented by the example")]
trait Worker {
    async fn sum(&self, cx: &CallContext, numbers: Vec<u64>) -> u64;
}

async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(LONG, future)
        .await
        .expect("it does not hang")
}

/// Starts a program, which is killed if the test fails.
fn start(program: &str, address: &[&str], change: impl FnOnce(&mut Command)) -> process::Child {
    let mut command = Command::new(example(program));
    command.arg("serve").args(address).stderr(Stdio::null());
    change(&mut command);
    process::Command::from(command)
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

fn peer_over(socket: UnixStream) -> Peer {
    socket.set_nonblocking(true).unwrap();
    let socket = tokio::net::UnixStream::from_std(socket).unwrap();
    PeerBuilder::new().start(Channel::from(socket)).unwrap()
}

/// The status flags that every process sharing this descriptor sees.
fn is_nonblocking(fd: &impl AsRawFd) -> bool {
    let info = fs::read_to_string(format!("/proc/self/fdinfo/{}", fd.as_raw_fd())).unwrap();
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:"));
    u32::from_str_radix(flags.unwrap().trim(), 8).unwrap() & NONBLOCKING != 0
}

/// Returns `true` if a tool is installed. A test without its tool prints that it was skipped.
fn has(tool: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).any(|dir| dir.join(tool).exists());
    if !found {
        eprintln!("skipped: there is no {tool}");
    }
    found
}

/// Before a fix, one in five of these did not end. `CHIRP_STARTS` sets the number of starts.
#[tokio::test]
async fn a_server_whose_input_is_empty_ends() {
    let starts = std::env::var("CHIRP_STARTS").map_or(40, |starts| starts.parse().unwrap());
    for number in 0..starts {
        let mut server = start("arith", &["stdio:"], |command| {
            command.stdin(Stdio::null()).stdout(Stdio::null());
        });
        let status = soon(server.wait()).await.unwrap();
        assert!(status.success(), "start {number}: {status}");
        let (ours, theirs) = UnixStream::pair().unwrap();
        let mut server = start("arith", &["stdio:"], |command| {
            command
                .stdin(OwnedFd::from(theirs.try_clone().unwrap()))
                .stdout(OwnedFd::from(theirs));
        });
        drop(ours);
        soon(server.wait()).await.unwrap();
    }
}

/// Another program that shares the pipes or the socket finds their mode unchanged, also while this one runs and after
/// it was killed.
#[tokio::test]
async fn shared_descriptors_keep_their_blocking_mode() {
    for killed in [false, true] {
        let (input, to_input) = pipe().unwrap();
        let (from_output, output) = pipe().unwrap();
        let kept = (input.try_clone().unwrap(), output.try_clone().unwrap());
        let mut server = start("arith", &["stdio:"], |command| {
            command.stdin(input).stdout(output);
        });
        let channel = Channel::from_pipes(from_output.into(), to_input.into()).unwrap();
        let peer = PeerBuilder::new().start(channel).unwrap();
        let arith = ArithClient::new(&peer);
        assert_eq!(
            soon(arith.digest("", &vec![1; 300_000])).await.unwrap(),
            300_000
        );
        assert!(!is_nonblocking(&kept.0) && !is_nonblocking(&kept.1));
        if killed {
            server.kill().await.unwrap();
        } else {
            peer.close();
            assert!(soon(server.wait()).await.unwrap().success());
        }
        assert!(!is_nonblocking(&kept.0) && !is_nonblocking(&kept.1));

        let (ours, theirs) = UnixStream::pair().unwrap();
        let kept = theirs.try_clone().unwrap();
        let mut server = start("arith", &["stdio:"], |command| {
            command
                .stdin(OwnedFd::from(theirs.try_clone().unwrap()))
                .stdout(OwnedFd::from(theirs));
        });
        let peer = peer_over(ours);
        let arith = ArithClient::new(&peer);
        assert_eq!(
            soon(arith.digest("", &vec![1; 300_000])).await.unwrap(),
            300_000
        );
        assert!(!is_nonblocking(&kept));
        if killed {
            server.kill().await.unwrap();
        } else {
            peer.close();
            assert!(soon(server.wait()).await.unwrap().success());
        }
        assert!(!is_nonblocking(&kept));
    }
}

/// The pipes of `fd:3,4` are shared as well; here under this process's own numbers.
#[tokio::test]
async fn inherited_pipes_keep_their_mode() {
    let (input, to_input) = pipe().unwrap();
    let (from_output, output) = pipe().unwrap();
    let address = format!("fd:{},{}", input.as_raw_fd(), output.as_raw_fd());
    let here = soon(connect(address)).await.unwrap();
    let channel = Channel::from_pipes(from_output.into(), to_input.into()).unwrap();
    let there = PeerBuilder::new().handle("echo", crate::support::echo);
    let _there = there.start(channel).unwrap();
    assert_eq!(soon(here.call("echo", "x")).await.unwrap(), "x");
    assert!(!is_nonblocking(&input) && !is_nonblocking(&output));
    // Another test must not get numbers that are taken.
    mem::forget((input, output));
}

/// inetd passes one socket as standard input, output and error.
#[tokio::test]
async fn output_does_not_reach_a_connection_on_standard_error() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let mut kept = ours.try_clone().unwrap();
    let mut server = start("child", &[], |command| {
        command
            .stdin(OwnedFd::from(theirs.try_clone().unwrap()))
            .stdout(OwnedFd::from(theirs.try_clone().unwrap()))
            .stderr(OwnedFd::from(theirs));
    });
    let peer = peer_over(ours);
    let worker = WorkerClient::new(&peer);
    // The child prints a line each time.
    for n in 0..10 {
        assert_eq!(soon(worker.sum(vec![n, 1])).await.unwrap(), n + 1);
    }
    let reason = peer.shutdown(LONG).await;
    assert!(reason.is_clean(), "{reason}");
    // The child prints a line when it exits.
    soon(server.wait()).await.unwrap();
    kept.set_nonblocking(false).unwrap();
    let mut rest = Vec::new();
    kept.read_to_end(&mut rest).unwrap();
    assert!(!rest.windows(5).any(|text| text == b"child"), "{rest:?}");
}

/// inetd's `wait`, and systemd without `Accept=yes`: the socket is passed before a client has connected.
#[tokio::test]
async fn a_socket_that_listens_is_served_or_refused_with_the_reason() {
    let path = socket_path();
    let listener = OwnedFd::from(UnixListener::bind(&path).unwrap());
    let [input, output, errors] = [0, 1, 2].map(|_| listener.try_clone().unwrap());
    let mut server = start("arith", &["stdio:"], |command| {
        command.stdin(input).stdout(output).stderr(errors);
    });
    for _ in 0..2 {
        let peer = soon(connect(format!("unix://{}", path.display()))).await;
        let peer = peer.unwrap();
        assert_eq!(soon(ArithClient::new(&peer).version()).await.unwrap(), 1);
    }
    server.kill().await.unwrap();
    fs::remove_file(path).unwrap();

    let tcp = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let refused = start("child", &[], |command| {
        command.stdin(OwnedFd::from(tcp.try_clone().unwrap()));
        command.stdout(OwnedFd::from(tcp)).stderr(Stdio::piped());
    });
    let refused = soon(refused.wait_with_output()).await.unwrap();
    assert!(!refused.status.success());
    let why = String::from_utf8(refused.stderr).unwrap();
    assert!(why.contains("a listening socket"), "{why}");

    let udp = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let refused = start("arith", &["stdio:"], |command| {
        command.stdin(OwnedFd::from(udp.try_clone().unwrap()));
        command.stdout(OwnedFd::from(udp)).stderr(Stdio::piped());
    });
    let refused = soon(refused.wait_with_output()).await.unwrap();
    assert!(!refused.status.success());
    let why = String::from_utf8(refused.stderr).unwrap();
    assert!(why.contains("datagram"), "{why}");
}

/// Input from a terminal is not Chirp; the error shows the bytes and the likely reason.
#[tokio::test]
async fn a_terminal_at_the_other_end_is_an_error_at_once() {
    if !has("socat") {
        return;
    }
    let arith = example("arith");
    for options in ["pty", "pty,stderr", "pty,ctty,setsid,stderr", "pty,echo=0"] {
        let address = format!(
            r"exec:socat - 'EXEC:{} serve stdio\:,{options}'",
            arith.display()
        );
        let peer = soon(connect(address.as_str())).await.unwrap();
        let called = peer.call("x", vec![0_u8; 10]).timeout(LONG);
        let error = soon(called).await.unwrap_err().to_string();
        assert!(
            error.contains("this is not Chirp but"),
            "{options}: {error}"
        );
        assert!(error.contains("terminal"), "{options}: {error}");
    }
    // A terminal in raw mode alters no bytes, and neither do sockets and pipes.
    for options in ["pty,rawer", "stderr", "pipes", "pipes,stderr"] {
        let address = format!(
            r"exec:socat - 'EXEC:{} serve stdio\:,{options}'",
            arith.display()
        );
        let peer = soon(connect(address.as_str())).await.unwrap();
        let version = soon(ArithClient::new(&peer).version()).await;
        assert_eq!(
            version.map_err(|error| error.to_string()),
            Ok(1),
            "{options}"
        );
    }
}

/// xinetd starts a program for each connection, with one socket as standard input, output and error.
#[tokio::test]
async fn xinetd_starts_servers() {
    use std::os::unix::fs::MetadataExt;

    if !has("xinetd") {
        return;
    }
    if fs::metadata("/proc/self").unwrap().uid() != 0 {
        eprintln!("skipped: xinetd changes users, which root alone may do");
        return;
    }
    let dir = std::env::temp_dir().join(format!("chirp-xinetd-{}", std::process::id()));
    fs::create_dir_all(&dir).unwrap();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let settings = [
        "type = UNLISTED".to_owned(),
        format!("port = {port}"),
        "bind = 127.0.0.1".to_owned(),
        "socket_type = stream".to_owned(),
        "protocol = tcp".to_owned(),
        "wait = no".to_owned(),
        "user = root".to_owned(),
        format!("server = {}", example("arith").display()),
        "server_args = serve stdio:".to_owned(),
    ];
    let config = format!("service chirp\n{{\n{}\n}}\n", settings.join("\n"));
    fs::write(dir.join("config"), config).unwrap();
    let mut xinetd = process::Command::new("xinetd")
        .args(["-dontfork", "-f"])
        .arg(dir.join("config"))
        .arg("-pidfile")
        .arg(dir.join("pid"))
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    for _ in 0..3 {
        // xinetd does not report when it listens.
        let peer = soon(async {
            loop {
                match connect(format!("tcp://127.0.0.1:{port}")).await {
                    Ok(peer) => return peer,
                    Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
                }
            }
        });
        let arith = ArithClient::new(&peer.await);
        assert_eq!(soon(arith.version()).await.unwrap(), 1);
        assert_eq!(
            soon(arith.digest("", &vec![1; 300_000])).await.unwrap(),
            300_000
        );
    }
    xinetd.kill().await.unwrap();
    fs::remove_dir_all(dir).unwrap();
}

/// A banner, a login message, or another protocol.
#[tokio::test]
async fn text_in_place_of_packets_is_shown() {
    for (text, shown, reason) in [
        (
            "Welcome to host\n",
            "Welcome to host",
            "print to standard output",
        ),
        ("no", "no", "print to standard output"),
        ("SSH-2.0-OpenSSH_9.9\r\n", "SSH-2.0", "an SSH server"),
        ("HTTP/1.1 400 Bad Request\r\n\r\n", "400 Bad", "speaks HTTP"),
        ("\u{c7}", "\u{c7}", "print to standard output"),
    ] {
        let (mut theirs, ours) = tokio::io::duplex(1024);
        let peer = PeerBuilder::new().start(Channel::io(ours)).unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut theirs, text.as_bytes())
            .await
            .unwrap();
        let error = soon(peer.closed()).await.to_string();
        assert!(error.contains(shown) && error.contains(reason), "{error}");
        assert!(error.contains("not Chirp"), "{error}");
    }
}
