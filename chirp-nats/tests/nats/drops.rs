//! Futures that are dropped at any point, messages that are discarded, and messages that servers of NATS do not take.

use std::future::{IntoFuture, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use async_nats::jetstream;
use chirp::{CallError, PeerBuilder, Server};
use chirp_nats::NatsOptions;

use super::service::{ArithClient, ArithServer, Calculator};
use super::support::{NatsProcess, free_port, subscriptions, until};

/// Polls a future some times, and drops it.
async fn poll_times<F: IntoFuture>(future: F, times: usize) {
    let mut future = pin!(future.into_future());
    for _ in 0..times {
        let polled = poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx).is_ready()));
        if polled.await {
            return;
        }
        tokio::task::yield_now().await;
    }
}

/// Every future may be dropped between two polls: nothing is left of it on either side, and others go on.
#[tokio::test(flavor = "multi_thread")]
async fn futures_may_be_dropped_at_any_point() {
    let monitoring = free_port().to_string();
    let Some(process) = NatsProcess::start_with(&["-js", "-m", &monitoring]) else {
        return;
    };
    let monitoring = monitoring.parse().expect("a port");
    let hosting = process.connect_with(NatsOptions::new().name("host")).await;
    let calling = process
        .connect_with(NatsOptions::new().name("caller"))
        .await;
    let context = jetstream::new(process.plain().await);
    let config = jetstream::stream::Config {
        name: "CHIRP".to_owned(),
        subjects: vec!["_chirp.durable.>".to_owned()],
        ..jetstream::stream::Config::default()
    };
    context.create_stream(config).await.expect("created");
    let calculator = Calculator::default();
    let server = hosting
        .server()
        .service(ArithServer::new(calculator.clone()));
    let server = server.start().await.expect("started");
    let channels = Server::builder()
        .scheme("nats", hosting.scheme())
        .service(ArithServer::new(calculator.clone()));
    let channels = channels.bind("nats://arith").await.expect("bound");
    let connections = channels.handle();
    tokio::spawn(channels.run());
    let arith = ArithClient::new(&calling);
    let durable = ArithClient::new(&calling.durable());
    let peers = PeerBuilder::new().scheme("nats", calling.scheme());
    // The client of NATS subscribes to acknowledgements once.
    durable.note(1).await.expect("stored");
    let runtime = tokio::runtime::Handle::current().metrics();
    let before = subscriptions(monitoring);
    let tasks = runtime.num_alive_tasks();
    for times in (0..30).chain([60, 120, 240, 480]) {
        poll_times(arith.sum_diff(1, 2), times).await;
        poll_times(arith.wait(), times).await;
        poll_times(arith.sleep(1), times).await;
        poll_times(arith.note(1), times).await;
        poll_times(durable.note(1), times).await;
        let all = calling.everyone().gather(ArithClient::unbound().wait());
        poll_times(all, times).await;
        poll_times(calling.flush(), times).await;
        poll_times(server.ready(), times).await;
        poll_times(peers.connect("nats://arith"), times).await;
        let starting = calling
            .server()
            .queue_group("other")
            .service(ArithServer::new(calculator.clone()));
        poll_times(starting.start(), times).await;
    }
    assert_eq!(arith.sum_diff(1, 2).await, Ok((3, -1)));
    until(|| calling.pending_calls() == 0).await;
    until(|| server.running_calls() == 0).await;
    until(|| connections.connections().is_empty()).await;
    until(|| subscriptions(monitoring) == before).await;
    until(|| runtime.num_alive_tasks() <= tasks).await;
    assert_eq!(calculator.waiting(), 0);
}

/// Closing that is dropped ends the server, as dropping the server does.
#[tokio::test(flavor = "multi_thread")]
async fn closing_may_be_dropped_at_any_point() {
    let monitoring = free_port().to_string();
    let Some(process) = NatsProcess::start_with(&["-m", &monitoring]) else {
        return;
    };
    let monitoring = monitoring.parse().expect("a port");
    let nats = process.connect_with(NatsOptions::new().name("host")).await;
    let before = subscriptions(monitoring);
    let calculator = Calculator::default();
    for times in 0..40 {
        let server = nats.server().service(ArithServer::new(calculator.clone()));
        let server = server.start().await.expect("started");
        let call = ArithClient::new(&nats).wait().start();
        until(|| calculator.waiting() == 1).await;
        poll_times(server.close(), times).await;
        let error = call.await.expect_err("the server has ended");
        assert!(matches!(error, CallError::Rejected { .. }), "{error:?}");
        until(|| calculator.waiting() == 0).await;
    }
    until(|| subscriptions(monitoring) == before).await;
}

