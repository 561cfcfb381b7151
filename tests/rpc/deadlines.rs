//! Deadlines are sent between peers that know the extension; other peers see plain Chirp v0.

use std::time::{Duration, Instant};

use chirp::packet::{ExtensionFlags, FrameworkError, Hello};
use chirp::{
    CallError, Channel, ConnectionError, Limits, Negotiation, Peer, PeerBuilder, Request, channel,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

const LONG: Duration = Duration::from_secs(1000);

/// Returns its call's remaining time, in whole hundreds of seconds.
fn serving() -> PeerBuilder {
    PeerBuilder::new()
        .handle("time", |request: Request| async move {
            let deadline = request.context().deadline();
            let left = deadline.map(|deadline| deadline - Instant::now());
            Ok::<_, String>(left.map_or("none".to_owned(), |left| {
                let hundreds = (left + Duration::from_secs(50)).as_secs() / 100;
                format!("{hundreds}00 s")
            }))
        })
        .handle("wait", |_: Request| {
            std::future::pending::<Result<(), String>>()
        })
}

#[tokio::test]
async fn a_deadline_is_sent_once_the_other_side_supports_it() {
    let (a, b) = channel::memory();
    let _b = serving().start(b).expect("no duplicates");
    let a = PeerBuilder::new()
        .negotiation(Negotiation::Eager)
        .start(a)
        .expect("no duplicates");
    // The first call is sent without a deadline: no call waits for the hello answer.
    let first = a.call("time", ()).timeout(LONG).await.expect("answered");
    assert_eq!(first, "none");
    let hello = a.hello().await.expect("asked").expect("it speaks it");
    assert!(hello.extensions.contains(ExtensionFlags::CALL_CONTEXT));
    assert_eq!(
        a.call("time", ()).timeout(LONG).await.expect("answered"),
        "1000 s"
    );
    let later = Instant::now() + 2 * LONG;
    assert_eq!(
        a.call("time", ()).deadline(later).await.expect("answered"),
        "2000 s"
    );
    assert_eq!(a.call("time", ()).await.expect("answered"), "none");
}

#[tokio::test]
async fn a_side_without_extensions_is_sent_no_context() {
    let (a, b) = channel::memory();
    let b = serving()
        .negotiation(Negotiation::Disabled)
        .start(b)
        .expect("no duplicates");
    let a = PeerBuilder::new().start(a).expect("no duplicates");
    assert_eq!(
        a.hello()
            .await
            .expect("asked")
            .expect("it answers")
            .extensions,
        ExtensionFlags::NONE
    );
    assert_eq!(
        a.call("time", ()).timeout(LONG).await.expect("answered"),
        "none"
    );

    // A side that has no extensions, or does not negotiate, does not ask.
    let (c, d) = channel::memory();
    let _c = serving().start(c).expect("no duplicates");
    let d = PeerBuilder::new()
        .negotiation(Negotiation::Disabled)
        .start(d)
        .expect("no duplicates");
    assert_eq!(
        d.call("time", ()).timeout(LONG).await.expect("answered"),
        "none"
    );
    assert_eq!(d.metrics().counters.packets_sent, 1);
    drop(b);
}

fn packet(kind: u16, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("it is short");
    [
        &[0xC7, 0][..],
        &kind.to_be_bytes(),
        &length.to_be_bytes(),
        payload,
    ]
    .concat()
}

fn request(id: u8, method: &str, params: &[u8]) -> Vec<u8> {
    let length = u8::try_from(method.len()).expect("it is short");
    packet(
        2,
        &[&[0, 0, 0, id, length], method.as_bytes(), params].concat(),
    )
}

async fn read(from: &mut DuplexStream) -> Option<Vec<u8>> {
    let mut head = [0; 8];
    from.read_exact(&mut head).await.ok()?;
    let mut payload = vec![0; usize::from(head[7])];
    from.read_exact(&mut payload).await.ok()?;
    Some(payload)
}

/// A peer and the raw other end, which has called `chirp.hello` if it is to get contexts.
async fn by_hand(asks: bool) -> (Peer, DuplexStream) {
    let (ours, mut theirs) = tokio::io::duplex(1 << 16);
    let peer = serving().start(Channel::io(ours)).expect("no duplicates");
    if asks {
        let hello = Hello {
            revision: 1,
            extensions: ExtensionFlags::NONE,
            payload_limit: 1 << 20,
            running_limit: 1,
        };
        let asked = request(9, "chirp.hello", &hello.encode_question(7));
        theirs.write_all(&asked).await.expect("written");
        let answer = read(&mut theirs).await.expect("an answer");
        assert!(Hello::decode_answer(&answer[5..], 7).is_some());
    }
    (peer, theirs)
}

const TENTH: &[u8] = &[1, 0, 4, 0, 0, 0, 100];

/// The callee enforces the deadline itself, and refuses a call whose time is over.
#[tokio::test(start_paused = true)]
async fn the_callee_keeps_the_deadline() {
    let (peer, mut other) = by_hand(true).await;
    for context in [TENTH, &[1, 0, 4, 0, 0, 0, 0]] {
        let call = [packet(0xC700, context), request(1, "wait", &[])].concat();
        other.write_all(&call).await.expect("written");
        let answer = read(&mut other).await.expect("an answer");
        assert_eq!(answer[..7], [0, 0, 0, 1, 4, 0xC7, 3], "deadline exceeded");
    }
    // A context applies to the next call only.
    let call = [
        packet(0xC700, TENTH),
        request(1, "time", &[]),
        request(2, "time", &[]),
    ]
    .concat();
    other.write_all(&call).await.expect("written");
    assert_eq!(read(&mut other).await.expect("an answer")[5..], *b"000 s");
    assert_eq!(read(&mut other).await.expect("an answer")[5..], *b"none");
    // A call whose context has an unknown required field is refused.
    let call = [packet(0xC700, &[0x80, 0, 0]), request(1, "time", &[])].concat();
    other.write_all(&call).await.expect("written");
    assert_eq!(
        read(&mut other).await.expect("an answer")[..7],
        [0, 0, 0, 1, 4, 0xC7, 6]
    );
    assert_eq!(peer.stats().running, 0);
}

/// Without negotiation a context packet is ignored; after it, an invalid one is fatal.
#[tokio::test]
async fn an_invalid_context_ends_the_session_only_if_negotiated() {
    let wrong = [
        [packet(0xC700, &[1]), request(1, "time", &[])].concat(),
        [packet(0xC700, TENTH), packet(3, &[0, 0, 0, 7])].concat(),
        [packet(0xC700, TENTH), packet(0xC700, TENTH)].concat(),
    ];
    for bytes in wrong {
        let (peer, mut other) = by_hand(true).await;
        other.write_all(&bytes).await.expect("written");
        let reason = peer.closed().await;
        assert!(matches!(reason, ConnectionError::Protocol(_)), "{reason}");

        let (_peer, mut other) = by_hand(false).await;
        other
            .write_all(&[bytes, request(2, "time", &[])].concat())
            .await
            .expect("written");
        let answer = read(&mut other).await.expect("an answer");
        assert!(answer.ends_with(b"none"));
    }
}

/// A deadline exceeded at the callee is the same error as one exceeded at the caller.
#[tokio::test]
async fn a_deadline_exceeded_at_the_callee_is_reported_as_such() {
    let (a, b) = channel::memory();
    let late = |_: Request| async { FrameworkError::DeadlineExceeded };
    let _b = PeerBuilder::new()
        .handle("late", late)
        .start(b)
        .expect("no duplicates");
    let a = PeerBuilder::new().start(a).expect("no duplicates");
    let answer = a.call("late", ()).await;
    assert!(
        matches!(answer, Err(CallError::DeadlineExceeded { .. })),
        "{answer:?}"
    );
}

/// A refused call consumes its context: the context does not apply to the next call.
#[tokio::test]
async fn a_context_is_consumed_by_a_refused_call() {
    let (peer, mut other) = by_hand(true).await;
    // A duplicate of a waiting call, with a context, and then a Cancel without a call.
    let bytes = [
        request(1, "wait", &[]),
        packet(0xC700, TENTH),
        request(1, "wait", &[]),
        packet(3, &[0, 0, 0, 7]),
        request(2, "time", &[]),
    ]
    .concat();
    other.write_all(&bytes).await.expect("written");
    for _ in 0..2 {
        assert_eq!(read(&mut other).await.expect("an answer"), [0, 0, 0, 1, 2]);
    }
    let answer = read(&mut other).await.expect("the session goes on");
    assert!(answer.ends_with(b"none"));
    drop(peer);
}

/// A peer that accepts streams declares the extension.
#[tokio::test]
async fn a_peer_declares_the_streams_that_it_takes() {
    let always = ExtensionFlags::CALL_CONTEXT.and(ExtensionFlags::GOING_AWAY);
    let streams = always.and(ExtensionFlags::STREAMS);
    for (most, declared) in [(0, always), (1, streams)] {
        let mut limits = Limits::default();
        limits.max_streams = most;
        let (ours, theirs) = channel::memory();
        let _ours = PeerBuilder::new()
            .limits(limits)
            .negotiation(Negotiation::Eager)
            .start(ours)
            .expect("no duplicates");
        let theirs = PeerBuilder::new().start(theirs).expect("no duplicates");
        let hello = theirs
            .hello()
            .await
            .expect("it was asked")
            .expect("it knows hello");
        assert_eq!(hello.extensions, declared);
    }
}
