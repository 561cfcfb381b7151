//! Compression of large payloads, between peers that both enable it; plain Chirp v0 otherwise.
#![cfg(feature = "lz4")]

use std::sync::{Arc, Mutex};

use crate::support::{
    LINKS, connected, echo, idle, narrow, packet, pair, read_packet, read_response, request,
    response,
};
use bytes::Bytes;
use chirp::channel::Channel;
use chirp::packet::{
    Compressed, Compressor, ExtensionFlags, HELLO_METHOD, PacketError, PacketType,
};
use chirp::{
    AsCaller, CallError, ConnectionError, Direction, Limits, Negotiation, ObservedPacket, Peer,
    PeerBuilder, Request, Server,
};
use tokio::io::{AsyncWriteExt, DuplexStream};

const ABOVE: usize = 1000;

/// A peer that echoes, and compresses payloads above [`ABOVE`].
fn compressing() -> PeerBuilder {
    plain().compress_above(ABOVE)
}

fn plain() -> PeerBuilder {
    PeerBuilder::new()
        .handle("echo", echo)
        .handle("wait", |_: Request| {
            std::future::pending::<Result<(), String>>()
        })
}

/// Compressible bytes.
fn compressible(len: usize) -> Vec<u8> {
    (0..len)
        .map(|at| {
            if at % 64 < 60 {
                b'.'
            } else {
                u8::try_from(at / 64 % 251).expect("it fits")
            }
        })
        .collect()
}

/// Incompressible bytes.
fn incompressible(len: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    };
    (0..len).map(|_| next()).collect()
}

/// An observed packet: its direction, its type, the length of its payload, and that length on the wire.
type Seen = (Direction, PacketType, u32, Option<u32>);

#[derive(Clone, Default)]
struct Watch(Arc<Mutex<Vec<Seen>>>);

impl Watch {
    fn new(peer: &Peer) -> Self {
        let watch = Self::default();
        let seen = Arc::clone(&watch.0);
        peer.set_packet_observer(move |packet: &ObservedPacket<'_>| {
            let ObservedPacket {
                direction,
                header,
                compressed,
                payload,
                ..
            } = packet;
            assert_eq!(payload.len(), header.length as usize);
            let mut seen = seen.lock().expect("no panics");
            seen.push((*direction, header.kind, header.length, *compressed));
        });
        watch
    }

    /// Takes the packets observed since the last call, except small ones.
    fn large(&self) -> Vec<Seen> {
        let mut seen = std::mem::take(&mut *self.0.lock().expect("no panics"));
        seen.retain(|(_, _, length, _)| *length > 100);
        seen
    }
}

/// The direction of each large packet, and whether it was compressed.
fn ways(seen: &[Seen]) -> Vec<(Direction, bool)> {
    seen.iter()
        .map(|(way, _, _, packed)| (*way, packed.is_some()))
        .collect()
}

const OUT_AND_IN: [Direction; 2] = [Direction::Sent, Direction::Received];

#[tokio::test]
async fn two_sides_that_enable_compression_compress_large_payloads() {
    for link in LINKS {
        let (a, b) = connected(link, &compressing(), &compressing()).await;
        let hello = a.hello().await.expect("asked").expect("it speaks it");
        assert!(hello.extensions.contains(ExtensionFlags::COMPRESSION));
        let (near, far) = (Watch::new(&a), Watch::new(&b));
        // Small enough to be copied; too large for that; large enough to be compressed by the writer task.
        for len in [2000, 64 << 10, 1 << 20] {
            let data = compressible(len);
            assert!(
                a.call("echo", data.clone()).await.expect("answered") == data,
                "{len}"
            );
            let (near, far) = (near.large(), far.large());
            assert_eq!(ways(&near), OUT_AND_IN.map(|way| (way, true)), "{len}");
            // Both sides observe the same packets with the same lengths.
            let lengths =
                |seen: &[Seen]| seen.iter().map(|seen| (seen.2, seen.3)).collect::<Vec<_>>();
            assert_eq!(lengths(&near), lengths(&far));
            for (_, _, length, packed) in near {
                assert!(packed.expect("it is compressed") < length / 5);
            }
        }
        a.close();
        idle(&a).await;
    }
}

/// CS-12: compression is off by default, and needs both sides.
#[tokio::test]
async fn one_side_alone_compresses_nothing() {
    let never = || compressing().negotiation(Negotiation::Disabled);
    for (one, other) in [
        (compressing(), plain()),
        (plain(), compressing()),
        (compressing(), never()),
        (never(), compressing()),
    ] {
        let (a, b) = pair(&one, &other);
        a.hello().await.expect("asked");
        b.hello().await.expect("asked");
        let watch = Watch::new(&a);
        let data = compressible(100_000);
        for _ in 0..2 {
            assert!(a.call("echo", data.clone()).await.expect("answered") == data);
            assert!(b.call("echo", data.clone()).await.expect("answered") == data);
        }
        assert!(
            watch
                .large()
                .iter()
                .all(|(_, _, _, packed)| packed.is_none())
        );
    }
}

