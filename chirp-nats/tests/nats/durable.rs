use std::sync::atomic::Ordering;

use async_nats::jetstream;
use chirp::packet::FrameworkError;
use chirp::{AsCaller, CallError};

use super::service::{ArithClient, ArithServer, Calculator};
use super::support::{NatsProcess, until};

async fn stream(process: &NatsProcess) -> jetstream::stream::Stream {
    let context = jetstream::new(process.plain().await);
    let config = jetstream::stream::Config {
        name: "CHIRP".to_owned(),
        subjects: vec!["_chirp.durable.>".to_owned()],
        retention: jetstream::stream::RetentionPolicy::WorkQueue,
        ..jetstream::stream::Config::default()
    };
    context.create_stream(config).await.expect("created")
}

#[tokio::test(flavor = "multi_thread")]
async fn durable_calls_run_when_a_server_comes() {
    let Some(process) = NatsProcess::start_with(&["-js"]) else {
        return;
    };
    let nats = process.connect().await;
    let arith = ArithClient::new(&nats.durable());
    let error = arith.note(1).await.expect_err("there is no stream");
    assert!(matches!(error, CallError::NotConnected(_)), "{error:?}");
    let mut stream = stream(&process).await;
    for _ in 0..200 {
        arith.note(1).await.expect("stored");
    }
    let calculator = Calculator::default();
    let server = nats.server().service(ArithServer::new(calculator.clone()));
    let server = server.durable("CHIRP").start().await.expect("started");
    until(|| calculator.notes() == 200).await;
    while stream.info().await.expect("known").state.messages > 0 {}
    assert_eq!(calculator.notes(), 200);
    server.close().await.expect("closed");
    let error = arith.sum_diff(1, 2).await.expect_err("it has an answer");
    let CallError::Rejected {
        reason: FrameworkError::Unsupported,
        ..
    } = error
    else {
        panic!("{error:?}");
    };
}

/// A call is acknowledged after its handler has run: a server that ends before leaves it to another.
#[tokio::test(flavor = "multi_thread")]
async fn a_durable_call_is_repeated_until_its_handler_has_run() {
    let Some(process) = NatsProcess::start_with(&["-js"]) else {
        return;
    };
    let nats = process.connect().await;
    let mut stream = stream(&process).await;
    let calculator = Calculator::default();
    let arith = ArithClient::new(&nats.durable());
    // A message that the handler cannot decode is given up.
    let broken = nats
        .durable()
        .as_caller()
        .call_one_way("Arith.note", &b"\xff\xff"[..]);
    broken.await.expect("stored");
    calculator.0.blocked.store(true, Ordering::SeqCst);
    arith.note(7).await.expect("stored");
    let server = nats.server().service(ArithServer::new(calculator.clone()));
    let server = server.durable("CHIRP").start().await.expect("started");
    until(|| calculator.started() == 1).await;
    let messages = stream.info().await.expect("known").state.messages;
    assert!(messages >= 1, "the handler still runs");
    drop(server);
    calculator.0.blocked.store(false, Ordering::SeqCst);
    let server = nats.server().service(ArithServer::new(calculator.clone()));
    let server = server.durable("CHIRP").start().await.expect("started");
    until(|| calculator.notes() == 7).await;
    while stream.info().await.expect("known").state.messages > 0 {}
    assert_eq!(calculator.started(), 2);
    server.close().await.expect("closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_needs_its_stream() {
    let Some(process) = NatsProcess::start_with(&["-js"]) else {
        return;
    };
    let nats = process.connect().await;
    let server = nats
        .server()
        .service(ArithServer::new(Calculator::default()));
    let error = server
        .durable("CHIRP")
        .start()
        .await
        .expect_err("there is none");
    assert!(error.to_string().contains("CHIRP"), "{error}");
}

/// A call that panics is repeated after 1 s, and keeps no other from running.
#[tokio::test(flavor = "multi_thread")]
async fn a_durable_call_that_always_panics_is_given_up_in_the_end() {
    let Some(process) = NatsProcess::start_with(&["-js"]) else {
        return;
    };
    let nats = process.connect().await;
    let stream = stream(&process).await;
    let calculator = Calculator::default();
    let server = nats.server().service(ArithServer::new(calculator.clone()));
    let server = server.durable("CHIRP").durable_attempts(2).start();
    let server = server.await.expect("started");
    let arith = ArithClient::new(&nats.durable());
    for _ in 0..100 {
        arith.explode().await.expect("stored");
    }
    arith.note(1).await.expect("stored");
    until(|| calculator.notes() == 1 && calculator.started() == 201).await;
    loop {
        let name = "chirp-q-_chirp-durable-Arith-explode";
        let consumer = stream.consumer_info(name).await.expect("known");
        if consumer.num_pending == 0 && consumer.num_ack_pending == 0 {
            break;
        }
    }
    assert_eq!(calculator.started(), 201, "each was run twice");
    server.close().await.expect("closed");
}

/// A name that is written as that of another subject, or a consumer that acknowledges by itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_of_other_messages_is_not_used() {
    let Some(process) = NatsProcess::start_with(&["-js"]) else {
        return;
    };
    let nats = process.connect().await;
    let context = jetstream::new(process.plain().await);
    let config = jetstream::stream::Config {
        name: "CHIRP".to_owned(),
        subjects: vec!["_chirp.durable.>".to_owned()],
        ..jetstream::stream::Config::default()
    };
    let stream = context.create_stream(config).await.expect("created");
    let other = jetstream::consumer::pull::Config {
        durable_name: Some("chirp-q-_chirp-durable-Arith-note".to_owned()),
        filter_subject: "_chirp.durable.Arith-note".to_owned(),
        ..jetstream::consumer::pull::Config::default()
    };
    stream.create_consumer(other).await.expect("created");
    let server = nats
        .server()
        .service(ArithServer::new(Calculator::default()));
    let error = server.durable("CHIRP").start().await.expect_err("refused");
    assert!(
        error
            .to_string()
            .contains("chirp-q-_chirp-durable-Arith-note"),
        "{error}"
    );
}
