//! Streams that no value claims because their call, result or item is dropped first are released.

use std::collections::hash_map::RandomState;
use std::future::poll_fn;
use std::hash::BuildHasher as _;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use chirp::channel::Channel;
use chirp::packet::{
    Cancel, ExtensionFlags, HELLO_METHOD, Hello, PacketType, StreamEntry, StreamId, StreamItems,
    StreamOpen,
};
use chirp::stream::channel;
use chirp::{ConnectionStats, Peer, PeerBuilder, Receiver, Sender, Server};
use futures_core::Stream;
use serde::{Deserialize, Serialize};
use tokio::io::AsyncWriteExt as _;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::support::{
    Link, connected, connected_by_proxy, packet, read_packet, read_response, request,
};

/// A test that hangs fails.
const LONG: Duration = Duration::from_secs(40);

#[derive(Debug, Serialize, Deserialize)]
struct Frames {
    frames: Receiver<Bytes>,
}

#[chirp::service]
trait Store {
    async fn load(&self, pieces: Receiver<Bytes>) -> u64;
    async fn free(&self, pieces: Option<Receiver<Bytes>>, back: Option<Sender<Bytes>>) -> u64;
    async fn nested(&self, frames: Receiver<Frames>) -> u64;
    async fn save(&self) -> impl Stream<Item = Bytes>;
    async fn answer(&self) -> Frames;
    async fn answers(&self) -> impl Stream<Item = Frames>;
    async fn word(&self) -> u64;
}

struct Keeper;

async fn drain(mut pieces: Receiver<Bytes>) -> u64 {
    let mut bytes = 0;
    while let Some(Ok(piece)) = pieces.recv().await {
        bytes += piece.len() as u64;
    }
    bytes
}

fn pieces() -> impl Stream<Item = Bytes> + Send + 'static {
    tokio_stream::iter((0..40).map(|_| Bytes::from_static(&[7; 700])))
}

fn fed() -> Receiver<Bytes> {
    let (mut sender, receiver) = channel();
    tokio::spawn(async move {
        for _ in 0..20 {
            if sender.send(Bytes::from_static(&[7; 700])).await.is_err() {
                return;
            }
        }
        sender.finish();
    });
    receiver
}

fn frames() -> impl Stream<Item = Frames> + Send + 'static {
    tokio_stream::StreamExt::map(tokio_stream::iter(0..4), |_| Frames { frames: fed() })
}

impl Store for Keeper {
    async fn load(&self, pieces: Receiver<Bytes>) -> u64 {
        drain(pieces).await
    }

    async fn free(&self, pieces: Option<Receiver<Bytes>>, back: Option<Sender<Bytes>>) -> u64 {
        if let Some(mut back) = back {
            // The caller may be gone.
            let _ = back.send(Bytes::from_static(b"piece")).await;
        }
        match pieces {
            Some(pieces) => drain(pieces).await,
            None => 0,
        }
    }

    async fn nested(&self, mut frames: Receiver<Frames>) -> u64 {
        let mut bytes = 0;
        while let Some(Ok(frames)) = frames.recv().await {
            bytes += drain(frames.frames).await;
        }
        bytes
    }

    async fn save(&self) -> impl Stream<Item = Bytes> {
        pieces()
    }

    async fn answer(&self) -> Frames {
        Frames { frames: fed() }
    }

    async fn answers(&self) -> impl Stream<Item = Frames> {
        frames()
    }

    async fn word(&self) -> u64 {
        7
    }
}

fn builder() -> PeerBuilder {
    PeerBuilder::new().service(StoreServer::new(Keeper))
}

/// Waits until all peers are idle. Panics with what is left if that takes too long.
async fn all_idle(peers: &[Peer]) {
    let idle = tokio::time::timeout(LONG, async {
        for peer in peers {
            crate::support::idle(peer).await;
        }
    });
    if idle.await.is_err() {
        for peer in peers {
            assert_eq!(peer.stats(), ConnectionStats::default());
        }
    }
}

fn entry(number: u32, bound: bool) -> StreamEntry {
    StreamEntry {
        number,
        to_opener: false,
        bound,
        result: false,
        codec: 0,
        window: 16 << 10,
    }
}

fn item(number: u32, item: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    StreamItems::encode_head(&mut out, StreamId::of_sender(number), 1, item.len());
    StreamItems::encode_item_head(&mut out, item.len());
    out.extend(item);
    out
}

