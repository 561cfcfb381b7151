//! One program over every kind of address, and the particulars of each kind.
#![cfg(all(feature = "process", target_os = "linux"))]
#![allow(clippy::unwrap_used, reason = "a test may")]

use std::fs;
use std::io::{ErrorKind, pipe};
use std::mem;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::support::socket_path;
use chirp::channel::{self, Child, PipeEnds, from_socket_activation};
use chirp::{CallContext, ConnectError, Endpoint, PeerBuilder, Server, connect};
use command_fds::{CommandFdExt, FdMapping};

/// Much longer than any step takes: a test that hangs fails.
const LONG: Duration = Duration::from_secs(30);

/// `examples/arith`, which serves and calls at any address. Cargo builds examples with the tests.
fn arith() -> PathBuf {
    let test = std::env::current_exe().expect("this test is a program");
    let profile = test.parent().and_then(Path::parent);
    profile
        .expect("it lies in target/PROFILE/deps")
        .join("examples/arith")
}

/// As in `examples/arith.rs`.
#[chirp::service]
#[allow(dead_code, reason = "it is implemented by the example")]
trait Arith {
    fn version(&self) -> u32;
    async fn digest(&self, name: &str, data: &[u8]) -> u64;
    async fn notify_me(&self, cx: &CallContext, every: Duration) -> u64;
}

async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(LONG, future)
        .await
        .expect("it does not hang")
}

/// Checks that the example serves at the other end.
async fn answers(arith: &ArithClient) {
    assert_eq!(soon(arith.version()).await.unwrap(), 1);
    let data = vec![1; 300_000];
    assert_eq!(soon(arith.digest("", &data)).await.unwrap(), 300_000);
}

/// A server and a client in separate processes; only their address differs.
#[tokio::test]
async fn one_program_over_every_address_between_processes() {
    let path = socket_path();
    let unique = std::process::id();
    for address in [
        "tcp://127.0.0.1:0".to_owned(),
        format!("unix://{}", path.display()),
        format!("unix://@chirp-{unique}"),
    ] {
        let mut server = tokio::process::Command::new(arith())
            .args(["serve", &address])
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut output = tokio::io::BufReader::new(server.stdout.take().unwrap());
        let read = tokio::io::AsyncBufReadExt::read_line(&mut output, &mut line);
        soon(read).await.unwrap();
        let address = line.trim().strip_prefix("listening on ").unwrap();
        let mut client = tokio::process::Command::new(arith());
        client.args(["call", address]).stdout(Stdio::null());
        assert!(soon(client.status()).await.unwrap().success(), "{address}");
    }
    fs::remove_file(path).unwrap();

    let child = format!("exec:{} serve stdio:", arith().display());
    let mut client = tokio::process::Command::new(arith());
    client
        .args(["call", &child])
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    assert!(soon(client.status()).await.unwrap().success(), "{child}");
}

/// The program serves on inherited pipes or an inherited socket, given by number.
#[tokio::test]
async fn inherited_descriptors_are_an_address() {
    let map = |parent_fd, child_fd| FdMapping {
        parent_fd,
        child_fd,
    };
    let serve = |address: &str, fds: Vec<FdMapping>| {
        let mut command = Command::new(arith());
        command.args(["serve", address]).stdin(Stdio::null());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command.fd_mappings(fds).unwrap();
        command
    };
    let (channel, PipeEnds { read, write }) = channel::pipes().unwrap();
    let command = serve("fd:3,4", vec![map(read, 3), map(write, 4)]);
    let (channel, pipes) = Child::spawn_on(command, channel).unwrap();
    let peer = PeerBuilder::new().start(channel).unwrap();
    answers(&ArithClient::new(&peer)).await;
    peer.close();
    assert!(
        soon(pipes.wait()).await.unwrap().success(),
        "it ends by itself"
    );

    let (ours, theirs) = UnixStream::pair().unwrap();
    let command = serve("fd:5", vec![map(theirs.into(), 5)]);
    ours.set_nonblocking(true).unwrap();
    let channel = tokio::net::UnixStream::from_std(ours).unwrap().into();
    let (channel, socket) = Child::spawn_on(command, channel).unwrap();
    let peer = PeerBuilder::new().start(channel).unwrap();
    answers(&ArithClient::new(&peer)).await;
    peer.close();
    assert!(
        soon(socket.wait()).await.unwrap().success(),
        "it ends by itself"
    );

    // A listening socket.
    let path = socket_path();
    let listener = UnixListener::bind(&path).unwrap();
    let command = serve("fd:3", vec![map(OwnedFd::from(listener), 3)]);
    let (idle, _others) = channel::pipes().unwrap();
    let (_channel, child) = Child::spawn_on(command, idle).unwrap();
    for _ in 0..2 {
        let peer = soon(connect(format!("unix://{}", path.display())))
            .await
            .unwrap();
        answers(&ArithClient::new(&peer)).await;
    }
    child.kill().unwrap();
    soon(child.wait()).await.unwrap();
    fs::remove_file(path).unwrap();
}

