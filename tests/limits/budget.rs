//! A memory budget shared by several connections.

use std::time::Duration;

use chirp::packet::FrameworkError;
use chirp::{Call, CallError, Peer, PeerBuilder, Request, channel};
use tokio::sync::broadcast;

const CALL: usize = 100_000;

struct Served {
    callers: Vec<Peer>,
    peers: Vec<Peer>,
    go: broadcast::Sender<()>,
}

/// Two connections that share a budget of one million bytes, and whose handlers wait.
fn serve() -> Served {
    let (go, _) = broadcast::channel(1);
    let gate = go.clone();
    let builder =
        PeerBuilder::new()
            .memory_budget(1_000_000)
            .handle("hold", move |request: Request| {
                let mut gate = gate.subscribe();
                async move {
                    // The handler holds its parameters until then.
                    let _ = gate.recv().await;
                    Ok::<_, String>(request.params().len().to_string())
                }
            });
    let (callers, peers) = (0..2)
        .map(|_| {
            let (a, b) = channel::memory();
            let wait = |_: Request| std::future::pending::<Result<(), String>>();
            let caller = PeerBuilder::new()
                .handle("wait", wait)
                .start(a)
                .expect("no duplicates");
            (caller, builder.start(b).expect("no duplicates"))
        })
        .unzip();
    Served { callers, peers, go }
}

fn hold(peer: &Peer) -> Call<bytes::Bytes> {
    peer.call("hold", vec![0; CALL]).start()
}

/// Yields until a condition on two peers holds.
async fn until(fact: impl Fn() -> bool) {
    while !fact() {
        tokio::task::yield_now().await;
    }
}

/// Each connection pauses reading over the budget and resumes when any of them releases memory. Every call is answered.
#[tokio::test(start_paused = true)]
async fn connections_share_a_budget() {
    let Served { callers, peers, go } = serve();
    let calls: Vec<_> = callers
        .iter()
        .cycle()
        .take(40)
        .map(hold)
        .map(tokio::spawn)
        .collect();
    let held = || peers.iter().map(|peer| peer.stats().running).sum::<usize>();
    until(|| held() >= 10).await;
    // Time is paused: it advances only when every task is idle. Each connection may exceed the budget by the call
    // that was already arriving.
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(held() <= 13, "{} calls are held", held());
    let mut done = 0;
    for call in calls {
        while !call.is_finished() {
            let _ = go.send(());
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(
            call.await.expect("no panic").expect("answered"),
            CALL.to_string()
        );
        done += 1;
    }
    assert_eq!(done, 40);
    assert_eq!(held(), 0);
}

/// A side that waits for a response may not pause reading, so it refuses calls.
#[tokio::test]
async fn a_side_that_waits_for_an_answer_refuses_calls() {
    let Served { callers, peers, go } = serve();
    let first: Vec<_> = (0..10).map(|_| hold(&callers[0])).collect();
    until(|| peers[0].stats().running == 10).await;
    // The other connection's peer calls back and gets no response.
    let _waiting = peers[1].call("wait", ()).start();
    until(|| callers[1].stats().running == 1).await;
    let refused = hold(&callers[1]).await;
    let busy = matches!(
        &refused,
        Err(CallError::Rejected {
            reason: FrameworkError::Overloaded,
            ..
        })
    );
    assert!(busy, "{refused:?}");
    go.send(()).expect("they wait");
    for call in first {
        call.await.expect("answered");
    }
    until(|| peers[0].stats().running == 0).await;
    let held = hold(&callers[1]);
    until(|| peers[1].stats().running == 1).await;
    go.send(()).expect("it waits");
    held.await.expect("answered");
}
