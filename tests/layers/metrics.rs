//! `MethodMetrics`.

use std::collections::BTreeMap;
use std::time::Duration;

use chirp::layer::{ConcurrencyLimit, LATENCY_BOUNDS, MethodMetrics, MethodStats, Outcome};
use chirp::packet::ErrorData;
use chirp::{Peer, PeerBuilder, Reply, Request};

use crate::support::{echo, idle, in_time, pair};

async fn fails(_: Request) -> Result<(), ErrorData> {
    Err(ErrorData::new(4, "no such thing"))
}

async fn panics(request: Request) -> Result<(), ErrorData> {
    tokio::task::yield_now().await;
    assert!(request.method().is_empty(), "always");
    Ok(())
}

async fn waits(_: Request) -> Result<(), ErrorData> {
    std::future::pending().await
}

fn serve(metrics: &MethodMetrics) -> (Peer, Peer) {
    let builder = PeerBuilder::new()
        .handle("echo", echo)
        .handle("fails", fails)
        .handle("panics", panics)
        .handle("waits", waits)
        .handle("defers", |request: Request| {
            let (responder, reply) = request.defer();
            responder.reply(Reply::UnknownMethod);
            std::future::ready(reply)
        })
        .layer(metrics.clone())
        .layer(ConcurrencyLimit::per_key(1, |request| {
            String::from_utf8_lossy(request.method()).into_owned()
        }));
    pair(&PeerBuilder::new(), &builder)
}

fn counts(stats: &MethodStats) -> BTreeMap<&'static str, u64> {
    let counts = Outcome::ALL.map(|outcome| (outcome.name(), stats.count(outcome)));
    counts.into_iter().filter(|(_, count)| *count > 0).collect()
}

#[tokio::test]
async fn calls_are_counted_by_method_and_outcome() {
    let metrics = MethodMetrics::new();
    let (peer, serving) = serve(&metrics);
    for _ in 0..3 {
        peer.call("echo", ()).await.expect("an echo");
    }
    for method in ["fails", "panics", "defers", "nonsense 1", "nonsense 2"] {
        peer.call(method, ()).await.expect_err("fails");
    }
    let waiting = peer.call("waits", ()).start();
    in_time(async {
        while serving.stats().running == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    peer.call("waits", ()).await.expect_err("overloaded");
    assert_eq!(metrics.snapshot()["waits"].in_progress, 1);
    drop(waiting);
    in_time(idle(&serving)).await;

    let snapshot = metrics.snapshot();
    let all: BTreeMap<_, _> = snapshot
        .iter()
        .map(|(method, stats)| (method.as_str(), counts(stats)))
        .collect();
    let expected = [
        ("(unregistered)", vec![("unknown_method", 2)]),
        ("defers", vec![("unknown_method", 1)]),
        ("echo", vec![("ok", 3)]),
        ("fails", vec![("error", 1)]),
        ("panics", vec![("panicked", 1)]),
        ("waits", vec![("cancelled", 1), ("overloaded", 1)]),
    ];
    let expected = expected.map(|(method, counts)| (method, counts.into_iter().collect()));
    assert_eq!(all, BTreeMap::from(expected));
    for stats in snapshot.values() {
        assert_eq!(stats.in_progress, 0);
        assert_eq!(stats.buckets.iter().sum::<u64>(), stats.calls());
    }
}

#[tokio::test(start_paused = true)]
async fn times_are_in_a_histogram() {
    let metrics = MethodMetrics::new();
    let builder = PeerBuilder::new()
        .handle("slow", |_: Request| async {
            tokio::time::sleep(Duration::from_millis(30)).await;
            Ok::<_, ErrorData>(())
        })
        .layer(metrics.clone());
    let (peer, _serving) = pair(&PeerBuilder::new(), &builder);
    peer.call("slow", ()).await.expect("answered");
    let stats = metrics.snapshot()["slow"];
    // Between 25 ms and 50 ms.
    let bucket = LATENCY_BOUNDS.partition_point(|bound| *bound < 0.03);
    assert_eq!(stats.buckets[bucket], 1, "{stats:?}");
    assert_eq!(stats.total_time.as_millis(), 30);
}

#[tokio::test(start_paused = true)]
async fn a_deadline_is_an_outcome() {
    let metrics = MethodMetrics::new();
    let (peer, serving) = serve(&metrics);
    // The deadline is sent once the extensions are known.
    peer.hello().await.expect("an answer");
    // The caller does not poll its call, and so does not cancel it.
    let late = peer
        .call("waits", ())
        .timeout(Duration::from_millis(50))
        .start();
    tokio::time::sleep(Duration::from_millis(200)).await;
    idle(&serving).await;
    let expected = BTreeMap::from([("deadline_exceeded", 1)]);
    assert_eq!(counts(&metrics.snapshot()["waits"]), expected);
    late.await.expect_err("late");
}
