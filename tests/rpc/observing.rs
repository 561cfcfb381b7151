//! Observing connections: packets, metrics, state.

use std::sync::{Arc, Mutex};

use crate::support::{LINKS, connected};
use chirp::packet::ErrorData;
use chirp::{
    CallError, ConnectionError, Direction, ObservedPacket, PeerBuilder, PeerState, Request,
    SharedMetrics,
};

fn serving() -> PeerBuilder {
    PeerBuilder::new()
        .handle("echo", |request: Request| async {
            Ok::<_, ErrorData>(request.into_params())
        })
        .handle("fail", |_: Request| async { Err::<(), _>("no") })
        .handle("wait", |_: Request| std::future::pending::<ErrorData>())
}

type Lines = Arc<Mutex<Vec<String>>>;

fn log(lines: &Lines) -> impl Fn(&ObservedPacket<'_>) + Send + Sync + use<> {
    let lines = Arc::clone(lines);
    move |packet| lines.lock().expect("no panics").push(packet.to_string())
}

/// CH-54, CH-10: an observer sees every packet in both directions, discarded ones too, printed on one line each.
#[tokio::test]
async fn an_observer_is_shown_every_packet() {
    for link in LINKS {
        let lines = Lines::default();
        let (a, b) = connected(link, &PeerBuilder::new().on_packet(log(&lines)), &serving()).await;
        a.call("echo", "hello").await.expect("answered");
        let large = vec![7; 100_000];
        assert_eq!(
            a.call("echo", large.clone()).await.expect("answered"),
            large
        );
        b.send_packet(chirp::packet::PacketType(200), "unheard")
            .await
            .expect("sent");
        b.call("nope", ()).await.expect_err("unknown");
        let shown = lines.lock().expect("no panics").clone();
        let expected = [
            ["> Request", "\"echo\"", "hello"],
            ["< Response", "success", "hello"],
            ["> Request", "\"echo\"", "+99984"],
            ["< Response", "success", "+99984"],
            ["< ", "200", "7"],
            ["< Request", "\"nope\"", ""],
            ["> Response", "unknown", ""],
        ];
        assert_eq!(shown.len(), expected.len(), "{shown:#?}");
        for (line, words) in shown.iter().zip(expected) {
            let line = line.to_lowercase();
            assert!(
                words.iter().all(|word| line.contains(&word.to_lowercase())),
                "{line} {words:?}"
            );
        }

        a.clear_packet_observer();
        a.call("echo", "unseen").await.expect("answered");
        assert_eq!(lines.lock().expect("no panics").len(), expected.len());
        let seen = Lines::default();
        let count = Arc::clone(&seen);
        a.set_packet_observer(move |packet: &ObservedPacket<'_>| {
            let way = if packet.direction == Direction::Sent {
                "out"
            } else {
                "in"
            };
            count.lock().expect("no panics").push(way.to_owned());
        });
        a.call("echo", ()).await.expect("answered");
        assert_eq!(*seen.lock().expect("no panics"), ["out", "in"]);
    }
}

/// Returns the metrics that are not zero, without bytes.
fn numbers(metrics: &chirp::Metrics) -> Vec<(String, u64)> {
    metrics
        .iter()
        .filter(|(name, value)| *value > 0 && !name.starts_with("bytes_"))
        .map(|(name, value)| (name.into(), value))
        .collect()
}

fn named(expected: &[(&str, u64)]) -> Vec<(String, u64)> {
    expected
        .iter()
        .map(|(name, value)| ((*name).to_owned(), *value))
        .collect()
}

