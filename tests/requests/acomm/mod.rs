//! The tests of acomm (seed 003) by number, each with its counterpart here. The guide's page about acomm says why some differ.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod requests;
mod serving;
mod streams;
mod tracking;

use std::time::Duration;

use chirp::http::Gateway;
use chirp::requests::{DeferredRequests, Destinations};
use serde_json::Value;

use crate::client::{get, post};
use crate::hook_server::HookServer;
use crate::services::{Calculator, Flows};

/// A gateway with the services of the tests, without other settings.
fn services() -> Gateway {
    Gateway::new()
        .service(Calculator::server())
        .service(Flows::server())
}

/// Serves a gateway on a free port, and returns its URL.
async fn serve(gateway: Gateway) -> String {
    let server = gateway.bind("http://127.0.0.1:0").await.unwrap();
    let url = server.endpoint().to_string().replace("tcp://", "http://");
    tokio::spawn(server.run());
    url
}

fn settings(destinations: Destinations) -> DeferredRequests {
    DeferredRequests::new()
        .destinations(destinations)
        .backoff(Duration::from_millis(1), Duration::from_millis(2))
}

/// Serves a gateway that posts to these hooks.
async fn serve_with(hooks: &HookServer) -> String {
    serve(services().requests(settings(hooks.destinations()))).await
}

/// Asks for a call whose response is posted to a hook, and returns the ID of the request.
async fn ask(gateway: &str, hook: &str, method: &str, arguments: &str) -> String {
    let headers = [("Chirp-Respond-To", hook)];
    let response = post(&format!("{gateway}/call/{method}"), &headers, arguments).await;
    assert_eq!(response.status, 202, "{response:?}");
    response.json()["id"].as_str().unwrap().to_owned()
}

/// Waits until a request has this state.
async fn until(gateway: &str, id: &str, state: &str) -> Value {
    loop {
        let response = get(&format!("{gateway}/requests/{id}")).await;
        assert_eq!(response.status, 200, "{response:?}");
        let status = response.json();
        if status["state"] == state {
            return status;
        }
        tokio::task::yield_now().await;
    }
}
