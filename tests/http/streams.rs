//! Streams as bodies of requests and responses.
#![allow(clippy::unwrap_used, reason = "a test may")]

use std::net::SocketAddr;
use std::time::Duration;

use chirp::http::Gateway;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::client::{Response, post, raw, send, serve};
use crate::services::{FlowServer, Flows};

fn gateway() -> Gateway {
    Gateway::new().service(Flows::server())
}

async fn accepting(address: SocketAddr, media: &str, method: &str, body: &str) -> Response {
    let headers = [("Content-Type", "application/json"), ("Accept", media)];
    send(address, &format!("POST /api/call/{method}"), &headers, body).await
}

#[tokio::test]
async fn items_are_lines_of_json_and_the_last_line_says_how_the_stream_ended() {
    let address = serve(gateway()).await;
    let response = post(address, "Flow.count", "[2]").await;
    assert_eq!(response.status, 200);
    assert_eq!(
        response.header("content-type"),
        Some("application/x-ndjson")
    );
    assert_eq!(response.header("cache-control"), Some("no-store"));
    let lines = concat!(
        r#"{"item":{"number":1,"text":"a\nb"}}"#,
        "\n",
        r#"{"item":{"number":2,"text":"a\nb"}}"#,
        "\n",
        r#"{"end":2}"#,
        "\n"
    );
    assert_eq!(response.text(), lines);
    assert_eq!(
        post(address, "Flow.count", "[0]").await.text(),
        "{\"end\":0}\n"
    );

    let response = post(address, "Flow.fail", "[2]").await;
    assert_eq!(response.status, 200);
    let lines: Vec<Value> = response
        .text()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0], json!({"item": 1}));
    assert_eq!(lines[1]["error"]["code"], 7);
    assert_eq!(lines[1]["error"]["name"], "DivisionByZero");
    assert_eq!(lines[1]["error"]["data"], json!({"dividend": 1}));

    // `curl --json` accepts JSON alone.
    let by_curl = accepting(address, "application/json", "Flow.count", "[0]").await;
    assert_eq!(by_curl.text(), "{\"end\":0}\n");
    assert_eq!(by_curl.header("content-type"), Some("application/x-ndjson"));

    // An error before the first item is a status.
    let response = post(address, "Flow.fail", "[0]").await;
    assert_eq!(response.status, 422);
    assert_eq!(response.problem()["name"], "DivisionByZero");
    assert_eq!(post(address, "Flow.count", "[]").await.status, 400);
    assert_eq!(post(address, "Flow.count", "[").await.status, 400);
}

#[tokio::test]
async fn items_are_events_for_those_who_accept_them() {
    let address = serve(gateway()).await;
    let response = accepting(address, "text/event-stream", "Flow.count", "[1]").await;
    assert_eq!(response.header("content-type"), Some("text/event-stream"));
    let events = concat!(
        "id: 0\n\n",
        "id: 1\ndata: {\"number\":1,\"text\":\"a\\nb\"}\n\n",
        "event: end\ndata: {\"end\":1}\n\n"
    );
    assert_eq!(response.text(), events);

    let response = accepting(address, "text/event-stream", "Flow.fail", "[2]").await;
    let start = "id: 0\n\nid: 1\ndata: 1\n\nevent: problem\ndata: {";
    assert!(response.text().starts_with(start), "{response:?}");
}

#[tokio::test]
async fn a_browser_that_connects_again_does_not_run_the_method_again() {
    let (flows, mut ended) = Flows::new();
    let address = serve(Gateway::new().service(FlowServer::new(flows))).await;
    let headers = [
        ("Content-Type", "application/json"),
        ("Accept", "text/event-stream"),
        ("Last-Event-ID", "0"),
    ];
    let response = send(address, "POST /api/call/Flow.endless", &headers, "").await;
    assert_eq!((response.status, response.text()), (204, ""));
    assert!(ended.try_recv().is_err());
}

#[tokio::test]
async fn a_byte_stream_is_the_body_itself() {
    let address = serve(gateway()).await;
    let response = post(address, "Flow.zeros", "[3,100000]").await;
    assert_eq!(
        response.header("content-type"),
        Some("application/octet-stream")
    );
    assert_eq!(response.body, vec![0; 300_000]);
    let response = accepting(address, "application/x-ndjson", "Flow.zeros", "[1,3]").await;
    assert_eq!(response.text(), "{\"item\":\"AAAA\"}\n{\"end\":1}\n");
    assert_eq!(
        accepting(address, "text/html", "Flow.zeros", "[1,3]")
            .await
            .status,
        406
    );
}

#[tokio::test]
async fn a_byte_stream_that_fails_cuts_the_body() {
    let address = serve(gateway()).await;
    let request = format!(
        "POST /api/call/Flow.torn HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: 0\r\n\r\n"
    );
    let answer = raw(address, request).await;
    assert!(
        answer.ends_with(b"4\r\nsome\r\n"),
        "{}",
        answer.escape_ascii()
    );
}

