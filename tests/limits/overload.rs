//! More concurrent calls than the limits allow: none is lost or stuck, and nothing is left.

use crate::support::{Link, channels, echo, idle, narrow, read_response, request};
use bytes::Bytes;
use chirp::Limits;
use chirp::channel::Channel;
use chirp::packet::{ErrorData, FrameworkError};
use chirp::{AsCaller, CallError, Peer, PeerBuilder, Request};
use std::time::Duration;
use tokio::io::{AsyncWriteExt, BufReader};
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

async fn pipeline(link: Link) {
    const REQUESTS: u32 = 50_000;
    let (ours, theirs) = channels(link).await;
    // No call is refused while handlers make progress. On a busy machine none may for longer than the default timeout.
    let mut limits = Limits::default();
    limits.max_read_pause = Duration::from_secs(20);
    let builder = yielding().limits(limits);
    let peer = builder.start(ours).expect("no duplicates");
    let (reader, mut writer) = theirs.into_split();
    let mut reader = BufReader::new(reader);
    let all: Vec<u8> = (1..=REQUESTS)
        .flat_map(|id| request(id, "yield", &id.to_be_bytes()))
        .collect();
    let writing = tokio::spawn(async move {
        writer.write_all(&all).await.expect("the peer reads");
        writer
    });
    for _ in 0..REQUESTS {
        let (id, code, data) = read_response(&mut reader).await;
        assert_eq!((code, data), (0, id.to_be_bytes().to_vec()));
    }
    drop((reader, writing.await));
    assert!(peer.closed().await.is_clean());
    idle(&peer).await;
}

#[tokio::test]
async fn a_pipeline_succeeds_on_one_thread() {
    pipeline(Link::Memory).await;
    pipeline(Link::Unix).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pipeline_succeeds_on_two_threads() {
    pipeline(Link::Tcp).await;
}

/// The right result, or a refusal as overloaded.
fn check(sent: &Bytes, answer: Result<Bytes, CallError>) {
    match answer {
        Ok(answer) => assert!(answer == sent, "not what was sent"),
        Err(CallError::Rejected {
            reason: FrameworkError::Overloaded,
            ..
        }) => {}
        // A nested call was refused.
        Err(CallError::Remote(error)) => assert!(error.message.contains("busy"), "{error}"),
        Err(error) => panic!("{error}"),
    }
}

async fn flood(peer: Peer, calls: usize, size: usize, method: &'static str) {
    let sent = Bytes::from(vec![7; size]);
    let calls: Vec<_> = (0..calls)
        .map(|_| peer.call(method, sent.clone()).start())
        .collect();
    for call in calls {
        check(&sent, call.await);
    }
}

/// Both sides call at once, and each handler calls back once.
async fn mutual(capacity: usize, calls: usize, size: usize) {
    let (left, right) = narrow(&yielding(), &yielding(), capacity);
    let floods = [&left, &right].map(|peer| tokio::spawn(flood(peer.clone(), calls, size, "nest")));
    for flood in floods {
        flood.await.expect("right answers");
    }
    idle(&left).await;
    idle(&right).await;
}

#[tokio::test]
async fn mutual_floods_end_on_one_thread() {
    mutual(1, 200, 50).await;
    mutual(64, 2000, 50).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mutual_floods_end_on_two_threads() {
    mutual(1, 200, 50).await;
    mutual(64, 10_000, 50).await;
    mutual(64 << 10, 1000, 64 << 10).await;
}

/// CH-T52: refusals flow both ways over a channel with a tiny buffer.
#[tokio::test]
async fn unknown_methods_both_ways_are_all_answered() {
    for (capacity, calls, size) in [(1, 200, 100), (64 << 10, 200, 1 << 20)] {
        let (left, right) = narrow(&PeerBuilder::new(), &PeerBuilder::new(), capacity);
        let all = [&left, &right].map(|peer| {
            let calls: Vec<_> = (0..calls)
                .map(|_| peer.call("unknown", vec![7; size]).start())
                .collect();
            tokio::spawn(async move {
                for call in calls {
                    let answer = call.await;
                    let busy = matches!(
                        answer,
                        Err(CallError::Rejected {
                            reason: FrameworkError::Overloaded,
                            ..
                        })
                    );
                    assert!(
                        busy || matches!(answer, Err(CallError::UnknownMethod { .. })),
                        "{answer:?}"
                    );
                }
            })
        });
        for calls in all {
            calls.await.expect("all answered");
        }
        idle(&left).await;
        idle(&right).await;
    }
}

/// While nobody reads, waiting one-way calls neither accumulate nor get lost.
#[tokio::test(start_paused = true)]
async fn one_way_calls_wait_for_buffer_space() {
    let mut limits = Limits::default();
    limits.max_write_buffer = 1000;
    let (ours, theirs) = tokio::io::duplex(64);
    let caller = PeerBuilder::new()
        .limits(limits)
        .start(Channel::io(ours))
        .expect("no duplicates");
    let caller = caller.as_caller();
    let mut casts = JoinSet::new();
    for _ in 0..500 {
        let caller = caller.clone();
        casts.spawn(async move { caller.call_one_way("x", vec![7; 100]).await });
    }
    let quiet = tokio::time::timeout(Duration::from_secs(10), async {
        while casts.join_next().await.is_some() {}
    });
    quiet.await.expect_err("there is no room");
    assert!(casts.len() > 450, "{}", casts.len());
    let other = PeerBuilder::new()
        .fallback(|_: Request| async { ErrorData::default() })
        .start(Channel::io(theirs))
        .expect("no duplicates");
    while let Some(cast) = casts.join_next().await {
        cast.expect("no panics").expect("sent");
    }
    idle(&other).await;
}
