//! A client and a server that write bytes by hand, and a served echo.

use std::time::Duration;

use chirp::channel::{Channel, Endpoint, Listener, OtherAddress, Scheme};
use chirp::websocket::WebSocket;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The key of every handshake here, and the answer to it (RFC 6455, 1.3).
pub(crate) const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
pub(crate) const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// The headers that every handshake needs.
pub(crate) const UPGRADE: &str = "Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Version: 13\r\n\
                                  Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

pub(crate) const BINARY: u8 = 0x82;
pub(crate) const TEXT: u8 = 0x81;
pub(crate) const CLOSE: u8 = 0x88;
pub(crate) const PING: u8 = 0x89;
pub(crate) const PONG: u8 = 0x8A;

pub(crate) fn other(text: &str) -> OtherAddress {
    match text.parse() {
        Ok(Endpoint::Other(address)) => address,
        parsed => panic!("{text} is {parsed:?}"),
    }
}

/// Listens on a free port. Returns the listener and `host:port`.
pub(crate) async fn listen(socket: &WebSocket) -> (Box<dyn Listener>, String) {
    let listener = socket
        .listen(&other("ws://127.0.0.1:0/chirp"))
        .await
        .unwrap();
    let address = listener.endpoint().to_string();
    let address = address.strip_prefix("ws://").unwrap();
    (listener, address.strip_suffix("/chirp").unwrap().to_owned())
}

/// A handshake that a server accepts by default.
pub(crate) fn handshake(host: &str) -> String {
    format!(
        "GET /chirp HTTP/1.1\r\nHost: {host}\r\n{UPGRADE}Sec-WebSocket-Protocol: chirp.v0\r\n\r\n"
    )
}

/// Reads the head of an HTTP message.
pub(crate) async fn read_head(io: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(io.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

/// A frame of a client with a mask, or of a server without.
pub(crate) fn frame(first: u8, payload: &[u8], is_client: bool) -> Vec<u8> {
    let mask = if is_client { 0x80 } else { 0 };
    let mut frame = vec![first];
    match payload.len() {
        short @ ..126 => frame.push(mask | u8::try_from(short).unwrap()),
        medium @ ..65536 => {
            frame.push(mask + 126);
            frame.extend(u16::try_from(medium).unwrap().to_be_bytes());
        }
        long => {
            frame.push(mask + 127);
            frame.extend((long as u64).to_be_bytes());
        }
    }
    if is_client {
        let key = [0xA5, 0x5A, 0xFF, 0x01];
        frame.extend(key);
        frame.extend(
            payload
                .iter()
                .zip(key.iter().cycle())
                .map(|(byte, key)| byte ^ key),
        );
    } else {
        frame.extend(payload);
    }
    frame
}

/// Reads a frame: its first byte, and its payload without the mask.
pub(crate) async fn read_frame(io: &mut TcpStream) -> (u8, Vec<u8>) {
    let first = io.read_u8().await.unwrap();
    let second = io.read_u8().await.unwrap();
    let length = match second & 0x7F {
        126 => usize::from(io.read_u16().await.unwrap()),
        127 => usize::try_from(io.read_u64().await.unwrap()).unwrap(),
        short => usize::from(short),
    };
    let mut mask = [0; 4];
    if second & 0x80 != 0 {
        io.read_exact(&mut mask).await.unwrap();
    }
    let mut payload = vec![0; length];
    io.read_exact(&mut payload).await.unwrap();
    for (byte, mask) in payload.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= mask;
    }
    (first, payload)
}

/// The payload of a Close frame.
pub(crate) fn close(code: u16, text: &str) -> Vec<u8> {
    [&code.to_be_bytes(), text.as_bytes()].concat()
}

/// Both sides of a connection: a socket after the handshake of a client by hand, and the channel of the server.
pub(crate) async fn raw_client() -> (TcpStream, Channel) {
    let (mut listener, host) = listen(&WebSocket::new()).await;
    let mut io = TcpStream::connect(&*host).await.unwrap();
    io.write_all(handshake(&host).as_bytes()).await.unwrap();
    let channel = listener.accept().await.unwrap();
    let head = read_head(&mut io).await;
    assert!(
        head.starts_with("HTTP/1.1 101 Switching Protocols\r\n"),
        "{head}"
    );
    assert!(
        head.contains(&format!("sec-websocket-accept: {ACCEPT}\r\n")),
        "{head}"
    );
    assert!(
        head.contains("sec-websocket-protocol: chirp.v0\r\n"),
        "{head}"
    );
    (io, channel)
}

/// Both sides of a connection: the channel of a client, and a socket after the handshake of a server by hand.
pub(crate) async fn raw_server() -> (Channel, TcpStream) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = other(&format!("ws://{}/chirp", listener.local_addr().unwrap()));
    let answer = async {
        let (mut io, _) = listener.accept().await.unwrap();
        let head = read_head(&mut io).await;
        let answer = answer_to(&head);
        io.write_all(answer.as_bytes()).await.unwrap();
        io
    };
    let socket = WebSocket::new();
    let (channel, io) = tokio::join!(socket.connect(&address), answer);
    (channel.unwrap(), io)
}

/// The answer to a handshake of a client.
pub(crate) fn answer_to(head: &str) -> String {
    let key = header(head, "Sec-WebSocket-Key").unwrap();
    let accept = tungstenite::handshake::derive_accept_key(key.as_bytes());
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {accept}\r\n\
         Sec-WebSocket-Protocol: chirp.v0\r\n\r\n"
    )
}

pub(crate) fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut headers = head.lines().filter_map(|line| line.split_once(": "));
    Some(
        headers
            .find(|(found, _)| found.eq_ignore_ascii_case(name))?
            .1,
    )
}

/// Long enough for anything that must not happen.
pub(crate) const SHORT: Duration = Duration::from_millis(50);
