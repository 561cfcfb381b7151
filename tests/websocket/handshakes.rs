//! Handshakes that a server accepts or refuses.

use std::time::Duration;

use chirp::channel::Listener;
use chirp::websocket::{WebSocket, WebSocketError};
use chirp::{AcceptError, Identity, PeerBuilder, Server};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use crate::raw::{KEY, UPGRADE, handshake, listen, other, read_head};
use crate::support::in_time;

/// Sends a request. Returns the answer, with its body if it is a refusal, and what the server says.
async fn answer(
    socket: &WebSocket,
    request: &str,
) -> (String, Result<Identity, Option<WebSocketError>>) {
    let (mut listener, host) = listen(socket).await;
    let request = request.replace("$HOST", &host);
    let client = async {
        let mut io = TcpStream::connect(&*host).await.unwrap();
        // The server may refuse before it has read everything.
        let _ = io.write_all(request.as_bytes()).await;
        let mut head = read_head(&mut io).await;
        if !head.starts_with("HTTP/1.1 101 ") {
            io.read_to_string(&mut head).await.unwrap();
        }
        head
    };
    let (answer, accepted) = in_time(async { tokio::join!(client, listener.accept()) }).await;
    let accepted = accepted.map(|channel| channel.identity());
    (
        answer,
        accepted.map_err(|error| WebSocketError::of(&error).cloned()),
    )
}

/// A valid request with other lines for its first, its host, and others.
fn request(line: &str, host: &str, others: &str) -> String {
    format!("{line}\r\n{host}\r\n{UPGRADE}Sec-WebSocket-Protocol: chirp.v0\r\n{others}\r\n")
}

const LINE: &str = "GET /chirp HTTP/1.1";
const HOST: &str = "Host: $HOST";

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table")]
async fn refused_handshakes_have_a_status_and_a_text() {
    let upgrade = |from: &str, to: &str| request(LINE, HOST, "").replace(from, to);
    for (request, status, text) in [
        (
            request("GET /other HTTP/1.1", HOST, ""),
            404,
            "nothing is served at /other",
        ),
        (
            request("GET / HTTP/1.1", HOST, ""),
            404,
            "nothing is served at /",
        ),
        (
            request("POST /chirp HTTP/1.1", HOST, ""),
            400,
            "GET request",
        ),
        (request("GET /chirp HTTP/1.0", HOST, ""), 400, "HTTP/1.1"),
        (request(LINE, HOST, "Content-Length: 3\r\n"), 400, "no body"),
        (
            request(LINE, HOST, "Transfer-Encoding: chunked\r\n"),
            400,
            "no body",
        ),
        (format!("{LINE}\r\n{HOST}\r\n\r\n"), 426, "speaks WebSocket"),
        (upgrade("WebSocket\r\n", "h2c\r\n"), 426, "speaks WebSocket"),
        (
            upgrade("keep-alive, Upgrade", "keep-alive"),
            426,
            "speaks WebSocket",
        ),
        (upgrade("Version: 13", "Version: 8"), 426, "use version 13"),
        (
            upgrade("Version: 13", "Version: 13\r\nSec-WebSocket-Version: 8"),
            426,
            "use version 13",
        ),
        (upgrade(KEY, "short"), 400, "Sec-WebSocket-Key"),
        (
            upgrade(&format!("Sec-WebSocket-Key: {KEY}\r\n"), ""),
            400,
            "Sec-WebSocket-Key",
        ),
        (
            upgrade("chirp.v0", "chirp.v1, other"),
            400,
            "`chirp.v0` is required",
        ),
        (
            upgrade("Sec-WebSocket-Protocol: chirp.v0\r\n", ""),
            400,
            "`chirp.v0` is required",
        ),
        (request(LINE, "X: y", ""), 400, "no Host header"),
        (
            request(LINE, "Host: localhost\r\nHost: localhost", ""),
            400,
            "no Host header",
        ),
        (
            request(LINE, "Host: rebound.example", ""),
            403,
            "the host `rebound.example` is not allowed",
        ),
        (
            request(LINE, HOST, "Origin: https://evil.example\r\n"),
            403,
            "the origin `https://evil.example` is not allowed",
        ),
        (
            request(LINE, HOST, "Origin: null\r\n"),
            403,
            "the origin `null` is not allowed",
        ),
        // A page does not learn which paths there are.
        (
            request(
                "GET /other HTTP/1.1",
                HOST,
                "Origin: https://evil.example\r\n",
            ),
            403,
            "the origin",
        ),
        ("\0\0\0\0\r\n\r\n".into(), 400, "not HTTP/1.1"),
        (
            format!("{LINE}\r\n{HOST}\r\nX: {}\r\n\r\n", "x".repeat(20_000)),
            431,
            "limit of 16384 bytes",
        ),
        (
            format!("{LINE}\r\n{HOST}\r\n{}\r\n", "X: y\r\n".repeat(101)),
            431,
            "limit of 100 headers",
        ),
    ] {
        let (answer, error) = answer(&WebSocket::new(), &request).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{request}{answer}"
        );
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(body.contains(text), "{request}{answer}");
        assert!(
            head.contains(&format!("content-length: {}", body.len())),
            "{answer}"
        );
        assert_eq!(
            head.contains("upgrade: websocket"),
            status == 426,
            "{answer}"
        );
        let expected = WebSocketError::Refused {
            status,
            text: body.to_owned(),
        };
        assert_eq!(error, Err(Some(expected)), "{request}");
    }
}

