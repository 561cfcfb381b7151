//! Handlers that use responders, panic or are interrupted.

use crate::support::{LINKS_AND_PROXY, connected, echo, idle, pair};
use bytes::Bytes;
use chirp::packet::{ErrorData, FrameworkError};
use chirp::{CallError, Handler, HandlerFuture, Peer, PeerBuilder, Reply, Request, Responder};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;
use tokio::sync::mpsc;

fn framework_error(answer: Result<Bytes, CallError>) -> FrameworkError {
    match answer {
        Err(CallError::Rejected { reason, .. }) => reason,
        other => panic!("no fault: {other:?}"),
    }
}

/// A peer whose method "defer" passes its responders to the test.
fn deferring() -> (Peer, Peer, mpsc::UnboundedReceiver<Responder>) {
    let (hand_over, handed) = mpsc::unbounded_channel();
    let builder =
        PeerBuilder::new()
            .handle("echo", echo)
            .handle("defer", move |request: Request| {
                let (responder, reply) = request.defer();
                hand_over.send(responder).expect("the test listens");
                std::future::ready(reply)
            });
    let (peer, other) = pair(&PeerBuilder::new(), &builder);
    (peer, other, handed)
}

#[tokio::test]
async fn a_responder_may_answer_from_another_task() {
    let (peer, other, mut handed) = deferring();
    let (first, second) = (
        peer.call("defer", ()).start(),
        peer.call("defer", ()).start(),
    );
    let one = handed.recv().await.expect("handed over");
    let two = handed.recv().await.expect("handed over");
    assert_eq!(other.stats().running, 2);
    tokio::spawn(async move { two.reply(Ok::<_, ErrorData>("second")) });
    assert_eq!(second.await.expect("answered"), "second");
    assert!(one.is_wanted());
    one.reply("no");
    assert!(matches!(first.await, Err(CallError::Remote(error)) if error.message == "no"));
    idle(&other).await;
}

#[tokio::test]
async fn a_dropped_responder_fails_its_call() {
    let (peer, other, mut handed) = deferring();
    let call = peer.call("defer", ()).start();
    drop(handed.recv().await.expect("handed over"));
    assert_eq!(framework_error(call.await), FrameworkError::NoReply);
    idle(&other).await;
}

#[tokio::test]
async fn a_responder_of_a_cancelled_call_is_ignored() {
    let (peer, other, mut handed) = deferring();
    let call = peer.call("defer", ()).start();
    let responder = handed.recv().await.expect("handed over");
    drop(call);
    while responder.is_wanted() {
        tokio::task::yield_now().await;
    }
    assert_eq!(other.stats().running, 1, "until the responder is gone");
    responder.reply(Ok::<_, ErrorData>("too late"));
    assert_eq!(peer.call("echo", "next").await.expect("answered"), "next");
    idle(&peer).await;
    idle(&other).await;
}

#[tokio::test]
async fn a_responder_outlives_its_connection() {
    let (peer, other, mut handed) = deferring();
    let call = peer.call("defer", ()).start();
    let responder = handed.recv().await.expect("handed over");
    other.close();
    assert!(matches!(call.await, Err(CallError::ConnectionLost(_))));
    assert!(!responder.is_wanted());
    responder.reply("nobody hears it");
    idle(&other).await;
}

/// Panics on drop, unless its thread is already panicking.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        assert!(std::thread::panicking(), "dropped");
    }
}

fn panics(payload: impl Send + 'static) -> ErrorData {
    std::panic::panic_any(payload)
}

struct PanicsAtOnce;

impl Handler for PanicsAtOnce {
    fn handle(&self, _: Request) -> HandlerFuture {
        panic!("at once")
    }
}

/// Returns a result, and panics when its future is dropped.
struct PanicsAfterwards;

impl Handler for PanicsAfterwards {
    fn handle(&self, request: Request) -> HandlerFuture {
        let bomb = Bomb;
        let mut answer = Some(Reply::Value(request.into_params().into()));
        Box::pin(std::future::poll_fn(move |_| {
            let _bomb = &bomb;
            answer.take().map_or(Poll::Pending, Poll::Ready)
        }))
    }
}

fn panicking() -> PeerBuilder {
    PeerBuilder::new()
        .handle("echo", echo)
        .handle("handle", PanicsAtOnce)
        .handle("poll", |_: Request| async { panics("in the first poll") })
        .handle("later", |_: Request| async {
            tokio::task::yield_now().await;
            panics("in a later poll")
        })
        .handle("payload", |_: Request| async { panics(Bomb) })
        .handle("drop", |_: Request| async {
            let _bomb = Bomb;
            std::future::pending::<ErrorData>().await
        })
        .handle("answer", PanicsAfterwards)
}

/// CH-T29.
#[tokio::test]
async fn a_panic_fails_only_its_own_call() {
    for link in LINKS_AND_PROXY {
        let (peer, other) = connected(link, &PeerBuilder::new(), &panicking()).await;
        let waiting = peer.call("drop", ()).start();
        for method in ["handle", "poll", "later", "payload"] {
            let reason = framework_error(peer.call(method, ()).await);
            assert!(
                matches!(reason, FrameworkError::Panicked { .. }),
                "{method}: {reason}"
            );
        }
        assert_eq!(peer.call("answer", "x").await.expect("answered"), "x");
        drop(waiting);
        idle(&peer).await;
        assert_eq!(peer.call("echo", "alive").await.expect("answered"), "alive");
        let interrupted = peer.call("drop", ()).start();
        while other.stats().running == 0 {
            tokio::task::yield_now().await;
        }
        other.close();
        assert!(matches!(
            interrupted.await,
            Err(CallError::ConnectionLost(_))
        ));
        idle(&peer).await;
        idle(&other).await;
    }
}

/// A call may be awaited on another runtime than the connection's, or without a runtime.
#[test]
fn a_call_may_be_awaited_on_any_runtime() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let (peer, _other) = {
        let _entered = runtime.enter();
        pair(&PeerBuilder::new(), &panicking())
    };
    let call = peer
        .call("echo", "anywhere")
        .timeout(Duration::from_mins(10));
    let elsewhere = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    assert_eq!(elsewhere.block_on(call).expect("answered"), "anywhere");
}

/// A handler that returns a reply made for another call leaves its own call unanswered.
#[tokio::test]
async fn a_reply_of_another_call_answers_nobody() {
    for link in LINKS_AND_PROXY {
        let kept = Arc::new(Mutex::new(None));
        let builder = PeerBuilder::new().handle("swap", move |request: Request| {
            let (responder, reply) = request.defer();
            // The first call's responder and reply are kept for the second.
            let before = kept.lock().expect("no panics").replace((responder, reply));
            async move {
                match before {
                    None => std::future::pending().await,
                    Some((responder, reply)) => {
                        responder.reply(Ok::<_, ErrorData>("late"));
                        reply
                    }
                }
            }
        });
        let (a, b) = connected(link, &PeerBuilder::new(), &builder).await;
        let first = tokio::spawn(a.call("swap", ()).start());
        while b.stats().running < 1 {
            tokio::task::yield_now().await;
        }
        let second = a.call("swap", ()).await;
        assert_eq!(framework_error(second), FrameworkError::NoReply);
        assert_eq!(first.await.expect("no panic").expect("answered"), "late");
    }
}