/// CS-12: a payload is compressed only if that makes it smaller.
#[tokio::test]
async fn small_and_incompressible_payloads_are_not_compressed() {
    let (a, _b) = pair(&compressing(), &compressing().compress_above(5000));
    a.hello().await.expect("asked");
    let watch = Watch::new(&a);
    // "echo", its length and the id are nine bytes; an id and a code are five.
    for (data, sent, received) in [
        (compressible(ABOVE - 9), false, false),
        (compressible(ABOVE - 8), true, false),
        (compressible(5000 - 5), true, false),
        (compressible(5000 - 4), true, true),
        (incompressible(10_000), false, false),
        (incompressible(1 << 20), false, false),
    ] {
        let len = data.len();
        assert!(a.call("echo", data.clone()).await.expect("answered") == data);
        let expected = [(Direction::Sent, sent), (Direction::Received, received)];
        assert_eq!(ways(&watch.large()), expected, "{len}");
    }
}

/// CS-T10: only a packet's type marks it as compressed, never its content.
#[tokio::test]
async fn bytes_that_look_compressed_arrive_unchanged() {
    let (a, _b) = pair(&compressing(), &compressing());
    a.hello().await.expect("asked");
    let mut packer = Compressor::default();
    let shorter = packer.pack(PacketType::REQUEST, &compressible(50_000), b"");
    let like_a_packet = shorter.expect("it is shorter").to_vec();
    for begins in [
        &b"lz4!"[..],
        b"lz4!\x10\0\0\0\0\0\0\0",
        b"\x04\x22\x4d\x18",
        &like_a_packet,
    ] {
        for rest in [0, 9, 2000, 20_000] {
            for rest in [compressible(rest), incompressible(rest)] {
                let data = [begins, &rest].concat();
                assert_eq!(a.call("echo", data.clone()).await.expect("answered"), data);
            }
        }
    }
}

/// CS-T16.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_compressed_calls_run_at_once() {
    // The channel is so small that nothing is written in one piece.
    let (a, b) = narrow(&compressing(), &compressing(), 3000);
    a.hello().await.expect("asked");
    let callers = (0..8_usize).map(|caller| {
        let (a, b) = (a.clone(), b.clone());
        tokio::spawn(async move {
            for call in 0..20 {
                let data = compressible(caller * 7000 + call * 900);
                let from = if call % 2 == 0 { &a } else { &b };
                assert!(from.call("echo", data.clone()).await.expect("answered") == data);
                from.as_caller()
                    .call_one_way("echo", data.clone())
                    .await
                    .expect("sent");
                // Some calls are cancelled, before or after they are sent.
                let given_up = from.call("wait", data).start();
                tokio::task::yield_now().await;
                drop(given_up);
            }
        })
    });
    for caller in callers.collect::<Vec<_>>() {
        caller.await.expect("no panics");
    }
    idle(&a).await;
    idle(&b).await;
}

#[tokio::test]
async fn a_server_compresses_for_clients_that_support_it() {
    let server = Server::builder().handle("echo", echo).compress_above(ABOVE);
    let server = server.bind("tcp://127.0.0.1:0").await.expect("bound");
    let address = server.endpoint().to_string();
    let serving = tokio::spawn(server.run());
    for (builder, compressed) in [(compressing(), true), (plain(), false)] {
        let peer = builder.connect(&address).await.expect("connected");
        peer.hello().await.expect("asked");
        let watch = Watch::new(&peer);
        let data = compressible(100_000);
        assert!(peer.call("echo", data.clone()).await.expect("answered") == data);
        assert_eq!(
            ways(&watch.large()),
            OUT_AND_IN.map(|way| (way, compressed))
        );
    }
    serving.abort();
}

/// A peer, and the raw other end of its channel.
fn by_hand(builder: &PeerBuilder) -> (Peer, DuplexStream) {
    let (ours, theirs) = tokio::io::duplex(64 << 10);
    (
        builder.start(Channel::io(ours)).expect("no duplicates"),
        theirs,
    )
}

