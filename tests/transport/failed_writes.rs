//! After a failed write, everything that has arrived is still read.

use crate::support::{
    Link, channels, idle, in_time, on_both_runtimes, packet, read_packet, request, response,
};
use chirp::channel::{Channel, Reader, Writer};
use chirp::packet::{ErrorData, PacketType};
use chirp::{AsCaller, CallError, ConnectionError, Peer, PeerBuilder, Request};
use futures_core::Stream;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::sync::Semaphore;
use tokio_stream::StreamExt as _;

/// A channel whose writes fail from one moment on, and whose reads start at another.
struct Faulty {
    fails: Arc<AtomicBool>,
    /// The waker of the waiting reader.
    reads: Arc<Gate>,
}

#[derive(Default)]
struct Gate(AtomicBool, std::sync::Mutex<Option<Waker>>);

impl Gate {
    fn shut(&self) {
        self.0.store(false, Ordering::SeqCst);
    }

    fn open(&self) {
        self.0.store(true, Ordering::SeqCst);
        if let Some(waker) = self.1.lock().expect("no panic").take() {
            waker.wake();
        }
    }
}

struct FaultyReader(Reader, Arc<Gate>);

struct FaultyWriter(Writer, Arc<AtomicBool>);

impl Faulty {
    fn over(channel: Channel) -> (Self, Channel) {
        let faulty = Self {
            fails: Arc::default(),
            reads: Arc::default(),
        };
        let (reader, writer) = channel.into_split();
        let reader = FaultyReader(reader, Arc::clone(&faulty.reads));
        let writer = FaultyWriter(writer, Arc::clone(&faulty.fails));
        (faulty, Channel::new(reader, writer))
    }

    /// Lets a write fail, and waits until the peer has noticed.
    async fn fail(&self, peer: &Peer) {
        self.fails.store(true, Ordering::SeqCst);
        while peer.as_caller().call_one_way("m", ()).await.is_ok() {
            tokio::task::yield_now().await;
        }
    }
}