/// The raw other side, after the hello exchange.
async fn by_hand() -> (tokio::io::DuplexStream, Peer) {
    let (mut io, other) = tokio::io::duplex(1 << 20);
    let peer = builder().start(Channel::io(other)).expect("no duplicates");
    let hello = Hello {
        revision: 1,
        extensions: ExtensionFlags::STREAMS,
        payload_limit: 16 << 20,
        running_limit: 4096,
    };
    let question = request(1, HELLO_METHOD, &hello.encode_question(5));
    io.write_all(&question).await.expect("it reads");
    read_response(&mut io).await;
    (io, peer)
}

/// A call with a stream, an item and a cancel arrive in one read.
async fn cancelled_before_it_began(bound: bool) {
    let (mut io, peer) = by_hand().await;
    for number in 1..200 {
        let mut bytes = Vec::new();
        StreamOpen::encode(&mut bytes, &[entry(number, bound)]);
        let (method, params): (_, &[u8]) = if bound {
            ("Store.load", &[0])
        } else {
            ("Store.free", &[1, 0, 0])
        };
        bytes.extend(request(number + 1, method, params));
        bytes.extend(item(number, &[7; 100]));
        Cancel { id: number + 1 }.encode(&mut bytes);
        io.write_all(&bytes).await.expect("it reads");
        // An unbound stream is ended explicitly, a bound one by the response.
        let (mut answered, mut ended) = (false, bound);
        while !(answered && ended) {
            let (kind, payload) = read_packet(&mut io).await.expect("open");
            answered |= kind == PacketType::RESPONSE;
            if kind == PacketType::STREAM_END {
                let mut end = payload[..4].to_vec();
                end[0] ^= 0x80;
                end.push(2);
                end.extend([0; 8]);
                io.write_all(&packet(kind, &end)).await.expect("it reads");
                ended = true;
            }
        }
        all_idle(std::slice::from_ref(&peer)).await;
    }
}

#[tokio::test]
async fn streams_of_a_call_cancelled_before_it_starts_are_released() {
    cancelled_before_it_began(true).await;
    cancelled_before_it_began(false).await;
}

#[chirp::service]
trait Delayed {
    async fn answer(&self) -> Frames;
}

/// Answers once `open` is notified.
#[derive(Clone, Default)]
struct Gate {
    started: Arc<Notify>,
    open: Arc<Notify>,
}

impl Delayed for Gate {
    async fn answer(&self) -> Frames {
        self.started.notify_one();
        self.open.notified().await;
        Frames { frames: fed() }
    }
}

/// A response with streams waits for the hello exchange. The call is cancelled before its task is first polled: the
/// handler returns, then the cancel is read.
#[tokio::test]
async fn a_call_cancelled_before_its_response_asks_for_the_hello_ends() {
    let gate = Gate::default();
    let (mut io, other) = tokio::io::duplex(1 << 20);
    let builder = PeerBuilder::new().service(DelayedServer::new(gate.clone()));
    let peer = builder.start(Channel::io(other)).expect("no duplicates");
    for id in 1..20 {
        io.write_all(&request(id, "Delayed.answer", &[]))
            .await
            .expect("it reads");
        gate.started.notified().await;
        gate.open.notify_one();
        let mut cancel = Vec::new();
        Cancel { id }.encode(&mut cancel);
        io.write_all(&cancel).await.expect("it reads");
        all_idle(std::slice::from_ref(&peer)).await;
    }
}

/// Streams nested in items as deep as the limit allows, the first of which is never taken.
#[tokio::test]
async fn nested_streams_that_are_never_taken_are_released() {
    const DEEP: u32 = 10_000;
    let (mut io, peer) = by_hand().await;
    let mut bytes = Vec::new();
    StreamOpen::encode(&mut bytes, &[entry(1, false)]);
    bytes.extend(request(2, "Store.free", &[1, 0, 0]));
    for number in 2..=DEEP {
        let mut entry = entry(number, false);
        if number > 1024 {
            entry.window = 0;
        }
        StreamOpen::encode(&mut bytes, &[entry]);
        bytes.extend(item(number - 1, b"x"));
    }
    Cancel { id: 2 }.encode(&mut bytes);
    io.write_all(&bytes).await.expect("it reads");
    let (mut ended, mut answered) = (0, false);
    while !(answered && ended == DEEP) {
        let next = tokio::time::timeout(LONG, read_packet(&mut io)).await;
        let (kind, payload) = next.expect("each end is asked for").expect("open");
        answered |= kind == PacketType::RESPONSE;
        if kind == PacketType::STREAM_END {
            let mut end = payload[..4].to_vec();
            end[0] ^= 0x80;
            end.push(2);
            end.extend([0; 8]);
            io.write_all(&packet(kind, &end)).await.expect("it reads");
            ended += 1;
        }
    }
    all_idle(&[peer]).await;
}