/// A plain Chirp v0 side sees only plain packets. Hello is sent once, before the first large payload.
#[tokio::test]
async fn a_plain_peer_sees_plain_packets() {
    let (a, mut theirs) = by_hand(&compressing());
    let small = a.call("m", "small").start();
    let (kind, payload) = read_packet(&mut theirs).await.expect("a packet");
    assert_eq!((kind, &payload[5..]), (PacketType::REQUEST, &b"msmall"[..]));
    theirs.write_all(&response(1, 0, b"")).await.expect("taken");
    small.await.expect("answered");

    let data = compressible(2000);
    for round in 0..3 {
        let call = a.call("m", data.clone()).start();
        let (kind, payload) = read_packet(&mut theirs).await.expect("a packet");
        assert_eq!((kind, &payload[6..]), (PacketType::REQUEST, &data[..]));
        if round == 0 {
            let (kind, hello) = read_packet(&mut theirs).await.expect("a packet");
            assert_eq!(kind, PacketType::REQUEST);
            assert_eq!(&hello[5..16], HELLO_METHOD.as_bytes());
            // Hello is unknown there.
            let id = u32::from_be_bytes(*hello.first_chunk().expect("an id"));
            theirs
                .write_all(&response(id, 1, b""))
                .await
                .expect("taken");
        }
        let id = u32::from_be_bytes(*payload.first_chunk().expect("an id"));
        theirs
            .write_all(&response(id, 0, &data))
            .await
            .expect("taken");
        assert_eq!(call.await.expect("answered"), data);
    }
    assert_eq!(a.metrics().counters.packets_sent, 5);
    idle(&a).await;
}

/// The request of `chirp.hello` from a side with these extensions.
fn hello(id: u32, extensions: ExtensionFlags) -> Vec<u8> {
    let hello = chirp::packet::Hello {
        revision: 1,
        extensions,
        payload_limit: 16 << 20,
        running_limit: 100,
    };
    request(id, HELLO_METHOD, &hello.encode_question(7))
}

/// A packet, compressed.
fn packed(plain: &[u8]) -> Vec<u8> {
    let kind = PacketType(u16::from_be_bytes([plain[2], plain[3]]));
    let mut packer = Compressor::default();
    let shorter = packer.pack(kind, &plain[8..], b"");
    packet(PacketType::COMPRESSED, shorter.expect("it is shorter"))
}

async fn declared(builder: &PeerBuilder) -> (Peer, DuplexStream) {
    let (peer, mut theirs) = by_hand(builder);
    let question = hello(1, ExtensionFlags::COMPRESSION);
    theirs.write_all(&question).await.expect("taken");
    assert_eq!(read_response(&mut theirs).await.1, 0);
    (peer, theirs)
}

#[tokio::test]
async fn compressed_packets_by_hand() {
    let (_peer, mut theirs) = declared(&compressing()).await;
    // The example of PROTOCOL.md section 10.9.
    let example = b"\xc7\0\xc7\x05\0\0\0\x1a\0\x02\0\0\0\x49\
        \xaf\0\0\0\x01\x04\x65\x63\x68\x6f\x61\x01\0\x27\x50\x61\x61\x61\x61\x61";
    theirs.write_all(example).await.expect("taken");
    assert_eq!(read_response(&mut theirs).await, (1, 0, vec![b'a'; 64]));

    let data = compressible(50_000);
    theirs
        .write_all(&packed(&request(2, "echo", &data)))
        .await
        .expect("taken");
    let (kind, payload) = read_packet(&mut theirs).await.expect("a packet");
    assert_eq!(kind, PacketType::COMPRESSED);
    let inside = Compressed::decode(payload.into(), 1 << 20).expect("it is valid");
    assert_eq!(inside.kind, PacketType::RESPONSE);
    assert_eq!(inside.unpack().expect("it is valid")[5..], data);

    // A packet that needs an extension needs it when compressed, too, and is discarded silently.
    let inside = packed(&packet(PacketType::ONE_WAY, &[0; 500]));
    theirs.write_all(&inside).await.expect("taken");
    theirs
        .write_all(&request(3, "echo", b"alive"))
        .await
        .expect("taken");
    assert_eq!(read_response(&mut theirs).await, (3, 0, b"alive".to_vec()));
}

