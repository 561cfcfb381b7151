//! GET, HEAD and OPTIONS, and pages of other origins.
#![allow(clippy::unwrap_used, reason = "a test may")]

use std::net::SocketAddr;

use chirp::http::Gateway;

use crate::client::{Response, send, serve};
use crate::services::{Calculator, Flows};

fn gateway() -> Gateway {
    Gateway::new()
        .service(Calculator::server())
        .service(Flows::server())
        .allow_get()
}

async fn get(address: SocketAddr, path: &str, headers: &[(&str, &str)]) -> Response {
    send(address, &format!("GET /api/call/{path}"), headers, "").await
}

#[tokio::test]
async fn idempotent_methods_are_called_with_get() {
    let address = serve(gateway()).await;
    let response = get(address, "Arith.sum_diff?a=1&b=2", &[]).await;
    assert_eq!(
        (response.status, response.text()),
        (200, r#"{"sum":3,"diff":-1}"#)
    );
    assert_eq!(response.header("cache-control"), Some("no-cache"));
    let tag = response.header("etag").unwrap();

    let known = get(address, "Arith.sum_diff?a=1&b=2", &[("If-None-Match", tag)]).await;
    assert_eq!((known.status, known.text()), (304, ""));
    assert_eq!(known.header("etag"), Some(tag));
    let list = format!("\"x\", W/{tag}");
    let known = get(
        address,
        "Arith.sum_diff?a=1&b=2",
        &[("If-None-Match", &list)],
    )
    .await;
    assert_eq!(known.status, 304);
    let other = get(address, "Arith.sum_diff?a=1&b=3", &[("If-None-Match", tag)]).await;
    assert_eq!(other.status, 200);

    for path in [
        "Arith.sum_diff?a=1&b=x",
        "Arith.sum_diff?a=1",
        "Arith.sum_diff",
    ] {
        assert_eq!(get(address, path, &[]).await.status, 400, "{path}");
    }
    let path = "Arith.sum_diff?a=1&b=2&chirp.timeout_ms=0";
    assert_eq!(get(address, path, &[]).await.status, 504);
    for path in [
        "Arith.divide?a=1&b=2",
        "Arith.note?text=%22x%22",
        "Flow.store?name=%22x%22",
    ] {
        let response = get(address, path, &[]).await;
        assert_eq!(response.status, 405, "{path}");
        assert_eq!(response.header("allow"), Some("POST, OPTIONS"));
    }
    let events = [("Accept", "text/event-stream")];
    let response = get(address, "Flow.count?to=0", &events).await;
    assert_eq!(
        response.text(),
        "id: 0\n\nevent: end\ndata: {\"end\":0}\n\n"
    );
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    let address = serve(gateway()).await;
    let tag = get(address, "Arith.sum_diff?a=1&b=2", &[]).await;
    let line = "HEAD /api/call/Arith.sum_diff?a=1&b=2";
    let response = send(address, line, &[], "").await;
    assert_eq!((response.status, response.text()), (200, ""));
    assert_eq!(response.header("content-length"), Some("19"));
    assert_eq!(response.header("etag"), tag.header("etag"));
    let response = send(address, "HEAD /api/call/Flow.count?to=1", &[], "").await;
    assert_eq!((response.status, response.text()), (200, ""));
    assert_eq!(
        response.header("content-type"),
        Some("application/x-ndjson")
    );
}

#[tokio::test]
async fn get_is_off_by_default_and_refused_to_other_sites() {
    let service = Gateway::new().service(Calculator::server());
    let address = serve(service).await;
    let response = get(address, "Arith.sum_diff?a=1&b=2", &[]).await;
    assert_eq!(response.status, 405);

    let address = serve(gateway()).await;
    // An image, which is sent without an origin.
    let headers = [
        ("Sec-Fetch-Site", "cross-site"),
        ("Sec-Fetch-Mode", "no-cors"),
    ];
    let response = get(address, "Arith.sum_diff?a=1&b=2", &headers).await;
    assert_eq!(response.status, 403);
}

#[tokio::test]
async fn listed_origins_get_the_headers_of_cors_and_others_none() {
    let app = ("Origin", "https://app.example.com");
    let gateway = gateway().allow_origin("https://app.example.com");
    let address = serve(gateway).await;
    let preflight = [
        app,
        ("Access-Control-Request-Method", "POST"),
        (
            "Access-Control-Request-Headers",
            "content-type,chirp-timeout",
        ),
    ];
    let line = "OPTIONS /api/call/Arith.sum_diff";
    let response = send(address, line, &preflight, "").await;
    assert_eq!(response.status, 204);
    let header = |name: &str| response.header(name).unwrap_or_default().to_owned();
    assert_eq!(header("access-control-allow-origin"), app.1);
    assert_eq!(
        header("access-control-allow-methods"),
        "GET, HEAD, POST, OPTIONS"
    );
    assert_eq!(
        header("access-control-allow-headers"),
        "content-type,chirp-timeout"
    );
    assert_eq!(header("vary"), "Origin");

    let response = get(address, "Arith.sum_diff?a=1&b=2", &[app]).await;
    assert_eq!(response.header("access-control-allow-origin"), Some(app.1));
    // Errors, too, or the page could not read them.
    let response = get(address, "Arith.unknown", &[app]).await;
    assert_eq!(response.status, 404);
    assert_eq!(response.header("access-control-allow-origin"), Some(app.1));

    let evil = ("Origin", "https://evil.example");
    for headers in [&[evil][..], &[("Access-Control-Request-Method", "POST")]] {
        let response = send(address, line, headers, "").await;
        assert_eq!(response.header("access-control-allow-origin"), None);
        assert_eq!(response.header("access-control-allow-methods"), None);
    }
}

#[tokio::test]
async fn options_lists_the_methods_of_each_name() {
    let address = serve(gateway()).await;
    for (name, allow) in [
        ("Arith.sum_diff", "GET, HEAD, POST, OPTIONS"),
        ("Arith.divide", "POST, OPTIONS"),
    ] {
        let response = send(address, &format!("OPTIONS /api/call/{name}"), &[], "").await;
        assert_eq!((response.status, response.text()), (204, ""));
        assert_eq!(response.header("allow"), Some(allow));
    }
    let response = send(address, "OPTIONS /api/call/unknown", &[], "").await;
    assert_eq!(response.status, 404);
}

#[tokio::test]
async fn listed_origins_may_send_headers_with_every_request() {
    let gateway = gateway().allow_origin("https://app.example.com");
    let address = serve(gateway).await;
    let preflight = |method| {
        [
            ("Origin", "https://app.example.com"),
            ("Access-Control-Request-Method", method),
            ("Access-Control-Request-Headers", "authorization"),
        ]
    };
    for (path, method, allowed) in [
        ("openapi.json", "GET", "GET, HEAD"),
        ("requests/1", "DELETE", "GET, HEAD, DELETE"),
    ] {
        let line = format!("OPTIONS /api/{path}");
        let response = send(address, &line, &preflight(method), "").await;
        assert_eq!(response.status, 204);
        let header = |name: &str| response.header(name);
        assert_eq!(header("access-control-allow-methods"), Some(allowed));
        assert_eq!(
            header("access-control-allow-headers"),
            Some("authorization")
        );
    }
}
