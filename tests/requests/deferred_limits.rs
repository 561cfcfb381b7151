//! Who may see deferred requests, and how many there may be.
#![allow(clippy::unwrap_used, reason = "a test may")]

use std::time::Duration;

use async_trait::async_trait;
use axum::http::StatusCode;
use axum::http::request::Parts;
use chirp::http::{Authenticate, Authenticated, Gateway, Unauthenticated};
use chirp::requests::DeferredRequests;
use chirp::{Endpoint, Identity};
use serde_json::{Value, json};
use tokio::sync::oneshot;

use crate::deferred::{accepted, call, gateway, status, until};
use crate::gateway_client::{Response, send, serve};
use crate::hook_server::HookServer;
use crate::services::{ArithServer, Calculator};
use crate::support::in_time;

/// Takes the header `X-User` for the name of the sender.
struct Users;

#[async_trait]
impl Authenticate for Users {
    async fn authenticate(&self, request: &Parts) -> Result<Authenticated, Unauthenticated> {
        let user = request
            .headers
            .get("x-user")
            .and_then(|user| user.to_str().ok());
        Ok(user.map_or_else(Authenticated::anonymous, |user| {
            Authenticated::new(Identity::Account(user.into()))
        }))
    }
}

const LATER: (&str, &str) = ("Prefer", "respond-async");

fn waiting() -> Gateway {
    Gateway::new().service(Calculator::server())
}

fn id(response: &Response) -> Value {
    assert_eq!(response.status, 202, "{}", response.text());
    serde_json::from_slice::<Value>(&response.body).unwrap()["id"].take()
}

#[tokio::test]
async fn only_the_identity_that_asked_sees_a_request_and_may_cancel_it() {
    let requests = DeferredRequests::new();
    let gateway = serve(waiting().authenticate(Users).requests(requests)).await;
    let response = call(gateway, "Arith.wait", &[LATER, ("X-User", "ann")], "").await;
    let path = format!("/api/requests/{}", accepted(&response));
    for line in ["GET", "HEAD", "DELETE"] {
        for user in ["bob", "", "ann "] {
            let line = format!("{line} {path}");
            let user = if user.trim() == "ann" {
                vec![]
            } else {
                vec![("X-User", user)]
            };
            let response = send(gateway, &line, &user, "").await;
            assert_eq!(response.status, 404, "{line} {user:?}");
        }
    }
    let ann = [("X-User", "ann")];
    let response = send(gateway, &format!("GET {path}"), &ann, "").await;
    let status: Value = serde_json::from_slice(&response.body).unwrap();
    assert_eq!(
        (response.status, &status["state"]),
        (200, &json!("running"))
    );
    assert_eq!(response.header("retry-after"), Some("1"));
    let response = send(gateway, &format!("POST {path}"), &ann, "").await;
    assert_eq!(response.header("allow"), Some("GET, HEAD, DELETE"));
    for unknown in ["", "x", "00000000000000000000000000000000", "../requests"] {
        let line = format!("GET /api/requests/{unknown}");
        assert_eq!(
            send(gateway, &line, &ann, "").await.status,
            404,
            "{unknown}"
        );
    }
}