impl AsyncRead for FaultyReader {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        *self.1.1.lock().expect("no panic") = Some(cx.waker().clone());
        if !self.1.0.load(Ordering::SeqCst) {
            return Poll::Pending;
        }
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for FaultyWriter {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.1.load(Ordering::SeqCst) {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

fn is_broken(reason: &ConnectionError) -> bool {
    matches!(reason, ConnectionError::Channel(error) if error.kind() == io::ErrorKind::BrokenPipe)
}

#[test]
fn a_failed_write_does_not_hide_what_has_arrived() {
    on_both_runtimes(async || {
        for link in [Link::Memory, Link::Tcp, Link::Unix] {
            let (one, other) = channels(link).await;
            let (faulty, one) = Faulty::over(one);
            let count = Arc::new(AtomicUsize::new(0));
            let counted = Arc::clone(&count);
            let builder = PeerBuilder::new().handle("note", move |_: Request| {
                counted.fetch_add(1, Ordering::Relaxed);
                async { Ok::<_, ErrorData>(()) }
            });
            let peer = builder.start(one).expect("no duplicates");
            let (mut reader, mut writer) = other.into_split();
            let answered = peer.call("m", "a").start();
            let unanswered = peer.call("m", "b").start();
            let mut ids = Vec::new();
            for _ in 0..2 {
                let (_, payload) = read_packet(&mut reader).await.expect("a request");
                ids.push(u32::from_be_bytes(payload[..4].try_into().expect("an id")));
            }
            in_time(faulty.fail(&peer)).await;
            writer
                .write_all(&response(ids[0], 0, b"x"))
                .await
                .expect("open");
            for id in 1..=100 {
                writer
                    .write_all(&request(id, "note", b""))
                    .await
                    .expect("open");
            }
            writer.flush().await.expect("open");
            drop((reader, writer));
            faulty.reads.open();
            assert_eq!(in_time(answered).await.expect("it has arrived"), "x");
            let lost = in_time(unanswered).await;
            assert!(
                matches!(&lost, Err(CallError::ConnectionLost(reason)) if is_broken(reason)),
                "{lost:?}"
            );
            let reason = in_time(peer.closed()).await;
            assert!(is_broken(&reason), "{link:?}: {reason}");
            assert_eq!(count.load(Ordering::Relaxed), 100, "{link:?}");
            in_time(idle(&peer)).await;
        }
    });
}

/// The other side answers without reading and closes: its operating system resets the connection.
#[test]
fn answers_before_a_reset_arrive() {
    on_both_runtimes(async || {
        for _ in 0..20 {
            let (one, other) = channels(Link::Tcp).await;
            let peer = PeerBuilder::new().start(one).expect("no duplicates");
            let (mut reader, mut writer) = other.into_split();
            let small = peer.call("m", "a").start();
            let (_, payload) = read_packet(&mut reader).await.expect("a request");
            let id = u32::from_be_bytes(payload[..4].try_into().expect("an id"));
            let large = peer.call("m", vec![0; 10 << 20]).start();
            reader
                .read_exact(&mut [0; 1000])
                .await
                .expect("a part of it");
            writer
                .write_all(&response(id, 0, b"x"))
                .await
                .expect("open");
            drop((reader, writer));
            assert_eq!(in_time(small).await.expect("it has arrived"), "x");
            let lost = in_time(large).await;
            assert!(
                matches!(lost, Err(CallError::ConnectionLost(_))),
                "{lost:?}"
            );
        }
    });
}

#[tokio::test(start_paused = true)]
async fn after_a_failed_write_the_reader_ends_soon() {
    let (ours, theirs) = tokio::io::duplex(1000);
    let (faulty, ours) = Faulty::over(Channel::io(ours));
    let peer = PeerBuilder::new().start(ours).expect("no duplicates");
    let call = peer.call("m", ()).start();
    faulty.reads.open();
    let began = tokio::time::Instant::now();
    faulty.fail(&peer).await;
    let lost = call.await;
    assert!(
        matches!(&lost, Err(CallError::ConnectionLost(reason)) if is_broken(reason)),
        "{lost:?}"
    );
    assert_eq!(began.elapsed().as_secs(), 1);
    // A side that keeps sending does not prolong it either.
    let (ours, mut theirs_too) = tokio::io::duplex(1000);
    let (faulty, ours) = Faulty::over(Channel::io(ours));
    let peer = PeerBuilder::new().start(ours).expect("no duplicates");
    faulty.reads.open();
    faulty.fail(&peer).await;
    while theirs_too
        .write_all(&packet(PacketType(200), b""))
        .await
        .is_ok()
    {
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    assert!(is_broken(&peer.closed().await));
    assert!(began.elapsed().as_secs() < 20);
    drop(theirs);
}

#[chirp::service]
trait Numbers {
    /// Returns items from 0 on, once it is allowed to.
    async fn count(&self, to: u32) -> impl Stream<Item = u32>;
}

struct Counter(Arc<Semaphore>);

impl Numbers for Counter {
    async fn count(&self, to: u32) -> impl Stream<Item = u32> {
        self.0.acquire().await.expect("open").forget();
        tokio_stream::iter(0..to)
    }
}

#[test]
fn a_failed_write_does_not_hide_items_and_their_end() {
    on_both_runtimes(async || {
        for link in [Link::Memory, Link::Tcp, Link::Unix] {
            let (one, other) = channels(link).await;
            let (faulty, one) = Faulty::over(one);
            faulty.reads.open();
            let may_answer = Arc::new(Semaphore::new(1));
            let service = NumbersServer::new(Counter(Arc::clone(&may_answer)));
            let server = PeerBuilder::new()
                .service(service)
                .start(other)
                .expect("no duplicates");
            let peer = PeerBuilder::new().start(one).expect("no duplicates");
            let client = NumbersClient::new(&peer);
            let first: Vec<_> = client.count(3).await.expect("begun").collect().await;
            assert_eq!(first.len(), 3);
            let begun = client.count(100).start();
            while server.stats().running == 0 {
                tokio::task::yield_now().await;
            }
            faulty.reads.shut();
            may_answer.add_permits(1);
            while server.metrics().counters.items_out < 103 {
                tokio::task::yield_now().await;
            }
            in_time(faulty.fail(&peer)).await;
            faulty.reads.open();
            let mut stream = in_time(begun).await.expect("the answer has arrived");
            for number in 0..100 {
                let item = in_time(stream.recv()).await.expect("an item");
                assert_eq!(item.expect("it has arrived"), number);
            }
            assert!(
                in_time(stream.recv()).await.is_none(),
                "the end has arrived"
            );
            in_time(server.shutdown(Duration::from_hours(1))).await;
            assert!(is_broken(&in_time(peer.closed()).await));
        }
    });
}
