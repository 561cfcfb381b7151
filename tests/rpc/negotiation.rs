//! When extensions are negotiated, and what a peer of plain Chirp v0 notices of it.

use std::time::Duration;

use chirp::packet::{ErrorData, ExtensionFlags, Hello, PacketType};
use chirp::{AsCaller, Channel, Limits, Negotiation, PeerBuilder, Request, RetryPolicy, Server};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::net::{UnixListener, UnixStream};

use crate::support::{
    cancel, echo, idle, in_time, packet, read_packet, request, response, socket_path,
};

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

/// Returns the id at the start of a request.
fn id_of(payload: &[u8]) -> u32 {
    let id = payload.first_chunk().expect("an id");
    u32::from_be_bytes(*id)
}

/// A conversation with a side that negotiates nothing, byte for byte: whatever its program uses, it speaks plain Chirp v0,
/// from the first packet to the end.
#[tokio::test(start_paused = true)]
async fn a_side_that_negotiates_nothing_speaks_plain_v0_to_the_end() {
    let (ours, mut io) = tokio::io::duplex(1 << 16);
    let builder = PeerBuilder::new()
        .negotiation(Negotiation::Disabled)
        .inherit_metadata(["k"])
        .handle("echo", echo)
        .handle("fails", |_: Request| async {
            Err::<(), _>(ErrorData::new(17, "no"))
        })
        .handle("asks", |request: Request| async move {
            let back = request.context().caller().clone();
            let call = back.call("back", "b").within(request.context());
            call.await.map_err(ErrorData::from)
        });
    let peer = builder.start(Channel::io(ours)).expect("no duplicates");
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    // What this side sends: ids of 20 bits of slot and 12 bits of generation begin at 1.
    let call = peer.call("m", "a").start();
    expect(&mut io, &request(1, "m", b"a")).await;
    send(&mut io, response(1, 0, b"b")).await;
    assert_eq!(call.await.expect("answered"), "b");
    let limited = peer
        .call("m", "a")
        .timeout(Duration::from_secs(5))
        .metadata_optional("k", "v")
        .trace(trace.parse().expect("valid"))
        .retry(&RetryPolicy::new())
        .start();
    let (_, payload) = read_packet(&mut io).await.expect("a request");
    assert_eq!(payload[4..], *b"\x01ma");
    let id = id_of(&payload);
    assert!(limited.await.is_err());
    expect(&mut io, &cancel(id)).await;
    send(&mut io, response(id, 3, b"")).await;
    let one_way = peer.as_caller().call_one_way("note", "n");
    one_way
        .trace(trace.parse().expect("valid"))
        .await
        .expect("sent");
    let (_, payload) = read_packet(&mut io).await.expect("a request");
    assert_eq!(payload[4..], *b"\x04noten");
    send(&mut io, response(id_of(&payload), 1, b"")).await;
    for required in [
        peer.call("m", ()).metadata("k", "v"),
        peer.call("m", ())
            .retry(&RetryPolicy::new())
            .metadata("k", "v"),
    ] {
        assert!(required.await.is_err());
    }

    // What it answers, to a side that uses extensions although they were not declared.
    let context = packet(
        PacketType::CALL_CONTEXT,
        b"\x01\0\x04\0\0\0\0\x03\0\x03\x01kv",
    );
    send(
        &mut io,
        [context.clone(), request(1, "echo", b"x")].concat(),
    )
    .await;
    expect(&mut io, &response(1, 0, b"x")).await;
    send(&mut io, request(2, "fails", b"")).await;
    expect(&mut io, &response(2, 4, b"\0\x11\0\x02no")).await;
    send(&mut io, request(3, "nothing", b"")).await;
    expect(&mut io, &response(3, 1, b"")).await;
    let going_away = packet(PacketType::GOING_AWAY, &[0, 0, 0, 9]);
    send(
        &mut io,
        [going_away, context, request(4, "asks", b"")].concat(),
    )
    .await;
    let (kind, payload) = read_packet(&mut io).await.expect("a request");
    assert_eq!(
        (kind, &payload[4..]),
        (PacketType::REQUEST, &b"\x04backb"[..])
    );
    send(&mut io, response(id_of(&payload), 0, b"c")).await;
    expect(&mut io, &response(4, 0, b"c")).await;
    assert!(!peer.is_draining());

    // The end.
    let ending = tokio::spawn(async move { peer.shutdown(Duration::from_mins(1)).await });
    tokio::task::yield_now().await;
    send(&mut io, request(5, "echo", b"late")).await;
    let refused = b"\xc7\x01\0\x0dshutting down\xc7\x45";
    expect(&mut io, &response(5, 4, refused)).await;
    assert_eq!(read_packet(&mut io).await, None);
    drop(io);
    assert!(ending.await.expect("no panic").is_clean());
}

async fn send(io: &mut DuplexStream, bytes: Vec<u8>) {
    io.write_all(&bytes).await.expect("open");
}

/// Reads exactly these bytes.
async fn expect(io: &mut DuplexStream, bytes: &[u8]) {
    let mut read = vec![0; bytes.len()];
    io.read_exact(&mut read).await.expect("open");
    assert_eq!(
        read.escape_ascii().to_string(),
        bytes.escape_ascii().to_string()
    );
}

#[tokio::test]
async fn one_way_calls_are_one_way_requests_to_sides_that_accept_them() {
    let (ours, mut io) = tokio::io::duplex(1 << 16);
    let hello = Hello {
        revision: Hello::REVISION,
        extensions: ExtensionFlags::ONE_WAY,
        payload_limit: 1000,
        running_limit: 1,
    };
    // Known before the first packet, so that even the first call can do without a request.
    let channel = Channel::io(ours).with_hello(hello);
    let peer = PeerBuilder::new().start(channel).expect("no duplicates");
    for _ in 0..2 {
        let call = peer.as_caller().call_one_way("note", "hi");
        call.await.expect("sent");
        expect(&mut io, &packet(PacketType::ONE_WAY, b"\x04notehi")).await;
    }
    let large = peer.as_caller().call_one_way("note", vec![b'x'; 1000]);
    assert!(large.await.is_err());
    // Other calls have responses.
    let call = peer.call("m", "a").start();
    expect(&mut io, &request(1, "m", b"a")).await;
    send(&mut io, response(1, 0, b"b")).await;
    assert_eq!(call.await.expect("answered"), "b");
    idle(&peer).await;
}