#[tokio::test]
async fn a_repeated_key_is_the_same_request_and_another_request_is_refused() {
    let mut hooks = HookServer::start().await;
    let requests = DeferredRequests::new().destinations(hooks.destinations());
    let (calculator, mut notes) = Calculator::new();
    let gateway = Gateway::new()
        .service(ArithServer::new(calculator))
        .authenticate(Users);
    let gateway = serve(gateway.requests(requests)).await;
    let url = hooks.url();
    let send = |key, user, text| {
        let headers = [
            ("Chirp-Respond-To", &*url),
            ("Idempotency-Key", key),
            ("X-User", user),
        ];
        async move { call(gateway, "Arith.note", &headers, text).await }
    };
    let first = id(&send("\"k 1\"", "ann", r#"["a"]"#).await);
    assert_eq!(id(&send("k 1", "ann", r#"["a"]"#).await), first);
    let refused = send("k 1", "ann", r#"["b"]"#).await.problem();
    assert_eq!(refused["status"], 422);
    assert_ne!(id(&send("k 1", "bob", r#"["b"]"#).await), first);
    assert_ne!(id(&send("k 2", "ann", r#"["a"]"#).await), first);
    for _ in 0..3 {
        hooks.next().await;
    }
    let mut texts: Vec<_> = std::iter::from_fn(|| notes.try_recv().ok()).collect();
    texts.sort();
    assert_eq!(texts, ["a", "a", "b"]);
    for wrong in ["", &"k".repeat(256)] {
        assert_eq!(
            send(wrong, "ann", r#"["a"]"#).await.problem()["status"],
            400
        );
    }
}

#[tokio::test]
async fn open_requests_are_limited_in_all_and_for_each_caller() {
    let requests = DeferredRequests::new()
        .max_requests(3)
        .max_requests_per_caller(2);
    let gateway = serve(waiting().authenticate(Users).requests(requests)).await;
    let ask = |user| {
        let headers = [LATER, ("X-User", user)];
        async move { call(gateway, "Arith.wait", &headers, "").await }
    };
    let first = accepted(&ask("ann").await);
    accepted(&ask("ann").await);
    let refused = ask("ann").await;
    assert_eq!(
        (
            refused.problem()["status"].as_u64(),
            refused.header("retry-after")
        ),
        (Some(429), Some("1"))
    );
    accepted(&ask("bob").await);
    let refused = ask("cid").await;
    assert_eq!(
        (
            refused.problem()["status"].as_u64(),
            refused.header("retry-after")
        ),
        (Some(503), Some("1"))
    );
    let path = format!("DELETE /api/requests/{first}");
    assert_eq!(
        send(gateway, &path, &[("X-User", "ann")], "").await.status,
        200
    );
    // The place is free when the call has been dropped.
    in_time(async {
        while ask("ann").await.status != 202 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn held_bytes_are_limited() {
    let requests = DeferredRequests::new().max_held(300);
    let gateway = gateway(|gateway| gateway.requests(requests)).await;
    let long = format!("[\"{}\"]", "x".repeat(300));
    let refused = call(gateway, "Arith.note", &[LATER], &long).await.problem();
    assert!(
        refused["detail"].as_str().unwrap().contains("max_held"),
        "{refused}"
    );
    // A result for which there is no room is an error.
    let id = accepted(&call(gateway, "Flow.zeros", &[LATER], "[10,100]").await);
    let answered = in_time(until(gateway, &id, "answered")).await;
    let error = &answered["response"]["error"];
    assert_eq!(error["status"], 503);
    assert!(
        error["detail"].as_str().unwrap().contains("max_held"),
        "{error}"
    );
}

#[tokio::test]
async fn as_many_requests_are_remembered_as_may_be_open() {
    let gateway =
        gateway(|gateway| gateway.requests(DeferredRequests::new().max_requests(2))).await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        let id = accepted(&call(gateway, "Arith.nothing", &[LATER], "").await);
        in_time(until(gateway, &id, "answered")).await;
        ids.push(id);
    }
    let path = |id: &str| format!("GET /api/requests/{id}");
    in_time(async {
        while send(gateway, &path(&ids[0]), &[], "").await.status != 404 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    for id in &ids[1..] {
        assert_eq!(status(gateway, id).await["state"], "answered");
    }
}

#[tokio::test]
async fn a_request_that_has_ended_is_forgotten_after_its_time() {
    let requests = DeferredRequests::new().keep_time(Duration::ZERO);
    let gateway = gateway(|gateway| gateway.requests(requests)).await;
    let id = accepted(&call(gateway, "Arith.nothing", &[LATER], "").await);
    in_time(async {
        while send(gateway, &format!("GET /api/requests/{id}"), &[], "")
            .await
            .status
            != 404
        {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_key_is_free_again_when_its_request_is_forgotten() {
    let (calculator, mut notes) = Calculator::new();
    let gateway = Gateway::new().service(ArithServer::new(calculator));
    let requests = DeferredRequests::new().keep_time(Duration::ZERO);
    let gateway = serve(gateway.requests(requests)).await;
    let headers = [LATER, ("Idempotency-Key", "daily")];
    let mut ids = Vec::new();
    for text in ["a", "a", "b"] {
        let arguments = format!("[\"{text}\"]");
        let id = accepted(&call(gateway, "Arith.note", &headers, &arguments).await);
        assert!(!ids.contains(&id));
        assert_eq!(in_time(notes.recv()).await.unwrap(), text);
        in_time(async {
            let line = format!("GET /api/requests/{id}");
            while send(gateway, &line, &[], "").await.status != 404 {
                tokio::task::yield_now().await;
            }
        })
        .await;
        ids.push(id);
    }
}

#[tokio::test]
async fn time_limits_may_be_as_long_as_they_can_be_written() {
    let mut hooks = HookServer::start().await;
    let requests = DeferredRequests::new()
        .destinations(hooks.destinations())
        .max_request_time(Duration::MAX)
        .max_delivery_time(Duration::MAX)
        .keep_time(Duration::MAX)
        .backoff(Duration::MAX, Duration::MAX);
    let gateway = gateway(|gateway| gateway.requests(requests)).await;
    hooks.answer(StatusCode::SERVICE_UNAVAILABLE);
    let headers = [("Chirp-Respond-To", &*hooks.url())];
    let id = accepted(&call(gateway, "Arith.nothing", &headers, "").await);
    hooks.next().await;
    let status = in_time(async {
        loop {
            let status = status(gateway, &id).await;
            if status["failed_attempts"] == 1 {
                return status;
            }
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(status["state"], "delivering", "{status}");
}

#[tokio::test]
async fn a_server_that_shuts_down_refuses_requests_and_waits_for_those_that_are_open() {
    let mut hooks = HookServer::start().await;
    let requests = DeferredRequests::new()
        .destinations(hooks.destinations())
        .backoff(Duration::from_millis(1), Duration::from_millis(1));
    let server = Gateway::new()
        .service(Calculator::server())
        .requests(requests)
        .shutdown_timeout(Duration::from_mins(1))
        .bind("http://127.0.0.1:0")
        .await
        .unwrap();
    let Endpoint::Tcp { host, port } = server.endpoint() else {
        panic!("not TCP");
    };
    let address: std::net::SocketAddr = format!("{host}:{port}").parse().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let running = tokio::spawn(server.run_until(async {
        // The sender may be gone.
        let _ = stopped.await;
    }));
    hooks.answer(StatusCode::SERVICE_UNAVAILABLE);
    let json = [
        ("Content-Type", "application/json"),
        ("Chirp-Respond-To", &*hooks.url()),
    ];
    let response = send(address, "POST /call/Arith.sum_diff", &json, "[1,2]").await;
    let id = id(&response);
    stop.send(()).unwrap();
    // The first delivery has failed, so the request is open when the server ends its connections.
    while hooks.next().await.header("chirp-attempt") == "1" {}
    in_time(running).await.unwrap();
    assert!(hooks.is_quiet(), "{id}");
}

#[tokio::test]
async fn a_server_that_shuts_down_stops_requests_that_take_longer() {
    let (calculator, mut notes) = Calculator::new();
    let server = Gateway::new()
        .service(ArithServer::new(calculator))
        .requests(DeferredRequests::new())
        .shutdown_timeout(Duration::from_millis(20))
        .bind("http://127.0.0.1:0")
        .await
        .unwrap();
    let Endpoint::Tcp { host, port } = server.endpoint() else {
        panic!("not TCP");
    };
    let address: std::net::SocketAddr = format!("{host}:{port}").parse().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let running = tokio::spawn(server.run_until(async {
        // The sender may be gone.
        let _ = stopped.await;
    }));
    let json = [("Content-Type", "application/json"), LATER];
    id(&send(address, "POST /call/Arith.wait", &json, "").await);
    assert_eq!(in_time(notes.recv()).await.unwrap(), "waiting");
    stop.send(()).unwrap();
    in_time(running).await.unwrap();
    assert_eq!(in_time(notes.recv()).await.unwrap(), "dropped");
}

#[tokio::test]
async fn a_gateway_that_drains_refuses_requests() {
    let service = waiting()
        .requests(DeferredRequests::new())
        .into_service()
        .unwrap();
    service.drain();
    let app = axum::Router::new().nest_service("/api", service.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    let refused = call(address, "Arith.wait", &[LATER], "").await;
    assert_eq!(refused.problem()["status"], 503);
    in_time(service.requests_ended()).await;
}