/// A process that is slow to take messages loses some, and everything ends with a reason.
#[tokio::test(flavor = "multi_thread")]
async fn discarded_messages_end_calls_and_connections_with_a_reason() {
    let Some(process) = NatsProcess::start() else {
        return;
    };
    let slow = || NatsOptions::new().subscription_capacity(1);
    let (hosting, calling) = (process.connect_with(slow()).await, process.connect().await);
    let server = hosting
        .server()
        .service(ArithServer::new(Calculator::default()));
    let server = server.start().await.expect("started");
    let channels = Server::builder()
        .scheme("nats", hosting.scheme())
        .service(ArithServer::new(Calculator::default()));
    let channels = channels.bind("nats://arith").await.expect("bound");
    tokio::spawn(channels.run());
    let arith = ArithClient::new(&calling).with_timeout(Duration::from_mins(2));
    let calls: Vec<_> = (0..2_000).map(|_| arith.bytes(1_000).start()).collect();
    let mut lost = 0;
    for call in calls {
        match call.await {
            Ok(bytes) => assert_eq!(bytes.len(), 1_000),
            Err(CallError::ConnectionLost(_)) => lost += 1,
            Err(error) => panic!("{error:?}"),
        }
    }
    assert!(hosting.discarded() > 0, "{lost} were lost");
    let peers = PeerBuilder::new().scheme("nats", calling.scheme());
    for _ in 0..20 {
        let Ok(peer) = peers.connect("nats://arith").await else {
            continue;
        };
        let arith = ArithClient::new(&peer).with_timeout(Duration::from_mins(2));
        let calls: Vec<_> = (0..200).map(|_| arith.bytes(10_000).start()).collect();
        for call in calls {
            match call.await {
                Ok(bytes) => assert_eq!(bytes.len(), 10_000),
                Err(CallError::ConnectionLost(_)) => {}
                Err(error) => panic!("{error:?}"),
            }
        }
    }
    until(|| server.running_calls() == 0).await;
    assert_eq!(calling.pending_calls(), 0);
}

/// The messages of a connection fit, however little a server of NATS takes.
#[tokio::test(flavor = "multi_thread")]
async fn connections_work_with_a_small_payload_limit() {
    for limit in [512, 1_024, 4_096, 5_000] {
        let config = format!("max_payload: {limit}");
        let Some(process) = NatsProcess::start_configured(&[("nats.conf", config)]) else {
            return;
        };
        let nats = process.connect().await;
        let server = nats
            .server()
            .service(ArithServer::new(Calculator::default()));
        let _server = server.start().await.expect("started");
        let channels = Server::builder()
            .scheme("nats", nats.scheme())
            .service(ArithServer::new(Calculator::default()));
        let channels = channels.bind("nats://arith").await.expect("bound");
        tokio::spawn(channels.run());
        let peers = PeerBuilder::new().scheme("nats", nats.scheme());
        let peer = peers.connect("nats://arith").await.expect("connected");
        let bytes = ArithClient::new(&peer).bytes(200_000).await;
        assert_eq!(bytes.map(|bytes| bytes.len()), Ok(200_000), "{limit}");
        let arith = ArithClient::new(&nats);
        assert_eq!(arith.sum_diff(1, 2).await, Ok((3, -1)), "{limit}");
        let error = arith.bytes(limit + 1).await.expect_err("over the limit");
        assert!(matches!(error, CallError::Rejected { .. }), "{error:?}");
        let large = arith.with_metadata("key", "x".repeat(limit)).sum_diff(1, 2);
        let error = large.await.expect_err("over the limit");
        assert!(matches!(error, CallError::TooLarge { .. }), "{error:?}");
        assert_eq!(
            nats.connections(),
            1,
            "the server of NATS refused no message"
        );
    }
}
