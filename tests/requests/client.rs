//! A client of HTTP that sends what it is told, over TCP and Unix sockets.
#![allow(clippy::unwrap_used, reason = "a test may")]

use std::fmt::Write as _;
use std::path::PathBuf;

use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};

/// A response that has been read until the server closed the connection.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// Whether the body has the length that it says, or its last chunk.
    pub(crate) is_complete: bool,
}

impl Response {
    fn parse(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|at| at == b"\r\n\r\n");
        let end = end.unwrap_or_else(|| panic!("no head: {}", bytes.escape_ascii()));
        let head = str::from_utf8(&bytes[..end]).unwrap();
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap();
        let headers: Vec<_> = lines
            .map(|line| line.split_once(':').unwrap())
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let body = &bytes[end + 4..];
        let mut response = Self {
            status: status.parse().unwrap(),
            headers,
            body: Vec::new(),
            is_complete: true,
        };
        if response.header("transfer-encoding") == Some("chunked") {
            (response.body, response.is_complete) = unchunked(body);
        } else {
            let length = response.header("content-length");
            let length: Option<usize> = length.map(|length| length.parse().unwrap());
            response.is_complete = length.is_none_or(|length| length == body.len());
            response.body = body.to_vec();
        }
        response
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let found = headers.find(|(header, _)| header == name);
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }
}

/// Joins the chunks of a body. The second value says whether its last one is there.
fn unchunked(mut body: &[u8]) -> (Vec<u8>, bool) {
    let mut whole = Vec::new();
    while let Some(end) = body.windows(2).position(|at| at == b"\r\n") {
        let length = str::from_utf8(&body[..end]).unwrap();
        let length = usize::from_str_radix(length, 16).unwrap();
        body = &body[end + 2..];
        if length == 0 {
            return (whole, true);
        }
        if body.len() < length + 2 {
            whole.extend_from_slice(&body[..length.min(body.len())]);
            break;
        }
        whole.extend_from_slice(&body[..length]);
        body = &body[length + 2..];
    }
    (whole, false)
}

pub(crate) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// Connects to the server of a URL with the scheme `http`, `unix` or `http+unix`. Returns the connection, the host and the path.
pub(crate) async fn connect(url: &str) -> (Box<dyn Io>, String, String) {
    if let Some(path) = url.strip_prefix("unix:") {
        let socket = UnixStream::connect(path).await.unwrap();
        return (Box::new(socket), "localhost".to_owned(), "/".to_owned());
    }
    let (scheme, rest) = url.split_once("://").unwrap();
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let path = if path.is_empty() { "/" } else { path }.to_owned();
    if scheme == "http+unix" {
        let socket = PathBuf::from(host.replace("%2F", "/"));
        let socket = UnixStream::connect(socket).await.unwrap();
        return (Box::new(socket), "localhost".to_owned(), path);
    }
    assert_eq!(scheme, "http", "{url}");
    let socket = TcpStream::connect(host).await.unwrap();
    (Box::new(socket), host.to_owned(), path)
}

/// Sends a request, and returns the connection.
pub(crate) async fn start(
    method: &str,
    url: &str,
    headers: &[(&str, &str)],
    body: impl AsRef<[u8]>,
) -> Box<dyn Io> {
    let (mut socket, host, path) = connect(url).await;
    let body = body.as_ref();
    let mut head = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n");
    if !headers
        .iter()
        .any(|(name, _)| name.eq_ignore_ascii_case("host"))
    {
        write!(head, "Host: {host}\r\n").unwrap();
    }
    if method != "GET" && method != "HEAD" {
        write!(head, "Content-Length: {}\r\n", body.len()).unwrap();
    }
    for (name, value) in headers {
        write!(head, "{name}: {value}\r\n").unwrap();
    }
    head.push_str("\r\n");
    socket.write_all(head.as_bytes()).await.unwrap();
    socket.write_all(body).await.unwrap();
    socket
}

/// Sends a request, and reads until the server closes the connection.
pub(crate) async fn send(
    method: &str,
    url: &str,
    headers: &[(&str, &str)],
    body: impl AsRef<[u8]>,
) -> Response {
    let mut socket = start(method, url, headers, body).await;
    let mut answer = Vec::new();
    // A body that is cut may end with a reset.
    let _ = socket.read_to_end(&mut answer).await;
    let mut response = Response::parse(&answer);
    if method == "HEAD" {
        response.is_complete = response.body.is_empty();
    }
    response
}

pub(crate) async fn get(url: &str) -> Response {
    send("GET", url, &[], "").await
}

/// Posts JSON.
pub(crate) async fn post(url: &str, headers: &[(&str, &str)], json: &str) -> Response {
    let mut all = vec![("Content-Type", "application/json")];
    all.extend_from_slice(headers);
    send("POST", url, &all, json).await
}