#[tokio::test]
async fn listed_hosts_and_origins_are_accepted() {
    let socket = WebSocket::new()
        .allow_origin("https://board.example")
        .allow_host("board.example");
    for (host, others) in [
        ("Host: $HOST", ""),
        ("Host: localhost:1", ""),
        ("Host: [::1]", ""),
        (
            "Host: BOARD.example:443",
            "Origin: https://board.example\r\n",
        ),
    ] {
        let (answer, accepted) = answer(&socket, &request(LINE, host, others)).await;
        assert!(
            answer.starts_with("HTTP/1.1 101 Switching Protocols\r\n"),
            "{answer}"
        );
        assert_eq!(accepted, Ok(Identity::Anonymous));
    }
}

#[tokio::test]
async fn a_query_is_not_part_of_the_path() {
    let (answer, _) = answer(
        &WebSocket::new(),
        &request("GET /chirp?a=/b HTTP/1.1", HOST, ""),
    )
    .await;
    assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
}

#[tokio::test]
async fn tokens_give_access_and_an_account() {
    let socket = WebSocket::new()
        .token("shared")
        .account("ann", "hers")
        .account("bob", "his");
    let bearer = |token: &str| request(LINE, HOST, &format!("Authorization: {token}\r\n"));
    let protocol = |offered: &str| request(LINE, HOST, "").replace("chirp.v0", offered);
    let account = |name: &str| Ok(Identity::Account(name.into()));
    for (request, expected) in [
        (bearer("Bearer shared"), Ok(Identity::Anonymous)),
        (bearer("bearer hers"), account("ann")),
        (bearer("Bearer his"), account("bob")),
        (protocol("chirp.token.hers, chirp.v0"), account("ann")),
        (
            protocol("chirp.v0\r\nSec-WebSocket-Protocol: chirp.token.his"),
            account("bob"),
        ),
        (bearer("Bearer "), Err(401)),
        (bearer("Bearer share"), Err(401)),
        (bearer("Bearer shared2"), Err(401)),
        (bearer("Basic shared"), Err(401)),
        (protocol("chirp.token.wrong, chirp.v0"), Err(401)),
        (protocol("chirp.v0"), Err(401)),
        (
            request("GET /chirp?token=shared HTTP/1.1", HOST, ""),
            Err(401),
        ),
    ] {
        let (answer, accepted) = answer(&socket, &request).await;
        match expected {
            Ok(identity) => {
                assert_eq!(accepted, Ok(identity), "{request}");
                // The token is not repeated in the answer.
                assert!(
                    answer.contains("sec-websocket-protocol: chirp.v0\r\n"),
                    "{answer}"
                );
            }
            Err(status) => {
                assert!(
                    answer.starts_with(&format!("HTTP/1.1 {status} ")),
                    "{request}{answer}"
                );
                assert!(answer.contains("www-authenticate: Bearer\r\n"), "{answer}");
                assert!(!answer.contains("shared"), "{answer}");
            }
        }
    }
}