#[tokio::test]
async fn descriptors_that_do_not_fit_are_refused() {
    let refusal = async |address: String| {
        let error = address
            .parse::<Endpoint>()
            .unwrap()
            .connect()
            .await
            .unwrap_err();
        assert!(error.to_string().contains(&address), "{error}");
        error.kind()
    };
    let (read, write) = pipe().unwrap();
    let (read, write) = (read.as_raw_fd(), write.as_raw_fd());
    let file = fs::File::open("Cargo.toml").unwrap();
    assert_eq!(refusal(format!("fd:{read}")).await, ErrorKind::InvalidInput);
    assert_eq!(
        refusal(format!("fd:{write},{read}")).await,
        ErrorKind::InvalidInput
    );
    assert_eq!(
        refusal(format!("fd:{}", file.as_raw_fd())).await,
        ErrorKind::InvalidInput
    );
    refusal("fd:1000000".to_owned()).await;

    // A descriptor that belongs to one channel cannot be used by another.
    let (one, other) = UnixStream::pair().unwrap();
    let endpoint: Endpoint = format!("fd:{}", one.as_raw_fd()).parse().unwrap();
    let mut listener = endpoint.listen().await.unwrap();
    assert_eq!(
        refusal(endpoint.to_string()).await,
        ErrorKind::AlreadyExists
    );
    let channel = listener.accept().await.unwrap();
    assert_eq!(channel.remote(), Some(&endpoint));
    let again = listener.accept().await.unwrap_err();
    assert_eq!(again.kind(), ErrorKind::NotConnected);
    assert!(listener.incoming().await.unwrap().is_none());
    drop(channel);
    // The socket is shut down, although its number stays in use.
    let mut byte = [0];
    assert_eq!(std::io::Read::read(&mut &other, &mut byte).unwrap(), 0);
    // Another test must not get a number that is taken.
    mem::forget(one);
}

#[tokio::test]
async fn a_missing_program_and_one_that_exits_are_errors() {
    let error = connect("exec:/no/such/program x").await.unwrap_err();
    assert!(
        error.to_string().contains("exec:/no/such/program x"),
        "{error}"
    );
    let peer = connect("exec:true").await.unwrap();
    assert_eq!(peer.remote().unwrap().to_string(), "exec:true");
    let error = soon(peer.call("x", ())).await.unwrap_err().to_string();
    assert!(error.contains("exit status: 0"), "{error}");
    let error = Server::builder().bind("exec:true").await.unwrap_err();
    assert!(error.to_string().contains("stdio:"), "{error}");
}

/// The error has the exit status of an `exec:` child and its last output, whether it has read, written, or neither.
#[tokio::test]
async fn a_child_that_fails_says_why() {
    let script = |script: &str| Endpoint::Exec {
        program: "sh".into(),
        args: vec!["-c".into(), script.into()],
    };
    for (child, status, said) in [
        (
            "echo 'no such thing' >&2; exit 3",
            "exit status: 3",
            "no such thing",
        ),
        ("exit 4", "exit status: 4", "printed nothing"),
        ("read -r x; echo late >&2; kill -9 $$", "signal: 9", "late"),
        (
            "yes 0123456789 | head -c 100000 >&2; echo last >&2; exit 5",
            "exit status: 5",
            "last`",
        ),
        // Another process still holds the child's output and standard error.
        ("sleep 3 & echo gone >&2; exit 6", "exit status: 6", "gone"),
    ] {
        for _ in 0..5 {
            let peer = connect(script(child)).await.unwrap();
            let error = soon(peer.call("x", "\n")).await.unwrap_err().to_string();
            assert!(error.contains(status) && error.contains(said), "{error}");
            assert!(error.len() < 2048, "{error}");
        }
    }
}

