//! `chirp gateway`, called by requests that are written by hand.

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpStream, UnixStream};
use tokio::process::Child;

use super::program::{LIMIT, chirp, command};
use super::scratch::Scratch;
use super::tools::ToolServer;

/// A gateway that runs, and the address that it has printed.
struct Gateway {
    child: Child,
    address: String,
}

impl Gateway {
    async fn start(arguments: &[&str]) -> Self {
        Self::start_as("gateway", arguments).await
    }

    /// Starts another command that listens.
    async fn start_as(command_name: &str, arguments: &[&str]) -> Self {
        let arguments = [&[command_name], arguments].concat();
        let mut child = command(&arguments).spawn().expect("the program starts");
        let stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        let line = stdout.lines().next_line().await.expect("a line");
        let line = line.expect("a line");
        let address = line.strip_prefix("listening on ").expect(&line).to_owned();
        Self { child, address }
    }

    async fn stop(mut self) {
        let id = i32::try_from(self.child.id().expect("a process")).expect("an id");
        let pid = rustix::process::Pid::from_raw(id).expect("an id");
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("a process");
        let status = tokio::time::timeout(LIMIT, self.child.wait()).await;
        assert!(status.expect("an end in time").expect("an end").success());
    }
}

/// Calls a method over a connection, and returns the whole response.
async fn call(
    socket: impl AsyncReadExt + AsyncWriteExt + Unpin,
    method: &str,
    body: &str,
) -> String {
    let head = format!("POST /call/{method} HTTP/1.1\r\nContent-Type: application/json\r\n");
    exchange(socket, &head, body).await
}

