//! Servers that answer the handshake of a client oddly.

use std::io;

use chirp::channel::Scheme;
use chirp::websocket::{WebSocket, WebSocketError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::raw::{BINARY, answer_to, frame, header, other, read_head};
use crate::support::in_time;

/// Connects to a server that answers a handshake with this text. Returns the head of the request.
async fn connect(
    socket: WebSocket,
    answer: impl Fn(&str) -> Vec<u8>,
) -> (io::Result<chirp::Channel>, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = other(&format!("ws://{}/a/b?c=d", listener.local_addr().unwrap()));
    let server = async {
        let (mut io, _) = listener.accept().await.unwrap();
        let head = read_head(&mut io).await;
        // The client may have hung up.
        let _ = io.write_all(&answer(&head)).await;
        let _ = io.shutdown().await;
        let _ = io.read_to_end(&mut Vec::new()).await;
        head
    };
    in_time(async {
        let connect = async {
            // The server reads until the channel or the attempt is gone.
            socket.connect(&address).await.map(|channel| (channel, ()))
        };
        tokio::pin!(connect, server);
        let connected = tokio::select! {
            connected = &mut connect => connected,
            head = &mut server => return (connect.await.map(|(channel, ())| channel), head),
        };
        let connected = connected.map(|(channel, ())| channel);
        if connected.is_ok() {
            return (connected, String::new());
        }
        (connected, server.await)
    })
    .await
}

#[tokio::test]
async fn the_request_has_all_that_a_server_needs() {
    let refuse = |_: &str| b"HTTP/1.1 404 Not Found\r\n\r\n".to_vec();
    let (_, head) = connect(WebSocket::new().token("secret"), refuse).await;
    assert!(head.starts_with("GET /a/b?c=d HTTP/1.1\r\n"), "{head}");
    for (name, value) in [
        ("Connection", "Upgrade"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Protocol", "chirp.v0"),
        ("Authorization", "Bearer secret"),
    ] {
        assert_eq!(header(&head, name), Some(value), "{head}");
    }
    assert!(
        header(&head, "Host").unwrap().starts_with("127.0.0.1:"),
        "{head}"
    );
    assert_eq!(header(&head, "Sec-WebSocket-Key").unwrap().len(), 24);
    assert_eq!(header(&head, "Origin"), None);
    let (_, again) = connect(WebSocket::new(), refuse).await;
    assert_ne!(
        header(&head, "Sec-WebSocket-Key"),
        header(&again, "Sec-WebSocket-Key")
    );
    assert_eq!(header(&again, "Authorization"), None);
}

#[tokio::test]
async fn refusals_and_redirects_are_typed() {
    let long = "x".repeat(2000);
    for (answer, expected) in [
        (
            "HTTP/1.1 403 Forbidden\r\nContent-Length: 9\r\n\r\nnot today".to_owned(),
            WebSocketError::Rejected {
                status: 403,
                text: "not today".into(),
            },
        ),
        (
            "HTTP/1.1 404 Not Found\r\n\r\n".to_owned(),
            WebSocketError::Rejected {
                status: 404,
                text: "Not Found".into(),
            },
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n<html>".to_owned(),
            WebSocketError::Rejected {
                status: 200,
                text: "<html>".into(),
            },
        ),
        (
            format!("HTTP/1.1 500 Oh\r\nContent-Length: 2000\r\n\r\n{long}"),
            WebSocketError::Rejected {
                status: 500,
                text: long[..512].into(),
            },
        ),
        (
            "HTTP/1.1 307 Temporary Redirect\r\nLocation: http://10.0.0.1/\r\n\r\n".to_owned(),
            WebSocketError::Redirected {
                location: "http://10.0.0.1/".into(),
            },
        ),
    ] {
        let (connected, _) = connect(WebSocket::new(), |_| answer.clone().into_bytes()).await;
        assert_eq!(WebSocketError::of(&connected.unwrap_err()), Some(&expected));
    }
}

#[test]
fn the_text_of_a_refusal_cannot_control_a_terminal() {
    let text = "{\"title\":\"Not\u{1b}[2J\nFound\u{202e}\"}".to_owned();
    let error = WebSocketError::Rejected { status: 404, text };
    assert!(
        error
            .to_string()
            .ends_with(r#"with status 404: {"title":"Not\u{1b}[2J\nFound\u{202e}"}"#),
        "{error}"
    );
}

#[tokio::test]
async fn invalid_answers_are_refused() {
    type Change = fn(String) -> String;
    let changes: [(Change, &str); 8] = [
        (|_| "C7\0\0\0\0\r\n\r\n".into(), "not HTTP"),
        (
            |answer| answer.replace("upgrade\r\n", "close\r\n"),
            "does not upgrade",
        ),
        (
            |answer| answer.replace("websocket", "h2c"),
            "does not upgrade",
        ),
        (
            |answer| answer.replace("Accept: ", "Accept: x"),
            "another handshake",
        ),
        (
            |answer| answer.replace("Sec-WebSocket-Accept", "X"),
            "another handshake",
        ),
        (
            |answer| answer.replace("chirp.v0", "chirp.v1"),
            "not offered",
        ),
        (
            |answer| answer.replace("Sec-WebSocket-Protocol: chirp.v0\r\n", ""),
            "does not speak the subprotocol",
        ),
        (
            |answer| {
                answer.replace(
                    "\r\n\r\n",
                    "\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
                )
            },
            "extension",
        ),
    ];
    for (change, text) in changes {
        let (connected, _) = connect(WebSocket::new(), |head| {
            change(answer_to(head)).into_bytes()
        })
        .await;
        let error = connected.unwrap_err();
        assert!(
            matches!(
                WebSocketError::of(&error),
                Some(WebSocketError::NotWebSocket(_))
            ),
            "{error}"
        );
        assert!(error.to_string().contains(text), "{text}: {error}");
    }
    let endless = |_: &str| format!("HTTP/1.1 101 \r\nX: {}", "x".repeat(20_000)).into_bytes();
    let (connected, _) = connect(WebSocket::new(), endless).await;
    let limit = WebSocketError::HeadTooLarge { limit: 16384 };
    assert_eq!(WebSocketError::of(&connected.unwrap_err()), Some(&limit));
    let (connected, _) = connect(WebSocket::new(), |_| b"HTTP/1.1 101".to_vec()).await;
    assert_eq!(connected.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
}

#[tokio::test]
async fn frames_may_follow_the_answer_at_once() {
    let answer = |head: &str| {
        let mut answer = answer_to(head).into_bytes();
        answer.extend(frame(BINARY, b"early", false));
        answer
    };
    let (connected, _) = connect(WebSocket::new(), answer).await;
    let (mut reader, _writer) = connected.unwrap().into_split();
    let mut early = [0; 5];
    in_time(reader.read_exact(&mut early)).await.unwrap();
    assert_eq!(&early, b"early");
}

#[tokio::test]
async fn errors_of_addresses_say_what_to_write() {
    let builder = chirp::PeerBuilder::new().scheme("ws", WebSocket::new());
    for (address, text) in [
        ("ws://", "the host is missing"),
        ("ws://user:secret@localhost/", "WebSocket::token"),
        ("ws://localhost/#top", "no `#`"),
    ] {
        let error = in_time(builder.connect(address))
            .await
            .unwrap_err()
            .to_string();
        assert!(error.contains(text), "{error}");
    }
    let socket = WebSocket::new().token("two words");
    let address = other("ws://localhost/");
    let connected = socket
        .connect_over(chirp::channel::memory().0, &address)
        .await;
    let error = connected.unwrap_err().to_string();
    assert!(
        error.contains("without spaces") && !error.contains("two words"),
        "{error}"
    );
}