#[tokio::test]
async fn a_hook_decides_on_the_identity() {
    let socket = WebSocket::new().authenticate(|request| async move {
        let cookie = request.headers.get("cookie").ok_or("log in first")?;
        match cookie.to_str() {
            Ok("session=17") => Ok(Identity::Account("ann".into())),
            _ => Err(format!("the session has ended at {}", request.uri)),
        }
    });
    let with = |cookie: &str| request(LINE, HOST, cookie);
    let (_, accepted) = answer(&socket, &with("Cookie: session=17\r\n")).await;
    assert_eq!(accepted, Ok(Identity::Account("ann".into())));
    for (cookie, text) in [
        ("", "log in first"),
        ("Cookie: session=18\r\n", "the session has ended at /chirp"),
    ] {
        let (answer, _) = answer(&socket, &with(cookie)).await;
        assert!(
            answer.starts_with("HTTP/1.1 401 ") && answer.ends_with(text),
            "{answer}"
        );
    }
}

#[tokio::test]
async fn the_name_that_a_server_is_bound_to_is_accepted() {
    let listener = WebSocket::new().listen_on("ws://localhost:0/").await;
    let address = listener.endpoint().to_string();
    assert!(
        address.starts_with("ws://localhost:") && address.ends_with('/'),
        "{address}"
    );
}

trait ListenOn {
    async fn listen_on(&self, address: &str) -> Box<dyn Listener>;
}

impl ListenOn for WebSocket {
    async fn listen_on(&self, address: &str) -> Box<dyn Listener> {
        chirp::channel::Scheme::listen(self, &other(address))
            .await
            .unwrap()
    }
}

/// A client that sends its request slowly, or not at all, keeps nobody out and is given up.
#[tokio::test]
async fn slow_handshakes_end_and_delay_nobody() {
    let (errors, mut reported) = mpsc::unbounded_channel();
    let server = Server::builder()
        .scheme("ws", WebSocket::new())
        .handshake_timeout(Duration::from_millis(300))
        .on_accept_error(move |error| errors.send(error.to_string()).unwrap())
        .bind("ws://127.0.0.1:0/chirp")
        .await
        .unwrap();
    let address = server.endpoint().to_string();
    let host = address
        .strip_prefix("ws://")
        .unwrap()
        .strip_suffix("/chirp")
        .unwrap()
        .to_owned();
    let running = tokio::spawn(server.run());
    let mut slow = TcpStream::connect(&*host).await.unwrap();
    slow.write_all(&handshake(&host).as_bytes()[..40])
        .await
        .unwrap();
    let builder = PeerBuilder::new().scheme("ws", WebSocket::new());
    let peer = in_time(builder.connect(&*address)).await.unwrap();
    let error = in_time(reported.recv()).await.unwrap();
    assert!(error.contains("timed out after 300ms"), "{error}");
    assert_eq!(in_time(slow.read(&mut [0])).await.unwrap(), 0);
    drop(peer);
    running.abort();
}

#[tokio::test]
async fn refusals_are_reported_to_the_server() {
    let (errors, mut reported) = mpsc::unbounded_channel();
    let server = Server::builder()
        .scheme("ws", WebSocket::new().token("secret"))
        .on_accept_error(move |error| {
            let AcceptError::Handshake { error, .. } = error else {
                panic!("{error}");
            };
            errors.send(WebSocketError::of(error).cloned()).unwrap();
        })
        .bind("ws://127.0.0.1:0/chirp")
        .await
        .unwrap();
    let address = server.endpoint().to_string();
    let running = tokio::spawn(server.run());
    let wrong = PeerBuilder::new().scheme("ws", WebSocket::new().token("guess"));
    let error = in_time(wrong.connect(&*address))
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error
            .contains("refused the WebSocket handshake with status 401: a valid token is required"),
        "{error}"
    );
    let right = PeerBuilder::new().scheme("ws", WebSocket::new().token("secret"));
    in_time(right.connect(&*address)).await.unwrap();
    match in_time(reported.recv()).await.unwrap() {
        Some(WebSocketError::Refused { status: 401, .. }) => {}
        other => panic!("{other:?}"),
    }
    running.abort();
}
