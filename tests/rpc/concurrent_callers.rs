//! Many callers on one connection: calls in the submit queue keep their order, and are cancelled, refused and ended
//! like calls in the session.

use std::sync::{Arc, Mutex};

use crate::support::{LINKS_AND_PROXY, connected, echo, idle, pair};
use bytes::Bytes;
use chirp::channel::Channel;
use chirp::packet::ErrorData;
use chirp::{AsCaller, CallError, Limits, Peer, PeerBuilder, Request};
use tokio::task::JoinSet;

const CALLERS: usize = 16;

/// Keeps a call pending, so that other calls go through the submit queue.
async fn crowd(peer: &Peer) -> Vec<chirp::Call<Bytes>> {
    let waiting: Vec<_> = (0..2).map(|_| peer.call("wait", ()).start()).collect();
    peer.call("echo", ()).await.expect("an answer");
    waiting
}

fn waiting() -> PeerBuilder {
    PeerBuilder::new()
        .handle("echo", echo)
        .handle("wait", |_: Request| {
            std::future::pending::<Result<(), ErrorData>>()
        })
}

async fn each_caller_keeps_its_order() {
    let log = Arc::new(Mutex::new(vec![Vec::new(); CALLERS]));
    let kept = Arc::clone(&log);
    let builder = waiting().handle("note", move |request: Request| {
        let [caller, high, low]: [u8; 3] = request.params().try_into().expect("three bytes");
        let number = u16::from_be_bytes([high, low]);
        kept.lock().expect("no panics")[usize::from(caller)].push(number);
        std::future::ready(Ok::<_, ErrorData>(()))
    });
    let (peer, serving) = pair(&PeerBuilder::new(), &builder);
    let crowd = crowd(&peer).await;
    let mut callers = JoinSet::new();
    for caller in 0..u8::try_from(CALLERS).expect("a few") {
        let peer = peer.clone();
        callers.spawn(async move {
            let mut calls = Vec::new();
            for number in 0..600_u16 {
                let [high, low] = number.to_be_bytes();
                let note = vec![caller, high, low];
                match number % 7 {
                    0 => peer
                        .as_caller()
                        .call_one_way("note", note)
                        .await
                        .expect("sent"),
                    1 => drop(peer.call("note", note).await.expect("an answer")),
                    _ => calls.push(peer.call("note", note).start()),
                }
                if number % 90 == 0 {
                    tokio::task::yield_now().await;
                }
            }
            for call in calls {
                call.await.expect("an answer");
            }
        });
    }
    callers.join_all().await;
    drop(crowd);
    idle(&peer).await;
    idle(&serving).await;
    for noted in log.lock().expect("no panics").iter() {
        assert!(noted.iter().copied().eq(0..600), "{noted:?}");
    }
}