/// Sends a request, and returns the whole response.
async fn exchange(
    mut socket: impl AsyncReadExt + AsyncWriteExt + Unpin,
    head: &str,
    body: &str,
) -> String {
    let request = format!(
        "{head}Host: localhost\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    socket
        .write_all(request.as_bytes())
        .await
        .expect("a request is sent");
    let mut response = String::new();
    let read = socket.read_to_string(&mut response);
    let read = tokio::time::timeout(LIMIT, read).await;
    read.expect("a response in time").expect("a response");
    response
}

#[tokio::test]
async fn methods_are_called_over_http() {
    let server = ToolServer::start().await;
    let gateway = Gateway::start(&["http://127.0.0.1:0", &server.address]).await;
    let address = gateway.address.strip_prefix("http://").expect("an address");
    let address = address.trim_end_matches('/');
    let connect = async || TcpStream::connect(address).await.expect("a connection");
    let response = call(connect().await, "Tools.sum_diff", "[3,1]").await;
    assert!(response.starts_with("HTTP/1.1 200 "), "{response}");
    assert!(
        response.ends_with("\r\n\r\n{\"sum\":4,\"diff\":2}"),
        "{response}"
    );
    let response = call(connect().await, "Tools.count", "{\"to\":2}").await;
    assert!(response.contains("{\"end\":2}"), "{response}");
    let response = call(connect().await, "Tools.unknown", "").await;
    assert!(response.starts_with("HTTP/1.1 404 "), "{response}");
    gateway.stop().await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_gateway_without_descriptors_says_so() {
    use rustix::process::{Pid, Resource, Rlimit, prlimit};

    let server = ToolServer::start().await;
    let mut gateway = Gateway::start(&["http://127.0.0.1:0", &server.address]).await;
    let id = i32::try_from(gateway.child.id().expect("a process")).expect("an id");
    let limit = |limit: Rlimit| prlimit(Pid::from_raw(id), Resource::Nofile, limit);
    let (current, maximum) = (
        Some(3),
        rustix::process::getrlimit(Resource::Nofile).maximum,
    );
    let before = limit(Rlimit { current, maximum }).expect("a limit");
    let address = gateway.address.strip_prefix("http://").expect("an address");
    let address = address.trim_end_matches('/');
    let socket = TcpStream::connect(address).await.expect("a connection");
    let mut stderr = BufReader::new(gateway.child.stderr.take().expect("a pipe")).lines();
    let line = tokio::time::timeout(LIMIT, stderr.next_line()).await;
    let line = line.expect("a line in time").expect("a line");
    let line = line.expect("a line");
    assert!(
        line.contains("cannot accept a connection on tcp://"),
        "{line}"
    );
    limit(before).expect("a limit");
    let response = call(socket, "Tools.sum_diff", "[3,1]").await;
    assert!(response.starts_with("HTTP/1.1 200 "), "{response}");
    gateway.stop().await;
}

#[tokio::test]
async fn results_are_streams_at_urls() {
    let server = ToolServer::start().await;
    let options = ["--stream-urls", "--public-url", "https://example.com/api"];
    let arguments = [&options[..], &["http://127.0.0.1:0", &server.address]].concat();
    let gateway = Gateway::start(&arguments).await;
    let address = gateway.address.strip_prefix("http://").expect("an address");
    let address = address.trim_end_matches('/');
    let connect = async || TcpStream::connect(address).await.expect("a connection");
    let head = "POST /call/Tools.count HTTP/1.1\r\nContent-Type: application/json\r\nChirp-Stream: url\r\n";
    let response = exchange(connect().await, head, "{\"to\":2}").await;
    assert!(response.starts_with("HTTP/1.1 201 "), "{response}");
    let url = response.split_once("\"https://example.com/api");
    let (path, _) = url.expect(&response).1.split_once('"').expect("its end");
    let head = format!("GET {path} HTTP/1.1\r\n");
    let response = exchange(connect().await, &head, "").await;
    assert!(response.contains("{\"end\":2}"), "{response}");
    gateway.stop().await;
}

#[tokio::test]
async fn a_gateway_is_between_unix_sockets() {
    let dir = Scratch::new("gateway");
    let target = format!("unix://{}", dir.path("target.sock"));
    let server = ToolServer::start_with(chirp::Server::builder().reflect(), &target).await;
    let path = dir.path("gateway.sock");
    let gateway = Gateway::start(&[&format!("unix://{path}"), &server.address]).await;
    let socket = UnixStream::connect(&path).await.expect("a connection");
    let response = call(socket, "Tools.sum_diff", "[3,1]").await;
    assert!(
        response.ends_with("\r\n\r\n{\"sum\":4,\"diff\":2}"),
        "{response}"
    );
    gateway.stop().await;
}

#[tokio::test]
async fn a_gateway_starts_before_its_target_and_says_that_it_is_missing() {
    let dir = Scratch::new("gateway-early");
    let target = format!("unix://{}", dir.path("target.sock"));
    let path = dir.path("gateway.sock");
    let listen = format!("unix://{path}");
    let gateway = Gateway::start(&[&listen, &target, "--timeout", "100ms"]).await;
    let connect = async || UnixStream::connect(&path).await.expect("a connection");
    let response = call(connect().await, "Tools.sum_diff", "[3,1]").await;
    assert!(response.starts_with("HTTP/1.1 503 "), "{response}");
    assert!(response.contains("retry-after: 1"), "{response}");
    let _server = ToolServer::start_with(chirp::Server::builder().reflect(), &target).await;
    // The gateway tries again by itself.
    let mut status = String::new();
    while !status.starts_with("HTTP/1.1 200 ") {
        status = call(connect().await, "Tools.sum_diff", "[3,1]").await;
    }
    gateway.stop().await;
}

#[tokio::test]
async fn methods_behind_a_gateway_are_listed_and_called() {
    let server = ToolServer::start().await;
    let gateway = Gateway::start(&["http://127.0.0.1:0", &server.address]).await;
    let address = &*gateway.address.clone();
    let run = chirp(&["ls", address]).await;
    assert!(run.ok().contains("  Tools.nothing()\n"), "{run:?}");
    let run = chirp(&["call", address, "Tools.sum_diff", "a=3", "b=1"]).await;
    assert_eq!(run.ok(), "{\"sum\":4,\"diff\":2}\n");
    let run = chirp(&["call", address, "Tools.count", "to=2"]).await;
    assert_eq!(run.ok(), "1\n2\n");
    let run = chirp(&["call", address, "Tools.unknown"]).await;
    run.failed(6);
    let run = chirp(&["ls", address, "--ca", "ca.pem"]).await;
    assert!(run.failed(2).contains("--ca needs an address"), "{run:?}");
    let run = chirp(&["ls", &format!("{address}elsewhere")]).await;
    assert!(run.failed(3).contains("/openapi.json"), "{run:?}");
    // A gateway of a gateway, and a proxy on a Unix socket.
    let second = Gateway::start(&["http://127.0.0.1:0", address]).await;
    let run = chirp(&["call", &second.address, "Tools.sum_diff", "a=3", "b=1"]).await;
    assert_eq!(run.ok(), "{\"sum\":4,\"diff\":2}\n");
    let dir = Scratch::new("proxy");
    let listen = format!("unix://{}", dir.path("proxy.sock"));
    let proxy = Gateway::start_as("proxy", &[&listen, address]).await;
    assert_eq!(proxy.address, listen);
    let run = chirp(&["ls", &listen]).await;
    assert!(run.ok().contains("  Tools.nothing()\n"), "{run:?}");
    let run = chirp(&["call", &listen, "Tools.count", "to=2"]).await;
    assert_eq!(run.ok(), "1\n2\n");
    proxy.stop().await;
    second.stop().await;
    gateway.stop().await;
    let run = chirp(&["ls", address]).await;
    run.failed(3);
    let run = chirp(&["proxy", "tcp://0.0.0.0:0", address]).await;
    assert!(run.failed(2).contains("say so with --open"), "{run:?}");
}

#[tokio::test]
async fn mistakes_on_the_command_line_are_reported() {
    let run = chirp(&["gateway", "http://0.0.0.0:0", "tcp://127.0.0.1:1"]).await;
    assert!(run.failed(2).contains("say so with --open"), "{run:?}");
    assert!(run.failed(2).contains("http://0.0.0.0:0"), "{run:?}");
    let run = chirp(&["proxy", "http://127.0.0.1:0", "tcp://127.0.0.1:1"]).await;
    assert!(run.failed(2).contains("chirp gateway"), "{run:?}");
    let run = chirp(&["gateway", "http://127.0.0.1:0"]).await;
    assert!(run.failed(2).contains("TARGET"), "{run:?}");
    let run = chirp(&["gateway", "tcp://127.0.0.1:x", "tcp://127.0.0.1:1"]).await;
    run.failed(2);
    let run = chirp(&["gateway", "http://127.0.0.1:0", "tcp://127.0.0.1:x"]).await;
    run.failed(2);
    let nonsense = ["--fetch", "files.example.com", "http://127.0.0.1:0"];
    let run = chirp(&[&["gateway"], &nonsense[..], &["tcp://127.0.0.1:1"]].concat()).await;
    run.failed(2);
    let server = ToolServer::start().await;
    let used = server.address.replace("tcp://", "http://");
    let run = chirp(&["gateway", &used, &server.address]).await;
    assert!(run.failed(3).contains("cannot listen on"), "{run:?}");
}

#[tokio::test]
async fn responses_are_posted_to_hooks_and_requests_kept_in_a_file() {
    let server = ToolServer::start().await;
    let hook = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let url = format!("http://{}", hook.local_addr().expect("an address"));
    let dir = Scratch::new("gateway-hooks");
    let secrets = dir.file("secrets", b"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n\n");
    let file = dir.path("requests");
    let options = [
        "--hook",
        &url,
        "--hook-secrets",
        &secrets,
        "--requests-file",
        &file,
    ];
    let arguments = [&["http://127.0.0.1:0", &server.address], &options[..]].concat();
    let gateway = Gateway::start(&arguments).await;
    let address = gateway.address.strip_prefix("http://").expect("an address");
    let address = address.trim_end_matches('/');
    let socket = TcpStream::connect(address).await.expect("a connection");
    let head = format!(
        "POST /call/Tools.sum_diff HTTP/1.1\r\nContent-Type: application/json\r\nChirp-Respond-To: {url}/done\r\n"
    );
    let response = exchange(socket, &head, "[3,1]").await;
    assert!(response.starts_with("HTTP/1.1 202 "), "{response}");
    let (mut socket, _) = tokio::time::timeout(LIMIT, hook.accept())
        .await
        .expect("in time")
        .expect("a connection");
    let mut posted = Vec::new();
    while !posted.ends_with(b"}}") {
        let read = tokio::time::timeout(LIMIT, socket.read_buf(&mut posted)).await;
        assert_ne!(read.expect("in time").expect("bytes"), 0);
    }
    let posted = String::from_utf8(posted).expect("text");
    assert!(posted.starts_with("POST /done HTTP/1.1\r\n"), "{posted}");
    assert!(posted.contains("webhook-signature: v1,"), "{posted}");
    assert!(
        posted.ends_with("\"result\":{\"sum\":4,\"diff\":2}}"),
        "{posted}"
    );
    socket
        .write_all(b"HTTP/1.1 204 No Content\r\n\r\n")
        .await
        .expect("sent");
    gateway.stop().await;
    assert!(std::fs::metadata(&file).expect("a file").len() > 0);
}

#[tokio::test]
async fn invalid_hooks_and_secrets_are_reported() {
    let dir = Scratch::new("gateway-wrong-hooks");
    let empty = dir.file("empty", b"\n");
    let weak = dir.file("weak", b"whsec_AAAA\n");
    let good = dir.file("good", b"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n");
    for (options, text) in [
        (["--hook", "hooks.example.com"], "hooks.example.com"),
        (["--hook-network", "10.0.0.0/99"], "10.0.0.0/99"),
        (["--hook-network", "10.0.0.0/8"], "--hook"),
        (["--fetch-network", "10.0.0.0/8"], "--fetch"),
        (["--hook-folder", "relative"], "relative"),
        (["--hook-secrets", &*good], "--hook"),
        (["--public-url", "gateway.example.com"], "not a URL"),
        (["--hook-secrets", &*empty], "no secret"),
        (["--hook-secrets", &*weak], "24 to 64 bytes"),
        (["--hook-secrets", "/nonexistent/file"], "/nonexistent/file"),
        (
            ["--requests-file", "/nonexistent/file"],
            "/nonexistent/file",
        ),
    ] {
        let arguments = [
            &[
                "gateway",
                "http://127.0.0.1:0",
                "unix:///nonexistent.sock",
                "--deferred",
            ],
            &options[..],
        ]
        .concat();
        let run = chirp(&arguments).await;
        assert_eq!(run.code, Some(2), "{options:?}: {}", run.stderr);
        assert!(run.stderr.contains(text), "{options:?}: {}", run.stderr);
    }
}
