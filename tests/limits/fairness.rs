//! A side that makes as many large calls as it may still answers the other side's calls.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::support::{Link, connected, echo};
use bytes::Bytes;
use chirp::packet::ErrorData;
use chirp::{AsCaller, Peer, PeerBuilder, Request};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

/// Parameters of a large call.
const LARGE: usize = 256 << 10;

/// How many small calls each side makes, one after another.
const SMALL: usize = 10;

/// Much longer than any call takes.
const GUARD: Duration = Duration::from_mins(1);

fn serving() -> PeerBuilder {
    PeerBuilder::new()
        .handle("echo", echo)
        .handle("length", |request: Request| async move {
            Ok::<_, ErrorData>(request.params().len().to_string())
        })
        .handle("later", |_: Request| async {
            tokio::time::sleep(Duration::from_millis(1)).await;
            Ok::<_, ErrorData>(())
        })
}

/// Makes large calls until enough small calls were answered.
fn load(
    peer: &Peer,
    callers: usize,
    method: &'static str,
    enough: &Arc<AtomicBool>,
) -> JoinSet<usize> {
    let large = Bytes::from(vec![b'.'; LARGE]);
    let mut all = JoinSet::new();
    for _ in 0..callers {
        let (peer, large, enough) = (peer.clone(), large.clone(), Arc::clone(enough));
        all.spawn(async move {
            let mut count = 0;
            while !enough.load(Ordering::Relaxed) {
                let answer = peer.call(method, large.clone()).await;
                let answer = answer.expect("large calls are answered too");
                assert!(method != "echo" || answer.len() == LARGE);
                count += 1;
            }
            count
        });
    }
    all
}

/// The slowest of the small calls.
async fn slowest(peer: &Peer, method: &'static str) -> Duration {
    let mut slowest = Duration::ZERO;
    for _ in 0..SMALL {
        let begun = Instant::now();
        let answer = timeout(GUARD, peer.call(method, "small")).await;
        answer
            .expect("it is answered in time")
            .expect("it is answered");
        slowest = slowest.max(begun.elapsed());
    }
    slowest
}

/// Both sides make large calls, and small ones.
async fn both_ways(link: Link, callers: usize, method: &'static str) {
    let (one, other) = connected(link, &serving(), &serving()).await;
    let enough = Arc::new(AtomicBool::new(false));
    let loads = [&one, &other].map(|peer| load(peer, callers, method, &enough));
    let (a, b, c, d) = tokio::join!(
        slowest(&one, "echo"),
        slowest(&other, "echo"),
        slowest(&one, "later"),
        slowest(&other, "later"),
    );
    enough.store(true, Ordering::Relaxed);
    let mut count = 0;
    for load in loads {
        count += load.join_all().await.into_iter().sum::<usize>();
    }
    println!(
        "{link:?}, {callers} × {method}: {count} large calls; small ones at most {a:?}, {b:?}, {c:?}, {d:?}"
    );
}

#[tokio::test]
async fn small_calls_are_answered_under_large_ones_on_one_thread() {
    for (callers, method) in [(64, "length"), (64, "echo"), (400, "length"), (400, "echo")] {
        both_ways(Link::Tcp, callers, method).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn small_calls_are_answered_under_large_ones_on_two_threads() {
    for (callers, method) in [(64, "length"), (64, "echo"), (400, "length"), (400, "echo")] {
        both_ways(Link::Tcp, callers, method).await;
    }
}

/// Calls accepted before a shutdown are answered, and this side's own callers do not delay the end.
async fn shutdown_under_calls(link: Link, count: usize) {
    let (one, other) = connected(link, &serving(), &serving()).await;
    let large = Bytes::from(vec![b'.'; LARGE]);
    let mut callers = JoinSet::new();
    for at in 0..count {
        let (peer, large) = (one.clone(), large.clone());
        callers.spawn(async move {
            // Until the connection ends.
            while if at % 4 == 0 {
                peer.as_caller()
                    .call_one_way("length", large.clone())
                    .await
                    .is_ok()
            } else {
                peer.call("length", large.clone()).await.is_ok()
            } {}
        });
    }
    let accepted: Vec<_> = (0..64).map(|_| other.call("later", ()).start()).collect();
    // Once this call is answered, the calls before it have been accepted.
    other.call("echo", ()).await.expect("it is answered");
    let ended = timeout(GUARD, one.shutdown(Duration::from_hours(1))).await;
    let reason = ended.expect("it ends although there are callers");
    assert!(reason.is_clean(), "{reason}");
    for call in accepted {
        call.await.expect("what was accepted is answered");
    }
    callers.join_all().await;
}

#[tokio::test]
async fn a_shutdown_answers_what_was_accepted_on_one_thread() {
    shutdown_under_calls(Link::Memory, 64).await;
    shutdown_under_calls(Link::Tcp, 128).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shutdown_answers_what_was_accepted_on_two_threads() {
    shutdown_under_calls(Link::Memory, 64).await;
    shutdown_under_calls(Link::Tcp, 128).await;
}
