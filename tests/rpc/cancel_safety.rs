//! Calls may be dropped at any point: nothing is stuck and nothing is left.

use crate::support::{LINKS_AND_PROXY, connected, echo, idle, narrow};
use bytes::Bytes;
use chirp::channel::Channel;
use chirp::packet::ErrorData;
use chirp::{Peer, PeerBuilder, Request};
use std::collections::hash_map::RandomState;
use std::future::poll_fn;
use std::hash::BuildHasher;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::task::JoinSet;

fn yielding() -> PeerBuilder {
    PeerBuilder::new()
        .handle("echo", echo)
        .handle("yield", |request: Request| async {
            tokio::task::yield_now().await;
            echo(request).await
        })
        .handle("nest", |request: Request| async move {
            let caller = request.context().caller().clone();
            caller.call("yield", request.into_params()).await
        })
}

/// A number below `below`; different in every run.
fn random(below: u64) -> u64 {
    RandomState::new().hash_one(0) % below
}

/// Polls a call a few times, with the runtime running in between, and drops it.
async fn drop_at_random(peer: &Peer, method: &'static str) {
    let mut call = peer.call(method, "x");
    for _ in 0..random(6) {
        let over = poll_fn(|cx| Poll::Ready(Pin::new(&mut call).poll(cx).is_ready())).await;
        if over {
            return;
        }
        tokio::task::yield_now().await;
    }
}

async fn drops(left: &Peer, right: &Peer, count: usize) {
    let mut all = JoinSet::new();
    for number in 0..20 {
        let peer = if number % 2 == 0 { left } else { right }.clone();
        let method = ["echo", "yield", "nest"][number % 3];
        all.spawn(async move {
            for _ in 0..count / 20 {
                drop_at_random(&peer, method).await;
            }
        });
    }
    all.join_all().await;
    for peer in [left, right] {
        assert_eq!(peer.call("echo", "alive").await.expect("answered"), "alive");
        idle(peer).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_dropped_anywhere_leave_nothing() {
    for link in LINKS_AND_PROXY {
        let (left, right) = connected(link, &yielding(), &yielding()).await;
        drops(&left, &right, 20_000).await;
    }
    let (left, right) = narrow(&yielding(), &yielding(), 5);
    drops(&left, &right, 2000).await;
}

/// Accepts a few bytes at a time, and remembers only the waker of the last poll.
struct Forgetful {
    io: DuplexStream,
    taken: usize,
    waker: Option<Waker>,
}

impl Forgetful {
    fn pass(&mut self, cx: &Context<'_>) -> Poll<()> {
        self.taken += 1;
        if self.taken.is_multiple_of(2) {
            return Poll::Ready(());
        }
        // The previous waker is forgotten, as a socket does.
        let waker = self.waker.insert(cx.waker().clone()).clone();
        tokio::spawn(async move { waker.wake() });
        Poll::Pending
    }
}

impl AsyncRead for Forgetful {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl AsyncWrite for Forgetful {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        std::task::ready!(self.pass(cx));
        let some = &buf[..buf.len().min(7)];
        Pin::new(&mut self.io).poll_write(cx, some)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        std::task::ready!(self.pass(cx));
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

/// The writer is woken whichever task writes, even if that task is dropped while it writes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_channel_may_remember_only_the_last_waker() {
    let (one, other) = tokio::io::duplex(64);
    let [left, right] = [one, other].map(|io| {
        let forgetful = Forgetful {
            io,
            taken: 0,
            waker: None,
        };
        yielding()
            .start(Channel::io(forgetful))
            .expect("no duplicates")
    });
    drops(&left, &right, 4000).await;
}

/// Counts the payload bytes that are still held.
struct Counted(Arc<AtomicUsize>, [u8; 100]);

impl Counted {
    fn bytes(alive: &Arc<AtomicUsize>) -> Bytes {
        alive.fetch_add(1, Ordering::Relaxed);
        Bytes::from_owner(Self(Arc::clone(alive), [7; 100]))
    }
}

impl AsRef<[u8]> for Counted {
    fn as_ref(&self) -> &[u8] {
        &self.1
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Parameters and results are released as soon as they have been copied into the write buffer.
#[tokio::test]
async fn sent_payloads_are_released() {
    let alive = Arc::new(AtomicUsize::new(0));
    let answers = Arc::clone(&alive);
    let builder = PeerBuilder::new().handle("answer", move |_: Request| {
        let answer = Counted::bytes(&answers);
        async { Ok::<_, ErrorData>(answer) }
    });
    for link in LINKS_AND_PROXY {
        let (caller, _callee) = connected(link, &PeerBuilder::new(), &builder).await;
        for _ in 0..100 {
            let params = Counted::bytes(&alive);
            caller.call("answer", params).await.expect("answered");
            let held = alive.load(Ordering::Relaxed);
            assert!(held <= 2, "{held}");
        }
    }
}