#[tokio::test]
async fn a_socket_has_the_permissions_that_were_asked_for() {
    let dir = std::env::temp_dir().join(format!("chirp-mode-{}", std::process::id()));
    fs::create_dir_all(&dir).unwrap();
    let path = dir.join("x.sock");
    for mode in [0o600, 0o666, 0o640] {
        let address = format!("unix://{}?mode={mode:o}", path.display());
        let endpoint: Endpoint = address.parse().unwrap();
        let listener = endpoint.listen().await.unwrap();
        assert_eq!(*listener.endpoint(), endpoint);
        let file = fs::metadata(&path).unwrap();
        assert_eq!(file.permissions().mode() & 0o777, mode);
        let taken = endpoint.listen().await.err().unwrap();
        assert_eq!(taken.kind(), ErrorKind::AddrInUse, "{taken}");
        assert_eq!(
            fs::read_dir(&dir).unwrap().count(),
            1,
            "nothing else is left"
        );
        endpoint.connect().await.unwrap();
        drop(listener);
        assert!(!path.exists());
        // A leftover socket is replaced here, too.
        drop(UnixListener::bind(&path).unwrap());
        drop(endpoint.listen().await.unwrap());
    }
    fs::remove_dir(dir).unwrap();
}

/// The longest path that a socket may have, next to leftovers of other processes.
#[tokio::test]
async fn a_socket_with_permissions_may_have_the_longest_path() {
    let dir = std::env::temp_dir().join(format!("chirp-long-{}", std::process::id()));
    fs::create_dir_all(&dir).unwrap();
    let long = dir.join("x".repeat(106 - dir.as_os_str().len()));
    assert_eq!(long.as_os_str().len(), 107);
    for path in [long, dir.join("x")] {
        // A killed process with the same id may have left temporary files.
        for count in 0..4 {
            let name = format!(".chirp-{}-{count}", std::process::id());
            fs::write(dir.join(name), "left over").unwrap();
        }
        let endpoint = Endpoint::Unix {
            path: path.clone(),
            mode: Some(0o600),
        };
        let mut listener = endpoint.listen().await.unwrap();
        let file = fs::metadata(&path).unwrap();
        assert_eq!(file.permissions().mode() & 0o777, 0o600);
        let (dialled, accepted) = tokio::join!(endpoint.connect(), listener.accept());
        dialled.unwrap();
        accepted.unwrap();
        drop(listener);
        assert!(!path.exists());
    }
    // A path that is one byte too long is an error with the reason.
    let endpoint = Endpoint::Unix {
        path: dir.join("x".repeat(107 - dir.as_os_str().len())),
        mode: Some(0o600),
    };
    let error = endpoint.listen().await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    fs::remove_dir_all(dir).unwrap();
}

/// If a listener does not accept, its backlog fills up. A connect then waits until there is space, or times out.
#[tokio::test]
async fn a_connect_waits_while_the_backlog_is_full() {
    let path = socket_path();
    let addresses = [
        format!("unix://{}", path.display()),
        format!("unix://@chirp-full-{}", std::process::id()),
    ];
    for address in addresses {
        let socket = tokio::net::UnixSocket::new_stream().unwrap();
        match address.parse().unwrap() {
            Endpoint::Abstract(name) => socket.bind(format!("\0{name}")).unwrap(),
            _ => socket.bind(&path).unwrap(),
        }
        let listener = socket.listen(1).unwrap();
        let builder = PeerBuilder::new().connect_timeout(Duration::from_millis(50));
        let mut waiting = Vec::new();
        let late = loop {
            match builder.connect(&address).await {
                Ok(peer) => waiting.push(peer),
                Err(error) => break error,
            }
        };
        assert!(matches!(late, ConnectError::Timeout { .. }), "{late}");
        assert!(!waiting.is_empty());
        let accepts = async {
            for _ in 0..=waiting.len() {
                listener.accept().await.unwrap();
            }
        };
        let builder = builder.connect_timeout(LONG);
        let (connected, ()) =
            soon(async { tokio::join!(builder.connect(&address), accepts) }).await;
        connected.unwrap();
    }
    fs::remove_file(path).unwrap();
}

