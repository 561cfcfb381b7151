//! A peer that keeps writing without reading is limited.

use crate::support::{cancel, echo, idle, pair, read_response, request};
use chirp::Limits;
use chirp::channel::Channel;
use chirp::packet::ErrorData;
use chirp::{CallError, ConnectionError, Peer, PeerBuilder, Request, SharedMetrics};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncWriteExt, DuplexStream};
use tokio::time::timeout;

/// Time is paused, so this passes only once every task is idle.
const SETTLED: Duration = Duration::from_secs(10);

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

#[tokio::test(start_paused = true)]
async fn reading_from_a_peer_that_never_reads_ends() {
    let builder = with_limits(|_| {});
    let (peer, mut theirs) = attacked(&builder, 64 << 10);
    let packet = request(1, "echo", &vec![0; 64 << 10]);
    let mut accepted = 0;
    let accept = async {
        for id in 1_u32.. {
            let mut packet = packet.clone();
            packet[8..12].copy_from_slice(&id.to_be_bytes());
            theirs.write_all(&packet).await.expect("not ended yet");
            accepted += packet.len();
        }
    };
    timeout(SETTLED, accept)
        .await
        .expect_err("it stops accepting");
    assert!(accepted < 24 << 20, "accepted {accepted}");
    assert!(peer.stats().unsent < 10 << 20);

    let (near, _far) = pair(&PeerBuilder::new(), &builder);
    assert_eq!(
        near.call("echo", "unharmed").await.expect("answered"),
        "unharmed"
    );

    let reason = peer.closed().await;
    assert!(
        matches!(reason, ConnectionError::Stalled { seconds: 30 }),
        "{reason}"
    );
    idle(&peer).await;
}

#[tokio::test(start_paused = true)]
async fn pauses_of_reading_are_counted() {
    const CALLS: u32 = 400;
    let shared = SharedMetrics::new();
    let (peer, theirs) = attacked(&with_limits(|_| {}).metrics(&shared), 64 << 10);
    let (mut answers, mut calls) = tokio::io::split(theirs);
    let writing = tokio::spawn(async move {
        for id in 1..=CALLS {
            let packet = request(id, "echo", &vec![0; 64 << 10]);
            calls.write_all(&packet).await.expect("not ended");
        }
        calls
    });
    timeout(SETTLED, std::future::pending::<()>())
        .await
        .expect_err("time passes");
    assert!(peer.stats().is_read_paused);
    assert_eq!(peer.metrics().traffic.read_pauses, 1);
    assert_eq!(peer.metrics().traffic.read_paused, Duration::ZERO);
    for _ in 0..CALLS {
        let (_, code, _) = read_response(&mut answers).await;
        assert_eq!(code, 0);
    }
    let _calls = writing.await.expect("all are written");
    idle(&peer).await;
    let traffic = peer.metrics().traffic;
    assert!(
        (SETTLED..SETTLED + Duration::from_secs(5)).contains(&traffic.read_paused),
        "{traffic:?}"
    );
    peer.close();
    assert_eq!(shared.snapshot().traffic.read_paused, traffic.read_paused);
}

#[tokio::test(start_paused = true)]
async fn handlers_do_not_start_while_responses_are_not_read() {
    let begun = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&begun);
    let builder = PeerBuilder::new().handle("blob", move |_: Request| {
        count.fetch_add(1, Ordering::Relaxed);
        async { Ok::<_, ErrorData>(vec![7; 1 << 20]) }
    });
    let (_peer, mut theirs) = attacked(&builder, 64 << 10);
    let all: Vec<u8> = (1..=1000).flat_map(|id| request(id, "blob", b"")).collect();
    theirs.write_all(&all).await.expect("not ended yet");
    timeout(SETTLED, std::future::pending::<()>())
        .await
        .expect_err("time passes");
    assert!(begun.load(Ordering::Relaxed) < 12, "{begun:?}");
    for _ in 0..1000 {
        let (_, code, data) = read_response(&mut theirs).await;
        assert_eq!((code, data.len()), (0, 1 << 20));
    }
}

