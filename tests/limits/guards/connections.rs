//! Channels, observers, wakers and values of a connection.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use bytes::Bytes;
use chirp::channel::{Channel, FailureKind, memory};
use chirp::packet::{ErrorData, PacketType};
use chirp::{ConnectionError, PeerBuilder, Request};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{Mine, calling, is_alive, pair, soon};
use crate::support::echo;

#[tokio::test]
async fn packet_handlers() {
    let serves = PeerBuilder::new().handle_packet(PacketType(200), |_, payload| {
        assert!(!payload.is_empty(), "a packet");
        std::future::ready(Ok::<_, ErrorData>(()))
    });
    let (a, b) = calling(serves);
    soon(a.send_packet(PacketType(200), ())).await.unwrap();
    let reason = soon(b.closed()).await;
    assert!(
        matches!(&reason, ConnectionError::PacketHandler { message, .. } if message.contains("a packet")),
        "{reason}"
    );
}

#[tokio::test]
async fn failure_hooks() {
    let serves = PeerBuilder::new().handle_packet(PacketType(200), |_, _| {
        std::future::ready(Err::<(), _>(ErrorData::new(1, "a failure")))
    });
    let (called, calls) = tokio::sync::oneshot::channel();
    let (one, other) = memory();
    let other = other.with_failure_hook(move |kind, text| {
        assert!(text.contains("a failure"), "{text}");
        called.send(kind).unwrap();
        panic!("a hook");
    });
    let b = serves.start(other).unwrap();
    let a = PeerBuilder::new().start(one).unwrap();
    soon(a.send_packet(PacketType(200), ())).await.unwrap();
    assert_eq!(soon(calls).await.unwrap(), FailureKind::Internal);
    // The connection ends as it would.
    let reason = soon(b.closed()).await;
    assert!(
        matches!(reason, ConnectionError::PacketHandler { .. }),
        "{reason}"
    );
    let reason = soon(a.closed()).await;
    assert!(matches!(reason, ConnectionError::ClosedByPeer), "{reason}");
}

#[tokio::test]
async fn observers_of_packets() {
    let seen = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&seen);
    let observed = PeerBuilder::new().on_packet(move |_| {
        count.fetch_add(1, Ordering::Relaxed);
        panic!("an observer");
    });
    let (a, b) = pair(&observed, &observed.clone().handle("echo", echo));
    for _ in 0..3 {
        is_alive(&a).await;
    }
    assert!(seen.load(Ordering::Relaxed) >= 11);
    drop(b);
}

/// A service's values are dropped when its connection ends. Two panicking drops in one value abort, as in any program.
#[tokio::test]
async fn dropped_services_and_values() {
    for is_value in [false, true] {
        let drops = Arc::new(AtomicUsize::new(0));
        let mine = Mine(Arc::clone(&drops));
        let serves = PeerBuilder::new().handle("echo", echo);
        let serves = if is_value {
            serves.extension(mine)
        } else {
            serves.handle("mine", move |_: Request| {
                let _ = &mine;
                std::future::ready(Ok::<_, ErrorData>(()))
            })
        };
        let (a, b) = memory();
        let b = serves.start(b).unwrap();
        drop(serves);
        let a = PeerBuilder::new().start(a).unwrap();
        is_alive(&a).await;
        a.close();
        let reason = soon(b.closed()).await;
        assert!(matches!(reason, ConnectionError::ClosedByPeer), "{reason}");
        while drops.load(Ordering::Relaxed) == 0 {
            tokio::task::yield_now().await;
        }
    }
}

/// A waker of a user's executor.
struct Waking(AtomicUsize);

impl Wake for Waking {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
        panic!("a waker");
    }
}

#[tokio::test]
async fn wakers() {
    let (a, _b) = calling(PeerBuilder::new());
    let waking = Arc::new(Waking(AtomicUsize::new(0)));
    let waker = Waker::from(Arc::clone(&waking));
    let mut first = a.call("echo", "first");
    assert!(
        Pin::new(&mut first)
            .poll(&mut Context::from_waker(&waker))
            .is_pending()
    );
    // Both responses arrive together; the first one's waker panics.
    is_alive(&a).await;
    assert_eq!(waking.0.load(Ordering::Relaxed), 1);
    assert_eq!(soon(first).await.unwrap(), "first");
    let mut waiting = a.call("echo", "waits for the end");
    let _ = Pin::new(&mut waiting).poll(&mut Context::from_waker(&waker));
    a.close();
    soon(a.closed()).await;
}

/// A stream of bytes whose reading or writing panics.
struct Wire {
    reads: bool,
    writes: bool,
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        _: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        assert!(self.reads, "a read");
        Poll::Pending
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        assert!(self.writes, "a write");
        Poll::Pending
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[tokio::test]
async fn channels() {
    for (reads, writes) in [(false, true), (true, false)] {
        let wire = Channel::io(Wire { reads, writes });
        let peer = PeerBuilder::new().start(wire).unwrap();
        let call = tokio::spawn(peer.call("echo", ()));
        let reason = soon(peer.closed()).await;
        assert!(
            matches!(&reason, ConnectionError::Channel(error) if error.to_string().contains("panicked")),
            "{reason}"
        );
        // If the caller itself writes, the panic happens in its task.
        assert!(!matches!(soon(call).await, Ok(Ok(_))));
    }
}

/// `Bytes` whose owner panics when dropped.
struct Owner(Arc<AtomicUsize>);

impl AsRef<[u8]> for Owner {
    fn as_ref(&self) -> &[u8] {
        &[7; 5_000]
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
        panic!("the drop of bytes");
    }
}

#[tokio::test]
async fn owners_of_bytes() {
    let drops = Arc::new(AtomicUsize::new(0));
    let owner = Arc::clone(&drops);
    let serves = PeerBuilder::new().handle("large", move |_: Request| {
        let bytes = Bytes::from_owner(Owner(Arc::clone(&owner)));
        std::future::ready(Ok::<_, ErrorData>(bytes))
    });
    let (a, b) = calling(serves);
    // The connection may end, but nothing waits forever.
    let _ = soon(a.call("large", ())).await;
    a.close();
    soon(b.closed()).await;
}