/// Many listeners find the same leftover socket, and exactly one replaces it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leftover_socket_is_replaced_by_one_listener() {
    let path = socket_path();
    for _ in 0..50 {
        drop(UnixListener::bind(&path).unwrap());
        let endpoint: Endpoint = format!("unix://{}", path.display()).parse().unwrap();
        let binds = (0..8).map(|_| {
            let endpoint = endpoint.clone();
            tokio::spawn(async move { endpoint.listen().await })
        });
        let binds: Vec<_> = binds.collect();
        let mut bound = Vec::new();
        for bind in binds {
            match bind.await.unwrap() {
                Ok(listener) => bound.push(listener),
                Err(error) => assert_eq!(error.kind(), ErrorKind::AddrInUse, "{error}"),
            }
        }
        assert_eq!(bound.len(), 1);
        let (dialled, accepted) = tokio::join!(endpoint.connect(), bound[0].accept());
        dialled.unwrap();
        accepted.unwrap();
    }
    assert!(!path.exists());
}

#[tokio::test]
async fn a_socket_without_a_file() {
    let address = format!("unix://@chirp test {}", std::process::id());
    let endpoint: Endpoint = address.parse().unwrap();
    let refused = endpoint.connect().await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused, "{refused}");
    let mut listener = endpoint.listen().await.unwrap();
    assert_eq!(listener.endpoint().to_string(), address);
    let taken = endpoint.listen().await.err().unwrap();
    assert_eq!(taken.kind(), ErrorKind::AddrInUse, "{taken}");
    let (dialled, accepted) = tokio::join!(endpoint.connect(), listener.accept());
    assert!(dialled.unwrap().credentials().is_some());
    assert!(accepted.unwrap().credentials().is_some());
    drop(listener);
    endpoint.listen().await.unwrap();
}

/// Starts this test as a service manager would; the service answers on the sockets that it inherits.
#[tokio::test]
async fn sockets_from_a_service_manager_are_served() {
    const SERVICE: &str = "CHIRP_TEST_SERVICE";
    if std::env::var_os(SERVICE).is_some() {
        let mut listeners = from_socket_activation().unwrap().into_iter();
        assert_eq!(listeners.len(), 2);
        assert_eq!(
            from_socket_activation().err().unwrap().kind(),
            ErrorKind::AlreadyExists
        );
        let mut server = Server::builder()
            .handle("echo", crate::support::echo)
            .build()
            .unwrap();
        server = server.also_listen(listeners.next().unwrap());
        return server.also_listen(listeners.next().unwrap()).run().await;
    }
    assert!(
        from_socket_activation().unwrap().is_empty(),
        "nobody gave this one any"
    );
    let tcp = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let path = socket_path();
    let addresses = [
        format!("tcp://{}", tcp.local_addr().unwrap()),
        format!("unix://{}", path.display()),
    ];
    let unix = UnixListener::bind(&path).unwrap();
    let fds = [(OwnedFd::from(tcp), 3), (unix.into(), 4)];
    let fds = fds.map(|(parent_fd, child_fd)| FdMapping {
        parent_fd,
        child_fd,
    });
    // The shell executes the service in place, so that its process id is the service's.
    let mut command = Command::new("sh");
    let exec = "LISTEN_FDS=2 LISTEN_PID=$$ exec \"$0\" --exact addresses::sockets_from_a_service_manager_are_served";
    command
        .args(["-c", exec])
        .arg(std::env::current_exe().unwrap());
    command
        .env(SERVICE, "yes")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.fd_mappings(fds.into()).unwrap();
    let (idle, _others) = channel::pipes().unwrap();
    let (_channel, child) = Child::spawn_on(command, idle).unwrap();
    for address in addresses {
        let peer = soon(connect(&address)).await.unwrap();
        assert_eq!(soon(peer.call("echo", "x")).await.unwrap(), "x");
    }
    child.kill().unwrap();
    soon(child.wait()).await.unwrap();
    fs::remove_file(path).unwrap();
}
