//! Sending deferred requests.
#![allow(clippy::unwrap_used, reason = "a test may")]

use std::net::SocketAddr;

use chirp::http::Gateway;
use serde_json::Value;

use crate::gateway_client::{Response, send, serve};
use crate::services::{Calculator, Flows};

/// A gateway with all services, in a program of axum.
pub(crate) async fn gateway(configure: impl FnOnce(Gateway) -> Gateway) -> SocketAddr {
    let gateway = Gateway::new()
        .service(Calculator::server())
        .service(Flows::server());
    serve(configure(gateway)).await
}

/// Calls a method, with more headers.
pub(crate) async fn call(
    gateway: SocketAddr,
    method: &str,
    headers: &[(&str, &str)],
    arguments: &str,
) -> Response {
    let json = ("Content-Type", "application/json");
    let headers: Vec<_> = std::iter::once(json)
        .chain(headers.iter().copied())
        .collect();
    send(
        gateway,
        &format!("POST /api/call/{method}"),
        &headers,
        arguments,
    )
    .await
}

/// Calls a method whose response is posted to a URL. Returns the ID of the request.
pub(crate) async fn defer(
    gateway: SocketAddr,
    hook: &str,
    method: &str,
    arguments: &str,
) -> String {
    accepted(&call(gateway, method, &[("Chirp-Respond-To", hook)], arguments).await)
}

/// Returns the ID in the response with which a request was accepted.
pub(crate) fn accepted(response: &Response) -> String {
    assert_eq!(response.status, 202, "{}", response.text());
    let body: Value = serde_json::from_slice(&response.body).unwrap();
    let id = body["id"].as_str().unwrap();
    assert_eq!(
        response.header("location"),
        Some(&*format!("../requests/{id}"))
    );
    assert_eq!(response.header("cache-control"), Some("no-store"));
    id.to_owned()
}

/// Reads the state of a request.
pub(crate) async fn status(gateway: SocketAddr, id: &str) -> Value {
    let response = send(gateway, &format!("GET /api/requests/{id}"), &[], "").await;
    assert_eq!(response.status, 200, "{}", response.text());
    assert_eq!(response.header("content-type"), Some("application/json"));
    serde_json::from_slice(&response.body).unwrap()
}

/// Waits until a request has this state.
pub(crate) async fn until(gateway: SocketAddr, id: &str, state: &str) -> Value {
    loop {
        let status = status(gateway, id).await;
        if status["state"] == state {
            return status;
        }
        tokio::task::yield_now().await;
    }
}
