//! How connections end: who may end them, what both sides learn, and what is released.

use crate::support::{DropFlag, LINKS, connected, echo, idle, pair, read_packet};
use bytes::Bytes;
use chirp::channel::{Channel, memory};
use chirp::packet::{ErrorData, FrameworkError};
use chirp::{AsCaller, CallError, Caller, ConnectionError, Peer, PeerBuilder, Request};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::sync::{Notify, mpsc};

const LONG: Duration = Duration::from_hours(1);

fn waiting() -> PeerBuilder {
    PeerBuilder::new()
        .handle("echo", echo)
        .handle("wait", |_: Request| std::future::pending::<ErrorData>())
}

async fn running(peer: &Peer, count: usize) {
    while peer.stats().running != count {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn both_sides_learn_why_a_connection_ended() {
    for link in LINKS {
        let (left, right) = connected(link, &waiting(), &waiting()).await;
        let waiters: Vec<_> = (0..50)
            .map(|_| {
                let right = right.clone();
                tokio::spawn(async move { right.closed().await })
            })
            .collect();
        let pending = left.call("wait", ()).start();
        let theirs = right.call("wait", ()).start();
        running(&left, 1).await;
        left.close();
        left.close();
        assert!(matches!(left.closed().await, ConnectionError::ClosedHere));
        assert!(matches!(
            pending.await,
            Err(CallError::ConnectionLost(ConnectionError::ClosedHere))
        ));
        for waiter in waiters {
            let reason = waiter.await.expect("no panics");
            assert!(matches!(reason, ConnectionError::ClosedByPeer), "{reason}");
        }
        assert!(right.closed().await.is_clean());
        assert!(matches!(
            theirs.await,
            Err(CallError::ConnectionLost(ConnectionError::ClosedByPeer))
        ));
        let late = right.call("echo", ()).await;
        assert!(matches!(
            late,
            Err(CallError::ConnectionLost(ConnectionError::ClosedByPeer))
        ));
        let late = right.as_caller().call_one_way("echo", ()).await;
        assert!(matches!(
            late,
            Err(CallError::ConnectionLost(ConnectionError::ClosedByPeer))
        ));
        assert!(matches!(
            left.hello().await,
            Err(CallError::ConnectionLost(_))
        ));
        idle(&left).await;
        idle(&right).await;
    }
}

#[tokio::test]
async fn a_shutdown_lets_handlers_finish() {
    for link in LINKS {
        let go_on = Arc::new(Notify::new());
        let wait = Arc::clone(&go_on);
        let builder = waiting().handle("finish", move |_: Request| {
            let wait = Arc::clone(&wait);
            async move {
                wait.notified().await;
                Ok::<_, ErrorData>("finished")
            }
        });
        let (peer, other) = connected(link, &PeerBuilder::new(), &builder).await;
        let call = peer.call("finish", ()).start();
        running(&other, 1).await;
        let ending = tokio::spawn({
            let other = other.clone();
            async move { (other.shutdown(LONG).await, other.shutdown(LONG).await) }
        });
        let refused = loop {
            match peer.call("echo", ()).await {
                Ok(_) => tokio::task::yield_now().await,
                Err(error) => break error,
            }
        };
        let reason = FrameworkError::ShuttingDown;
        assert!(matches!(refused, CallError::Rejected { reason: why, .. } if why == reason));
        go_on.notify_one();
        assert_eq!(call.await.expect("answered"), "finished");
        let (first, second) = ending.await.expect("no panics");
        assert!(first.is_clean() && second.is_clean());
        assert!(peer.closed().await.is_clean());
    }
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_is_bounded() {
    let (peer, other) = pair(&PeerBuilder::new(), &waiting());
    let call = peer.call("wait", ()).start();
    running(&other, 1).await;
    assert!(other.shutdown(Duration::from_secs(5)).await.is_clean());
    assert!(matches!(call.await, Err(CallError::ConnectionLost(_))));
    idle(&other).await;
}

/// CH-T57. The handlers get their own peer's handle.
#[tokio::test(start_paused = true)]
async fn a_handler_may_end_its_own_connection() {
    for gently in [true, false] {
        let slot: Arc<Mutex<Option<Peer>>> = Arc::default();
        let found = Arc::clone(&slot);
        let builder = PeerBuilder::new().handle("end", move |_: Request| {
            let own = found.lock().expect("no panics").clone().expect("put there");
            async move {
                if gently {
                    own.shutdown(Duration::from_secs(1)).await;
                } else {
                    own.close();
                }
                Ok::<_, ErrorData>(())
            }
        });
        let (peer, other) = pair(&PeerBuilder::new(), &builder);
        *slot.lock().expect("no panics") = Some(other.clone());
        let answer = peer.call("end", ()).await;
        assert!(
            matches!(answer, Err(CallError::ConnectionLost(_))),
            "{answer:?}"
        );
        assert!(other.closed().await.is_clean());
        idle(&other).await;
    }
}

#[tokio::test]
async fn the_last_handle_writes_what_was_sent_and_closes() {
    let (ours, mut theirs) = tokio::io::duplex(1000);
    let peer = PeerBuilder::new()
        .start(Channel::io(ours))
        .expect("no duplicates");
    let caller = peer.as_caller();
    drop(peer);
    for number in 0..100 {
        let cast = caller.call_one_way(number.to_string(), Bytes::from(vec![7; 20_000]));
        cast.await.expect("queued");
    }
    drop(caller);
    for number in 0..100 {
        let (_, payload) = read_packet(&mut theirs).await.expect("a packet");
        let name = &payload[5..][..usize::from(payload[4])];
        assert_eq!(name, number.to_string().as_bytes());
    }
    assert_eq!(theirs.read(&mut [0]).await.expect("the end"), 0);
}

#[tokio::test]
async fn a_call_is_a_handle_and_a_serving_peer_needs_none() {
    for link in LINKS {
        let (client, server) = connected(link, &PeerBuilder::new(), &waiting()).await;
        drop(server);
        let call = client.call("echo", "x");
        drop(client);
        assert_eq!(call.await.expect("answered"), "x");
    }
}

/// CH-T50, CH-T51: the connection is lost, at either end, while a handler waits for a nested call.
#[tokio::test]
async fn a_nested_call_fails_when_the_connection_is_lost() {
    for link in LINKS {
        for here in [true, false] {
            let (say, mut said) = mpsc::unbounded_channel();
            let builder = PeerBuilder::new().handle("nest", move |request: Request| {
                let caller = request.context().caller().clone();
                let say = say.clone();
                // The handler itself would be interrupted, so the call runs on a task of its own.
                tokio::spawn(async move {
                    let answer = caller.call("wait", ()).await;
                    say.send((answer, caller)).expect("the test listens");
                });
                std::future::pending::<ErrorData>()
            });
            let (peer, other) = connected(link, &waiting(), &builder).await;
            let outer = peer.call("nest", ()).start();
            running(&peer, 1).await;
            if here { &other } else { &peer }.close();
            assert!(matches!(outer.await, Err(CallError::ConnectionLost(_))));
            let (answer, caller) = said.recv().await.expect("it ended");
            assert!(
                matches!(answer, Err(CallError::ConnectionLost(_))),
                "{answer:?}"
            );
            let late = caller.call("wait", ()).await;
            assert!(
                matches!(late, Err(CallError::ConnectionLost(_))),
                "{late:?}"
            );
            idle(&peer).await;
            idle(&other).await;
        }
    }
}

/// A service that keeps its caller.
#[derive(Default)]
struct Service {
    callers: Mutex<Vec<Caller>>,
    peer: Mutex<Option<Peer>>,
}

#[tokio::test]
async fn services_are_dropped_when_the_connection_ends() {
    for link in LINKS {
        let service = Arc::new(Service::default());
        let weak: Weak<Service> = Arc::downgrade(&service);
        let (flag, mut dropped) = DropFlag::new();
        let flag = Arc::new(flag);
        let kept = Arc::clone(&service);
        let builder = PeerBuilder::new().handle("keep", move |request: Request| {
            let (kept, flag) = (Arc::clone(&kept), Arc::clone(&flag));
            async move {
                let caller = request.context().caller().clone();
                kept.callers.lock().expect("no panics").push(caller);
                let _flag = flag;
                std::future::pending::<ErrorData>().await
            }
        });
        let (peer, other) = connected(link, &PeerBuilder::new(), &builder).await;
        drop(builder);
        *service.peer.lock().expect("no panics") = Some(other);
        drop(service);
        let call = peer.call("keep", ()).start();
        while weak
            .upgrade()
            .is_some_and(|kept| kept.callers.lock().expect("no panics").is_empty())
        {
            tokio::task::yield_now().await;
        }
        peer.close();
        assert!(matches!(call.await, Err(CallError::ConnectionLost(_))));
        assert!(
            dropped.recv().await.is_some(),
            "the handler and its service"
        );
        assert!(dropped.recv().await.is_none());
        while weak.strong_count() > 0 {
            tokio::task::yield_now().await;
        }
    }
}

/// A runtime that shuts down leaves nothing of its connections.
#[test]
fn a_runtime_that_stops_ends_its_connections() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let (ours, theirs) = memory();
    let peer = {
        let _entered = runtime.enter();
        waiting().start(ours).expect("no duplicates")
    };
    let elsewhere = tokio::runtime::Runtime::new().expect("a runtime");
    let calls: Vec<_> = (0..100)
        .map(|_| elsewhere.spawn(peer.call("wait", ()).timeout(LONG)))
        .collect();
    elsewhere.block_on(async {
        while peer.stats().pending < 100 {
            tokio::task::yield_now().await;
        }
    });
    drop(runtime);
    for call in calls {
        let answer = elsewhere.block_on(call).expect("no panics");
        let stopped = matches!(
            &answer,
            Err(CallError::ConnectionLost(ConnectionError::RuntimeStopped))
        );
        assert!(stopped, "{answer:?}");
    }
    // The other side sees the end although a handle is alive.
    let (mut reader, _writer) = theirs.into_split();
    elsewhere.block_on(async {
        reader.read_to_end(&mut Vec::new()).await.expect("the end");
        idle(&peer).await;
    });
}