/// A number below `below`; different in every run.
fn random(below: u64) -> u64 {
    RandomState::new().hash_one(0) % below
}

/// Polls a call a few times, with the runtime running in between, and drops it or its result.
async fn poll_some<T>(call: impl Future<Output = T>) -> Option<T> {
    let mut call = Box::pin(call);
    for _ in 0..random(7) {
        let polled = poll_fn(|cx| Poll::Ready(Pin::new(&mut call).poll(cx))).await;
        if let Poll::Ready(done) = polled {
            return Some(done);
        }
        tokio::task::yield_now().await;
    }
    None
}

async fn drop_one(client: &StoreClient) {
    match random(6) {
        0 => drop(poll_some(client.load(pieces())).await),
        1 => {
            let (back, receiver) = channel();
            drop(poll_some(client.free(Some(fed()), Some(back))).await);
            drop(receiver);
        }
        2 => drop(poll_some(client.nested(frames())).await),
        3 => {
            if let Some(Ok(mut saved)) = poll_some(client.save()).await {
                drop(poll_some(saved.recv()).await);
            }
        }
        4 => {
            if let Some(Ok(mut answer)) = poll_some(client.answer()).await {
                drop(poll_some(answer.frames.recv()).await);
            }
        }
        _ => {
            if let Some(Ok(mut answers)) = poll_some(client.answers()).await
                && let Some(Some(Ok(mut answer))) = poll_some(answers.recv()).await
            {
                drop(poll_some(answer.frames.recv()).await);
            }
        }
    }
}

async fn drop_many(client: &StoreClient, count: usize) {
    let mut all = JoinSet::new();
    for _ in 0..40 {
        let client = client.clone();
        all.spawn(async move {
            for _ in 0..count / 40 {
                drop_one(&client).await;
            }
        });
    }
    all.join_all().await;
    assert_eq!(client.word().await.expect("answered"), 7);
}

/// Drops calls at random with each kind of client; nothing is left at either side, nor in a proxy.
async fn drops(count: usize) {
    for link in [Link::Tcp, Link::Memory, Link::Inproc] {
        let (peer, other) = connected(link, &PeerBuilder::new(), &builder()).await;
        drop_many(&StoreClient::new(&peer), count / 4).await;
        all_idle(&[peer, other]).await;
    }
    // The first calls of a connection are made before the hello exchange.
    for _ in 0..10 {
        let peers = connected_by_proxy(&PeerBuilder::new(), &builder());
        drop_many(&StoreClient::new(&peers[0]), count / 40).await;
        all_idle(&peers).await;
    }
    let (connections, mut connected) = tokio::sync::mpsc::unbounded_channel();
    let server = Server::builder()
        .service_with(move |peer| {
            // The test may have ended.
            let _ = connections.send(peer.clone());
            StoreServer::new(Keeper)
        })
        .bind("tcp://127.0.0.1:0")
        .await
        .expect("bound");
    let address = server.endpoint().to_string();
    let running = tokio::spawn(server.run());
    let link = PeerBuilder::new()
        .reconnecting(&*address)
        .expect("an address");
    drop_many(&StoreClient::new(&link), count / 4).await;
    let peers = [
        link.peer().expect("connected"),
        connected.recv().await.expect("one"),
    ];
    all_idle(&peers).await;
    link.close();
    running.abort();
}

#[tokio::test]
async fn random_drops_leave_nothing_on_one_thread() {
    drops(8000).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_drops_leave_nothing_on_two_threads() {
    drops(8000).await;
}

#[tokio::test]
#[ignore = "it takes minutes"]
async fn many_random_drops_leave_nothing_on_one_thread() {
    drops(200_000).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "it takes minutes"]
async fn many_random_drops_leave_nothing_on_two_threads() {
    drops(200_000).await;
}
