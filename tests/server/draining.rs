//! Draining: two sides part without losing a call.

use crate::support::{
    LINKS, connected, echo, in_time, on_both_runtimes, pair, read_packet, request,
};
use bytes::Bytes;
use chirp::channel::Channel;
use chirp::packet::{ErrorData, ExtensionFlags, FrameworkError, GoingAway, Hello, PacketType};
use chirp::{
    AsCaller, CallError, ConnectionError, Negotiation, Peer, PeerBuilder, PeerState, Request,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Much longer than any step takes.
const GRACE: Duration = Duration::from_hours(1);

/// A builder whose methods "add" and "note" are counted.
fn counting() -> (PeerBuilder, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let mut builder = PeerBuilder::new();
    for method in ["add", "note"] {
        let counted = Arc::clone(&count);
        builder = builder.handle(method, move |request: Request| {
            counted.fetch_add(1, Ordering::Relaxed);
            async move {
                // Some calls are running whenever the connection is closed.
                tokio::task::yield_now().await;
                Ok::<_, ErrorData>(request.into_params())
            }
        });
    }
    (builder, count)
}

fn is_going_away(error: &CallError) -> bool {
    matches!(
        error,
        CallError::Rejected {
            reason: FrameworkError::ShuttingDown,
            ..
        }
    )
}

/// Calls until the peer leaves. Returns the number of calls that were accepted.
async fn calls_until_draining(peer: Peer, one_way: bool) -> usize {
    let mut accepted = 0;
    loop {
        let called = if one_way {
            peer.as_caller().call_one_way("note", "x").await
        } else {
            peer.call("add", "x").await.map(drop)
        };
        match called {
            Ok(()) => accepted += 1,
            Err(error) => {
                // The connection may have ended meanwhile. A call that had run would count.
                let ended = matches!(error, CallError::ConnectionLost(_));
                assert!(is_going_away(&error) || ended, "{error}");
                return accepted;
            }
        }
        tokio::task::yield_now().await;
    }
}

#[test]
fn every_accepted_call_runs_once_one_way_calls_included() {
    on_both_runtimes(async || {
        for link in LINKS {
            let (builder, count) = counting();
            let (client, server) = connected(link, &PeerBuilder::new(), &builder).await;
            in_time(client.hello()).await.expect("answered");
            let mut callers = JoinSet::new();
            for caller in 0..16 {
                callers.spawn(calls_until_draining(client.clone(), caller % 2 == 0));
            }
            while count.load(Ordering::Relaxed) < 1000 {
                tokio::task::yield_now().await;
            }
            let reason = in_time(server.shutdown(GRACE)).await;
            assert_eq!(reason, ConnectionError::ClosedHere, "{link:?}");
            let accepted: usize = in_time(callers.join_all()).await.iter().sum();
            assert_eq!(count.load(Ordering::Relaxed), accepted, "{link:?}");
        }
    });
}

/// Calls the other side back until the parameter is zero.
fn back_and_forth(entered: &Arc<Semaphore>) -> PeerBuilder {
    let entered = Arc::clone(entered);
    PeerBuilder::new()
        .negotiation(Negotiation::Eager)
        .handle("deeper", move |request: Request| {
            let entered = Arc::clone(&entered);
            async move {
                let cx = request.context().clone();
                let depth = request.params()[0];
                if depth == 5 {
                    entered.add_permits(1);
                    cx.draining().await;
                    assert!(cx.is_draining());
                }
                if depth == 0 {
                    return Ok(Bytes::from_static(b"bottom"));
                }
                let deeper = cx.caller().call("deeper", vec![depth - 1]).await;
                deeper.map_err(ErrorData::from)
            }
        })
}

/// A call that is running may call back, and that call may call back again, in both directions, whichever side leaves.
#[test]
fn running_handlers_call_back_and_forth_until_they_have_answered() {
    on_both_runtimes(async || {
        for (link, caller_leaves, other_leaves) in [
            (LINKS[0], false, true),
            (LINKS[0], true, false),
            (LINKS[1], true, true),
        ] {
            let entered = Arc::new(Semaphore::new(0));
            let builder = back_and_forth(&entered);
            let (caller, other) = connected(link, &builder, &builder).await;
            for peer in [&caller, &other] {
                in_time(peer.hello()).await.expect("answered");
            }
            let call = caller.call("deeper", vec![5]).start();
            in_time(entered.acquire()).await.expect("open").forget();
            let leaving = [(&caller, caller_leaves), (&other, other_leaves)];
            let mut ends = JoinSet::new();
            for (peer, _) in leaving.into_iter().filter(|(_, leaves)| *leaves) {
                let peer = peer.clone();
                ends.spawn(async move { peer.shutdown(GRACE).await });
            }
            assert_eq!(in_time(call).await.expect("answered"), "bottom");
            for reason in in_time(ends.join_all()).await {
                assert!(reason.is_clean(), "{reason}");
            }
            in_time(caller.closed()).await;
            in_time(other.closed()).await;
        }
    });
}

/// Two Chirp sides without work part in a round trip, whichever of them leaves.
#[tokio::test(start_paused = true)]
async fn idle_sides_part_at_once() {
    for serves in [true, false] {
        let builder = PeerBuilder::new().handle("echo", echo);
        let (client, server) = pair(&PeerBuilder::new(), &builder);
        client.hello().await.expect("answered");
        let began = Instant::now();
        let leaver = if serves { &server } else { &client };
        let reason = leaver.shutdown(GRACE).await;
        assert_eq!(reason, ConnectionError::ClosedHere);
        assert!(client.closed().await.is_clean());
        assert!(began.elapsed() < Duration::from_millis(10), "{serves}");
    }
}

#[tokio::test]
async fn both_sides_see_that_one_of_them_leaves() {
    let hold = Arc::new(Semaphore::new(0));
    let permits = Arc::clone(&hold);
    let builder = PeerBuilder::new().handle("hold", move |_: Request| {
        let permits = Arc::clone(&permits);
        async move {
            permits.acquire().await.expect("open").forget();
            Ok::<_, ErrorData>("done")
        }
    });
    let (client, server) = pair(&PeerBuilder::new(), &builder);
    in_time(client.hello()).await.expect("answered");
    let call = client.call("hold", ()).start();
    while server.stats().running == 0 {
        tokio::task::yield_now().await;
    }
    assert!(!client.is_draining() && !server.is_draining());
    let leaver = server.clone();
    let ending = tokio::spawn(async move { leaver.shutdown(GRACE).await });
    in_time(client.draining()).await;
    in_time(server.draining()).await;
    assert!(client.is_draining() && server.is_draining());
    assert!(matches!(*client.watch().borrow(), PeerState::Draining));
    // New calls go elsewhere: nothing was sent.
    let error = loop {
        // The connection is told a moment before it refuses calls.
        match in_time(client.call("nothing", ())).await {
            Err(CallError::UnknownMethod { .. }) => {}
            other => break other.expect_err("it leaves"),
        }
    };
    assert!(is_going_away(&error) && !error.may_have_run(), "{error}");
    assert!(
        client
            .as_caller()
            .call_one_way("nothing", ())
            .await
            .is_err()
    );
    assert!(
        matches!(
            server.call("nothing", ()).await,
            Err(CallError::UnknownMethod { .. })
        ),
        "a side that leaves calls while its handlers run"
    );
    hold.add_permits(1);
    assert_eq!(in_time(call).await.expect("answered"), "done");
    assert_eq!(
        in_time(ending).await.expect("no panic"),
        ConnectionError::ClosedHere
    );
    assert!(in_time(client.closed()).await.is_clean());
}

/// A client that leaves gets the answers to its own calls first.
#[tokio::test]
async fn pending_calls_of_the_side_that_leaves_are_answered() {
    let hold = Arc::new(Semaphore::new(0));
    let permits = Arc::clone(&hold);
    let builder = PeerBuilder::new().handle("hold", move |_: Request| {
        let permits = Arc::clone(&permits);
        async move {
            permits.acquire().await.expect("open").forget();
            Ok::<_, ErrorData>("done")
        }
    });
    let (client, server) = pair(&PeerBuilder::new(), &builder);
    in_time(client.hello()).await.expect("answered");
    let call = client.call("hold", ()).start();
    while server.stats().running == 0 {
        tokio::task::yield_now().await;
    }
    let leaver = client.clone();
    let ending = tokio::spawn(async move { leaver.shutdown(GRACE).await });
    in_time(server.draining()).await;
    hold.add_permits(1);
    assert_eq!(in_time(call).await.expect("answered"), "done");
    let reason = in_time(ending).await.expect("no panic");
    assert_eq!(reason, ConnectionError::ClosedHere);
}

/// A raw peer that has declared that it accepts GOING AWAY, and the peer under test.
async fn raw_peer(capacity: usize) -> (Peer, tokio::io::DuplexStream) {
    let (ours, mut theirs) = tokio::io::duplex(capacity);
    let peer = PeerBuilder::new().handle("echo", echo);
    let peer = peer.start(Channel::io(ours)).expect("no duplicates");
    let hello = Hello {
        revision: Hello::REVISION,
        extensions: ExtensionFlags::GOING_AWAY,
        payload_limit: 1 << 20,
        running_limit: 100,
    };
    let question = request(1, "chirp.hello", &hello.encode_question(7));
    theirs.write_all(&question).await.expect("open");
    let (kind, _) = read_packet(&mut theirs).await.expect("an answer");
    assert_eq!(kind, PacketType::RESPONSE);
    (peer, theirs)
}

#[tokio::test(start_paused = true)]
async fn a_side_that_never_agrees_is_left_after_30_s() {
    let (peer, mut theirs) = raw_peer(1 << 16).await;
    let began = Instant::now();
    // Nobody waits for the shutdown.
    let shutdown = peer.shutdown(GRACE);
    let waited = tokio::time::timeout(Duration::from_secs(1), shutdown).await;
    assert!(waited.is_err());
    let (kind, payload) = read_packet(&mut theirs).await.expect("it says so");
    assert_eq!(kind, PacketType::GOING_AWAY);
    let packet = GoingAway::decode(payload.into()).expect("valid");
    assert_eq!(
        (packet.grace, packet.reason.is_empty()),
        (Some(GRACE), true)
    );
    // Requests are answered until then.
    theirs
        .write_all(&request(2, "echo", b"x"))
        .await
        .expect("open");
    let (kind, payload) = read_packet(&mut theirs).await.expect("an answer");
    assert_eq!(
        (kind, &payload[..]),
        (PacketType::RESPONSE, &b"\0\0\0\x02\0x"[..])
    );
    assert!(read_packet(&mut theirs).await.is_none());
    let seconds = began.elapsed().as_secs();
    assert!((29..=31).contains(&seconds), "{seconds}");
    drop(theirs);
    assert_eq!(peer.closed().await, ConnectionError::ClosedHere);
}

/// On a runtime of one thread, a task that calls again and again lets the shutdown go on.
#[tokio::test]
async fn a_loop_of_calls_that_fail_lets_others_run() {
    for one_way in [false, true] {
        let hold = Arc::new(Semaphore::new(0));
        let waits_for = Arc::clone(&hold);
        let builder = PeerBuilder::new()
            .handle("echo", echo)
            .handle("wait", move |_: Request| {
                let waits_for = Arc::clone(&waits_for);
                async move {
                    waits_for.acquire().await.expect("open").forget();
                    Ok::<_, ErrorData>("done")
                }
            });
        let (client, server) = pair(&builder, &builder);
        in_time(client.hello()).await.expect("an answer");
        let running = tokio::spawn(client.call("wait", ()));
        let leaving = client.clone();
        let ending = tokio::spawn(async move {
            while server.stats().running == 0 {
                tokio::task::yield_now().await;
            }
            let ending = tokio::spawn(async move { server.shutdown(GRACE).await });
            leaving.draining().await;
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
            hold.add_permits(1);
            ending.await
        });
        in_time(client.draining()).await;
        let mut failed = 0_u32;
        loop {
            let result = if one_way {
                client.as_caller().call_one_way("echo", ()).await
            } else {
                client.call("echo", ()).await.map(drop)
            };
            match result {
                Err(CallError::ConnectionLost(_)) => break,
                Err(error) => {
                    assert!(is_going_away(&error), "{error}");
                    failed += 1;
                    assert!(failed < 1_000_000, "the connection never ends");
                }
                Ok(()) => {}
            }
        }
        assert!(failed > 0);
        assert_eq!(
            in_time(running).await.expect("no panic").expect("answered"),
            "done"
        );
        in_time(ending).await.expect("no panic").expect("no panic");
    }
}
