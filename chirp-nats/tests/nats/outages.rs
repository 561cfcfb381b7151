//! A server of NATS that neither reads nor answers, and the end of connections to it.

use std::future::IntoFuture;
use std::time::{Duration, Instant};

use chirp::{AsCaller, CallError, PeerBuilder, Server};
use chirp_nats::{Nats, NatsError, NatsOptions};

use super::service::{ArithClient, ArithServer, Calculator};
use super::support::{NatsProcess, until};

/// The longest time for what would otherwise never end.
const FOREVER: Duration = Duration::from_mins(1);

/// Sends until the queue of the client takes no more.
async fn fill(nats: &Nats) {
    let body = vec![0; 100_000];
    let caller = nats.as_caller();
    let calls: Vec<_> = (0..3_000)
        .map(|_| {
            let call = caller.call_one_way("Arith.nothing", body.clone());
            tokio::spawn(call.into_future())
        })
        .collect();
    let mut refused = 0;
    for call in calls {
        let sent = tokio::time::timeout(FOREVER, call).await.expect("in time");
        if let Err(error) = sent.expect("no panic") {
            assert!(matches!(error, CallError::NotConnected(_)), "{error:?}");
            refused += 1;
        }
    }
    assert!(refused > 0, "the queue is full");
    // A client that had to wait for a processor may have taken some meanwhile.
    let mut refused = 0;
    while refused < 3 {
        let call = caller.call_one_way("Arith.nothing", body.clone());
        let sent = tokio::time::timeout(FOREVER, call).await.expect("in time");
        refused = if sent.is_err() { refused + 1 } else { 0 };
    }
}

/// Nothing waits for ever, before and after the connection is known to be lost.
#[tokio::test(flavor = "multi_thread")]
async fn everything_ends_while_nats_takes_no_messages() {
    let Some(mut process) = NatsProcess::start_with(&["-js"]) else {
        return;
    };
    let nats = process
        .connect_with(NatsOptions::new().max_wait(Duration::from_millis(100)))
        .await;
    let calculator = Calculator::default();
    let server = nats.server().service(ArithServer::new(calculator.clone()));
    let server = server
        .shutdown_timeout(Duration::from_millis(100))
        .start()
        .await
        .expect("started");
    let channels = Server::builder()
        .scheme("nats", nats.scheme())
        .service(ArithServer::new(calculator.clone()));
    let channels = channels.bind("nats://arith").await.expect("bound");
    let connections = channels.handle();
    tokio::spawn(channels.run());
    let peers = PeerBuilder::new().scheme("nats", nats.scheme());
    let peer = peers.connect("nats://arith").await.expect("connected");
    let arith = ArithClient::new(&nats).with_timeout(FOREVER * 10);
    let waiting = arith.wait().start();
    let streaming = ArithClient::new(&peer).wait().start();
    until(|| calculator.waiting() == 2).await;
    process.freeze();
    fill(&nats).await;
    let in_time = async |nats: &Nats, state: &str| {
        let flushed = tokio::time::timeout(FOREVER, nats.flush()).await;
        let flushed = flushed.expect(state);
        assert!(
            matches!(flushed, Err(NatsError::NoAnswer(..))),
            "{state}: {flushed:?}"
        );
        // Requests of many callers are sent together. The client may still have room for some, whose answers do not come.
        let calls: Vec<_> = (0..1_000)
            .map(|number| ArithClient::new(nats).sum_diff(number, 1).start())
            .collect();
        let mut unsent = 0;
        for call in calls {
            let ended = tokio::time::timeout(FOREVER, call).await.expect(state);
            match ended.expect_err("nothing is answered") {
                CallError::NotConnected(_) => unsent += 1,
                CallError::ConnectionLost(_) => {}
                error => panic!("{state}: {error:?}"),
            }
        }
        assert!(unsent > 0, "{state}");
        let durable = ArithClient::new(&nats.durable());
        let stored = tokio::time::timeout(FOREVER, durable.note(1)).await;
        stored.expect(state).expect_err("nothing was stored");
        let everyone = nats
            .everyone()
            .gather(ArithClient::unbound().sum_diff(1, 2));
        let gathered = async { everyone.timeout(Duration::from_secs(1)).await };
        let gathered = tokio::time::timeout(FOREVER, gathered).await;
        gathered.expect(state).expect_err("nothing was sent");
    };
    in_time(&nats, "frozen").await;
    process.kill();
    until(|| !nats.is_connected()).await;
    in_time(&nats, "gone").await;
    let waited = tokio::time::timeout(FOREVER, waiting)
        .await
        .expect("a reason");
    assert!(
        matches!(waited, Err(CallError::ConnectionLost(_))),
        "{waited:?}"
    );
    let ended = tokio::time::timeout(FOREVER, peer.closed()).await;
    ended.expect("the connection has ended");
    let waited = tokio::time::timeout(FOREVER, streaming)
        .await
        .expect("a reason");
    assert!(
        matches!(waited, Err(CallError::ConnectionLost(_))),
        "{waited:?}"
    );
    until(|| connections.connections().is_empty()).await;
    let closed = tokio::time::timeout(FOREVER, server.close()).await;
    closed
        .expect("in time")
        .expect_err("the last answers were not sent");
    until(|| calculator.waiting() == 0).await;
    assert_eq!(nats.pending_calls(), 0);
}

/// The server must not think that it has more time than the caller.
#[tokio::test(flavor = "multi_thread")]
async fn the_wait_for_a_connection_is_part_of_the_time_of_a_call() {
    let Some(mut process) = NatsProcess::start() else {
        return;
    };
    let nats = process
        .connect_with(NatsOptions::new().max_wait(FOREVER))
        .await;
    let server = nats
        .server()
        .service(ArithServer::new(Calculator::default()));
    let server = server.start().await.expect("started");
    process.kill();
    until(|| !nats.is_connected()).await;
    let limit = FOREVER * 2;
    let deadline = Instant::now() + limit;
    let call = ArithClient::new(&nats)
        .context("none".to_owned())
        .timeout(limit)
        .start();
    // The time that must be missing.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let left = deadline.saturating_duration_since(Instant::now());
    assert!(process.restart());
    server.ready().await.expect("ready");
    // The call may have come before the subscriptions of the server.
    let (_, told) = match call.await {
        Ok(answer) => answer,
        Err(CallError::NotConnected(_)) => return,
        Err(error) => panic!("{error:?}"),
    };
    let told = Duration::from_millis(told.expect("a deadline"));
    assert!(told <= left, "{told:?} of {left:?}");
}
