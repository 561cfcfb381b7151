//! Silent connections, and packets that make no progress.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use chirp::packet::ErrorData;
use chirp::{
    CallError, Channel, ConnectError, ConnectionError, KeepAlive, Limits, Peer, PeerBuilder,
    Request,
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf};
use tokio::time::Instant;

const WATCH: KeepAlive = KeepAlive {
    interval: Duration::from_secs(5),
    timeout: Duration::from_secs(2),
};

/// A peer, and the raw other end of its channel.
fn by_hand(builder: &PeerBuilder) -> (Peer, DuplexStream) {
    let (ours, theirs) = tokio::io::duplex(1 << 20);
    (
        builder.start(Channel::io(ours)).expect("no duplicates"),
        theirs,
    )
}

/// A dead connection is noticed within the interval plus the timeout, and calls fail with that reason.
#[tokio::test(start_paused = true)]
async fn a_silent_connection_ends() {
    let (peer, _silent) = by_hand(&PeerBuilder::new().keep_alive(WATCH));
    let begun = Instant::now();
    let waiting = peer.call("m", ()).await;
    let Err(CallError::ConnectionLost(ConnectionError::KeepAlive { silent })) = waiting else {
        panic!("{waiting:?}")
    };
    assert_eq!(silent, Duration::from_secs(7));
    assert!(
        begun.elapsed() <= Duration::from_secs(8),
        "{:?}",
        begun.elapsed()
    );
}

/// Any packet is a sign of life, and so is any answer to a keep-alive call: a plain Chirp v0 peer answers "unknown
/// method".
#[tokio::test(start_paused = true)]
async fn any_answer_counts_as_a_sign_of_life() {
    let (peer, mut other) = by_hand(&PeerBuilder::new().keep_alive(WATCH));
    for _ in 0..100 {
        let mut head = [0; 8];
        other.read_exact(&mut head).await.expect("a question");
        let mut payload = vec![0; usize::from(head[7])];
        other.read_exact(&mut payload).await.expect("a question");
        assert_eq!(&payload[4..16], b"\x0bchirp.hello");
        let mut answer = vec![0xC7, 0, 0, 4, 0, 0, 0, 5];
        answer.extend_from_slice(&payload[..4]);
        answer.push(1);
        other.write_all(&answer).await.expect("written");
    }
    // The last answer may not have been read yet.
    let status = peer.stats();
    assert!(status.pending <= 1 && status.abandoned == 0, "{status:?}");
    // The program itself made no calls.
    assert_eq!(peer.metrics().counters.calls_out, 0);
    assert_eq!(peer.metrics().counters.calls_out_failed, 0);
}

/// Two peers with keep-alive stay connected, and send keep-alive calls only while the connection is idle.
#[tokio::test(start_paused = true)]
async fn no_keep_alive_is_sent_while_there_is_traffic() {
    let echo = PeerBuilder::new()
        .keep_alive(WATCH)
        .handle("echo", |request: Request| async {
            Ok::<_, ErrorData>(request.into_params())
        });
    let (a, b) = chirp::channel::memory();
    let a = echo.start(a).expect("no duplicates");
    let b = echo.start(b).expect("no duplicates");
    for _ in 0..1000 {
        tokio::time::sleep(Duration::from_secs(4)).await;
        a.call("echo", ()).await.expect("answered");
    }
    assert_eq!(a.metrics().counters.packets_sent, 1000);
    tokio::time::sleep(Duration::from_hours(1)).await;
    b.call("echo", ()).await.expect("answered");
}