/// The attacker owes a response, so that reading may not pause, and sends requests without reading.
#[tokio::test(start_paused = true)]
async fn unread_refusals_end_the_session() {
    let (peer, mut theirs) = attacked(
        &with_limits(|limits| limits.max_concurrent_handlers = 0),
        64 << 10,
    );
    let owed = peer.call("never answered", "").start();
    let flood: Vec<u8> = (1..=1000).flat_map(|id| request(id, "x", b"")).collect();
    let mut asked = 0;
    while theirs.write_all(&flood).await.is_ok() {
        asked += 1000;
        assert!(asked < 10_000_000, "{:?}", peer.stats());
    }
    let reason = peer.closed().await;
    assert!(
        matches!(reason, ConnectionError::NotReading { .. }),
        "{reason}"
    );
    assert!(matches!(owed.await, Err(CallError::ConnectionLost(_))));
    idle(&peer).await;
}

/// The running handlers wait for packets that are not being read.
#[tokio::test(start_paused = true)]
async fn a_pause_for_handlers_ends() {
    let limits = |limits: &mut Limits| limits.max_handler_bytes = 1000;
    let builder =
        with_limits(limits).handle("wait", |_: Request| std::future::pending::<ErrorData>());
    let (peer, mut theirs) = attacked(&builder, 64 << 10);
    let mut all = request(1, "wait", &[0; 2000]);
    all.extend(request(2, "echo", b""));
    all.extend(cancel(1));
    all.extend(request(3, "echo", b""));
    theirs.write_all(&all).await.expect("taken");
    let (id, code, data) = read_response(&mut theirs).await;
    assert_eq!((id, code), (2, 4));
    assert_eq!(
        ErrorData::decode(data.into()).expect("error data").code,
        0xC700
    );
    assert_eq!(read_response(&mut theirs).await, (1, 3, Vec::new()));
    let (id, ..) = read_response(&mut theirs).await;
    assert_eq!(id, 3);
    idle(&peer).await;
}

/// A caller that has more calls than handlers may run waits for the pause, and is then refused.
#[tokio::test(start_paused = true)]
async fn reading_pauses_for_100_ms_at_the_limit_of_handlers() {
    let limits = |limits: &mut Limits| limits.max_concurrent_handlers = 1;
    let builder =
        with_limits(limits).handle("wait", |_: Request| std::future::pending::<ErrorData>());
    let (peer, mut theirs) = attacked(&builder, 64 << 10);
    let mut all = request(1, "wait", b"");
    all.extend(request(2, "echo", b""));
    let sent = tokio::time::Instant::now();
    theirs.write_all(&all).await.expect("taken");
    let (id, code, data) = read_response(&mut theirs).await;
    let paused = sent.elapsed();
    assert_eq!((id, code), (2, 4));
    assert_eq!(
        ErrorData::decode(data.into()).expect("error data").code,
        0xC700
    );
    let expected = Duration::from_millis(100)..Duration::from_millis(125);
    assert!(expected.contains(&paused), "{paused:?}");
    theirs.write_all(&cancel(1)).await.expect("taken");
    assert_eq!(read_response(&mut theirs).await, (1, 3, Vec::new()));
    idle(&peer).await;
}

/// Everything has been read that the peer sends, and reading pauses in the middle of it.
#[tokio::test(start_paused = true)]
async fn requests_behind_a_pause_are_handled_although_no_more_bytes_come() {
    let limits = |limits: &mut Limits| limits.max_concurrent_handlers = 1;
    let builder = with_limits(limits).handle("brief", |_: Request| async {
        tokio::time::sleep(Duration::from_millis(10)).await;
        Ok::<_, ErrorData>(Vec::new())
    });
    let (peer, mut theirs) = attacked(&builder, 64 << 10);
    let all: Vec<u8> = (1..=10).flat_map(|id| request(id, "brief", b"")).collect();
    theirs.write_all(&all).await.expect("taken");
    for expected in 1..=10 {
        let response = timeout(SETTLED, read_response(&mut theirs)).await;
        assert_eq!(response.expect("it comes"), (expected, 0, Vec::new()));
    }
    idle(&peer).await;
}
