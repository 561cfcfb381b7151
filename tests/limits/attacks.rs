//! Hostile or broken bytes affect only the connection that they arrive on.

use crate::support::{cancel, echo, idle, packet, read_packet, read_response, request, response};
use chirp::Limits;
use chirp::channel::Channel;
use chirp::packet::{ErrorData, PacketType};
use chirp::{CallError, ConnectionError, Peer, PeerBuilder, Request};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

/// A peer, and the attacker's end of its channel.
fn attacked(builder: &PeerBuilder, capacity: usize) -> (Peer, DuplexStream) {
    let (ours, theirs) = tokio::io::duplex(capacity);
    let peer = builder.start(Channel::io(ours)).expect("no duplicates");
    (peer, theirs)
}

fn with_limits(change: impl FnOnce(&mut Limits)) -> PeerBuilder {
    let mut limits = Limits::default();
    change(&mut limits);
    PeerBuilder::new().limits(limits).handle("echo", echo)
}

#[tokio::test]
async fn broken_bytes_end_the_session_with_the_reason() {
    let lies = |length: u32| {
        let mut bytes = packet(PacketType::REQUEST, b"");
        bytes[4..].copy_from_slice(&length.to_be_bytes());
        bytes
    };
    let table: [(&str, Vec<u8>, &str); 11] = [
        ("CH-T13: magic", b"*?\0\x02\0\0\0\0".to_vec(), "magic"),
        (
            "CH-T14: half a header",
            vec![0xC7, 0, 0, 2, 0, 0],
            "short packet header",
        ),
        ("CH-T53: a header alone", lies(10), "short payload"),
        ("CH-T55: two gigabytes", lies(2 << 30), "short payload"),
        (
            "CH-T15: half a payload",
            [lies(10), b"1234".to_vec()].concat(),
            "short payload",
        ),
        (
            "CH-T16: a request of one byte",
            packet(PacketType::REQUEST, b"X"),
            "truncated",
        ),
        (
            "a name that is cut off",
            packet(PacketType::REQUEST, b"\0\0\0\x01\x09ab"),
            "truncated",
        ),
        (
            "CH-T17: a result code of 100",
            response(1, 100, b""),
            "result code",
        ),
        (
            "malformed error data",
            response(1, 4, b"\0\x01\0\x04abc"),
            "error data",
        ),
        (
            "a cancel of two bytes",
            packet(PacketType::CANCEL, b"12"),
            "ancel",
        ),
        (
            "a cancel of five bytes",
            packet(PacketType::CANCEL, b"12345"),
            "ancel",
        ),
    ];
    for (what, bytes, reason) in table {
        for piece in [bytes.len(), 1] {
            let (peer, mut theirs) = attacked(&with_limits(|_| {}), 1 << 10);
            let call = peer.call("never answered", "").start();
            for piece in bytes.chunks(piece) {
                // The peer may have closed before the last byte.
                let _ = theirs.write_all(piece).await;
            }
            let _ = theirs.shutdown().await;
            let error = peer.closed().await;
            assert!(
                matches!(error, ConnectionError::Protocol(_)),
                "{what}: {error}"
            );
            assert!(error.to_string().contains(reason), "{what}: {error}");
            let answer = call.await;
            assert!(
                matches!(
                    answer,
                    Err(CallError::ConnectionLost(ConnectionError::Protocol(_)))
                ),
                "{what}"
            );
            idle(&peer).await;
        }
    }
}

/// A file name need not be UTF-8. A service that puts one into an error text must not end the connection.
#[tokio::test]
async fn an_error_text_that_is_not_utf_8_fails_its_call_alone() {
    let (peer, mut theirs) = attacked(&with_limits(|_| {}), 1 << 10);
    let mut calls = Vec::new();
    for _ in 0..3 {
        calls.push(peer.call("open", "").start());
        let (_, first) = read_packet(&mut theirs).await.expect("a request");
        calls.push(peer.call("open", "").start());
        let (_, second) = read_packet(&mut theirs).await.expect("a request");
        let id = |payload: &[u8]| u32::from_be_bytes(*payload.first_chunk().expect("an id"));
        // One response for an unknown call, one for the first call, and a valid one for the second.
        let bad = b"\0\x05\0\x0bopen \xffi\xfele\0aux";
        let bytes = [
            response(0xFFFF_FFFF, 4, bad),
            response(id(&first), 4, bad),
            response(id(&second), 0, b"fine"),
        ];
        theirs.write_all(&bytes.concat()).await.expect("it is read");
        let answer = calls.remove(0).await;
        let Err(CallError::MalformedErrorData(error)) = &answer else {
            panic!("{answer:?}");
        };
        let expected = ErrorData::new(5, "open \u{fffd}i\u{fffd}le\0").with_data("aux");
        assert_eq!(*error, expected);
        let error = answer.expect_err("it failed");
        assert!(
            error.to_string().starts_with("malformed error data: "),
            "{error}"
        );
        assert!(error.may_have_run() && !error.is_transient());
        assert_eq!(calls.remove(0).await.expect("it lives"), "fine");
        // The peer still serves.
        let asked = request(7, "echo", b"x");
        theirs.write_all(&asked).await.expect("it is read");
        assert_eq!(read_response(&mut theirs).await, (7, 0, b"x".to_vec()));
    }
    idle(&peer).await;
}