#[tokio::test]
async fn a_body_is_a_stream_of_bytes() {
    let address = serve(gateway().max_body(10)).await;
    let store = async |query: &str, media: &str, body: &[u8]| {
        let line = format!("POST /api/call/Flow.store{query}");
        send(address, &line, &[("Content-Type", media)], body).await
    };
    let bytes = "application/octet-stream";
    // The limit is for bodies that are read whole.
    let body = vec![7; 1_000_000];
    let response = store("?name=%22x+y%22", bytes, &body).await;
    assert_eq!(
        (response.status, response.text()),
        (200, "\"x y: 1000000\"")
    );
    assert_eq!(store("?name=%22x%22", bytes, b"").await.text(), "\"x: 0\"");
    for query in ["", "?name=x", "?name=1", "?name=%22x%22&name=%22y%22"] {
        assert_eq!(store(query, bytes, b"abc").await.status, 400, "{query}");
    }
    assert_eq!(
        store("?name=%22x%22", "text/plain", b"abc").await.status,
        415
    );
    let response = store("?name=%22x%22&chirp.other=1", bytes, b"abc").await;
    assert_eq!(response.status, 400);

    let response = send(
        address,
        "POST /api/call/Flow.echo",
        &[("Content-Type", bytes)],
        &body,
    )
    .await;
    assert!(response.body == body);
}

#[tokio::test]
async fn a_body_is_a_stream_of_lines() {
    let address = serve(gateway().max_body(10)).await;
    let sum = async |body: &str| {
        let headers = [("Content-Type", "application/x-ndjson")];
        send(address, "POST /api/call/Flow.sum?start=1", &headers, body).await
    };
    for body in ["1\n2\n3\n", "1\r\n\n 2 \n3", "6"] {
        assert_eq!(sum(body).await.text(), "7", "{body:?}");
    }
    assert_eq!(sum("").await.text(), "1");
    for (body, error) in [
        ("1\n{\n", "line 2: "),
        ("1\n\n12345678901", "line 3 is too long: at most 10 bytes"),
        ("1\n\"x\"\n", "could not be decoded"),
    ] {
        let response = sum(body).await;
        assert_eq!(response.status, 422, "{body:?}");
        assert!(response.text().contains(error), "{response:?}");
    }
}

#[tokio::test]
async fn streams_may_be_listed_in_the_arguments() {
    let address = serve(gateway()).await;
    for arguments in [r#"{"numbers":[1,2],"start":3}"#, "[[1,2],3]"] {
        assert_eq!(post(address, "Flow.sum", arguments).await.text(), "6");
    }
    let response = post(address, "Flow.store", r#"{"data":"AAAA","name":"x"}"#).await;
    assert_eq!(response.text(), "\"x: 3\"");
    for arguments in [
        r#"{"numbers":1,"start":3}"#,
        r#"{"numbers":[1,"x"],"start":3}"#,
        r#"{"start":3}"#,
        r#"{"numbers":[1],"numbers":[1],"start":3}"#,
        "1",
    ] {
        let status = post(address, "Flow.sum", arguments).await.status;
        assert!(status == 400 || status == 422, "{arguments}: {status}");
    }
}

#[tokio::test]
async fn a_body_that_ends_early_is_an_error_of_the_stream() {
    let address = serve(gateway()).await;
    let head = format!(
        "POST /api/call/Flow.store?name=%22x%22 HTTP/1.1\r\nHost: {address}\r\n\
         Content-Type: application/octet-stream\r\nConnection: close\r\n"
    );
    for body in [
        "Content-Length: 100\r\n\r\nabc",
        "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        "Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n",
    ] {
        let mut socket = TcpStream::connect(address).await.unwrap();
        socket
            .write_all(format!("{head}{body}").as_bytes())
            .await
            .unwrap();
        socket.shutdown().await.unwrap();
        let mut answer = Vec::new();
        socket.read_to_end(&mut answer).await.unwrap();
        // The connection is closed, or the method has seen that bytes are missing: never a result.
        assert!(
            !answer.starts_with(b"HTTP/1.1 200"),
            "{}",
            answer.escape_ascii()
        );
    }
}

#[tokio::test]
async fn a_caller_that_goes_away_cancels_the_stream() {
    let (flows, mut ended) = Flows::new();
    let gateway = Gateway::new()
        .service(FlowServer::new(flows))
        .max_concurrent_calls(1);
    let address = serve(gateway).await;
    let mut socket = TcpStream::connect(address).await.unwrap();
    let request = format!(
        "POST /api/call/Flow.endless HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\nContent-Length: 0\r\n\r\n"
    );
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"{\"item\":1}\n\r\n") {
        socket.read_buf(&mut answer).await.unwrap();
    }
    // The stream counts as a call until it ends.
    assert_eq!(post(address, "Flow.count", "[0]").await.status, 503);
    drop(socket);
    ended.recv().await.unwrap();
    assert_eq!(post(address, "Flow.count", "[0]").await.status, 200);
}

#[tokio::test]
async fn a_slow_reader_slows_the_method_down() {
    let (flows, mut ended) = Flows::new();
    let address = serve(Gateway::new().service(FlowServer::new(flows))).await;
    let mut socket = TcpStream::connect(address).await.unwrap();
    let body = "[300,65536]";
    let request = format!(
        "POST /api/call/Flow.zeros HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\nConnection: close\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut first = [0; 1];
    socket.read_exact(&mut first).await.unwrap();
    // 18 MiB do not fit into the buffers of the socket.
    let over = tokio::time::timeout(Duration::from_millis(300), ended.recv()).await;
    assert!(over.is_err(), "the method ended although nobody reads");
    let mut sink = tokio::io::sink();
    tokio::io::copy(&mut socket, &mut sink).await.unwrap();
    ended.recv().await.unwrap();
}

#[tokio::test]
async fn a_stream_has_a_longest_time() {
    let gateway = gateway().max_stream_time(Duration::from_millis(100));
    let address = serve(gateway).await;
    let response = post(address, "Flow.endless", "").await;
    assert_eq!(response.status, 200);
    let last = response.text().lines().last().unwrap();
    let last: Value = serde_json::from_str(last).unwrap();
    assert_eq!(last["error"]["name"], "DeadlineExceeded");
}
