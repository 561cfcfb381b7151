use std::time::{Duration, Instant};

use chirp::packet::FrameworkError;
use chirp::{
    AccessPolicy, AsCaller, CallError, ConnectionError, MethodError, RetryPolicy, TraceContext,
};
use chirp_nats::{NatsError, NatsOptions};
use serde_json::{Value, json};

use super::service::{ArithClient, ArithError, ArithServer, Calculator};
use super::support::{NatsProcess, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_client_calls_a_service() {
    let Some(process) = NatsProcess::start() else {
        return;
    };
    let (hosting, calling) = (process.connect().await, process.connect().await);
    let server = hosting
        .server()
        .service(ArithServer::new(Calculator::default()))
        .start();
    let server = server.await.expect("started");
    let arith = ArithClient::new(&calling);
    assert_eq!(arith.sum_diff(100, 250).await, Ok((350, -150)));
    assert_eq!(arith.divide(7, 2).await, Ok(3));
    let error = arith.divide(7, 0).await;
    assert_eq!(error, Err(MethodError::Handler(ArithError::ByZero(7))));
    let panicked = arith.fail().await;
    let Err(CallError::Rejected {
        reason: FrameworkError::Panicked { .. },
        ..
    }) = panicked
    else {
        panic!("{panicked:?}");
    };
    assert_eq!(calling.pending_calls(), 0);
    assert_eq!(server.running_calls(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn typed_clients_may_speak_json() {
    let Some(process) = NatsProcess::start() else {
        return;
    };
    let nats = process.connect().await;
    let server = nats
        .server()
        .service(ArithServer::new(Calculator::default()))
        .start();
    let _server = server.await.expect("started");
    let arith = ArithClient::new(&nats).with_json();
    assert_eq!(arith.sum_diff(1, 2).await, Ok((3, -1)));
    let error = arith.divide(7, 0).await;
    assert_eq!(error, Err(MethodError::Handler(ArithError::ByZero(7))));
}

#[tokio::test(flavor = "multi_thread")]
async fn any_client_of_nats_calls_in_json() {
    let Some(process) = NatsProcess::start() else {
        return;
    };
    let nats = process.connect().await;
    let calculator = Calculator::default();
    let server = nats
        .server()
        .service(ArithServer::new(calculator.clone()))
        .start();
    let _server = server.await.expect("started");
    let plain = process.plain().await;
    for (subject, body, answer) in [
        ("Arith.sum_diff", r#"{"a":1,"b":2}"#, json!([3, -1])),
        ("Arith.sum_diff", "[1,2]", json!([3, -1])),
        ("Arith.caller", "", json!([null, "anonymous"])),
    ] {
        let response = plain.request(subject, body.into()).await.expect("answered");
        let value: Value = serde_json::from_slice(&response.payload).expect("JSON");
        assert_eq!(value, answer, "{subject} {body}");
    }
    for (subject, body, status, code) in [
        ("Arith.divide", r#"{"a":1,"b":0}"#, "422", 7),
        ("Arith.divide", "{", "400", 0xC704),
    ] {
        let response = plain.request(subject, body.into()).await.expect("answered");
        let headers = response.headers.expect("headers");
        assert_eq!(
            headers.get("Nats-Service-Error-Code").map(AsRef::as_ref),
            Some(status)
        );
        assert!(headers.get("Nats-Service-Error").is_some());
        let value: Value = serde_json::from_slice(&response.payload).expect("JSON");
        assert_eq!(value["code"], code, "{value}");
    }
    plain
        .publish("Arith.note", "[5]".into())
        .await
        .expect("sent");
    until(|| calculator.notes() == 5).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_method_that_nobody_serves_fails_at_once() {
    let Some(process) = NatsProcess::start() else {
        return;
    };
    let nats = process.connect().await;
    let begin = Instant::now();
    let error = ArithClient::new(&nats)
        .sum_diff(1, 2)
        .await
        .expect_err("nobody serves it");
    assert!(matches!(error, CallError::NotConnected(_)), "{error:?}");
    assert!(error.is_safe_to_retry() && error.is_transient());
    // Not after the deadline of the call, 10 s.
    assert!(begin.elapsed() < Duration::from_secs(5));
}

/// The call is repeated until there is a server.
#[tokio::test(flavor = "multi_thread")]
async fn a_retry_policy_waits_for_a_server() {
    let Some(process) = NatsProcess::start() else {
        return;
    };
    let nats = process.connect().await;
    let policy = RetryPolicy::new().attempts(1_000);
    let arith = ArithClient::new(&nats).with_retry(&policy);
    let call = tokio::spawn(async move { arith.divide(8, 2).await });
    let calculator = Calculator::default();
    let server = nats
        .server()
        .service(ArithServer::new(calculator.clone()))
        .start();
    let _server = server.await.expect("started");
    assert_eq!(call.await.expect("no panic"), Ok(4));
    assert_eq!(calculator.started(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_context_of_a_call_arrives() {
    let Some(process) = NatsProcess::start() else {
        return;
    };
    let nats = process.connect().await;
    let server = nats
        .server()
        .service(ArithServer::new(Calculator::default()))
        .start();
    let _server = server.await.expect("started");
    let arith = ArithClient::new(&nats).with_metadata("tenant", "blue \u{e4}\n");
    let (tenant, left) = arith.context("tenant".to_owned()).await.expect("answered");
    assert_eq!(tenant.as_deref(), Some("blue \u{e4}\n"));
    assert!(left.is_some_and(|left| left <= 10_000), "{left:?}");
    let limited = arith
        .context("none".to_owned())
        .timeout(Duration::from_hours(1))
        .await;
    let (none, left) = limited.expect("answered");
    assert_eq!(none, None);
    assert!(left.is_some_and(|left| left > 3_000_000), "{left:?}");
    let text = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let trace = TraceContext::parse(text).and_then(|trace| trace.with_state("vendor=x"));
    let (trace, identity) = arith
        .caller()
        .trace(trace.expect("valid"))
        .await
        .expect("answered");
    assert_eq!(trace, Some(format!("{text} vendor=x")));
    assert_eq!(identity, "anonymous");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_call_is_cancelled_where_it_runs() {
    let Some(process) = NatsProcess::start() else {
        return;
    };
    let (hosting, calling) = (process.connect().await, process.connect().await);
    let calculators = [Calculator::default(), Calculator::default()];
    let mut servers = Vec::new();
    for calculator in &calculators {
        let server = hosting
            .server()
            .service(ArithServer::new(calculator.clone()))
            .start();
        servers.push(server.await.expect("started"));
    }
    let arith = ArithClient::new(&calling);
    let waiting = || calculators.iter().map(Calculator::waiting).sum::<usize>();
    let calls: Vec<_> = (0..8).map(|_| arith.wait().start()).collect();
    until(|| waiting() == 8).await;
    drop(calls);
    until(|| waiting() == 0).await;
    until(|| servers.iter().all(|server| server.running_calls() == 0)).await;
    assert_eq!(calling.pending_calls(), 0);
    // A call whose time is over is dropped, too.
    let late = arith.wait().timeout(Duration::from_millis(50)).await;
    assert!(
        matches!(late, Err(CallError::DeadlineExceeded { .. })),
        "{late:?}"
    );
    until(|| waiting() == 0).await;
}

/// The signs of life are sent every 2 s, and a call ends without them after 6 s.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_without_a_sign_of_life_ends() {
    let Some(process) = NatsProcess::start() else {
        return;
    };
    let (hosting, calling) = (process.connect().await, process.connect().await);
    let calculator = Calculator::default();
    let server = hosting
        .server()
        .service(ArithServer::new(calculator.clone()))
        .start();
    let server = server.await.expect("started");
    let arith = ArithClient::new(&calling).with_timeout(Duration::from_mins(2));
    let slow = arith.sleep(9_000).start();
    let stuck = arith.wait().start();
    until(|| calculator.waiting() == 1).await;
    assert_eq!(slow.await, Ok(9_000), "its server was alive");
    drop(server);
    let interrupted = stuck.await;
    let Err(CallError::Rejected {
        reason: FrameworkError::NoReply,
        ..
    }) = interrupted
    else {
        panic!("{interrupted:?}");
    };
    assert_eq!(calculator.dropped(), 1);
    // Somebody who takes a request and never answers.
    let plain = process.plain().await;
    let mut taken = plain.subscribe("Arith.wait").await.expect("subscribed");
    super::support::settle(&plain).await;
    let lost = arith.wait().await;
    let Err(CallError::ConnectionLost(ConnectionError::KeepAlive { .. })) = lost else {
        panic!("{lost:?}");
    };
    let _ = taken.unsubscribe().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn payloads_over_the_limit_fail_alone() {
    let Some(process) = NatsProcess::start() else {
        return;
    };
    let nats = process.connect().await;
    let server = nats
        .server()
        .service(ArithServer::new(Calculator::default()))
        .start();
    let _server = server.await.expect("started");
    let caller = nats.as_caller();
    let large = vec![0; 2 << 20];
    let error = caller
        .call("Arith.bytes", large)
        .await
        .expect_err("over the limit");
    assert!(matches!(error, CallError::TooLarge { .. }), "{error:?}");
    assert!(error.is_safe_to_retry());
    let arith = ArithClient::new(&nats);
    let error = arith.bytes(2 << 20).await.expect_err("over the limit");
    let CallError::Rejected {
        reason: FrameworkError::InvalidResult,
        message,
        ..
    } = &error
    else {
        panic!("{error:?}");
    };
    assert!(message.contains("1048576"), "{message}");
    assert_eq!(
        arith.bytes(1 << 19).await.map(|bytes| bytes.len()),
        Ok(1 << 19)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_beyond_the_limit_are_refused_as_overloaded() {
    let Some(process) = NatsProcess::start() else {
        return;
    };
    let nats = process.connect().await;
    let calculator = Calculator::default();
    let server = nats.server().service(ArithServer::new(calculator.clone()));
    let server = server
        .max_concurrent_handlers(2)
        .start()
        .await
        .expect("started");
    let arith = ArithClient::new(&nats);
    let running = [arith.wait().start(), arith.wait().start()];
    until(|| calculator.waiting() == 2).await;
    let error = arith.sum_diff(1, 2).await.expect_err("full");
    let CallError::Rejected {
        reason: FrameworkError::Overloaded,
        ..
    } = &error
    else {
        panic!("{error:?}");
    };
    assert!(error.is_safe_to_retry() && error.is_transient());
    drop(running);
    until(|| server.running_calls() == 0).await;
    assert_eq!(arith.sum_diff(1, 2).await, Ok((3, -1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn access_is_by_method_and_identity() {
    let Some(process) = NatsProcess::start() else {
        return;
    };
    let nats = process.connect().await;
    let access = || {
        AccessPolicy::new()
            .allow(["Arith.caller"], |_| true)
            .allow(["Arith.sum_diff"], |who| who.is_account("ann"))
    };
    let trusting = nats
        .server()
        .service(ArithServer::new(Calculator::default()));
    let trusting = trusting
        .access(access())
        .trust_request_info()
        .start()
        .await
        .expect("started");
    let plain = process.plain().await;
    let request = async |subject: &'static str, user: &str| {
        let mut headers = async_nats::HeaderMap::new();
        headers.insert(
            "Nats-Request-Info",
            json!({"acc": "A", "user": user}).to_string(),
        );
        let body = if subject == "Arith.caller" {
            "[]"
        } else {
            "[1,2]"
        };
        let response = plain
            .request_with_headers(subject, headers, body.into())
            .await;
        let response = response.expect("answered");
        String::from_utf8_lossy(&response.payload).into_owned()
    };
    assert_eq!(
        request("Arith.caller", "ann").await,
        r#"[null,"account ann"]"#
    );
    assert_eq!(request("Arith.sum_diff", "ann").await, "[3,-1]");
    assert!(
        request("Arith.sum_diff", "bob")
            .await
            .contains("not allowed")
    );
    assert!(request("Arith.divide", "ann").await.contains("not allowed"));
    trusting.close().await.expect("closed");
    // Without that, the header is anybody's claim.
    let server = nats
        .server()
        .service(ArithServer::new(Calculator::default()));
    let _server = server.access(access()).start().await.expect("started");
    assert_eq!(
        request("Arith.caller", "ann").await,
        r#"[null,"anonymous"]"#
    );
    assert!(
        request("Arith.sum_diff", "ann")
            .await
            .contains("not allowed")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn deployments_with_different_prefixes_do_not_meet() {
    let Some(process) = NatsProcess::start() else {
        return;
    };
    let prod = process
        .connect_with(NatsOptions::new().subject_prefix("prod"))
        .await;
    let test = process
        .connect_with(NatsOptions::new().subject_prefix("test"))
        .await;
    let server = prod
        .server()
        .service(ArithServer::new(Calculator::default()))
        .start();
    let server = server.await.expect("started");
    assert!(
        server
            .subjects()
            .contains(&"prod.Arith.sum_diff".to_owned())
    );
    assert_eq!(ArithClient::new(&prod).sum_diff(1, 2).await, Ok((3, -1)));
    let error = ArithClient::new(&test).sum_diff(1, 2).await;
    assert!(
        matches!(error, Err(CallError::NotConnected(_))),
        "{error:?}"
    );
}

/// A response is sent with the rights of the server: it must not become a request to another service.
#[tokio::test(flavor = "multi_thread")]
async fn answers_go_to_inboxes_only() {
    let Some(process) = NatsProcess::start() else {
        return;
    };
    let nats = process.connect().await;
    let calculator = Calculator::default();
    let server = nats.server().service(ArithServer::new(calculator.clone()));
    let _server = server
        .answer_inboxes("mine.")
        .start()
        .await
        .expect("started");
    let plain = process.plain().await;
    // The result of `sum_diff`, [5,3], would be the arguments of another call.
    for reply in [
        "Arith.sum_diff",
        "Arith.note",
        "_chirp.all.Arith.sum_diff",
        "$JS.API.INFO",
    ] {
        let sent = plain.publish_with_reply("Arith.sum_diff", reply, "[4,1]".into());
        sent.await.expect("sent");
    }
    let mut own = plain.subscribe("mine.inbox").await.expect("subscribed");
    let sent = plain.publish_with_reply("Arith.sum_diff", "mine.inbox", "[1,2]".into());
    sent.await.expect("sent");
    assert_eq!(&super::support::next(&mut own).await.payload[..], b"[3,-1]");
    assert_eq!(calculator.started(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_are_checked() {
    let arguments = ["--user", "ann", "--pass", "secret"];
    let Some(process) = NatsProcess::start_with(&arguments) else {
        return;
    };
    let anonymous = NatsOptions::new().connect(process.address()).await;
    let wrong = NatsOptions::new().user_and_password("ann", "wrong");
    for refused in [anonymous, wrong.connect(process.address()).await] {
        assert!(
            matches!(refused, Err(NatsError::Connect { .. })),
            "{refused:?}"
        );
    }
    let options = NatsOptions::new().user_and_password("ann", "secret");
    let nats = process.connect_with(options).await;
    let server = nats
        .server()
        .service(ArithServer::new(Calculator::default()));
    let _server = server.start().await.expect("started");
    assert_eq!(ArithClient::new(&nats).sum_diff(1, 2).await, Ok((3, -1)));
    let error = NatsOptions::new()
        .credentials_file("/nowhere")
        .connect(process.address())
        .await;
    assert!(matches!(error, Err(NatsError::Settings(_))), "{error:?}");
    let error = NatsOptions::new().connect("nats://a b").await;
    assert!(matches!(error, Err(NatsError::Settings(_))), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_of_any_client_has_a_limit() {
    let Some(process) = NatsProcess::start() else {
        return;
    };
    let nats = process.connect().await;
    let calculator = Calculator::default();
    let server = nats.server().service(ArithServer::new(calculator.clone()));
    let _server = server.start().await.expect("started");
    let plain = process.plain().await;
    for (name, len, expected) in [
        ("Chirp-Meta-large", 20_000, "431"),
        ("Chirp-Meta-larger", 100_000, "431"),
        ("Chirp-Meta-chirp.reserved", 1, "422"),
    ] {
        let mut headers = async_nats::HeaderMap::new();
        headers.insert(name, "x".repeat(len));
        let response = plain.request_with_headers("Arith.sum_diff", headers, "[1,2]".into());
        let headers = response.await.expect("answered").headers.expect(name);
        let status = headers.get("Nats-Service-Error-Code").map(AsRef::as_ref);
        assert_eq!(status, Some(expected), "{name}");
    }
    assert_eq!(calculator.started(), 0);
}