#[tokio::test]
async fn packets_come_in_any_pieces() {
    let (_peer, mut theirs) = attacked(&with_limits(|_| {}), 7);
    let mut strange = request(5, "echo", b"other protocol");
    strange[1] = 99;
    let mut bytes = packet(PacketType(100), b"unknown type");
    bytes.extend(strange);
    bytes.extend(response(77, 0, b"answers nothing"));
    bytes.extend(cancel(78));
    bytes.extend(request(1, "echo", b"hello"));
    for byte in bytes {
        theirs.write_all(&[byte]).await.expect("the peer reads");
    }
    assert_eq!(read_response(&mut theirs).await, (1, 0, b"hello".to_vec()));
}

#[tokio::test]
async fn an_oversized_call_fails_without_ending_the_connection() {
    let (_peer, mut theirs) = attacked(&with_limits(|limits| limits.max_payload = 1000), 64 << 10);
    theirs
        .write_all(&request(1, "echo", &[7; 5000]))
        .await
        .expect("skipped");
    theirs
        .write_all(&request(2, "echo", b"small"))
        .await
        .expect("taken");
    let (id, code, data) = read_response(&mut theirs).await;
    assert_eq!((id, code), (1, 4));
    assert_eq!(
        ErrorData::decode(data.into()).expect("error data").code,
        0xC705
    );
    assert_eq!(read_response(&mut theirs).await, (2, 0, b"small".to_vec()));
}

/// CH-T24.
#[tokio::test]
async fn a_duplicate_id_is_answered_twice_and_interrupts() {
    let (flag, mut dropped) = crate::support::DropFlag::new();
    let flag = Arc::new(std::sync::Mutex::new(Some(flag)));
    let builder = PeerBuilder::new().handle("wait", move |_: Request| {
        let flag = flag.lock().expect("no panics").take();
        async move {
            let _flag = flag;
            std::future::pending::<ErrorData>().await
        }
    });
    let (peer, mut theirs) = attacked(&builder, 1 << 10);
    let both = [request(12345, "wait", b""), request(12345, "nothing", b"")].concat();
    theirs.write_all(&both[..18]).await.expect("taken");
    while peer.stats().running == 0 {
        tokio::task::yield_now().await;
    }
    theirs.write_all(&both[18..]).await.expect("taken");
    for _ in 0..2 {
        assert_eq!(read_response(&mut theirs).await, (12345, 2, Vec::new()));
    }
    idle(&peer).await;
    // The flag is dropped if the handler started, and was never made otherwise.
    drop(peer);
    drop(theirs);
    while dropped.recv().await.is_some() {}
}

#[tokio::test]
async fn a_peer_that_answers_twice_completes_nothing_twice() {
    let (peer, mut theirs) = attacked(&PeerBuilder::new(), 64 << 10);
    let liar = tokio::spawn(async move {
        while let Some((kind, payload)) = read_packet(&mut theirs).await {
            assert_eq!(kind, PacketType::REQUEST);
            let (id, rest) = payload.split_first_chunk().expect("an id");
            let id = u32::from_be_bytes(*id);
            let answers = [response(id, 0, &rest[2..]), response(id, 0, b"wrong")].concat();
            // The peer closes once it has its answer.
            let _ = theirs.write_all(&answers).await;
        }
    });
    for number in 0..5000_u32 {
        let text = number.to_string();
        assert_eq!(peer.call("x", text.clone()).await.expect("answered"), text);
    }
    drop(peer);
    liar.await.expect("no panics");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rapid_reset_starts_no_more_handlers_than_the_limit() {
    const PAIRS: u32 = 100_000;
    struct Alive(Arc<AtomicUsize>);
    impl Drop for Alive {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::SeqCst);
        }
    }
    let alive = Arc::new(AtomicUsize::new(0));
    let most = Arc::new(AtomicUsize::new(0));
    let (counted, highest) = (Arc::clone(&alive), Arc::clone(&most));
    let builder = with_limits(|limits| limits.max_concurrent_handlers = 32).handle(
        "wait",
        move |_: Request| {
            highest.fetch_max(counted.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            let alive = Alive(Arc::clone(&counted));
            async move {
                let _alive = alive;
                std::future::pending::<ErrorData>().await
            }
        },
    );
    let (peer, theirs) = attacked(&builder, 64 << 10);
    let (mut reader, mut writer) = tokio::io::split(theirs);
    let pairs = tokio::spawn(async move {
        for id in 1..=PAIRS {
            let pair = [request(id, "wait", b""), cancel(id)].concat();
            writer.write_all(&pair).await.expect("the peer reads");
        }
        writer
    });
    for _ in 0..PAIRS {
        let (_, code, _) = read_response(&mut reader).await;
        assert!(code == 3 || code == 4, "{code}");
    }
    let mut writer = pairs.await.expect("no panics");
    idle(&peer).await;
    assert!(most.load(Ordering::SeqCst) <= 32, "{most:?}");
    assert_eq!(alive.load(Ordering::SeqCst), 0);
    writer
        .write_all(&request(1, "echo", b"alive"))
        .await
        .expect("the peer reads");
    assert_eq!(read_response(&mut reader).await.2, b"alive");
    writer.shutdown().await.expect("the end");
    let _ = reader.read_to_end(&mut Vec::new()).await;
}
