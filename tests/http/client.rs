//! A client that sends what it is told, byte by byte.
#![allow(clippy::unwrap_used, reason = "a test may")]

use std::fmt::Write as _;
use std::net::SocketAddr;

use chirp::http::Gateway;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A response that has been read whole.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Response {
    /// Reads all bytes of a response.
    pub(crate) fn parse(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|at| at == b"\r\n\r\n");
        let end = end.unwrap_or_else(|| panic!("no head: {}", bytes.escape_ascii()));
        let head = str::from_utf8(&bytes[..end]).unwrap();
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap();
        let status = status.split(' ').nth(1).unwrap().parse().unwrap();
        let headers: Vec<_> = lines
            .map(|line| line.split_once(':').unwrap())
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let mut response = Self {
            status,
            headers,
            body: bytes[end + 4..].to_vec(),
        };
        if response.header("transfer-encoding") == Some("chunked") {
            response.body = unchunked(&response.body);
        }
        response
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let found = headers.find(|(header, _)| header == name);
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> &str {
        str::from_utf8(&self.body).unwrap()
    }

    /// The body as the JSON of an error.
    pub(crate) fn problem(&self) -> Value {
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json"),
            "{self:?}"
        );
        assert_eq!(self.header("cache-control"), Some("no-store"));
        let problem: Value = serde_json::from_slice(&self.body).unwrap();
        assert_eq!(problem["status"], self.status);
        problem
    }
}

/// Joins the chunks of a body, whose last one must be there.
fn unchunked(mut body: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    loop {
        let end = body.windows(2).position(|at| at == b"\r\n").unwrap();
        let length = str::from_utf8(&body[..end]).unwrap();
        let length = usize::from_str_radix(length, 16).unwrap();
        body = &body[end + 2..];
        if length == 0 {
            return whole;
        }
        whole.extend_from_slice(&body[..length]);
        body = &body[length + 2..];
    }
}

/// Nests a gateway in a program of axum, and returns its address.
pub(crate) async fn serve(gateway: Gateway) -> SocketAddr {
    let service = gateway.into_service().unwrap();
    let app = axum::Router::new().nest_service("/api", service);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

/// Sends bytes, and reads until the server closes the connection.
pub(crate) async fn raw(address: SocketAddr, request: impl AsRef<[u8]>) -> Vec<u8> {
    let mut socket = TcpStream::connect(address).await.unwrap();
    socket.write_all(request.as_ref()).await.unwrap();
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).await.unwrap();
    answer
}

/// Sends a request with these headers and this body.
pub(crate) async fn send(
    address: SocketAddr,
    line: &str,
    headers: &[(&str, &str)],
    body: impl AsRef<[u8]>,
) -> Response {
    let body = body.as_ref();
    let mut request = format!("{line} HTTP/1.1\r\nConnection: close\r\n");
    let mut add = |name: &str, value: &str| {
        // Writing to a string cannot fail.
        let _ = write!(request, "{name}: {value}\r\n");
    };
    if !headers
        .iter()
        .any(|(name, _)| name.eq_ignore_ascii_case("host"))
    {
        add("Host", &address.to_string());
    }
    add("Content-Length", &body.len().to_string());
    for (name, value) in headers {
        add(name, value);
    }
    request.push_str("\r\n");
    let mut bytes = request.into_bytes();
    bytes.extend_from_slice(body);
    Response::parse(&raw(address, bytes).await)
}

/// Calls a method with arguments in JSON.
pub(crate) async fn post(address: SocketAddr, method: &str, arguments: &str) -> Response {
    let json = [("Content-Type", "application/json")];
    send(
        address,
        &format!("POST /api/call/{method}"),
        &json,
        arguments,
    )
    .await
}
