//! Calls and their statuses.
#![allow(clippy::unwrap_used, reason = "a test may")]

use std::time::Duration;

use async_trait::async_trait;
use chirp::channel::CertificateNames;
use chirp::http::{Authenticate, Authenticated, Gateway, Unauthenticated};
use chirp::{AccessPolicy, Identity, PeerBuilder, Server};
use http::request::Parts;
use serde_json::{Value, json};

use crate::client::{Response, post, raw, send, serve};
use crate::services::{ArithMethods, ArithServer, Calculator};

fn gateway() -> Gateway {
    Gateway::new().service(Calculator::server())
}

#[tokio::test]
async fn a_method_is_called_with_arguments_by_name_or_by_position() {
    let address = serve(gateway()).await;
    for arguments in [
        r#"{"a":100,"b":250}"#,
        "[100,250]",
        r#" {"b": 250, "a": 100} "#,
    ] {
        let response = post(address, "Arith.sum_diff", arguments).await;
        assert_eq!(response.status, 200, "{response:?}");
        assert_eq!(response.text(), r#"{"sum":350,"diff":-150}"#);
        assert_eq!(response.header("content-type"), Some("application/json"));
        assert_eq!(response.header("content-length"), Some("23"));
        assert_eq!(response.header("cache-control"), Some("no-store"));
        assert_eq!(response.header("x-content-type-options"), Some("nosniff"));
    }
    for arguments in ["", " ", "{}", "[]"] {
        let response = post(address, "Arith.nothing", arguments).await;
        assert_eq!(
            (response.status, response.text()),
            (200, "null"),
            "{arguments:?}"
        );
    }
}

#[tokio::test]
async fn names_are_percent_encoded_and_may_hold_slashes() {
    let address = serve(gateway()).await;
    for name in [
        "Arith.text%2Fl%C3%A4nge",
        "Arith.text/l%c3%a4nge",
        "%41rith.text%2Fl%C3%A4nge",
    ] {
        let response = post(address, name, r#"["häh"]"#).await;
        assert_eq!((response.status, response.text()), (200, "4"), "{name}");
    }
    for name in [
        "Arith.text%2fl%C3",
        "Arith.text%252Fl%C3%A4nge",
        "Arith.sum_diff;json",
        "Arith.sum_diff/",
        "arith.sum_diff",
        "chirp.reflect.describe",
        "",
    ] {
        let response = post(address, name, "{}").await;
        assert_eq!(response.status, 404, "{name}");
        assert_eq!(response.problem()["detail"], "unknown method");
    }
}

#[tokio::test]
async fn errors_have_a_status_and_their_code_name_and_data() {
    let address = serve(gateway()).await;
    let response = post(address, "Arith.divide", "[3,0]").await;
    assert_eq!(response.status, 422);
    let expected = json!({
        "title": "Unprocessable Entity",
        "status": 422,
        "detail": "division of 3 by zero",
        "code": 7,
        "name": "DivisionByZero",
        "data": {"dividend": 3},
    });
    assert_eq!(response.problem(), expected);
    let response = post(address, "Arith.divide", &format!("[{},-1]", i64::MIN)).await;
    assert_eq!(response.status, 409);
    assert_eq!(response.problem()["title"], "Conflict");
    assert_eq!(response.problem()["name"], "Overflow");

    for arguments in [
        r#"{"a":1}"#,
        "[1]",
        r#"{"a":1,"b":"x"}"#,
        "{",
        "1",
        "[1,2",
        "{}x",
    ] {
        let response = post(address, "Arith.divide", arguments).await;
        assert_eq!(response.status, 400, "{arguments}");
        let problem = response.problem();
        assert_eq!(problem["name"], "InvalidArguments", "{arguments}");
        assert_eq!(problem["code"], 0xC704);
    }

    let response = post(address, "Arith.panics", "").await;
    assert_eq!(response.status, 500);
    assert_eq!(response.problem()["name"], "Panicked");
    assert!(!response.text().contains("as the test wants"));
}

#[tokio::test]
async fn only_json_is_taken_as_arguments() {
    let address = serve(gateway()).await;
    let call = async |content_type: &[(&str, &str)]| {
        let line = "POST /api/call/Arith.sum_diff";
        send(address, line, content_type, "[1,2]").await
    };
    for media in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/jsonx",
        "application/octet-stream",
        "",
    ] {
        let response = call(&[("Content-Type", media)]).await;
        assert_eq!(response.status, 415, "{media}");
        response.problem();
    }
    assert_eq!(call(&[]).await.status, 415);
    let json = ("Content-Type", "application/json");
    assert_eq!(call(&[json, json]).await.status, 415);
    for media in ["application/json; charset=utf-8", "Application/JSON"] {
        assert_eq!(
            call(&[("Content-Type", media)]).await.status,
            200,
            "{media}"
        );
    }
}

#[tokio::test]
async fn bytes_are_base64_or_plain_as_the_request_accepts() {
    let address = serve(gateway()).await;
    let call = async |accept: &str| {
        let headers = [("Content-Type", "application/json"), ("Accept", accept)];
        let line = "POST /api/call/Arith.reversed";
        send(address, line, &headers, r#"{"data":"AAH/"}"#).await
    };
    assert_eq!(call("*/*").await.text(), r#""/wEA""#);
    let response = call("application/octet-stream").await;
    assert_eq!(response.body, [0xff, 1, 0]);
    let media = response.header("content-type");
    assert_eq!(media, Some("application/octet-stream"));
    assert_eq!(call("text/html").await.status, 406);
}

#[tokio::test]
async fn a_one_way_method_is_accepted_without_a_result() {
    let (calculator, mut notes) = Calculator::new();
    let gateway = Gateway::new().service(ArithServer::new(calculator));
    let address = serve(gateway).await;
    let response = post(address, "Arith.note", r#"["hello"]"#).await;
    assert_eq!((response.status, response.text()), (202, ""));
    assert_eq!(notes.recv().await.unwrap(), "hello");
}

#[tokio::test]
async fn a_call_has_a_time_limit() {
    let (calculator, mut notes) = Calculator::new();
    let gateway = Gateway::new()
        .service(ArithServer::new(calculator))
        .max_timeout(Duration::from_secs(7));
    let address = serve(gateway).await;
    let call = async |method: &str, timeout: &str| {
        let headers = [
            ("Content-Type", "application/json"),
            ("Chirp-Timeout", timeout),
        ];
        send(address, &format!("POST /api/call/{method}"), &headers, "").await
    };
    let response = call("Arith.wait", "30ms").await;
    assert_eq!(response.status, 504);
    assert_eq!(response.problem()["name"], "DeadlineExceeded");
    assert_eq!(notes.recv().await.unwrap(), "waiting");
    assert_eq!(notes.recv().await.unwrap(), "dropped");

    let seconds = |response: &Response| {
        let left: Value = serde_json::from_slice(&response.body).unwrap();
        left["secs"].as_u64().unwrap()
    };
    assert_eq!(seconds(&call("Arith.time_left", "1m").await), 6);
    assert_eq!(seconds(&call("Arith.time_left", "3s").await), 2);
    for timeout in ["5", "x", "1h", ""] {
        assert_eq!(
            call("Arith.time_left", timeout).await.status,
            400,
            "{timeout}"
        );
    }
}

#[tokio::test]
async fn headers_carry_metadata_and_the_trace() {
    let address = serve(gateway()).await;
    let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let headers = [
        ("Content-Type", "application/json"),
        ("Chirp-Metadata-Tenant", "a b"),
        ("traceparent", traceparent),
        ("tracestate", "x=1"),
        ("tracestate", "y=2"),
    ];
    let line = "POST /api/call/Arith.metadata";
    let response = send(address, line, &headers, r#"["tenant"]"#).await;
    assert_eq!(response.text(), r#""a b""#);
    let response = send(address, "POST /api/call/Arith.trace", &headers, "").await;
    assert_eq!(response.text(), format!("\"{traceparent} x=1,y=2\""));

    let malformed = [
        ("Content-Type", "application/json"),
        ("traceparent", "00-x"),
    ];
    let response = send(address, "POST /api/call/Arith.trace", &malformed, "").await;
    assert_eq!((response.status, response.text()), (200, "null"));

    let long = "x".repeat(9000);
    let headers = [
        ("Content-Type", "application/json"),
        ("Chirp-Metadata-A", &*long),
    ];
    let response = send(address, line, &headers, r#"["a"]"#).await;
    assert_eq!(response.status, 431);
    let headers = [
        ("Content-Type", "application/json"),
        ("Chirp-Metadata-chirp.a", "x"),
    ];
    assert_eq!(send(address, line, &headers, r#"["a"]"#).await.status, 400);
}

#[tokio::test]
async fn other_methods_and_paths_are_refused() {
    let address = serve(gateway()).await;
    for method in ["GET", "PUT", "DELETE", "PATCH"] {
        let line = format!("{method} /api/call/Arith.sum_diff");
        let response = send(address, &line, &[], "").await;
        assert_eq!(response.status, 405, "{method}");
        assert_eq!(response.header("allow"), Some("POST, OPTIONS"));
    }
    for path in ["/api/call", "/api/other", "/api/call2/Arith.sum_diff"] {
        let response = send(address, &format!("POST {path}"), &[], "").await;
        assert_eq!(response.status, 404, "{path}");
        response.problem();
    }
}

#[tokio::test]
async fn a_body_has_a_limit() {
    let address = serve(gateway().max_body(20)).await;
    let largest = r#"{"text":"12345678"} "#;
    assert_eq!(post(address, "Arith.note", largest).await.status, 202);
    let response = post(address, "Arith.note", r#"{"text":"1234567890"}"#).await;
    assert_eq!(response.status, 413);
    assert!(response.text().contains("20 bytes"));

    let head = format!(
        "POST /api/call/Arith.note HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n"
    );
    // A claim is refused before the body is sent.
    let claim = format!("{head}Content-Length: 99999999999\r\n\r\n");
    assert_eq!(Response::parse(&raw(address, claim).await).status, 413);
    let chunks = format!(
        "{head}Transfer-Encoding: chunked\r\nConnection: close\r\n\r\na\r\n{{\"text\":\"1\r\n5\r\n\"}}   \r\n6\r\n      \r\n0\r\n\r\n"
    );
    assert_eq!(Response::parse(&raw(address, chunks).await).status, 413);
}

#[tokio::test]
async fn a_call_over_the_limit_is_refused_as_busy() {
    let (calculator, mut notes) = Calculator::new();
    let gateway = Gateway::new()
        .service(ArithServer::new(calculator))
        .max_concurrent_calls(1);
    let address = serve(gateway).await;
    let waiting = tokio::spawn(async move { post(address, "Arith.wait", "").await });
    assert_eq!(notes.recv().await.unwrap(), "waiting");
    let response = post(address, "Arith.sum_diff", "[1,2]").await;
    assert_eq!(response.status, 503);
    assert_eq!(response.header("retry-after"), Some("1"));
    response.problem();

    // A caller that goes away cancels its call, and leaves room for others.
    waiting.abort();
    assert_eq!(notes.recv().await.unwrap(), "dropped");
    assert_eq!(post(address, "Arith.sum_diff", "[1,2]").await.status, 200);
}

#[tokio::test]
async fn a_peer_is_a_target_as_services_are() {
    let server = Server::builder()
        .configure_peers(PeerBuilder::reflect)
        .service(Calculator::server())
        .bind("tcp://127.0.0.1:0")
        .await
        .unwrap();
    let endpoint = server.endpoint().to_string();
    tokio::spawn(server.run());
    let peer = chirp::connect(&endpoint).await.unwrap();
    let address = serve(Gateway::new().target(&peer)).await;
    let response = post(address, "Arith.sum_diff", "[1,2]").await;
    assert_eq!(response.text(), r#"{"sum":3,"diff":-1}"#);
    let response = post(address, "Arith.divide", "[1,0]").await;
    assert_eq!(response.problem()["data"], json!({"dividend": 1}));
    let headers = [
        ("Content-Type", "application/json"),
        ("Chirp-Metadata-Tenant", "a"),
    ];
    let line = "POST /api/call/Arith.metadata";
    let response = send(address, line, &headers, r#"["tenant"]"#).await;
    assert_eq!(response.text(), r#""a""#);

    peer.close();
    peer.closed().await;
    let response = post(address, "Arith.sum_diff", "[1,2]").await;
    assert_eq!(response.status, 502, "{response:?}");
    assert!(!response.text().contains("127.0.0.1"), "{response:?}");
}

#[tokio::test]
async fn a_target_without_reflection_is_reported() {
    let (near, far) = chirp::channel::memory();
    let _server = PeerBuilder::new()
        .service(Calculator::server())
        .start(far)
        .unwrap();
    let peer = PeerBuilder::new().start(near).unwrap();
    let address = serve(Gateway::new().target(&peer)).await;
    let response = post(address, "Arith.sum_diff", "[1,2]").await;
    assert_eq!(response.status, 502);
    assert!(response.text().contains("`reflect()`"));
}

struct Tokens;

#[async_trait]
impl Authenticate for Tokens {
    async fn authenticate(&self, request: &Parts) -> Result<Authenticated, Unauthenticated> {
        let named = |name| Identity::Names(CertificateNames::new([name]));
        match request.headers.get("authorization") {
            None => Ok(Authenticated::anonymous()),
            Some(token) if token == "Bearer a" => {
                let sender = Authenticated::new(named("ann"));
                Ok(sender.metadata("user", "ann").unwrap())
            }
            Some(token) if token == "Bearer b" => Ok(Authenticated::new(named("bob"))),
            Some(_) => Err(Unauthenticated::new("Bearer")),
        }
    }
}

#[tokio::test]
async fn the_gateway_authenticates_and_applies_access_rules() {
    let access = AccessPolicy::new()
        .allow([ArithMethods::SUM_DIFF], |_| true)
        .allow([ArithMethods::METADATA], |who| who.is_named("ann"));
    let gateway = gateway().authenticate(Tokens).access(access);
    let address = serve(gateway).await;
    let call = async |method: &str, token: Option<&str>, arguments: &str| {
        let mut headers = vec![("Content-Type", "application/json")];
        headers.extend(token.map(|token| ("Authorization", token)));
        send(
            address,
            &format!("POST /api/call/{method}"),
            &headers,
            arguments,
        )
        .await
    };
    assert_eq!(call("Arith.sum_diff", None, "[1,2]").await.status, 200);
    let response = call("Arith.sum_diff", Some("Bearer x"), "[1,2]").await;
    assert_eq!(response.status, 401);
    assert_eq!(response.header("www-authenticate"), Some("Bearer"));

    let metadata = async |token| call("Arith.metadata", token, r#"["user"]"#).await;
    assert_eq!(metadata(None).await.status, 401);
    assert_eq!(metadata(Some("Bearer b")).await.status, 403);
    assert_eq!(metadata(Some("Bearer a")).await.text(), r#""ann""#);
    // A caller without rights cannot tell whether a method exists.
    assert_eq!(call("Arith.wait", Some("Bearer a"), "").await.status, 403);
    assert_eq!(
        call("Arith.unknown", Some("Bearer a"), "").await.status,
        403
    );

    // Nobody can claim to be somebody else.
    let headers = [
        ("Content-Type", "application/json"),
        ("Authorization", "Bearer a"),
        ("Chirp-Metadata-User", "mallory"),
    ];
    let line = "POST /api/call/Arith.metadata";
    let response = send(address, line, &headers, r#"["user"]"#).await;
    assert_eq!(response.status, 400);
}

#[tokio::test]
async fn metadata_may_be_limited_to_some_keys() {
    let gateway = gateway()
        .authenticate(Tokens)
        .allow_metadata(["tenant", "user"]);
    let address = serve(gateway).await;
    let call = async |key: &str, token: &str, asked: &str| {
        let headers = [
            ("Content-Type", "application/json"),
            ("Authorization", token),
            (key, "x"),
        ];
        let line = "POST /api/call/Arith.metadata";
        send(address, line, &headers, format!("[\"{asked}\"]")).await
    };
    let tenant = call("Chirp-Metadata-Tenant", "Bearer a", "tenant").await;
    assert_eq!(tenant.text(), r#""x""#);
    let user = call("Chirp-Metadata-User", "Bearer a", "user").await;
    assert_eq!(
        user.text(),
        r#""ann""#,
        "what the hook says takes precedence"
    );
    let other = call("Chirp-Metadata-Other", "Bearer a", "other").await;
    assert_eq!(other.status, 400);
}

#[tokio::test]
async fn a_compressed_body_is_refused() {
    let address = serve(Gateway::new().service(Calculator::server())).await;
    for (encoding, status) in [("gzip", 415), ("identity, br", 415), ("Identity", 200)] {
        let headers = [
            ("Content-Type", "application/json"),
            ("Content-Encoding", encoding),
        ];
        let line = "POST /api/call/Arith.sum_diff";
        let response = send(address, line, &headers, "[1,2]").await;
        assert_eq!(response.status, status, "{encoding}");
        let accepted = (status == 415).then_some("identity");
        assert_eq!(response.header("accept-encoding"), accepted);
    }
}

#[tokio::test]
async fn the_longest_times_are_no_limit() {
    let gateway = Gateway::new()
        .service(Calculator::server())
        .timeout(Duration::MAX)
        .max_timeout(Duration::MAX);
    let address = serve(gateway).await;
    let headers = [("Content-Type", "application/json")];
    let response = send(address, "POST /api/call/Arith.sum_diff", &headers, "[1,2]").await;
    assert_eq!(response.status, 200);
}
