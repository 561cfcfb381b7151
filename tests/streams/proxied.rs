//! Streams through a proxy whose target lies or ends, and whose caller does not read.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use chirp::channel::Channel;
use chirp::packet::{ExtensionFlags, FrameworkError, HELLO_METHOD, Hello, PacketType};
use chirp::stream::channel;
use chirp::{
    AsCaller as _, CallError, Limits, Peer, PeerBuilder, Receiver, Sender, Stream, StreamError,
};
use tokio::io::{AsyncWriteExt, DuplexStream};
use tokio::task::JoinSet;

use crate::support::{idle, packet, pair, read_packet, read_response, request, response};

#[chirp::service]
trait Source {
    async fn items(&self, len: usize) -> impl Stream<Item = Bytes>;
    async fn take(&self, items: Receiver<Bytes>) -> u64;
    async fn fill(&self, items: Option<Sender<Bytes>>);
    async fn give(&self, items: Sender<Bytes>, count: u8);
}

/// Counts the items that it has made or taken.
#[derive(Clone, Default)]
struct Counting(Arc<AtomicU64>);

impl Counting {
    fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Source for Counting {
    async fn items(&self, len: usize) -> impl Stream<Item = Bytes> {
        let made = self.0.clone();
        tokio_stream::iter(std::iter::repeat_with(move || {
            made.fetch_add(1, Ordering::Relaxed);
            Bytes::from(vec![7; len])
        }))
    }

    async fn take(&self, mut items: Receiver<Bytes>) -> u64 {
        items.recv().await.expect("one").expect("whole");
        std::future::pending().await
    }

    async fn fill(&self, items: Option<Sender<Bytes>>) {
        let mut items = items.expect("given");
        while items.send(Bytes::from(vec![7; 10_000])).await.is_ok() {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    async fn give(&self, mut items: Sender<Bytes>, count: u8) {
        for _ in 0..count {
            items.send(Bytes::from(vec![7; 1000])).await.expect("taken");
        }
        items.finish();
    }
}

/// A caller of a proxy, and the peers behind.
fn proxied(target: &PeerBuilder) -> (SourceClient, [Peer; 4]) {
    let (to_target, end) = pair(&PeerBuilder::new(), target);
    let proxy = PeerBuilder::new().fallback(to_target.as_caller());
    let (peer, between) = pair(&PeerBuilder::new(), &proxy);
    (SourceClient::new(&peer), [peer, between, to_target, end])
}

/// Waits until nothing happens any more: time passes only then.
async fn quiet() {
    tokio::time::sleep(Duration::from_secs(1)).await;
}

/// What each connection of a proxy holds at most of one stream: a window of 1 MiB at one side, and a send queue at the other.
const HELD: usize = (1 << 20) + (128 << 10);

#[tokio::test(start_paused = true)]
async fn a_consumer_that_stops_holds_back_the_source_behind_a_proxy() {
    let source = Counting::default();
    let target = PeerBuilder::new().service(SourceServer::new(source.clone()));
    let (client, peers) = proxied(&target);
    for len in [0, 1000, 10_000, 100_000] {
        let mut items = client.items(len).await.expect("begun");
        items.recv().await.expect("one").expect("whole");
        quiet().await;
        let made = source.count();
        quiet().await;
        assert_eq!(source.count(), made, "the source goes on");
        for peer in &peers {
            assert!(peer.stats().stream_bytes <= HELD, "{:?}", peer.stats());
        }
        // When the consumer goes on, so does the source.
        for _ in 0..100 {
            items.recv().await.expect("one").expect("whole");
        }
        drop(items);
        for peer in &peers {
            idle(peer).await;
        }
    }
    // Items from the caller, of which the target takes one; and items to a sender that the caller passes.
    let (mut sender, receiver) = channel();
    let call = client.take(receiver).start();
    let sent = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&sent);
    let sending = tokio::spawn(async move {
        while sender.send(Bytes::from(vec![7; 10_000])).await.is_ok() {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    });
    let (back, mut filled) = channel();
    let fill = client.fill(Some(back)).start();
    filled.recv().await.expect("one").expect("whole");
    quiet().await;
    let counts = || [sent.load(Ordering::Relaxed), source.count()];
    let held = counts();
    quiet().await;
    assert_eq!(counts(), held, "the sources go on");
    for peer in &peers {
        assert!(peer.stats().stream_bytes <= 2 * HELD, "{:?}", peer.stats());
    }
    drop((call, filled));
    fill.await.expect("answered");
    sending.await.expect("stopped");
    for peer in &peers {
        idle(peer).await;
    }
}

#[tokio::test]
async fn a_target_that_dies_breaks_its_streams_with_a_typed_error() {
    let (client, peers) =
        proxied(&PeerBuilder::new().service(SourceServer::new(Counting::default())));
    let mut items = client.items(1000).await.expect("begun");
    let (back, mut filled) = channel();
    let fill = client.fill(Some(back)).start();
    items.recv().await.expect("one").expect("whole");
    filled.recv().await.expect("one").expect("whole");
    let [peer, between, to_target, end] = peers;
    end.close();
    let rest = async |items: &mut Receiver<Bytes>| loop {
        if let Err(error) = items.recv().await.expect("an error comes last") {
            return error;
        }
    };
    match rest(&mut items).await {
        StreamError::Call(CallError::Rejected { reason, .. }) => {
            assert_eq!(reason, FrameworkError::NoReply);
        }
        error => panic!("{error:?}"),
    }
    match rest(&mut filled).await {
        StreamError::Framework { reason, .. } => assert_eq!(reason, FrameworkError::NoReply),
        error => panic!("{error:?}"),
    }
    let error = fill.await.expect_err("lost");
    assert!(
        error.to_string().contains("the connection ended"),
        "{error}"
    );
    drop((items, filled));
    for peer in [&peer, &between, &to_target] {
        idle(peer).await;
    }
}

/// A raw target behind a proxy, which has declared streams. Returns it with a caller of the proxy and the proxy's peers.
async fn raw_target() -> (DuplexStream, SourceClient, [Peer; 3]) {
    let (io, to_target) = raw_peer(&PeerBuilder::new()).await;
    let proxy = PeerBuilder::new().fallback(to_target.as_caller());
    let (peer, between) = pair(&PeerBuilder::new(), &proxy);
    (io, SourceClient::new(&peer), [peer, between, to_target])
}

/// A peer, and the raw other side, which has declared streams.
async fn raw_peer(builder: &PeerBuilder) -> (DuplexStream, Peer) {
    let (mut io, other) = tokio::io::duplex(1 << 20);
    let to_target = builder.start(Channel::io(other));
    let to_target = to_target.expect("no services");
    let hello = Hello {
        revision: 1,
        extensions: ExtensionFlags::STREAMS,
        payload_limit: 16 << 20,
        running_limit: 4096,
    };
    let question = request(1, HELLO_METHOD, &hello.encode_question(5));
    io.write_all(&question).await.expect("it reads");
    read_response(&mut io).await;
    (io, to_target)
}

/// Reads the open packet and the request of a call with a result stream. Returns the id of the stream and of the call.
async fn read_call(io: &mut DuplexStream) -> ([u8; 4], u32) {
    let (kind, open) = read_packet(io).await.expect("a packet");
    assert_eq!(kind, PacketType::STREAM_OPEN);
    let mut stream = *open.first_chunk().expect("an id");
    stream[0] |= 0x80;
    let (kind, call) = read_packet(io).await.expect("a packet");
    assert_eq!(kind, PacketType::REQUEST);
    let id = u32::from_be_bytes(*call.first_chunk().expect("an id"));
    (stream, id)
}

/// A stream end of a sending side.
fn end(stream: [u8; 4], reason: u8, count: u64) -> Vec<u8> {
    let mut payload = stream.to_vec();
    payload.push(reason);
    payload.extend(count.to_be_bytes());
    packet(PacketType::STREAM_END, &payload)
}

/// Two items of one byte each.
fn two_items(stream: [u8; 4]) -> Vec<u8> {
    let mut payload = stream.to_vec();
    payload.extend([0, 2, 0, 0, 0, 2, 1, 1, 0, 0, 0, 2, 1, 2]);
    packet(PacketType::STREAM_ITEMS, &payload)
}

/// Whatever a target says about the end of a stream, a stream that is not whole is never reported as finished.
#[tokio::test]
async fn a_target_that_lies_about_its_streams_breaks_them() {
    let ends: [&[(u8, u64)]; 6] = [
        &[(0, 1)],
        &[(0, 3)],
        &[(0, u64::MAX)],
        &[(1, 2)],
        &[(2, 2)],
        // None: the response alone.
        &[],
    ];
    for ends in ends {
        let (mut io, client, peers) = raw_target().await;
        let reading = tokio::spawn(async move {
            let mut items = client.items(1).await.expect("begun");
            let mut all = Vec::new();
            while let Some(item) = items.recv().await {
                all.push(item);
            }
            all
        });
        let (stream, id) = read_call(&mut io).await;
        let mut out = two_items(stream);
        for (reason, count) in ends {
            out.extend(end(stream, *reason, *count));
        }
        out.extend(response(id, 0, b""));
        io.write_all(&out).await.expect("it reads");
        let items = reading.await.expect("no panic");
        let whole: Vec<_> = items.iter().filter_map(|item| item.as_ref().ok()).collect();
        assert_eq!(whole, [&b"\x01"[..], &b"\x02"[..]]);
        assert!(items[2].is_err(), "{ends:?} {items:?}");
        for peer in &peers {
            idle(peer).await;
        }
    }
}

/// A target that answers a streaming call with a value, or ends the call before its stream.
#[tokio::test]
async fn a_target_without_the_stream_fails_the_call() {
    for (code, data) in [(0, &b"value"[..]), (0, b""), (1, b""), (3, b""), (4, b"")] {
        let (mut io, client, peers) = raw_target().await;
        let call = tokio::spawn(async move {
            let mut items = client.items(1).await?;
            let last = items.recv().await;
            Ok::<_, CallError>(last.map(|item| item.is_err()))
        });
        let (_, id) = read_call(&mut io).await;
        io.write_all(&response(id, code, data))
            .await
            .expect("it reads");
        match call.await.expect("no panic") {
            // The stream had not begun, or has broken.
            Err(_) | Ok(Some(true)) => {}
            other => panic!("{code} {other:?}"),
        }
        for peer in &peers {
            idle(peer).await;
        }
    }
}

/// A stream that an argument names and that ends with its call is delivered before the response, however slowly the caller
/// takes the items.
#[tokio::test]
async fn a_response_does_not_overtake_the_items_of_a_bound_argument() {
    const COUNT: u8 = 100;
    let target = PeerBuilder::new().service(SourceServer::new(Counting::default()));
    let (to_target, _end) = pair(&PeerBuilder::new(), &target);
    let proxy = PeerBuilder::new().fallback(to_target.as_caller());
    let (mut io, other) = tokio::io::duplex(1 << 20);
    let _proxy = proxy.start(Channel::io(other)).expect("no services");
    let hello = Hello {
        revision: 1,
        extensions: ExtensionFlags::STREAMS,
        payload_limit: 16 << 20,
        running_limit: 4096,
    };
    let question = request(1, HELLO_METHOD, &hello.encode_question(5));
    io.write_all(&question).await.expect("it reads");
    read_response(&mut io).await;
    // Stream 1: to the opener, bound to the call, in bincode, with a window of 16 KiB.
    let mut out = packet(PacketType::STREAM_OPEN, &[0, 0, 0, 1, 3, 0, 0, 0, 0x40, 0]);
    out.extend(request(2, "Source.give", &[0, COUNT]));
    io.write_all(&out).await.expect("it reads");
    let mut items = 0;
    let mut ended = None;
    loop {
        let (kind, payload) = read_packet(&mut io).await.expect("a packet");
        match kind {
            PacketType::STREAM_ITEMS => {
                let count = u16::from_be_bytes([payload[4], payload[5]]);
                items += u64::from(count);
                let cost = u32::from(count) * 1100;
                let credit = [&[0, 0, 0, 1], &cost.to_be_bytes()[..]].concat();
                let credit = packet(PacketType::STREAM_CREDIT, &credit);
                io.write_all(&credit).await.expect("it reads");
            }
            PacketType::STREAM_END => {
                let sent = payload[5..13].try_into().expect("eight bytes");
                ended = Some((payload[4], u64::from_be_bytes(sent)));
            }
            PacketType::RESPONSE => {
                assert_eq!(payload[..5], [0, 0, 0, 2, 0]);
                break;
            }
            _ => {}
        }
    }
    assert_eq!(items, u64::from(COUNT));
    assert_eq!(ended, Some((0, u64::from(COUNT))));
}

/// Starts calls through a proxy with large parameters, and with streams that have no end. Each ends by its timeout, or is
/// refused because the proxy holds too much.
fn start_calls(peer: &Peer, timeout: Duration) -> JoinSet<()> {
    let mut calls = JoinSet::new();
    let check = |result: Option<CallError>| match result {
        Some(CallError::DeadlineExceeded { .. }) => {}
        Some(CallError::Rejected { reason, .. }) => match reason {
            FrameworkError::DeadlineExceeded | FrameworkError::Overloaded => {}
            reason => panic!("{reason:?}"),
        },
        other => panic!("{other:?}"),
    };
    for _ in 0..100 {
        let call = peer.call("large", vec![7; 100_000]).timeout(timeout);
        calls.spawn(async move { check(call.await.err()) });
    }
    for _ in 0..20 {
        let (mut sender, receiver) = channel();
        let call = SourceClient::new(peer).take(receiver).timeout(timeout);
        calls.spawn(async move { check(call.await.err()) });
        calls.spawn(
            async move { while sender.send(Bytes::from_static(&[7; 10_000])).await.is_ok() {} },
        );
    }
    calls
}

#[chirp::service]
trait Alive {
    async fn ping(&self);
}

struct Proxy;

impl Alive for Proxy {
    async fn ping(&self) {}
}

/// In real time: paused time does not pass while a test polls for a state.
#[tokio::test]
async fn a_target_that_never_reads_holds_up_nothing_else_of_its_proxy() {
    const LIMIT: usize = 1 << 20;
    const CALL: usize = 101_000;
    let to_target = PeerBuilder::new().limits(Limits::default().max_write_buffer(LIMIT));
    let (io, to_target) = raw_peer(&to_target).await;
    // While the proxy holds too much, it does not read cancels for as long as the progress timeout.
    let limits = Limits::default()
        .max_handler_bytes(LIMIT)
        .progress_timeout(Duration::from_secs(2));
    let proxy = PeerBuilder::new()
        .limits(limits)
        .service(AliveServer::new(Proxy))
        .fallback(to_target.as_caller());
    let (peer, between) = pair(&PeerBuilder::new(), &proxy);
    let (other, _other_between) = pair(&PeerBuilder::new(), &proxy);
    let other = AliveClient::new(&other);
    let test = async {
        for is_dropped in [false, true] {
            let timeout = Duration::from_millis(if is_dropped { 60_000 } else { 700 });
            let mut calls = start_calls(&peer, timeout);
            let mut most = 0;
            loop {
                other.ping().await.expect("the proxy goes on");
                let (near, far) = (between.stats(), to_target.stats());
                assert!(far.unsent <= LIMIT + 2 * CALL, "{far:?}");
                assert!(near.stream_bytes <= 20 * HELD, "{near:?}");
                assert!(far.stream_bytes <= 20 * HELD, "{far:?}");
                most = most.max(near.running);
                while calls.try_join_next().is_some_and(|done| {
                    done.expect("ends as it should");
                    true
                }) {}
                if calls.is_empty() || (is_dropped && near.running > 1) {
                    break;
                }
            }
            assert!(most > 1, "the proxy has forwarded calls");
            calls.shutdown().await;
            // Whether they ended by their deadline or were dropped, nothing is left.
            idle(&peer).await;
            idle(&between).await;
            let far = to_target.stats();
            assert_eq!((far.pending, far.stream_bytes), (0, 0), "{far:?}");
        }
        drop(io);
        to_target.closed().await;
        idle(&to_target).await;
    };
    let done = tokio::time::timeout(Duration::from_secs(25), test).await;
    assert!(
        done.is_ok(),
        "{:?}",
        [&peer, &between, &to_target].map(Peer::stats)
    );
}