/// CH-T31, CH-55, CH-W8: all metrics start at zero; failures and discarded packets are counted.
#[tokio::test]
async fn metrics_count_what_happened() {
    for link in LINKS {
        let shared = SharedMetrics::new();
        let (a, b) = connected(link, &PeerBuilder::new().metrics(&shared), &serving()).await;
        assert_eq!(a.metrics().iter().count(), 24);
        assert!(numbers(&a.metrics()).is_empty() && numbers(&b.metrics()).is_empty());

        a.call("echo", "x").await.expect("answered");
        let out = [
            ("packets_received", 1),
            ("packets_sent", 1),
            ("calls_out", 1),
        ];
        assert_eq!(numbers(&a.metrics()), named(&out));
        let within = [
            ("packets_received", 1),
            ("packets_sent", 1),
            ("calls_in", 1),
        ];
        assert_eq!(numbers(&b.metrics()), named(&within));

        a.call("fail", ()).await.expect_err("it fails");
        a.call("nope", ()).await.expect_err("unknown");
        let waiting = a.call("wait", ()).start();
        a.call("echo", ()).await.expect("answered");
        assert_eq!(b.metrics().calls_active, 1);
        assert_eq!(a.metrics().calls_pending, 1);
        drop(waiting);
        a.send_packet(chirp::packet::PacketType(200), ())
            .await
            .expect("sent");
        // Once this call is answered, everything before it has been handled.
        a.call("echo", ()).await.expect("answered");
        let counters = b.metrics().counters;
        assert_eq!(
            (
                counters.calls_in,
                counters.calls_in_errors,
                counters.calls_in_failed,
                counters.cancels_in
            ),
            (6, 1, 2, 1)
        );
        assert_eq!(counters.packets_dropped, 1);
        let counters = a.metrics().counters;
        assert_eq!(
            (
                counters.calls_out,
                counters.calls_out_errors,
                counters.calls_out_failed
            ),
            (6, 1, 2)
        );

        // Shared metrics add up, and remain after a connection has ended.
        let (other, _keep) =
            connected(link, &PeerBuilder::new().metrics(&shared), &serving()).await;
        other.call("echo", ()).await.expect("answered");
        assert_eq!(shared.snapshot().counters.calls_out, 7);
        let before = shared.snapshot();
        a.close();
        other.close();
        assert_eq!(shared.snapshot().counters, before.counters);
        shared.set("blobs", 12);
        assert!(shared.snapshot().iter().any(|entry| entry == ("blobs", 12)));
    }
}

/// Both sides count the same bytes, and shared metrics keep those of connections that have ended.
#[tokio::test]
async fn metrics_count_bytes() {
    for link in LINKS {
        let shared = SharedMetrics::new();
        let (a, b) = connected(link, &PeerBuilder::new().metrics(&shared), &serving()).await;
        let (before, other_before) = (a.metrics().traffic, b.metrics().traffic);
        a.call("echo", vec![7; 100_000]).await.expect("answered");
        let (here, there) = (a.metrics().traffic, b.metrics().traffic);
        let sent = here.bytes_sent - before.bytes_sent;
        assert!((100_000..101_000).contains(&sent), "{link:?}: {sent}");
        let received = here.bytes_received - before.bytes_received;
        assert!(
            (100_000..101_000).contains(&received),
            "{link:?}: {received}"
        );
        assert_eq!(sent, there.bytes_received - other_before.bytes_received);
        assert_eq!(received, there.bytes_sent - other_before.bytes_sent);
        assert_eq!(shared.snapshot().traffic, here);
        assert_eq!(shared.snapshot().connections_open, 1);
        a.close();
        let ended = shared.snapshot();
        assert_eq!(
            (ended.traffic.bytes_sent, ended.connections_open),
            (here.bytes_sent, 0)
        );
    }
}

#[chirp::service]
trait Numbers {
    async fn numbers(&self, to: u64) -> impl futures_core::Stream<Item = u64>;
}

struct Counting;

impl Numbers for Counting {
    async fn numbers(&self, to: u64) -> impl futures_core::Stream<Item = u64> {
        tokio_stream::iter(0..to)
    }
}