#[tokio::test]
async fn each_caller_keeps_its_order_on_one_thread() {
    each_caller_keeps_its_order().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_caller_keeps_its_order_on_two_threads() {
    each_caller_keeps_its_order().await;
}

/// On one thread, the writer does not run in between.
#[tokio::test]
async fn a_call_dropped_before_it_is_written_is_not_sent() {
    for link in LINKS_AND_PROXY {
        let (peer, serving) = connected(link, &PeerBuilder::new(), &waiting()).await;
        let crowd = crowd(&peer).await;
        let before = serving.metrics();
        let made = peer.metrics();
        for _ in 0..100 {
            drop(peer.call("wait", ()).start());
        }
        let kept = peer.call("echo", "kept").start();
        assert_eq!(peer.stats().pending, crowd.len() + 1);
        assert_eq!(kept.await.expect("an answer"), "kept");
        assert_eq!(
            serving.metrics().counters.calls_in - before.counters.calls_in,
            1
        );
        let now = peer.metrics();
        assert_eq!(now.counters.calls_out - made.counters.calls_out, 101);
        assert_eq!(
            now.counters.calls_out_failed - made.counters.calls_out_failed,
            100
        );
        drop(crowd);
        idle(&peer).await;
        idle(&serving).await;
    }
}

#[tokio::test]
async fn a_call_beyond_the_pending_limit_fails() {
    for link in LINKS_AND_PROXY {
        let mut limits = Limits::default();
        limits.max_pending_calls = 8;
        let (peer, serving) = connected(link, &PeerBuilder::new().limits(limits), &waiting()).await;
        let crowd = crowd(&peer).await;
        let calls: Vec<_> = (0..20).map(|_| peer.call("echo", "x").start()).collect();
        let mut refused = 0;
        for call in calls {
            match call.await {
                Ok(answer) => assert_eq!(answer, "x"),
                Err(CallError::TooManyPending { limit }) => {
                    assert_eq!(limit, 8);
                    refused += 1;
                }
                Err(other) => panic!("{other}"),
            }
        }
        assert_eq!(refused, 20 - (8 - crowd.len()));
        drop(crowd);
        idle(&peer).await;
        idle(&serving).await;
    }
}

#[tokio::test]
async fn unsent_calls_fail_when_the_connection_ends() {
    for link in LINKS_AND_PROXY {
        let (peer, serving) = connected(link, &PeerBuilder::new(), &waiting()).await;
        let crowd = crowd(&peer).await;
        let before: Vec<_> = (0..50).map(|_| peer.call("echo", ()).start()).collect();
        peer.close();
        let after: Vec<_> = (0..50).map(|_| peer.call("echo", ()).start()).collect();
        for call in crowd.into_iter().chain(before).chain(after) {
            let error = call.await.expect_err("no answer");
            assert!(matches!(error, CallError::ConnectionLost(_)), "{error}");
        }
        serving.closed().await;
        idle(&peer).await;
    }
}

/// Large calls go to the session directly, after the calls submitted before them.
#[tokio::test]
async fn large_calls_keep_their_order() {
    for link in LINKS_AND_PROXY {
        let lengths = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&lengths);
        let builder = waiting().handle("note", move |request: Request| {
            let len = request.params().len();
            kept.lock().expect("no panics").push(len);
            std::future::ready(Ok::<_, ErrorData>(()))
        });
        let (peer, _serving) = connected(link, &PeerBuilder::new(), &builder).await;
        let _crowd = crowd(&peer).await;
        let sent = [1, 2, 100_000, 3, 1024, 1025, 4, 20_000];
        let calls = sent.map(|len| peer.call("note", vec![7; len]).start());
        for call in calls {
            call.await.expect("an answer");
        }
        assert_eq!(*lengths.lock().expect("no panics"), sent);
    }
}

/// While the other side does not read, the submit queue stays bounded and the limit of pending calls holds.
#[tokio::test]
async fn calls_to_a_peer_that_does_not_read_are_bounded() {
    let mut limits = Limits::default();
    limits.max_pending_calls = 100;
    let (ours, _never_read) = tokio::io::duplex(64);
    let builder = PeerBuilder::new().limits(limits);
    let peer = builder.start(Channel::io(ours)).expect("no duplicates");
    let _crowd: Vec<_> = (0..2).map(|_| peer.call("wait", ()).start()).collect();
    // The writer fills the channel's buffer and waits.
    while peer.stats().unsent > 0 && peer.metrics().counters.packets_sent == 0 {
        tokio::task::yield_now().await;
    }
    tokio::task::yield_now().await;
    let mut refused = 0;
    for _ in 0..20_000 {
        let call = peer.call("wait", vec![7; 100]).start();
        // A waiting call can be dropped at once.
        tokio::select! {
            biased;
            ended = call => match ended {
                Err(CallError::TooManyPending { limit: 100 }) => refused += 1,
                other => panic!("{other:?}"),
            },
            () = std::future::ready(()) => {}
        }
    }
    assert!(peer.stats().unsent < 64 << 10, "{:?}", peer.stats());
    let kept: Vec<_> = (0..1000)
        .map(|_| peer.call("wait", vec![7; 100]).start())
        .collect();
    for call in kept {
        tokio::select! {
            biased;
            ended = call => {
                assert!(matches!(ended, Err(CallError::TooManyPending { limit: 100 })));
                refused += 1;
            }
            () = std::future::ready(()) => {}
        }
    }
    assert!(refused >= 500, "{refused} were refused");
}