/// A byte a second is not enough progress; 64 KiB within the time is.
#[tokio::test(start_paused = true)]
async fn a_packet_must_make_progress() {
    let (peer, mut other) = by_hand(&PeerBuilder::new());
    let begun = Instant::now();
    let dribble = tokio::spawn(async move {
        let packet = [&[0xC7, 0, 0, 2, 0, 0x10, 0, 0][..], &[0; 1000]].concat();
        for byte in packet {
            if other.write_all(&[byte]).await.is_err() {
                break;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    });
    let reason = peer.closed().await;
    assert!(
        matches!(reason, ConnectionError::Unfinished { seconds: 30 }),
        "{reason}"
    );
    assert!(
        begun.elapsed() < Duration::from_secs(65),
        "{:?}",
        begun.elapsed()
    );
    dribble.abort();

    let (peer, mut other) = by_hand(&PeerBuilder::new());
    let mut packet = vec![0xC7, 0, 0, 2, 0, 0x10, 0, 0];
    packet.extend_from_slice(&[0, 0, 0, 1, 1, b'm']);
    packet.resize(8 + (1 << 20), 0);
    for piece in packet.chunks(70_000) {
        other.write_all(piece).await.expect("read");
        tokio::time::sleep(Duration::from_secs(29)).await;
    }
    let mut answer = [0; 13];
    other.read_exact(&mut answer).await.expect("an answer");
    assert_eq!(answer[12], 1, "unknown method");
    drop(peer);
}

/// While this process stands still it sees nothing of what the other side does: that time does not count.
#[tokio::test(start_paused = true)]
async fn time_in_which_this_process_stood_still_does_not_count() {
    const STOOD_STILL: Duration = Duration::from_hours(1);
    let a_while = || tokio::time::sleep(Duration::from_millis(100));

    // For a sign of life.
    let (peer, mut other) = by_hand(&PeerBuilder::new().keep_alive(WATCH));
    let id = question(&mut other).await;
    a_while().await;
    tokio::time::advance(STOOD_STILL).await;
    a_while().await;
    answer(&mut other, id).await;
    question(&mut other).await;
    assert!(matches!(*peer.watch().borrow(), chirp::PeerState::Open));

    // For the rest of a packet.
    let (peer, mut other) = by_hand(&PeerBuilder::new());
    other.write_all(&[0xC7, 0, 0, 2]).await.expect("read");
    a_while().await;
    tokio::time::advance(STOOD_STILL).await;
    a_while().await;
    let rest = [0, 0, 0, 6, 0, 0, 0, 1, 1, b'm'];
    other.write_all(&rest).await.expect("read");
    let mut answer = [0; 13];
    other.read_exact(&mut answer).await.expect("an answer");
    assert_eq!(answer[12], 1, "unknown method");
    drop(peer);

    // For room for what is written.
    let (ours, mut other) = tokio::io::duplex(100);
    let peer = PeerBuilder::new()
        .start(Channel::io(ours))
        .expect("no duplicates");
    let call = peer.call("m", vec![0; 1000]).start();
    a_while().await;
    tokio::time::advance(STOOD_STILL).await;
    a_while().await;
    let mut request = [0; 8 + 6 + 1000];
    other.read_exact(&mut request).await.expect("all of it");
    let answer = [0xC7, 0, 0, 4, 0, 0, 0, 5, 0, 0, 0, 1, 0];
    other.write_all(&answer).await.expect("read");
    call.await.expect("it is answered");
}

/// Answers the calls that want an answer. Returns their number.
async fn answer_some(mut other: DuplexStream) -> u32 {
    let mut seen = 0;
    loop {
        let mut head = [0; 8];
        if other.read_exact(&mut head).await.is_err() {
            return seen;
        }
        let mut payload = vec![0; usize::from(head[7])];
        other.read_exact(&mut payload).await.expect("whole");
        if head[3] == 2 && payload.ends_with(b"asked") {
            let id = &payload[..4];
            let answer = [&[0xC7, 0, 0, 4, 0, 0, 0, 5], id, &[0]].concat();
            other.write_all(&answer).await.expect("written");
            seen += 1;
        }
    }
}

/// A handler that cannot be interrupted may take long: the connection stays while other calls are answered.
#[tokio::test(start_paused = true)]
async fn a_cancelled_call_may_take_its_time() {
    let (peer, other) = by_hand(&PeerBuilder::new());
    let answering = tokio::spawn(answer_some(other));
    let ignored = peer.call("ignored", ()).start();
    peer.call("asked", ()).await.expect("answered");
    drop(ignored);
    for _ in 0..1000 {
        tokio::time::sleep(Duration::from_secs(5)).await;
        peer.call("asked", ()).await.expect("answered");
    }
    assert_eq!(peer.stats().abandoned, 1);
    peer.close();
    assert_eq!(answering.await.expect("no panic"), 1001);
}

/// A channel whose reader is not woken by what comes, as where a timer goes off before the runtime has looked at its
/// sockets.
struct Unwoken(DuplexStream);

impl AsyncRead for Unwoken {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let cx = &mut Context::from_waker(Waker::noop());
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for Unwoken {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

/// The id of the question for a sign of life that comes next.
async fn question(other: &mut DuplexStream) -> [u8; 4] {
    let mut head = [0; 8];
    other.read_exact(&mut head).await.expect("a question");
    let mut payload = vec![0; usize::from(head[7])];
    other.read_exact(&mut payload).await.expect("a question");
    *payload.first_chunk().expect("an id")
}

async fn answer(other: &mut DuplexStream, id: [u8; 4]) {
    let answer = [&[0xC7, 0, 0, 4, 0, 0, 0, 5], &id[..], &[1]].concat();
    other.write_all(&answer).await.expect("written");
}

/// The reader has its turn before a connection is given up: what has come and has not been read counts.
#[tokio::test(start_paused = true)]
async fn an_answer_that_has_not_been_read_counts() {
    let (ours, mut other) = tokio::io::duplex(1 << 20);
    let builder = PeerBuilder::new().keep_alive(WATCH);
    let peer = builder
        .start(Channel::io(Unwoken(ours)))
        .expect("no duplicates");
    for _ in 0..100 {
        let id = question(&mut other).await;
        answer(&mut other, id).await;
    }
    // The last is not answered, and that is seen as soon as the reader has looked.
    question(&mut other).await;
    let asked = Instant::now();
    let reason = peer.closed().await;
    assert!(
        matches!(reason, ConnectionError::KeepAlive { .. }),
        "{reason}"
    );
    let silent = asked.elapsed();
    let seen = WATCH.timeout..WATCH.timeout + Duration::from_millis(20);
    assert!(seen.contains(&silent), "{silent:?}");
}

/// A large packet takes longer than a side may be silent.
#[tokio::test(start_paused = true)]
async fn a_part_of_a_packet_is_a_sign_of_life() {
    let (peer, mut other) = by_hand(&PeerBuilder::new().keep_alive(WATCH));
    let mut packet = vec![0xC7, 0, 0, 2, 0, 0x10, 0, 0];
    packet.extend_from_slice(&[0, 0, 0, 1, 1, b'm']);
    packet.resize(8 + (1 << 20), 0);
    for piece in packet.chunks(70_000) {
        other.write_all(piece).await.expect("read");
        tokio::time::sleep(Duration::from_millis(6500)).await;
    }
    assert_eq!(peer.metrics().counters.calls_in, 1);
}

/// With that limit set, a cancelled call that is not answered in time, while others are, ends the connection.
#[tokio::test(start_paused = true)]
async fn a_cancelled_call_must_be_answered_in_time() {
    let mut limits = Limits::default();
    limits.cancel_timeout = Duration::from_mins(1);
    let (peer, other) = by_hand(&PeerBuilder::new().limits(limits));
    drop(peer.call("ignored", ()).start());
    let answering = tokio::spawn(answer_some(other));
    // The request above was withdrawn before it was sent; this one is sent.
    let ignored = peer.call("ignored", ()).start();
    peer.call("asked", ()).await.expect("answered");
    drop(ignored);
    let begun = Instant::now();
    while peer.call("asked", ()).await.is_ok() {
        tokio::time::sleep(Duration::from_secs(5)).await;
    }
    let reason = peer.closed().await;
    assert!(
        matches!(reason, ConnectionError::Unresponsive { abandoned: 1 }),
        "{reason}"
    );
    assert!(
        (50..=80).contains(&begun.elapsed().as_secs()),
        "{:?}",
        begun.elapsed()
    );
    assert!(answering.await.expect("no panic") > 10);
}

/// A connect without an answer times out, and the error names the address.
#[tokio::test]
async fn connecting_has_a_time_limit() {
    let dir = std::env::temp_dir().join(format!("chirp-keeping-{}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("a temporary folder");
    let path = dir.join("full.sock");
    // Nobody accepts, and the backlog is full at once.
    let socket = tokio::net::UnixSocket::new_stream().expect("a socket");
    socket.bind(&path).expect("bound");
    let _listener = socket.listen(0).expect("listening");
    let address = format!("unix://{}", path.display());
    let builder = PeerBuilder::new().connect_timeout(Duration::from_millis(50));
    let mut waiting = Vec::new();
    let refused = loop {
        match builder.connect(&address).await {
            Ok(peer) => waiting.push(peer),
            Err(error) => break error,
        }
    };
    match refused {
        ConnectError::Timeout { endpoint, .. } => assert_eq!(endpoint.to_string(), address),
        // Some systems refuse at once when the backlog is full.
        ConnectError::Io(error) => assert!(error.to_string().contains(&address), "{error}"),
        other => panic!("{other}"),
    }
    std::fs::remove_dir_all(&dir).expect("the folder is ours");
}

#[chirp::service]
trait Numbers {
    async fn numbers(&self) -> impl futures_core::Stream<Item = u64>;
}

/// A streaming call first sends hello. The timer of its answer is gone once the answer has arrived or the connection
/// has ended.
#[tokio::test(start_paused = true)]
async fn the_timer_of_a_hello_ends_with_its_connection() {
    let before = tokio::runtime::Handle::current()
        .metrics()
        .num_alive_tasks();
    for answered in [false, true] {
        let begun = Instant::now();
        let (peer, silent) = by_hand(&PeerBuilder::new());
        let other = answered.then(|| PeerBuilder::new().fallback(never));
        let other = other.map(|other| other.start(Channel::io(silent)).expect("no duplicates"));
        let call = NumbersClient::new(&peer).numbers().start();
        if answered {
            assert!(peer.hello().await.expect("asked").is_some());
        }
        peer.close();
        drop((call, peer, other));
        // Time does not advance while this runs.
        for _ in 0..1_000 {
            tokio::task::yield_now().await;
        }
        let tasks = tokio::runtime::Handle::current()
            .metrics()
            .num_alive_tasks();
        assert_eq!(tasks, before, "answered: {answered}");
        assert_eq!(begun.elapsed(), Duration::ZERO);
    }
}

async fn never(_: Request) -> Result<(), ErrorData> {
    std::future::pending().await
}
