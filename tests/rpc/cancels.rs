//! Calls that are cancelled, by their caller or by a timeout.

use crate::support::{DropFlag, LINKS_AND_PROXY, connected, echo, idle, pair};
use chirp::packet::ErrorData;
use chirp::{CallError, PeerBuilder, Request};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// A builder that records what its peer receives, in order.
fn heard() -> (PeerBuilder, mpsc::UnboundedReceiver<String>) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let builder = PeerBuilder::new().fallback(move |request: Request| {
        let name = String::from_utf8_lossy(request.method()).into_owned();
        sender.send(name).expect("the test listens");
        async { Ok::<_, ErrorData>(()) }
    });
    (builder, receiver)
}

/// CH-T9, CH-T54.
#[tokio::test]
async fn a_call_with_an_expired_deadline_is_not_sent() {
    for link in LINKS_AND_PROXY {
        let (builder, mut heard) = heard();
        let (peer, other) = connected(link, &PeerBuilder::new(), &builder).await;
        for call in [
            peer.call("1", ()).timeout(Duration::ZERO),
            peer.call("1", ()).deadline(Instant::now()),
            peer.call("1", ()).timeout(Duration::ZERO).start(),
        ] {
            let answer = call.await;
            assert!(
                matches!(answer, Err(CallError::DeadlineExceeded { .. })),
                "{answer:?}"
            );
        }
        assert_eq!(peer.stats(), chirp::ConnectionStats::default());
        peer.call("2", ())
            .timeout(Duration::MAX)
            .await
            .expect("answered");
        assert_eq!(heard.recv().await.expect("heard"), "2");
        drop((peer, other));
    }
}

/// CH-T54, CH-T10: when a call times out, its handler is interrupted.
#[tokio::test(start_paused = true)]
async fn a_timeout_interrupts_the_callee() {
    let (flag, mut dropped) = DropFlag::new();
    let flag = Arc::new(flag);
    let builder = PeerBuilder::new().handle("wait", move |_: Request| {
        let flag = DropFlag(flag.0.clone());
        async move {
            let _flag = flag;
            std::future::pending::<ErrorData>().await
        }
    });
    let (peer, other) = pair(&PeerBuilder::new(), &builder);
    let call = peer.call("wait", ()).timeout(Duration::from_millis(20));
    let answer = call.await;
    assert!(
        matches!(answer, Err(CallError::DeadlineExceeded { .. })),
        "{answer:?}"
    );
    dropped.recv().await.expect("the handler was dropped");

    let begun = tokio::time::Instant::now();
    let started = peer
        .call("wait", ())
        .timeout(Duration::from_secs(9))
        .start();
    tokio::time::sleep(Duration::from_secs(8)).await;
    let answer = started.await;
    assert!(
        matches!(answer, Err(CallError::DeadlineExceeded { .. })),
        "{answer:?}"
    );
    assert_eq!(begun.elapsed().as_secs(), 9, "from when it was sent");
    dropped.recv().await.expect("the handler was dropped");
    idle(&peer).await;
    idle(&other).await;
}

/// Dropping a call cancels it: before its first poll, when it is sent, while its handler runs, and when its answer has
/// arrived.
#[tokio::test]
async fn a_dropped_call_is_cancelled_at_every_stage() {
    for link in LINKS_AND_PROXY {
        let (flag, mut dropped) = DropFlag::new();
        let flag = Mutex::new(flag);
        let builder = PeerBuilder::new()
            .handle("echo", echo)
            .handle("wait", move |_: Request| {
                let flag = DropFlag(flag.lock().expect("no panics").0.clone());
                async move {
                    let _flag = flag;
                    std::future::pending::<ErrorData>().await
                }
            });
        let (peer, other) = connected(link, &PeerBuilder::new(), &builder).await;
        drop(peer.call("wait", ()));
        assert_eq!(peer.stats().pending, 0);

        drop(peer.call("wait", ()).start());
        idle(&peer).await;
        idle(&other).await;
        while dropped.try_recv().is_ok() {}

        let running = peer.call("wait", ()).start();
        while other.stats().running == 0 {
            tokio::task::yield_now().await;
        }
        drop(running);
        dropped.recv().await.expect("the handler was interrupted");
        idle(&peer).await;

        let answered = peer.call("echo", ()).start();
        while peer.stats().pending > 0 {
            tokio::task::yield_now().await;
        }
        drop(answered);
        idle(&peer).await;
        idle(&other).await;
        assert_eq!(peer.call("echo", "next").await.expect("answered"), "next");
    }
}

/// A call that is cancelled while it waits in a dispatcher's batch does not start. Tested over memory only: elsewhere
/// the Cancel may arrive too late.
#[tokio::test]
async fn a_queued_call_that_is_cancelled_does_not_start() {
    let (begun, begins) = std::sync::mpsc::channel();
    let victim = Arc::new(Mutex::new(None::<chirp::Call<bytes::Bytes>>));
    let given_up = Arc::clone(&victim);
    let builder = PeerBuilder::new().fallback(move |request: Request| {
        let name = String::from_utf8_lossy(request.method()).into_owned();
        if name == "first" {
            drop(given_up.lock().expect("no panics").take());
        }
        begun.send(name).expect("the test listens");
        async {
            // Longer than a dispatcher's time slice, so that other tasks run before the next handler.
            std::thread::sleep(Duration::from_millis(2));
            Ok::<_, ErrorData>(())
        }
    });
    let (peer, other) = pair(&PeerBuilder::new(), &builder);
    // The first call is written at once, the others together before the first of them starts.
    let alone = peer.call("alone", ()).start();
    let first = peer.call("first", ()).start();
    // Lets the Cancel arrive: the writer yields, writes it, and the other side reads it.
    let second = peer.call("second", ()).start();
    let third = peer.call("third", ()).start();
    let fourth = peer.call("fourth", ()).start();
    *victim.lock().expect("no panics") = Some(peer.call("victim", ()).start());
    let last = peer.call("last", ()).start();
    for call in [alone, first, second, third, fourth, last] {
        call.await.expect("answered");
    }
    idle(&peer).await;
    idle(&other).await;
    let begun: Vec<_> = begins.try_iter().collect();
    assert_eq!(
        begun,
        ["alone", "first", "second", "third", "fourth", "last"]
    );
}