/// CS-W4. A side that has not negotiated compression ignores compressed packets.
#[tokio::test]
async fn an_invalid_compressed_packet_ends_the_session() {
    let block = |kind: u16, length: u32, block: &[u8]| {
        let payload = [&kind.to_be_bytes()[..], &length.to_be_bytes(), block].concat();
        packet(PacketType::COMPRESSED, &payload)
    };
    let table = [
        (packet(PacketType::COMPRESSED, b"\0\x02\0"), "truncated"),
        (block(3, 4, b"\x40\0\0\0\x01"), "may not be compressed"),
        (block(0xC705, 4, b"\x40\0\0\0\x01"), "may not be compressed"),
        (block(2, 200 << 20, &[0; 100]), "payload limit"),
        (block(2, 1 << 20, &[0; 100]), "what the block can expand to"),
        (block(2, 1000, &[0xFF; 100]), "corrupt"),
        (
            block(2, 99, b"\xa0\0\0\0\x01\x04echoa"),
            "does not have the declared length",
        ),
    ];
    for (bytes, reason) in table {
        let (peer, mut theirs) = declared(&compressing()).await;
        let shown = Arc::new(Mutex::new(0));
        let count = Arc::clone(&shown);
        peer.set_packet_observer(move |packet: &ObservedPacket<'_>| {
            *count.lock().expect("no panics") +=
                usize::from(packet.header.kind == PacketType::COMPRESSED);
        });
        let call = peer.call("never answered", "").start();
        theirs.write_all(&bytes).await.expect("taken");
        let error = peer.closed().await;
        let ConnectionError::Protocol(PacketError::Compressed(what)) = error else {
            panic!("{reason}: {error}");
        };
        assert!(what.contains(reason), "{what}");
        assert!(matches!(call.await, Err(CallError::ConnectionLost(_))));
        assert_eq!(
            *shown.lock().expect("no panics"),
            1,
            "it is shown as it came"
        );
        idle(&peer).await;

        for builder in [plain(), compressing()] {
            let (_peer, mut theirs) = by_hand(&builder);
            theirs.write_all(&bytes).await.expect("taken");
            theirs
                .write_all(&request(1, "echo", b"alive"))
                .await
                .expect("taken");
            assert_eq!(read_response(&mut theirs).await, (1, 0, b"alive".to_vec()));
        }
    }
}

/// PROTOCOL.md section 10.1, rule 5: a compressed packet counts as the packet inside it.
#[tokio::test]
async fn a_context_applies_to_the_compressed_call() {
    let data = compressible(5000);
    let context = packet(PacketType::CALL_CONTEXT, &[1, 0, 4, 0, 0, 0, 0]);
    let (_peer, mut theirs) = declared(&compressing()).await;
    let both = [context.clone(), packed(&request(2, "echo", &data))].concat();
    theirs.write_all(&both).await.expect("taken");
    // The call's time is over.
    let (id, code, error) = read_response(&mut theirs).await;
    assert_eq!((id, code, &error[..2]), (2, 4, &b"\xc7\x03"[..]));

    let (peer, mut theirs) = declared(&compressing()).await;
    let both = [context, packed(&response(2, 0, &data))].concat();
    theirs.write_all(&both).await.expect("taken");
    let error = peer.closed().await;
    let expected = PacketError::ContextWithoutCall(PacketType::RESPONSE);
    assert!(
        matches!(&error, ConnectionError::Protocol(wrong) if *wrong == expected),
        "{error}"
    );
}

/// Highly compressed packets are decompressed a few at a time, and count with their decompressed size.
#[tokio::test]
async fn decompression_is_bounded() {
    const COUNT: u32 = 300;
    // Several packets arrive in one read.
    const LENGTH: usize = 900_000;
    let mut limits = Limits::default();
    limits.max_handler_bytes = 4 << 20;
    let builder = PeerBuilder::new()
        .compress_above(usize::MAX)
        .limits(limits)
        .handle("length", |request: Request| async move {
            Ok::<_, String>(Bytes::from(request.params().len().to_string()))
        });
    let (peer, theirs) = declared(&builder).await;
    let (mut reader, mut writer) = tokio::io::split(theirs);
    let bytes = tokio::spawn(async move {
        let mut bytes = Vec::new();
        for id in 1..=COUNT {
            bytes.extend(packed(&request(id, "length", &vec![0; LENGTH])));
        }
        assert!(bytes.len() < 2 << 20);
        writer.write_all(&bytes).await.expect("the peer reads");
        writer
    });
    for id in 1..=COUNT {
        assert_eq!(
            read_response(&mut reader).await,
            (id, 0, LENGTH.to_string().into_bytes())
        );
    }
    bytes.await.expect("no panics");
    idle(&peer).await;
}

/// The printed line shows the packet inside and that it was compressed.
#[tokio::test]
async fn an_observer_sees_the_decompressed_packet() {
    let (a, _b) = pair(&compressing(), &compressing());
    a.hello().await.expect("asked");
    let lines = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&lines);
    a.set_packet_observer(move |packet: &ObservedPacket<'_>| {
        log.lock().expect("no panics").push(packet.to_string());
    });
    a.call("echo", vec![b'.'; 5000]).await.expect("answered");
    let lines = lines.lock().expect("no panics");
    for (line, words) in lines.iter().zip(["> Request", "< Response"]) {
        assert!(line.starts_with(words), "{line}");
        assert!(
            line.contains("\"................\"+4984..., compressed to "),
            "{line}"
        );
        assert!(line.ends_with(" bytes"), "{line}");
    }
    assert_eq!(lines.len(), 2);
    let counters = a.metrics().counters;
    assert_eq!((counters.packets_sent, counters.packets_received), (2, 2));
}
