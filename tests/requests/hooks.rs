//! Responses that are posted to a hook, or kept.
#![allow(clippy::unwrap_used, reason = "a test may")]

use std::time::Duration;

use axum::http::StatusCode;
use chirp::http::Gateway;
use chirp::requests::{DeferredRequests, Destinations};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::deferred::{accepted, call, defer, gateway, status, until};
use crate::gateway_client::{send, serve};
use crate::hook_server::HookServer;
use crate::services::{ArithServer, Calculator};
use crate::support::in_time;

fn requests(hooks: &HookServer) -> DeferredRequests {
    DeferredRequests::new()
        .destinations(hooks.destinations())
        .backoff(Duration::from_millis(1), Duration::from_millis(2))
}

#[tokio::test]
async fn a_response_is_posted_to_the_hook_that_the_request_names() {
    let mut hooks = HookServer::start().await;
    let gateway = gateway(|gateway| gateway.requests(requests(&hooks))).await;
    let id = defer(
        gateway,
        &hooks.url(),
        "Arith.sum_diff",
        r#"{"a":100,"b":250}"#,
    )
    .await;
    let posted = hooks.next().await;
    assert_eq!(posted.path, "/hook");
    assert_eq!(
        posted.json(),
        json!({"id": id, "method": "Arith.sum_diff", "result": {"sum": 350, "diff": -150}})
    );
    assert_eq!(posted.header("webhook-id"), id);
    assert_eq!(posted.header("chirp-attempt"), "1");
    assert!(posted.header("webhook-timestamp").parse::<u64>().unwrap() > 1_700_000_000);
    assert_eq!(posted.headers.get("webhook-signature"), None);
    let status = in_time(until(gateway, &id, "delivered")).await;
    assert_eq!(status["method"], "Arith.sum_diff");
    assert_eq!(status["failed_attempts"], 0);
    assert_eq!(status["response"], Value::Null);
    assert!(hooks.is_quiet());
}

