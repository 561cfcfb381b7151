//! Links: one per pair, however it was made; disconnecting, and closing.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use chirp::channel::Endpoint;
use chirp::{AsCaller, CallError, NodeEvent, NodeState, Request};
use tokio::sync::Notify;

use crate::nodes::{ArithClient, address, connected, event, node, sees, state};
use crate::raw::{Raw, join, joined};
use crate::support::{in_time, is_pending, on_both_runtimes, request, response};

const LONG: Duration = Duration::from_secs(30);

/// The peers of both sides belong to one connection if a call over one counts at the other.
async fn agree(one: &chirp::Node, other: &chirp::Node) {
    in_time(async {
        loop {
            let here = one.peer(other.name()).info().link;
            let there = other.peer(one.name()).info().link;
            if let (Some(here), Some(there)) = (here, there)
                && here.dialled != there.dialled
            {
                return;
            }
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[test]
fn nodes_that_dial_each_other_have_one_link() {
    on_both_runtimes(async || {
        for _ in 0..20 {
            let (one, other) = (address(), address());
            let alpha = node("alpha").listen(&one).connect("beta", &other);
            let beta = node("beta").listen(&other).connect("alpha", &one);
            let (alpha, beta) = tokio::join!(alpha.start(), beta.start());
            let (alpha, beta) = (alpha.unwrap(), beta.unwrap());
            connected(&alpha, "beta").await;
            connected(&beta, "alpha").await;
            agree(&alpha, &beta).await;
            // The loser is closed on both sides.
            let closed = async {
                while alpha.connections() != 1 || beta.connections() != 1 {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            };
            in_time(closed).await;
        }
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_call_is_lost_or_run_twice_while_links_are_chosen() {
    let runs = Arc::new(AtomicUsize::new(0));
    let counts = |builder: chirp::NodeBuilder| {
        let runs = Arc::clone(&runs);
        builder.configure_peers(move |peers| {
            peers.handle("count", move |_: Request| {
                runs.fetch_add(1, Ordering::Relaxed);
                async { Ok::<_, chirp::packet::ErrorData>(bytes::Bytes::new()) }
            })
        })
    };
    let mut calls = 0;
    for _ in 0..10 {
        let (one, other) = (address(), address());
        let alpha = counts(node("alpha")).listen(&one).start().await.unwrap();
        let beta = counts(node("beta")).listen(&other).start().await.unwrap();
        let mut tasks = tokio::task::JoinSet::new();
        alpha.connect("beta", &other).unwrap();
        beta.connect("alpha", &one).unwrap();
        for peer in [alpha.peer("beta"), beta.peer("alpha")] {
            for _ in 0..50 {
                let peer = peer.clone();
                tasks.spawn(async move {
                    peer.as_caller().call("count", "").await.unwrap();
                    tokio::task::yield_now().await;
                    peer.as_caller().call("count", "").await.unwrap();
                });
                calls += 2;
            }
        }
        in_time(tasks.join_all()).await;
    }
    assert_eq!(runs.load(Ordering::Relaxed), calls);
}

#[tokio::test]
async fn a_further_address_of_a_connected_node_is_kept_for_later() {
    let (one, other) = (address(), address());
    let alpha = node("alpha")
        .listen(&one)
        .listen(&other)
        .start()
        .await
        .unwrap();
    let beta = node("beta").connect("alpha", &one).start().await.unwrap();
    let first = connected(&beta, "alpha").await;
    beta.connect("alpha", &other).unwrap();
    assert_eq!(beta.peer("alpha").info().addresses.len(), 2);
    alpha.stop_listening(one.as_str()).await.unwrap();
    assert_eq!(alpha.addresses().len(), 1);
    alpha.stop_listening(one.as_str()).await.unwrap_err();
    // Links outlive their listener.
    ArithClient::new(&beta.peer("alpha")).name().await.unwrap();
    first.close();
    in_time(first.closed()).await;
    let answer = in_time(ArithClient::new(&beta.peer("alpha")).name()).await;
    assert_eq!(answer.unwrap(), "alpha");
}

#[tokio::test]
async fn a_lost_link_is_made_again() {
    let address = address();
    let alpha = node("alpha").listen(&address).start().await.unwrap();
    let beta = node("beta")
        .connect("alpha", &address)
        .start()
        .await
        .unwrap();
    let mut events = beta.watch();
    for _ in 0..3 {
        connected(&beta, "alpha").await.close();
        event(&mut events, |event| {
            matches!(event, NodeEvent::Left { .. }).then_some(())
        })
        .await;
        event(&mut events, |event| {
            matches!(event, NodeEvent::Joined { .. }).then_some(())
        })
        .await;
    }
    sees(&alpha, &["beta"]).await;
}

#[tokio::test]
async fn a_disconnected_node_is_told_and_does_not_dial_back() {
    let (one, other) = (address(), address());
    let alpha = node("alpha").listen(&one).start().await.unwrap();
    let beta = node("beta")
        .listen(&other)
        .connect("alpha", &one)
        .start()
        .await
        .unwrap();
    connected(&beta, "alpha").await;
    connected(&alpha, "beta").await;
    in_time(alpha.disconnect("beta")).await.unwrap();
    let is_disconnected = |state: &NodeState| matches!(state, NodeState::Disconnected { .. });
    state(&alpha, "beta", is_disconnected).await;
    let told = state(&beta, "alpha", is_disconnected).await;
    assert!(format!("{told:?}").contains("has disconnected this node"));
    // Calls do not wait.
    for (from, to) in [(&alpha, "beta"), (&beta, "alpha")] {
        let error = in_time(ArithClient::new(&from.peer(to)).name())
            .await
            .unwrap_err();
        assert!(matches!(error, CallError::NotConnected(_)), "{error}");
    }
    // The other side may not come back before this one allows it.
    let mut events = beta.watch();
    beta.reconnect("alpha").unwrap();
    let (refusal, _) = crate::nodes::refused(&mut events).await;
    assert_eq!(refusal.reason, chirp::RefusalReason::Disconnected);
    state(&beta, "alpha", is_disconnected).await;
    alpha.reconnect("beta").unwrap();
    beta.reconnect("alpha").unwrap();
    connected(&beta, "alpha").await;
    // The side that was told is called by the other.
    in_time(beta.disconnect("alpha")).await.unwrap();
    state(&alpha, "beta", is_disconnected).await;
    beta.reconnect("alpha").unwrap();
    sees(&alpha, &["beta"]).await;
}

/// F4.
#[tokio::test]
async fn an_attempt_in_flight_does_not_join_after_a_disconnect() {
    let address = address();
    let endpoint: Endpoint = address.parse().unwrap();
    let mut listener = endpoint.listen().await.unwrap();
    let alpha = node("alpha")
        .connect("beta", &address)
        .start()
        .await
        .unwrap();
    let mut raw = in_time(Raw::accept(&mut listener)).await;
    let (id, method, _) = in_time(raw.next_request()).await.unwrap();
    assert_eq!(method, "chirp.node.join");
    in_time(alpha.disconnect("beta")).await.unwrap();
    raw.send(&response(id, 0, &joined("beta", 7))).await;
    // The connection ends without a leave: it was never a link.
    assert_eq!(in_time(raw.next_request()).await, None);
    assert!(!alpha.peer("beta").is_connected());
}

#[tokio::test]
async fn requests_before_the_answer_to_the_join_wait_for_it() {
    let address = address();
    let endpoint: Endpoint = address.parse().unwrap();
    let mut listener = endpoint.listen().await.unwrap();
    let alpha = node("alpha")
        .connect("beta", &address)
        .start()
        .await
        .unwrap();
    let mut raw = in_time(Raw::accept(&mut listener)).await;
    let (id, ..) = in_time(raw.next_request()).await.unwrap();
    raw.send(&request(1, "Arith.name", &[])).await;
    {
        let answer = std::pin::pin!(raw.next_response());
        // Time for the request to be read; it would be answered if it ran.
        let waited = tokio::time::timeout(Duration::from_millis(50), answer);
        assert!(waited.await.is_err());
    }
    raw.send(&response(id, 0, &joined("beta", 7))).await;
    let answer = in_time(raw.next_response()).await.unwrap();
    assert_eq!(answer, (1, 0, [&[5][..], b"alpha"].concat()));
    sees(&alpha, &["beta"]).await;
}

#[tokio::test]
async fn many_joins_of_one_sequence_leave_few_connections() {
    let address = address();
    let alpha = node("alpha").listen(&address).start().await.unwrap();
    let mut ends = tokio::task::JoinSet::new();
    for _ in 0..40 {
        let mut raw = Raw::connect(&address).await;
        let (code, data) = in_time(raw.join(&join("evil", "alpha", 7, 1))).await;
        assert_eq!((code, data[0]), (0, 0));
        ends.spawn(raw.ignore());
    }
    for _ in 0..30 {
        in_time(ends.join_next()).await.unwrap().unwrap();
    }
    assert!(alpha.connections() <= 8, "{}", alpha.connections());
}

#[tokio::test]
async fn a_slow_watcher_is_told_how_much_it_missed() {
    let address = address();
    let alpha = node("alpha").listen(&address).start().await.unwrap();
    let mut slow = alpha.watch();
    let mut count = 0;
    while count < 400 {
        let mut raw = Raw::connect(&address).await;
        let params = join("x", "other", 7, 1);
        in_time(raw.join(&params)).await;
        count += 1;
    }
    let first = in_time(slow.recv()).await.unwrap();
    assert_eq!(first, NodeEvent::Missed(144));
    let next = in_time(slow.recv()).await.unwrap();
    assert!(matches!(next, NodeEvent::Refused { .. }), "{next}");
    alpha.close();
    let end = async { while slow.recv().await.is_some() {} };
    in_time(end).await;
}

/// A node with a method that waits until it is told to answer.
fn waiting(name: &str) -> (chirp::NodeBuilder, Arc<Notify>, Arc<Notify>) {
    let (started, answer) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (begin, end) = (Arc::clone(&started), Arc::clone(&answer));
    let builder = node(name).configure_peers(move |peers| {
        peers.handle("wait", move |_: Request| {
            let (begin, end) = (Arc::clone(&begin), Arc::clone(&end));
            async move {
                begin.notify_one();
                end.notified().await;
                Ok::<_, chirp::packet::ErrorData>(bytes::Bytes::from("done"))
            }
        })
    });
    (builder, started, answer)
}

/// F7, F8.
#[test]
fn a_shutdown_waits_for_handlers_and_cannot_be_dropped() {
    on_both_runtimes(async || {
        let address = address();
        let (builder, started, answer) = waiting("alpha");
        let alpha = builder.listen(&address).start().await.unwrap();
        let beta = node("beta")
            .connect("alpha", &address)
            .start()
            .await
            .unwrap();
        let call = tokio::spawn(beta.peer("alpha").as_caller().call("wait", ""));
        in_time(started.notified()).await;
        {
            let mut first = std::pin::pin!(alpha.shutdown(LONG));
            assert!(is_pending(first.as_mut()).await);
        }
        // The first future was dropped; the shutdown goes on, and a second one waits for it.
        let mut second = std::pin::pin!(alpha.shutdown(LONG));
        assert!(is_pending(second.as_mut()).await);
        answer.notify_one();
        assert_eq!(in_time(call).await.unwrap().unwrap(), "done");
        in_time(second).await;
        in_time(alpha.closed()).await;
        // The address is free.
        drop(node("again").listen(&address).start().await.unwrap());
        assert!(alpha.connect("beta", "inproc://x").is_err());
        let error = in_time(ArithClient::new(&alpha.peer("beta")).name()).await;
        assert!(
            matches!(error, Err(CallError::NotConnected(_))),
            "{error:?}"
        );
    });
}

/// F7: the link that this side dialled is closed too, while the other side goes away.
#[tokio::test]
async fn closing_reaches_links_that_the_other_side_is_leaving() {
    let address = address();
    let alpha = node("alpha").listen(&address).start().await.unwrap();
    let (builder, started, _answer) = waiting("beta");
    let beta = builder.connect("alpha", &address).start().await.unwrap();
    let link = connected(&beta, "alpha").await;
    let call = tokio::spawn(alpha.peer("beta").as_caller().call("wait", ""));
    in_time(started.notified()).await;
    // alpha goes away, and waits for beta's answer to its call.
    let leaving = tokio::spawn({
        let alpha = alpha.clone();
        async move { alpha.shutdown(LONG).await }
    });
    sees(&beta, &[]).await;
    beta.close();
    in_time(link.closed()).await;
    in_time(leaving).await.unwrap();
    in_time(call).await.unwrap().unwrap_err();
}

#[tokio::test]
async fn dropping_the_last_handle_closes_the_node() {
    let address = address();
    let alpha = node("alpha").listen(&address).start().await.unwrap();
    let beta = node("beta")
        .connect("alpha", &address)
        .start()
        .await
        .unwrap();
    let client = ArithClient::new(&beta.peer("alpha"));
    in_time(client.name()).await.unwrap();
    let clone = beta.clone();
    drop(beta);
    in_time(client.name()).await.unwrap();
    drop(clone);
    let error = in_time(client.name()).await.unwrap_err();
    assert!(matches!(error, CallError::NotConnected(_)), "{error}");
    sees(&alpha, &[]).await;
}

#[tokio::test(start_paused = true)]
async fn a_link_that_ends_at_once_is_not_dialled_at_once() {
    let address = address();
    let endpoint: Endpoint = address.parse().unwrap();
    let mut listener = endpoint.listen().await.unwrap();
    let minute = Duration::from_mins(1);
    let builder = node("alpha")
        .backoff(minute, minute)
        .connect("beta", &address);
    let alpha = builder.start().await.unwrap();
    let mut events = alpha.watch();
    let mut raw = Raw::accept(&mut listener).await;
    let (id, ..) = raw.next_request().await.unwrap();
    raw.send(&response(id, 0, &joined("beta", 7))).await;
    event(&mut events, |event| {
        matches!(event, NodeEvent::Joined { .. }).then_some(())
    })
    .await;
    drop(raw);
    event(&mut events, |event| {
        matches!(event, NodeEvent::Left { .. }).then_some(())
    })
    .await;
    let began = tokio::time::Instant::now();
    let _next = Raw::accept(&mut listener).await;
    assert!(began.elapsed() >= minute / 2, "{:?}", began.elapsed());
}

#[tokio::test]
async fn nodes_that_say_goodbye_do_not_fill_the_table() {
    let address = address();
    let alpha = node("alpha")
        .max_nodes(4)
        .listen(&address)
        .start()
        .await
        .unwrap();
    for number in 0..20 {
        let mut raw = Raw::connect(&address).await;
        let name = format!("visitor {number}");
        let (code, data) = in_time(raw.join(&join(&name, "alpha", 7, 1))).await;
        assert_eq!((code, data[0]), (0, 0));
        raw.send(&request(2, "chirp.node.leave", &[1, 0])).await;
        drop(raw);
        sees(&alpha, &[]).await;
    }
    let beta = node("beta")
        .connect("alpha", &address)
        .start()
        .await
        .unwrap();
    connected(&beta, "alpha").await;
}

#[tokio::test]
async fn a_closed_node_stays_closed() {
    let alpha = node("alpha").start().await.unwrap();
    alpha.close();
    for name in ["beta", "gamma"] {
        let error = in_time(ArithClient::new(&alpha.peer(name)).name())
            .await
            .unwrap_err();
        assert!(matches!(error, CallError::NotConnected(_)), "{error}");
    }
    assert!(alpha.connect("beta", address()).is_err());
    assert!(alpha.listen(address().as_str()).await.is_err());
    assert!(alpha.reconnect("beta").is_err());
    let mut events = alpha.watch();
    assert_eq!(in_time(events.recv()).await, None);
    in_time(alpha.shutdown(LONG)).await;
}

#[tokio::test]
async fn a_runtime_that_stops_closes_its_nodes() {
    let other = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let starting = async { node("alpha").connect("beta", address()).start().await };
    let alpha = other.spawn(starting).await.unwrap().unwrap();
    let call = tokio::spawn(
        alpha
            .peer("beta")
            .as_caller()
            .call("m", "")
            .timeout(LONG * 4),
    );
    state(&alpha, "beta", |state| {
        matches!(state, NodeState::Waiting { .. })
    })
    .await;
    other.shutdown_background();
    let error = in_time(call).await.unwrap().unwrap_err();
    assert!(matches!(error, CallError::NotConnected(_)), "{error}");
}
