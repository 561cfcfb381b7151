//! Responses at hooks that are streams, and deferred requests that name streams.
#![allow(clippy::unwrap_used, reason = "a test may")]

use std::time::Duration;

use axum::http::StatusCode;
use bytes::Bytes;
use chirp::http::Gateway;
use chirp::requests::{DeferredRequests, StreamUrls};
use serde_json::{Value, json};

use crate::client::{get, post};
use crate::hook_server::HookServer;
use crate::services::Flows;

/// Serves a gateway that offers stream URLs and posts to a server.
async fn serve(hooks: &HookServer, urls: Option<&StreamUrls>) -> String {
    let requests = DeferredRequests::new()
        .destinations(hooks.destinations())
        .backoff(Duration::from_millis(1), Duration::from_millis(2));
    let mut gateway = Gateway::new().service(Flows::server()).requests(requests);
    if let Some(urls) = urls {
        gateway = gateway.stream_urls(urls.clone());
    }
    let server = gateway.bind("http://127.0.0.1:0").await.unwrap();
    let address = server.endpoint().to_string();
    tokio::spawn(server.run());
    address.replace("tcp://", "http://")
}

/// Calls a method, and returns the response that is posted.
async fn answer(
    base: &str,
    hooks: &mut HookServer,
    method: &str,
    accept: Option<&str>,
    arguments: &Value,
) -> Value {
    let url = hooks.url();
    let mut headers = vec![("Chirp-Respond-To", &*url)];
    headers.extend(accept.map(|accept| ("Accept", accept)));
    let url = format!("{base}/call/{method}");
    let accepted = post(&url, &headers, &arguments.to_string()).await;
    assert_eq!(accepted.status, 202, "{accepted:?}");
    let posted = hooks.next().await.json();
    assert_eq!(posted["id"], accepted.json()["id"]);
    assert_eq!(posted["method"], method);
    posted
}

#[tokio::test]
async fn a_stream_is_posted_as_a_url_that_the_receiver_reads() {
    let mut hooks = HookServer::start().await;
    let urls = StreamUrls::new();
    let base = serve(&hooks, Some(&urls)).await;
    let posted = answer(&base, &mut hooks, "Flow.zeros", None, &json!([3, 100_000])).await;
    assert_eq!(posted["expires_in"], 60);
    assert!(posted.get("result").is_none() && posted.get("error").is_none());
    let url = posted["stream_url"].as_str().unwrap();
    assert!(url.starts_with(&format!("{base}/streams/")), "{url}");
    let read = get(url).await;
    assert!(read.is_complete);
    assert_eq!(read.body, vec![0; 300_000]);
    assert_eq!(get(url).await.status, 404);

    // As curl accepts everything.
    let any = Some("*/*");
    let posted = answer(&base, &mut hooks, "Flow.fail", any, &json!([2])).await;
    let read = get(posted["stream_url"].as_str().unwrap()).await;
    let text = String::from_utf8(read.body).unwrap();
    assert!(text.starts_with("{\"item\":1}\n{\"error\":{"), "{text}");
    // An error before the first item is an error of the request.
    let posted = answer(&base, &mut hooks, "Flow.fail", None, &json!([0])).await;
    assert_eq!(posted["error"]["name"], "DivisionByZero");
    assert!(urls.is_empty());
}

#[tokio::test]
async fn a_url_whose_stream_has_ended_is_not_delivered() {
    let mut hooks = HookServer::start().await;
    for _ in 0..100_000 {
        hooks.answer(StatusCode::SERVICE_UNAVAILABLE);
    }
    let urls = StreamUrls::new().time_to_live(Duration::from_millis(100));
    let base = serve(&hooks, Some(&urls)).await;
    let arguments = json!([3, 100]);
    let mut posted = answer(&base, &mut hooks, "Flow.zeros", None, &arguments).await;
    while posted.get("stream_url").is_some() {
        posted = hooks.next().await.json();
    }
    assert_eq!(posted["error"]["name"], "StreamGone", "{posted}");
    assert_eq!(posted["error"]["status"], 410);
    assert!(urls.is_empty());
    hooks.take_back_answers().await;
}

#[tokio::test]
async fn a_stream_is_collected_where_lines_are_accepted_or_there_are_no_urls() {
    let mut hooks = HookServer::start().await;
    let with = serve(&hooks, Some(&StreamUrls::new())).await;
    let without = serve(&hooks, None).await;
    let lines = Some("application/x-ndjson");
    for (base, accept) in [(&with, lines), (&without, None)] {
        let posted = answer(base, &mut hooks, "Flow.zeros", accept, &json!([1, 3])).await;
        assert_eq!(posted["result"], "AAAA");
        assert!(posted.get("stream_url").is_none());
    }
}

#[tokio::test]
async fn a_deferred_request_names_a_stream_by_its_url() {
    let mut hooks = HookServer::start().await;
    let urls = StreamUrls::new();
    let base = serve(&hooks, Some(&urls)).await;
    let pieces = || tokio_stream::iter([Ok::<_, String>(Bytes::from_static(b"four"))]);
    let offer = urls.offer(pieces()).unwrap();
    let url = json!({"url": offer.url_at(&base)});
    let arguments = json!({"name": "a", "data": url});
    let posted = answer(&base, &mut hooks, "Flow.store", None, &arguments).await;
    assert_eq!(posted["result"], "a: 4");
    // What can be known at once is refused at once.
    let hook = hooks.url();
    let headers = [("Chirp-Respond-To", &*hook)];
    for (argument, status) in [
        (url, 400),
        (json!({"url": "http://127.0.0.1:1/"}), 403),
        (json!({"url": "file:///etc/hosts"}), 403),
    ] {
        let arguments = json!(["a", argument]).to_string();
        let refused = post(&format!("{base}/call/Flow.store"), &headers, &arguments).await;
        assert_eq!(refused.status, status, "{refused:?}");
    }
    assert!(hooks.is_quiet());
}