#[tokio::test]
async fn errors_are_posted_as_errors_even_with_an_empty_text() {
    let mut hooks = HookServer::start().await;
    let gateway = gateway(|gateway| gateway.requests(requests(&hooks))).await;
    let url = hooks.url();
    defer(gateway, &url, "Arith.divide", r#"{"a":1,"b":0}"#).await;
    let posted = hooks.next().await.json();
    assert_eq!(posted.get("result"), None);
    assert_eq!(
        posted["error"],
        json!({
            "title": "Unprocessable Entity", "status": 422, "detail": "division of 1 by zero", "code": 7,
            "name": "DivisionByZero", "data": {"dividend": 1},
        })
    );
    defer(gateway, &url, "Arith.sum_diff", r#"{"a":"text","b":0}"#).await;
    assert_eq!(hooks.next().await.json()["error"]["status"], 400);
    defer(gateway, &url, "Arith.panics", "").await;
    assert_eq!(hooks.next().await.json()["error"]["name"], "Panicked");
    defer(gateway, &url, "Arith.nothing", "").await;
    let posted = hooks.next().await.json();
    assert_eq!(
        (posted.get("result"), posted.get("error")),
        (Some(&Value::Null), None)
    );
}

#[tokio::test]
async fn everything_that_can_be_checked_is_checked_before_a_request_is_accepted() {
    let mut hooks = HookServer::start().await;
    let gateway = gateway(|gateway| gateway.requests(requests(&hooks))).await;
    let url = hooks.url();
    for (method, hook, arguments, status, detail) in [
        ("Arith.unknown", &*url, "{}", 404, "unknown method"),
        (
            "Arith.sum_diff",
            &*url,
            r#"{"a":1}"#,
            400,
            "the argument \"b\" is missing",
        ),
        (
            "Arith.sum_diff",
            &*url,
            "[1]",
            400,
            "the argument \"b\" is missing",
        ),
        (
            "Arith.sum_diff",
            &*url,
            "[1,2,3]",
            400,
            "too many arguments: 3 of 2",
        ),
        (
            "Arith.sum_diff",
            &*url,
            r#"{"a":1"#,
            400,
            "the arguments are invalid",
        ),
        (
            "Arith.sum_diff",
            "https://hooks.example.com/",
            "[1,2]",
            403,
            "Chirp-Respond-To",
        ),
        (
            "Arith.sum_diff",
            "file:///etc/passwd",
            "[1,2]",
            400,
            "Chirp-Respond-To",
        ),
        ("Arith.sum_diff", "", "[1,2]", 400, "Chirp-Respond-To"),
    ] {
        let response = call(gateway, method, &[("Chirp-Respond-To", hook)], arguments).await;
        let problem = response.problem();
        assert_eq!(
            problem["status"], status,
            "{method} {hook} {arguments}: {problem}"
        );
        assert!(
            problem["detail"].as_str().unwrap().contains(detail),
            "{problem}"
        );
    }
    let form = [
        ("Chirp-Respond-To", &*url),
        ("Content-Type", "application/x-www-form-urlencoded"),
    ];
    let response = send(gateway, "POST /api/call/Arith.sum_diff", &form, "a=1").await;
    assert_eq!(response.problem()["status"], 415);
    // One that is accepted comes after all that were not.
    let id = defer(gateway, &url, "Arith.sum_diff", "[1,2]").await;
    assert_eq!(hooks.next().await.json()["id"], id);
    assert!(hooks.is_quiet());
}

#[tokio::test]
async fn a_gateway_that_posts_nothing_says_so_and_runs_nothing() {
    let (calculator, mut notes) = Calculator::new();
    let gateway = serve(Gateway::new().service(ArithServer::new(calculator))).await;
    let hook = [("Chirp-Respond-To", "https://hooks.example.com/")];
    let response = call(gateway, "Arith.note", &hook, r#"["a"]"#).await;
    assert_eq!(response.problem()["status"], 501);
    assert!(notes.try_recv().is_err());
    // A preference may be ignored.
    let response = call(
        gateway,
        "Arith.sum_diff",
        &[("Prefer", "respond-async")],
        "[1,2]",
    )
    .await;
    assert_eq!(
        (response.status, response.text()),
        (200, r#"{"sum":3,"diff":-1}"#)
    );
}

#[tokio::test]
async fn a_response_without_a_hook_is_kept_for_its_caller() {
    let gateway = gateway(|gateway| gateway.requests(DeferredRequests::new())).await;
    let prefer = [("Prefer", "wait=10, Respond-Async; x=1")];
    let response = call(gateway, "Arith.sum_diff", &prefer, "[1,2]").await;
    assert_eq!(response.header("preference-applied"), Some("respond-async"));
    let id = accepted(&response);
    let status = in_time(until(gateway, &id, "answered")).await;
    assert_eq!(
        status["response"],
        json!({"id": id, "method": "Arith.sum_diff", "result": {"sum": 3, "diff": -1}})
    );
    assert!(
        status["expires"].as_str() > status["ended"].as_str(),
        "{status}"
    );
    assert_eq!(status.get("hook"), None);
}

#[tokio::test]
async fn a_response_that_was_not_received_is_posted_again_under_the_same_id() {
    let mut hooks = HookServer::start().await;
    let gateway = gateway(|gateway| gateway.requests(requests(&hooks))).await;
    hooks.answer(StatusCode::INTERNAL_SERVER_ERROR);
    hooks.answer((StatusCode::SERVICE_UNAVAILABLE, [("retry-after", "0")]));
    hooks.answer(StatusCode::NOT_FOUND);
    let id = defer(gateway, &hooks.url(), "Arith.sum_diff", "[1,2]").await;
    let first = hooks.next().await;
    for attempt in 2..=4 {
        let posted = hooks.next().await;
        assert_eq!(posted.header("chirp-attempt"), attempt.to_string());
        assert_eq!(posted.header("webhook-id"), id);
        assert_eq!(posted.body, first.body);
    }
    let status = in_time(until(gateway, &id, "delivered")).await;
    assert_eq!(status["failed_attempts"], 3);
    assert!(
        status["last_error"].as_str().unwrap().contains("404"),
        "{status}"
    );
    assert_eq!(status.get("next_attempt"), None);
}

#[tokio::test]
async fn a_receiver_that_is_gone_or_redirects_is_not_asked_again() {
    let mut hooks = HookServer::start().await;
    let gateway = gateway(|gateway| gateway.requests(requests(&hooks))).await;
    let url = hooks.url();
    let elsewhere = [("location", "http://127.0.0.1:1/")];
    for (answer, error) in [
        ((StatusCode::GONE, None), "410"),
        ((StatusCode::PAYLOAD_TOO_LARGE, None), "413"),
        ((StatusCode::PERMANENT_REDIRECT, Some(elsewhere)), "308"),
    ] {
        match answer {
            (status, None) => hooks.answer(status),
            (status, Some(headers)) => hooks.answer((status, headers)),
        }
        let id = defer(gateway, &url, "Arith.sum_diff", "[1,2]").await;
        let status = in_time(until(gateway, &id, "failed")).await;
        assert_eq!(status["failed_attempts"], 1);
        assert!(
            status["last_error"].as_str().unwrap().contains(error),
            "{status}"
        );
        hooks.next().await;
        assert!(hooks.is_quiet());
    }
}

#[tokio::test]
async fn delivery_is_given_up_after_its_time() {
    let mut hooks = HookServer::start().await;
    let requests = requests(&hooks)
        .max_request_time(Duration::from_secs(1))
        .max_delivery_time(Duration::ZERO);
    let gateway = gateway(|gateway| gateway.requests(requests)).await;
    hooks.answer((StatusCode::TOO_MANY_REQUESTS, [("retry-after", "3600")]));
    let id = defer(gateway, &hooks.url(), "Arith.sum_diff", "[1,2]").await;
    let status = in_time(until(gateway, &id, "failed")).await;
    assert!(
        status["last_error"].as_str().unwrap().contains("429"),
        "{status}"
    );
    hooks.next().await;
    assert!(hooks.is_quiet());
}

#[tokio::test]
async fn a_cancelled_request_ends_its_call_and_posts_nothing() {
    let mut hooks = HookServer::start().await;
    let (calculator, mut notes) = Calculator::new();
    let gateway = Gateway::new()
        .service(ArithServer::new(calculator))
        .requests(requests(&hooks));
    let gateway = serve(gateway).await;
    let id = defer(gateway, &hooks.url(), "Arith.wait", "").await;
    assert_eq!(in_time(notes.recv()).await.unwrap(), "waiting");
    assert_eq!(status(gateway, &id).await["state"], "running");
    for _ in 0..2 {
        let response = send(gateway, &format!("DELETE /api/requests/{id}"), &[], "").await;
        let status: Value = serde_json::from_slice(&response.body).unwrap();
        assert_eq!(
            (response.status, &status["state"]),
            (200, &json!("cancelled"))
        );
    }
    assert_eq!(in_time(notes.recv()).await.unwrap(), "dropped");
    assert!(hooks.is_quiet());
}

#[tokio::test]
async fn a_call_that_takes_too_long_is_cancelled_and_answered_once() {
    let mut hooks = HookServer::start().await;
    let (calculator, mut notes) = Calculator::new();
    let gateway = Gateway::new()
        .service(ArithServer::new(calculator))
        .requests(requests(&hooks));
    let gateway = serve(gateway).await;
    let headers = [
        ("Chirp-Respond-To", &*hooks.url()),
        ("Chirp-Timeout", "20ms"),
    ];
    let id = accepted(&call(gateway, "Arith.wait", &headers, "").await);
    let posted = hooks.next().await.json();
    assert_eq!(posted["id"], id);
    assert_eq!(posted["error"]["status"], 504);
    assert_eq!(posted["error"]["name"], "DeadlineExceeded");
    // With so little time the call may not have begun.
    while let Ok(note) = notes.try_recv() {
        if note == "waiting" {
            assert_eq!(in_time(notes.recv()).await.unwrap(), "dropped");
        }
    }
    in_time(until(gateway, &id, "delivered")).await;
    assert!(hooks.is_quiet());
}

#[tokio::test]
async fn a_hook_that_cannot_be_reached_does_not_hold_up_others() {
    let mut hooks = HookServer::start().await;
    // The port is taken and refuses: it is bound and does not listen.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let dead = format!("http://{}", socket.local_addr().unwrap());
    // This one accepts and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent_url = format!("http://{}", silent.local_addr().unwrap());
    let destinations = hooks
        .destinations()
        .allow(&dead)
        .unwrap()
        .allow(&silent_url)
        .unwrap();
    let requests = requests(&hooks)
        .destinations(destinations)
        .max_deliveries(4, 2);
    let gateway = gateway(|gateway| gateway.requests(requests)).await;
    for _ in 0..5 {
        defer(gateway, &dead, "Arith.nothing", "").await;
        defer(gateway, &silent_url, "Arith.nothing", "").await;
    }
    let id = defer(gateway, &hooks.url(), "Arith.nothing", "").await;
    assert_eq!(hooks.next().await.json()["id"], id);
}

#[tokio::test]
async fn streams_of_results_are_collected() {
    let mut hooks = HookServer::start().await;
    let gateway = gateway(|gateway| gateway.requests(requests(&hooks).max_response(100))).await;
    let url = hooks.url();
    defer(gateway, &url, "Flow.count", "[2]").await;
    let lines = json!([{"number": 1, "text": "a\nb"}, {"number": 2, "text": "a\nb"}]);
    assert_eq!(hooks.next().await.json()["result"], lines);
    defer(gateway, &url, "Flow.count", "[0]").await;
    assert_eq!(hooks.next().await.json()["result"], json!([]));
    defer(gateway, &url, "Flow.zeros", "[2,3]").await;
    assert_eq!(hooks.next().await.json()["result"], "AAAAAAAA");
    // A stream that fails after items is an error, and so is one that is too long.
    defer(gateway, &url, "Flow.fail", "[2]").await;
    let posted = hooks.next().await.json();
    assert_eq!(
        (&posted["error"]["code"], posted.get("result")),
        (&json!(7), None)
    );
    defer(gateway, &url, "Flow.count", "[100]").await;
    let posted = hooks.next().await.json();
    assert!(
        posted["error"]["detail"]
            .as_str()
            .unwrap()
            .contains("100 bytes"),
        "{posted}"
    );
    // Streams in arguments are given whole.
    defer(
        gateway,
        &url,
        "Flow.sum",
        r#"{"numbers":[1,2,3],"start":4}"#,
    )
    .await;
    assert_eq!(hooks.next().await.json()["result"], 10);
}

#[tokio::test]
async fn hooks_may_be_unix_sockets_in_a_folder_that_is_allowed() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let folder = std::env::temp_dir().canonicalize().unwrap();
    let path = folder.join(format!("chirp-hook-{}.sock", std::process::id()));
    let listener = tokio::net::UnixListener::bind(&path).unwrap();
    let destinations = Destinations::new().allow_unix_folder(&folder).unwrap();
    let requests = DeferredRequests::new().destinations(destinations);
    let gateway = gateway(|gateway| gateway.requests(requests)).await;
    let hook = format!("unix:{}", path.display());
    let id = defer(gateway, &hook, "Arith.sum_diff", "[1,2]").await;
    let (mut socket, _) = in_time(listener.accept()).await.unwrap();
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"}}") {
        assert_ne!(in_time(socket.read_buf(&mut bytes)).await.unwrap(), 0);
    }
    assert!(
        bytes.starts_with(b"POST / HTTP/1.1\r\n"),
        "{}",
        bytes.escape_ascii()
    );
    socket
        .write_all(b"HTTP/1.1 204 No Content\r\n\r\n")
        .await
        .unwrap();
    in_time(until(gateway, &id, "delivered")).await;
    std::fs::remove_file(&path).unwrap();
}
