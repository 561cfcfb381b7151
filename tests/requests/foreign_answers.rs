//! Answers of programs that are not gateways (AC-T34).
#![allow(clippy::unwrap_used, reason = "a test may")]

use std::io::ErrorKind;

use chirp::http::Gateway;
use chirp::packet::FrameworkError;
use chirp::reflect::JsonCaller;
use chirp::{CallError, ConnectError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::proxying::{connect, serve, try_connect};
use crate::services::{Calculator, Flows};
use crate::support::in_time;

#[tokio::test]
async fn addresses_that_lead_to_no_gateway_are_errors() {
    for address in [
        "http://",
        "http://user@h/",
        "http://h/?x=1",
        "http+unix://x/",
    ] {
        let error = try_connect(address).await.expect_err(address);
        assert!(
            matches!(&error, ConnectError::Io(io) if io.kind() == ErrorKind::InvalidInput),
            "{error}"
        );
    }
    for answer in [
        "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 6\r\n\r\n<html>",
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n[]",
        "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 500 Error\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n",
        "SSH-2.0-x\r\n",
        "",
    ] {
        let address = answering(vec![answer.to_owned()]).await;
        let connected = try_connect(&address).await;
        match connected {
            Err(error) => assert!(matches!(error, ConnectError::Io(_)), "{answer}: {error}"),
            // The description is read, and is none.
            Ok(peer) => {
                let error = JsonCaller::new(&peer).describe().await.unwrap_err();
                assert!(!matches!(error, CallError::Decode(_)), "{answer}: {error}");
            }
        }
    }
}

/// A server that answers its connections in order, and the last answer to all others.
async fn answering(answers: Vec<String>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let mut answers = answers.into_iter();
        let mut answer = String::new();
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            answer = answers.next().unwrap_or(answer);
            let mut bytes = Vec::new();
            while !bytes.windows(4).any(|at| at == b"\r\n\r\n") {
                if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
                    break;
                }
            }
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    address
}

/// AC-T34: what is no result is no result, whatever page a server between sends.
#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a list of answers")]
async fn a_page_of_an_error_is_no_result() {
    let address = serve(
        Gateway::new()
            .service(Calculator::server())
            .service(Flows::server()),
    )
    .await;
    let described = JsonCaller::new(&connect(&address).await)
        .describe()
        .await
        .unwrap();
    let described = serde_json::to_string(&described).unwrap();
    let described = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{described}",
        described.len()
    );
    let page = |status: &str, media: &str, body: &str| {
        format!(
            "HTTP/1.1 {status} X\r\ncontent-type: {media}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    let lines = "application/x-ndjson";
    for (answer, expected) in [
        (page("500", "text/html", "<html>"), FrameworkError::NoReply),
        (page("502", "text/html", "<html>"), FrameworkError::NoReply),
        (
            page("503", "text/html", "<html>"),
            FrameworkError::Overloaded,
        ),
        (
            page("504", "text/plain", ""),
            FrameworkError::DeadlineExceeded,
        ),
        (
            page("401", "text/plain", ""),
            FrameworkError::PermissionDenied,
        ),
        (page("404", "text/html", "<html>"), FrameworkError::NoReply),
        (page("302", "text/html", "<html>"), FrameworkError::NoReply),
        (page("204", "text/html", ""), FrameworkError::NoReply),
        (
            page("200", "text/html", "<html>"),
            FrameworkError::InvalidResult,
        ),
        (
            page("200", "application/json", "{"),
            FrameworkError::InvalidResult,
        ),
        (
            page("200", "application/json\r\ncontent-encoding: gzip", "null"),
            FrameworkError::InvalidResult,
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n1"
                .to_owned(),
            FrameworkError::NoReply,
        ),
        (String::new(), FrameworkError::NoReply),
    ] {
        let address = answering(vec![described.clone(), described.clone(), answer.clone()]).await;
        let json = JsonCaller::new(&connect(&address).await);
        let error = in_time(json.call("Arith.nothing", "{}"))
            .await
            .expect_err(&answer);
        let reason = match &error {
            CallError::Rejected { reason, .. } => reason,
            CallError::DeadlineExceeded { .. } => &FrameworkError::DeadlineExceeded,
            error => panic!("{answer}: {error}"),
        };
        assert_eq!(*reason, expected, "{answer}: {error}");
    }
    for (body, items) in [
        ("", 0),
        ("{\"item\":1}\n", 1),
        ("{\"item\":1}\n{\"end\":2}\n", 1),
        (
            "{\"item\":null}\n{\"error\":{\"status\":422,\"detail\":\"\",\"code\":3}}\n",
            1,
        ),
        ("{\"item\":1}\n<html>\n", 1),
        ("{}\n", 0),
    ] {
        let answers = vec![
            described.clone(),
            described.clone(),
            page("200", lines, body),
        ];
        let json = JsonCaller::new(&connect(&answering(answers).await).await);
        let received = in_time(json.stream("Flow.endless", "{}")).await;
        let mut count = 0;
        let failed = match received {
            Err(_) => true,
            Ok(mut received) => loop {
                match in_time(received.recv()).await {
                    Some(Ok(_)) => count += 1,
                    Some(Err(_)) => break true,
                    None => break false,
                }
            },
        };
        assert_eq!((failed, count), (true, items), "{body}");
    }
}
