//! A gateway with an address of its own, and what clients do to it.
#![allow(clippy::unwrap_used, reason = "a test may")]

use std::io;
use std::net::SocketAddr;
use std::panic::panic_any;
use std::time::Duration;

use chirp::AcceptError;
use chirp::AccessPolicy;
use chirp::Endpoint;
use chirp::channel::{Channel, Incoming, Listener};
use chirp::http::{BindError, Gateway};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::{mpsc, oneshot};

use crate::client::{Response, raw};
use crate::services::{ArithMethods, ArithServer, Calculator, Flows};
use crate::support::{in_time, socket_path};

fn gateway() -> Gateway {
    Gateway::new().service(Calculator::server())
}

async fn start(gateway: Gateway) -> SocketAddr {
    let server = gateway.bind("http://127.0.0.1:0/").await.unwrap();
    let Endpoint::Tcp { host, port } = server.endpoint() else {
        panic!("not TCP: {}", server.endpoint());
    };
    let address = format!("{host}:{port}").parse().unwrap();
    tokio::spawn(server.run());
    address
}

/// A request for a sum, with more headers.
fn sum(host: impl std::fmt::Display, headers: &str) -> String {
    call(host, "Arith.sum_diff", "[1,2]", headers)
}

fn call(host: impl std::fmt::Display, method: &str, body: &str, headers: &str) -> String {
    format!(
        "POST /call/{method} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n{headers}\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

const CLOSE: &str = "Connection: close\r\n";

async fn read_to_end(socket: &mut (impl AsyncReadExt + Unpin)) -> Vec<u8> {
    let mut answer = Vec::new();
    in_time(socket.read_to_end(&mut answer)).await.unwrap();
    answer
}

#[tokio::test]
async fn requests_are_answered_in_order_on_one_connection() {
    let address = start(gateway()).await;
    let first = call(address, "Arith.sum_diff", "[10,2]", "");
    let answer = raw(address, first + &sum(address, CLOSE)).await;
    let text = str::from_utf8(&answer).unwrap();
    let at = |part: &str| text.find(part).unwrap_or_else(|| panic!("{text}"));
    assert!(at(r#"{"sum":12,"diff":8}"#) < at(r#"{"sum":3,"diff":-1}"#));
}

#[tokio::test]
async fn http_1_0_is_answered_and_needs_a_host() {
    let address = start(gateway()).await;
    let request = |host: &str| {
        let line = "POST /call/Arith.sum_diff HTTP/1.0\r\nContent-Type: application/json\r\n";
        format!("{line}{host}Content-Length: 5\r\n\r\n[1,2]")
    };
    let response = Response::parse(&raw(address, request("Host: localhost\r\n")).await);
    assert_eq!(
        (response.status, response.text()),
        (200, r#"{"sum":3,"diff":-1}"#)
    );
    assert_eq!(
        Response::parse(&raw(address, request("")).await).status,
        400
    );
}

#[tokio::test]
async fn a_client_that_closes_its_half_gets_the_response() {
    let address = start(gateway()).await;
    let mut socket = TcpStream::connect(address).await.unwrap();
    let request = sum(address, "");
    socket.write_all(request.as_bytes()).await.unwrap();
    socket.shutdown().await.unwrap();
    let answer = read_to_end(&mut socket).await;
    assert_eq!(Response::parse(&answer).text(), r#"{"sum":3,"diff":-1}"#);
}

#[tokio::test]
async fn a_client_that_goes_away_cancels_its_call() {
    for (close_timeout, is_reset) in [(20, false), (60_000, true)] {
        let (calculator, mut notes) = Calculator::new();
        let gateway = Gateway::new()
            .service(ArithServer::new(calculator))
            .half_close_timeout(Duration::from_millis(close_timeout));
        let address = start(gateway).await;
        let mut socket = TcpStream::connect(address).await.unwrap();
        let request = call(address, "Arith.wait", "", "");
        socket.write_all(request.as_bytes()).await.unwrap();
        assert_eq!(in_time(notes.recv()).await.unwrap(), "waiting");
        if is_reset {
            socket.set_zero_linger().unwrap();
        }
        drop(socket);
        assert_eq!(in_time(notes.recv()).await.unwrap(), "dropped");
    }
}

#[tokio::test]
async fn a_body_is_what_its_length_says() {
    let (calculator, mut notes) = Calculator::new();
    let gateway = Gateway::new().service(ArithServer::new(calculator));
    let address = start(gateway).await;
    let head = format!(
        "POST /call/Arith.note HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n"
    );
    // More than is sent, and lengths that are no numbers or contradict each other.
    for rest in [
        "Content-Length: 100\r\n\r\n[\"x\"]",
        "Content-Length: x\r\n\r\n[\"x\"]",
        "Content-Length: -1\r\n\r\n[\"x\"]",
        "Content-Length: 5\r\nContent-Length: 6\r\n\r\n[\"x\"] ",
        "Transfer-Encoding: chunked\r\n\r\nx\r\n[\"x\"]\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n5\r\n[\"x\"]",
        "Transfer-Encoding: gzip\r\n\r\n[\"x\"]",
    ] {
        let mut socket = TcpStream::connect(address).await.unwrap();
        let request = format!("{head}{CLOSE}{rest}");
        socket.write_all(request.as_bytes()).await.unwrap();
        socket.shutdown().await.unwrap();
        let answer = read_to_end(&mut socket).await;
        assert!(!answer.starts_with(b"HTTP/1.1 2"), "{rest:?}");
        assert!(notes.try_recv().is_err(), "{rest:?}");
    }
    // Less than is sent: the rest is not a part of the arguments, and no request.
    let request = format!("{head}Content-Length: 5\r\n\r\n[\"x\"]garbage\r\n\r\n");
    let answer = raw(address, request).await;
    assert!(answer.starts_with(b"HTTP/1.1 202"));
    assert_eq!(in_time(notes.recv()).await.unwrap(), "x");
    assert!(notes.try_recv().is_err());
}

#[tokio::test]
async fn a_request_has_one_length() {
    let (calculator, mut notes) = Calculator::new();
    let gateway = Gateway::new().service(ArithServer::new(calculator));
    let address = start(gateway).await;
    // A proxy that reads the length where the gateway reads chunks would let a second request through.
    let hidden = call(address, "Arith.note", "[\"hidden\"]", "");
    let body = format!("0\r\n\r\n{hidden}");
    let request = format!(
        "POST /call/Arith.nothing HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         Transfer-Encoding: chunked\r\n\r\n{body}",
        body.len()
    );
    let mut socket = TcpStream::connect(address).await.unwrap();
    socket.write_all(request.as_bytes()).await.unwrap();
    socket.shutdown().await.unwrap();
    read_to_end(&mut socket).await;
    assert!(notes.try_recv().is_err());
}

#[tokio::test]
async fn a_head_is_limited_in_time_and_size() {
    let gateway = gateway().header_timeout(Duration::from_millis(100));
    let address = start(gateway).await;
    // Nothing, a part of a head, and nothing after a request.
    for sent in ["", "POST /call", &sum(address, "")] {
        let mut socket = TcpStream::connect(address).await.unwrap();
        socket.write_all(sent.as_bytes()).await.unwrap();
        read_to_end(&mut socket).await;
    }
    let long = format!("X: {}\r\n", "x".repeat(1_000_000));
    let many = "X: x\r\n".repeat(200);
    for headers in [many, long] {
        let mut socket = TcpStream::connect(address).await.unwrap();
        // The server may close the connection while the rest is sent.
        let _ = socket.write_all(sum(address, &headers).as_bytes()).await;
        let mut answer = Vec::new();
        let _ = in_time(socket.read_to_end(&mut answer)).await;
        assert!(
            answer.is_empty() || answer.starts_with(b"HTTP/1.1 431"),
            "{}",
            answer.escape_ascii()
        );
    }
}

#[tokio::test]
async fn connections_over_the_limit_wait() {
    let address = start(gateway().max_connections(1)).await;
    let mut first = TcpStream::connect(address).await.unwrap();
    first.write_all(sum(address, "").as_bytes()).await.unwrap();
    first.read_exact(&mut [0; 12]).await.unwrap();
    let second = tokio::spawn(raw(address, sum(address, CLOSE)));
    // The first connection is idle, and the second one is not served before the first is closed.
    first
        .write_all(sum(address, CLOSE).as_bytes())
        .await
        .unwrap();
    read_to_end(&mut first).await;
    let answer = in_time(second).await.unwrap();
    assert_eq!(Response::parse(&answer).status, 200);
}

/// Some send nothing, and some a head that never ends.
#[tokio::test]
async fn silent_connections_make_room() {
    let gateway = gateway().header_timeout(Duration::from_hours(1));
    let address = start(gateway.max_connections(2)).await;
    let mut called = TcpStream::connect(address).await.unwrap();
    called.write_all(sum(address, "").as_bytes()).await.unwrap();
    called.read_exact(&mut [0; 12]).await.unwrap();
    let mut silent = Vec::new();
    for sent in ["", "POST /call/Arith.sum_diff HTTP/1.1\r\nX: ", "", "POST"] {
        let mut socket = TcpStream::connect(address).await.unwrap();
        socket.write_all(sent.as_bytes()).await.unwrap();
        silent.push(socket);
    }
    let answer = in_time(raw(address, sum(address, CLOSE))).await;
    assert_eq!(Response::parse(&answer).status, 200);
    for mut socket in silent {
        // It may have been reset, for what it has sent.
        let _ = in_time(socket.read_to_end(&mut Vec::new())).await;
    }
    // One that has called is kept.
    called
        .write_all(sum(address, CLOSE).as_bytes())
        .await
        .unwrap();
    let answer = read_to_end(&mut called).await;
    assert!(str::from_utf8(&answer).unwrap().contains("HTTP/1.1 200 "));
}

#[tokio::test]
async fn silent_connections_make_room_when_files_run_out() {
    const EMFILE: i32 = 24;
    let (ours, mut silent) = tokio::io::duplex(64);
    let script = vec![
        Err(io::Error::from_raw_os_error(EMFILE)),
        Ok(Channel::io(ours).into()),
    ];
    let scripted = Scripted("inproc://scripted".parse().unwrap(), script);
    let gateway = gateway().header_timeout(Duration::from_hours(1));
    tokio::spawn(gateway.serve(Box::new(scripted)).unwrap().run());
    assert!(read_to_end(&mut silent).await.is_empty());
}

/// A listener with scripted results, which then stays pending.
struct Scripted(Endpoint, Vec<io::Result<Incoming>>);

#[async_trait::async_trait]
impl Listener for Scripted {
    fn endpoint(&self) -> &Endpoint {
        &self.0
    }

    async fn accept(&mut self) -> io::Result<Channel> {
        unreachable!("a server asks for what is incoming")
    }

    async fn incoming(&mut self) -> io::Result<Option<Incoming>> {
        match self.1.pop() {
            Some(next) => next.map(Some),
            None => std::future::pending().await,
        }
    }
}

/// The payload of a panic.
struct PanicsOnDrop;

impl Drop for PanicsOnDrop {
    fn drop(&mut self) {
        panic!("the payload's");
    }
}

#[tokio::test]
async fn a_gateway_tells_why_a_connection_is_not_accepted() {
    const EMFILE: i32 = 24;
    let (ours, mut theirs) = tokio::io::duplex(1 << 10);
    let refused = async { Err(io::Error::other("who are you?")) };
    let script = vec![
        Ok(Channel::io(ours).into()),
        Ok(Incoming::unfinished(None, refused)),
        Err(io::Error::from_raw_os_error(EMFILE)),
    ];
    let (errors, mut told) = mpsc::unbounded_channel();
    let gateway = gateway().on_accept_error(move |error| {
        errors.send(error.clone()).unwrap();
        panic_any(PanicsOnDrop);
    });
    let scripted = Scripted("inproc://scripted".parse().unwrap(), script);
    tokio::spawn(gateway.serve(Box::new(scripted)).unwrap().run());
    theirs
        .write_all(sum("localhost", CLOSE).as_bytes())
        .await
        .unwrap();
    let answer = read_to_end(&mut theirs).await;
    assert_eq!(Response::parse(&answer).status, 200);
    let mut all = [
        in_time(told.recv()).await.unwrap(),
        in_time(told.recv()).await.unwrap(),
    ];
    // The handshake has a task of its own.
    all.sort_by_key(|error| matches!(error, AcceptError::Handshake { .. }));
    let [failed, handshake] = all.map(|error| error.to_string());
    assert!(
        failed.starts_with("cannot accept a connection on inproc://scripted: "),
        "{failed}"
    );
    assert!(
        handshake.ends_with("handshake failed: who are you?"),
        "{handshake}"
    );
}

#[tokio::test]
async fn a_server_knows_its_url() {
    let server = gateway().bind("http://127.0.0.1:0").await.unwrap();
    let Endpoint::Tcp { port, .. } = server.endpoint() else {
        panic!("not TCP: {}", server.endpoint());
    };
    let url = format!("http://127.0.0.1:{port}");
    assert_eq!(server.url(), Some(url));
    let server = gateway().bind("inproc://a_server_knows_its_url").await;
    assert_eq!(server.unwrap().url(), None);
}

#[cfg(unix)]
#[tokio::test]
async fn the_url_of_a_unix_socket_holds_its_path() {
    let path = socket_path();
    let server = gateway().bind(&format!("unix://{}", path.display())).await;
    let encoded = path.to_str().unwrap().replace('/', "%2F");
    assert_eq!(
        server.unwrap().url(),
        Some(format!("http+unix://{encoded}"))
    );
}

#[cfg(unix)]
#[tokio::test]
async fn the_user_of_a_unix_socket_is_the_caller() {
    let path = socket_path();
    let own = own_user();
    for (allowed, status) in [(own, 200), (own + 1, 403)] {
        let access =
            AccessPolicy::new().allow([ArithMethods::SUM_DIFF], move |who| who.is_user(allowed));
        let server = gateway().access(access);
        let server = server.bind(&format!("unix://{}", path.display())).await;
        let (stop, stopped) = oneshot::channel::<()>();
        let server = tokio::spawn(server.unwrap().run_until(async {
            let _ = stopped.await;
        }));
        let mut socket = UnixStream::connect(&path).await.unwrap();
        let request = sum("localhost", CLOSE);
        socket.write_all(request.as_bytes()).await.unwrap();
        let answer = read_to_end(&mut socket).await;
        assert_eq!(Response::parse(&answer).status, status);
        stop.send(()).unwrap();
        in_time(server).await.unwrap();
    }
}

/// The user of this process, as a socket reports it.
#[cfg(unix)]
fn own_user() -> u32 {
    let (one, _other) = UnixStream::pair().unwrap();
    one.peer_cred().unwrap().uid()
}

#[tokio::test]
async fn other_machines_are_let_in_only_if_that_is_said() {
    for address in [
        "tcp://0.0.0.0:0",
        "tcp://:0",
        "http://[::]:0",
        "tcp://192.0.2.1:0",
    ] {
        let error = gateway().bind(address).await.unwrap_err();
        assert!(matches!(error, BindError::Open(_)), "{address}: {error}");
    }
    for address in [
        "tcp://127.0.0.1:0",
        "tcp://localhost:0",
        "http://127.9.9.9:0",
    ] {
        gateway().bind(address).await.unwrap();
    }
    gateway().open().bind("tcp://0.0.0.0:0").await.unwrap();
    for address in ["ftp://127.0.0.1:0", "http://", "tcp://127.0.0.1:x"] {
        assert!(gateway().bind(address).await.is_err(), "{address}");
    }
}

#[tokio::test]
async fn a_shutdown_lets_requests_end_within_its_timeout() {
    for (timeout, is_answered) in [(60_000, true), (10, false)] {
        let (calculator, mut notes) = Calculator::new();
        let gateway = Gateway::new()
            .service(ArithServer::new(calculator))
            .shutdown_timeout(Duration::from_millis(timeout));
        let server = gateway.bind("tcp://127.0.0.1:0").await.unwrap();
        let address = server.endpoint().to_string();
        let address: SocketAddr = address.strip_prefix("tcp://").unwrap().parse().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        // Any future will do, whatever its output is.
        let server = tokio::spawn(server.run_until(stopped));
        let limit = format!("Chirp-Timeout: 200ms\r\n{CLOSE}");
        let request = call(address, "Arith.wait", "", &limit);
        let mut socket = TcpStream::connect(address).await.unwrap();
        // An idle connection is closed at once.
        let mut idle = TcpStream::connect(address).await.unwrap();
        socket.write_all(request.as_bytes()).await.unwrap();
        assert_eq!(in_time(notes.recv()).await.unwrap(), "waiting");
        stop.send(()).unwrap();
        assert!(read_to_end(&mut idle).await.is_empty());
        let answer = read_to_end(&mut socket).await;
        assert_eq!(answer.starts_with(b"HTTP/1.1 504"), is_answered);
        in_time(server).await.unwrap();
        assert!(TcpStream::connect(address).await.is_err());
    }
}

#[tokio::test]
async fn a_gateway_that_drains_refuses_calls() {
    let service = gateway().into_service().unwrap();
    let drained = service.clone();
    drained.drain();
    let request = http::Request::post("http://localhost/call/Arith.nothing")
        .header("content-type", "application/json")
        .body(String::new())
        .unwrap();
    let response = tower::ServiceExt::oneshot(service, request).await.unwrap();
    assert_eq!(response.status(), 503);
    assert_eq!(response.headers()["retry-after"], "1");
    assert_eq!(response.headers()["connection"], "close");
}

#[tokio::test]
async fn a_response_that_is_not_read_holds_nothing_for_ever() {
    let short = Duration::from_millis(50);
    let gateway = Gateway::new()
        .service(Calculator::server())
        .service(Flows::server())
        .max_connections(1)
        .write_timeout(short)
        .max_stream_time(short);
    let address = start(gateway).await;
    // A stream, and a whole result that is larger than what the system keeps.
    let data = format!("[\"{}\"]", "A".repeat(3 << 20));
    let unread = [
        call(address, "Flow.zeros", "[1000000,65536]", ""),
        call(address, "Arith.reversed", &data, "").repeat(8),
    ];
    for request in unread {
        let mut socket = TcpStream::connect(address).await.unwrap();
        // The server stops reading when it cannot write.
        let _ = socket.write_all(request.as_bytes()).await;
        // The next connection is served once this one has been closed.
        let answer = raw(address, sum(address, CLOSE)).await;
        assert_eq!(Response::parse(&answer).text(), r#"{"sum":3,"diff":-1}"#);
    }
}
