//! When extensions are negotiated, and what a peer of plain Chirp v0 notices of it.

use chirp::packet::{ExtensionFlags, Hello, PacketType};
use chirp::{Limits, Negotiation, PeerBuilder, Server};
use tokio::io::AsyncWriteExt;
use tokio::net::{UnixListener, UnixStream};

use crate::support::{echo, in_time, read_packet, request, response, socket_path};

const HELLO: &[u8] = b"\x0bchirp.hello";

/// A server of plain Chirp v0, written by hand: the first connection that it accepts.
struct PlainServer {
    listener: UnixListener,
    address: String,
}

impl PlainServer {
    fn new() -> Self {
        let path = socket_path();
        Self {
            address: format!("unix://{}", path.display()),
            listener: UnixListener::bind(path).expect("a free path"),
        }
    }

    async fn accept(&self) -> UnixStream {
        self.listener.accept().await.expect("a connection").0
    }
}

/// Reads a Request and returns its id, name and parameters.
async fn read_request(io: &mut UnixStream) -> (u32, Vec<u8>) {
    let (kind, payload) = in_time(read_packet(io)).await.expect("a packet");
    assert_eq!(kind, PacketType::REQUEST);
    let (id, rest) = payload.split_first_chunk().expect("an id");
    (u32::from_be_bytes(*id), rest.to_vec())
}

#[tokio::test]
async fn the_side_that_connected_asks_when_the_connection_starts() {
    let server = PlainServer::new();
    let (peer, mut io) = tokio::join!(chirp::connect(server.address.as_str()), server.accept());
    let _peer = peer.expect("connected");
    let (id, rest) = read_request(&mut io).await;
    let params = rest.strip_prefix(HELLO).expect("hello");
    let (nonce, hello) = Hello::decode_question(params).expect("a question");
    assert!(hello.extensions.contains(ExtensionFlags::CALL_CONTEXT));
    let answer = response(id, 0, &hello.encode_answer(nonce));
    io.write_all(&answer).await.expect("written");
}

#[tokio::test]
async fn a_side_that_accepts_or_negotiates_otherwise_sends_no_question() {
    // A server that accepts.
    let path = socket_path();
    let address = format!("unix://{}", path.display());
    let server = Server::builder().handle("echo", echo);
    let server = server.bind(address.as_str()).await.expect("bound");
    let running = tokio::spawn(server.run());
    let mut io = UnixStream::connect(&path).await.expect("it listens");
    io.write_all(&request(1, "echo", b"x"))
        .await
        .expect("written");
    let first = in_time(read_packet(&mut io)).await.expect("a packet");
    assert_eq!(first, (PacketType::RESPONSE, b"\0\0\0\x01\0x".to_vec()));
    running.abort();

    // A side that connects, but asks only when needed, or never.
    for negotiation in [Negotiation::Lazy, Negotiation::Disabled] {
        let server = PlainServer::new();
        let builder = PeerBuilder::new().negotiation(negotiation);
        let connecting = builder.connect(server.address.as_str());
        let (peer, mut io) = tokio::join!(connecting, server.accept());
        let call = peer.expect("connected").call("m", ()).start();
        let first = read_request(&mut io).await;
        assert_eq!(first, (1, b"\x01m".to_vec()), "{negotiation:?}");
        drop(call);
    }
}

/// Calls go on whether the question is refused, answered with nonsense, or not answered at all.
#[tokio::test]
async fn a_plain_server_serves_calls_without_delay() {
    for answer in [None, Some(response(1, 1, b"")), Some(response(1, 0, b"no"))] {
        let server = PlainServer::new();
        let limits = Limits::default().max_pending_calls(1);
        let builder = PeerBuilder::new().limits(limits);
        let connecting = builder.connect(server.address.as_str());
        let (peer, mut io) = tokio::join!(connecting, server.accept());
        let peer = peer.expect("connected");
        assert_eq!(read_request(&mut io).await.0, 1);
        for answered in [false, true] {
            if answered && let Some(answer) = &answer {
                io.write_all(answer).await.expect("written");
            }
            let call = peer.call("m", "a").start();
            let (id, rest) = read_request(&mut io).await;
            assert_eq!(rest, b"\x01ma");
            io.write_all(&response(id, 0, b"b")).await.expect("written");
            assert_eq!(in_time(call).await.expect("answered"), "b");
            assert_eq!(peer.stats().pending, 0);
        }
    }
}