/// Metrics include streams and items, by name and in serialized form.
#[tokio::test]
async fn metrics_count_streams_and_items() {
    for link in LINKS {
        let serving = PeerBuilder::new().service(NumbersServer::new(Counting));
        let (a, b) = connected(link, &PeerBuilder::new(), &serving).await;
        let mut numbers = NumbersClient::new(&a).numbers(5).await.expect("it begins");
        for number in 0..5 {
            let next = numbers.recv().await.expect("five").expect("a number");
            assert_eq!(next, number);
        }
        assert!(numbers.recv().await.is_none());
        for (metrics, items) in [(a.metrics(), "items_in"), (b.metrics(), "items_out")] {
            let seen: std::collections::BTreeMap<_, _> = metrics.iter().collect();
            assert_eq!((seen["streams"], seen[items]), (1, 5), "{link:?}");
            let written = serde_json::to_value(&metrics).expect("a map");
            assert_eq!(
                (&written["streams"], &written[items]),
                (&1.into(), &5.into())
            );
        }
    }
}

/// The state of a connection can be watched by any number of tasks.
#[tokio::test]
async fn a_peers_state_can_be_watched() {
    for link in LINKS {
        let (a, b) = connected(link, &PeerBuilder::new(), &serving()).await;
        let waiting = tokio::spawn(a.call("wait", ()).start());
        while b.stats().running == 0 {
            tokio::task::yield_now().await;
        }
        let mut state = b.watch();
        assert!(matches!(*state.borrow(), PeerState::Open));
        let bound = std::time::Duration::from_millis(20);
        let ended = tokio::spawn({
            let b = b.clone();
            async move { b.shutdown(bound).await }
        });
        state
            .wait_for(|state| matches!(state, PeerState::Draining))
            .await
            .expect("it drains");
        state
            .wait_for(|state| matches!(state, PeerState::Closed(_)))
            .await
            .expect("it ends");
        assert!(matches!(
            ended.await.expect("it ends"),
            ConnectionError::ClosedHere
        ));
        let late = b.watch();
        assert!(matches!(
            &*late.borrow(),
            PeerState::Closed(ConnectionError::ClosedHere)
        ));
        let answer = waiting.await.expect("no panic");
        assert!(
            matches!(
                answer,
                Err(CallError::ConnectionLost(ConnectionError::ClosedByPeer))
            ),
            "{answer:?}"
        );
    }
}

/// An observer that holds a handle of its own peer is dropped with the session.
#[tokio::test]
async fn an_observer_is_dropped_with_the_session() {
    for link in LINKS {
        let (a, b) = connected(link, &PeerBuilder::new(), &serving()).await;
        let held = Arc::new(());
        let kept = (Arc::clone(&held), b.clone());
        b.set_packet_observer(move |_: &ObservedPacket<'_>| {
            let _ = &kept;
        });
        a.call("echo", ()).await.expect("answered");
        assert_eq!(Arc::strong_count(&held), 2);
        a.close();
        b.closed().await;
        while Arc::strong_count(&held) > 1 {
            tokio::task::yield_now().await;
        }
        let late = Arc::clone(&held);
        b.set_packet_observer(move |_: &ObservedPacket<'_>| {
            let _ = &late;
        });
        assert_eq!(Arc::strong_count(&held), 1);
    }
}

/// An observer may call methods of its peer that take the session's lock, whichever task writes.
#[tokio::test]
async fn an_observer_may_use_its_peer() {
    for link in LINKS {
        let (a, _b) = connected(link, &PeerBuilder::new(), &serving()).await;
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (peer, kept) = (a.clone(), Arc::clone(&asked));
        a.set_packet_observer(move |_: &ObservedPacket<'_>| {
            let (told, hears) = std::sync::mpsc::channel();
            let peer = peer.clone();
            // On a thread of its own, so that a deadlock fails the test.
            std::thread::spawn(move || {
                // The receiver may have given up.
                let _ = told.send(peer.metrics());
            });
            let answered = hears.recv_timeout(std::time::Duration::from_secs(10));
            kept.lock().expect("no panics").push(answered.is_ok());
        });
        // A single caller writes by itself; for two, the writer task does.
        a.call("echo", ()).await.expect("answered");
        let (one, other) = tokio::join!(a.call("echo", ()), a.call("echo", ()));
        one.and(other).expect("answered");
        assert_eq!(*asked.lock().expect("no panics"), [true; 6]);
        a.clear_packet_observer();
    }
}
