//! A service beside other routes, in a program of axum. All limits of the server hold.

use std::net::SocketAddr;

use axum::Router;
use axum::routing::get;
use chirp::websocket::{UpgradeListener, WebSocket, WebSocketError, WebSocketService};
use chirp::{ConnectionError, Identity, PeerBuilder, Server, ServerBuilder};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use crate::calls::{ArithClient, ArithServer, Calculator};
use crate::raw::{BINARY, CLOSE, close, frame, handshake, read_frame, read_head};
use crate::support::{in_time, read_packet, request};

/// Serves a page at `/` and Chirp at `/chirp`. Returns the address.
async fn serve(upgrade: WebSocketService) -> SocketAddr {
    let app = Router::new()
        .route("/", get(|| async { "a page" }))
        .route_service("/chirp", upgrade);
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = port.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(port, app).await });
    address
}

fn start(builder: ServerBuilder, connections: UpgradeListener) -> Server {
    builder.listen(Box::new(connections))
}

async fn get_page(address: SocketAddr, path: &str) -> String {
    let mut io = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    io.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    io.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn calls_are_served_beside_other_routes() {
    let (upgrade, connections) = WebSocket::new().service();
    let server = start(
        Server::builder().service(ArithServer::new(Calculator)),
        connections,
    );
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn(server.run_until(stopped));
    let address = serve(upgrade).await;
    let builder = PeerBuilder::new().scheme("ws", WebSocket::new());
    let peer = in_time(builder.connect(&*format!("ws://{address}/chirp")))
        .await
        .unwrap();
    assert_eq!(in_time(ArithClient::new(&peer).add(1, 2)).await.unwrap(), 3);
    assert!(in_time(get_page(address, "/")).await.ends_with("a page"));
    let answer = in_time(get_page(address, "/chirp")).await;
    assert!(
        answer.starts_with("HTTP/1.1 426 Upgrade Required\r\n"),
        "{answer}"
    );
    let error = in_time(builder.connect(&*format!("ws://{address}/nothing")))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("status 404"), "{error}");
    // The server shuts down as it does alone, and what comes then is refused.
    stop.send(()).unwrap();
    let end = in_time(peer.closed()).await;
    assert!(matches!(end, ConnectionError::ClosedByPeer), "{end}");
    in_time(running).await.unwrap();
    let error = in_time(builder.connect(&*format!("ws://{address}/chirp")))
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("status 503: the server has stopped"),
        "{error}"
    );
}

/// A frame that is sent together with the request is read by hyper, and not lost.
#[tokio::test]
async fn frames_may_follow_the_request_at_once() {
    let (upgrade, connections) = WebSocket::new().service();
    let server = start(
        Server::builder().handle("echo", crate::support::echo),
        connections,
    );
    let running = tokio::spawn(server.run());
    let address = serve(upgrade).await;
    let mut io = TcpStream::connect(address).await.unwrap();
    let mut bytes = handshake(&address.to_string()).into_bytes();
    bytes.extend(frame(BINARY, &request(1, "echo", b"early"), true));
    io.write_all(&bytes).await.unwrap();
    let head = in_time(read_head(&mut io)).await;
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    let (_, payload) = in_time(read_frame(&mut io)).await;
    let (_, response) = in_time(read_packet(&mut &*payload)).await.unwrap();
    assert!(response.ends_with(b"early"));
    io.write_all(&frame(CLOSE, &close(1000, ""), true))
        .await
        .unwrap();
    assert_eq!(in_time(read_frame(&mut io)).await, (CLOSE, close(1000, "")));
    assert_eq!(in_time(io.read(&mut [0])).await.unwrap(), 0);
    running.abort();
}

#[tokio::test]
async fn limits_of_the_server_hold() {
    let (errors, mut reported) = mpsc::unbounded_channel();
    let (upgrade, connections) = WebSocket::new().service();
    let builder = Server::builder()
        .max_connections(2)
        .service(ArithServer::new(Calculator))
        .on_accept_error(move |error| errors.send(error.to_string()).unwrap());
    let running = tokio::spawn(start(builder, connections).run());
    let address = format!("ws://{}/chirp", serve(upgrade).await);
    let builder = PeerBuilder::new().scheme("ws", WebSocket::new());
    let first = in_time(builder.connect(&*address)).await.unwrap();
    in_time(ArithClient::new(&first).add(1, 2)).await.unwrap();
    // Connections that never send anything make room for others.
    let silent = in_time(WebSocket::new_channel(&address)).await;
    let third = in_time(builder.connect(&*address)).await.unwrap();
    assert_eq!(
        in_time(ArithClient::new(&third).add(1, 2)).await.unwrap(),
        3
    );
    let error = in_time(reported.recv()).await.unwrap();
    assert!(error.contains("to make room"), "{error}");
    assert_eq!(
        in_time(ArithClient::new(&first).add(2, 2)).await.unwrap(),
        4
    );
    drop(silent);
    running.abort();
}

trait NewChannel {
    async fn new_channel(address: &str) -> chirp::Channel;
}

impl NewChannel for WebSocket {
    async fn new_channel(address: &str) -> chirp::Channel {
        let address = crate::raw::other(address);
        chirp::channel::Scheme::connect(&Self::new(), &address)
            .await
            .unwrap()
    }
}

/// Facts that a program's middleware knows about a client reach its peer.
#[tokio::test]
async fn extensions_give_the_address_and_the_identity() {
    let (upgrade, connections) = WebSocket::new().service();
    let server = start(Server::builder(), connections);
    let mut incoming = server.incoming();
    let running = tokio::spawn(server.run());
    let mut service = upgrade;
    let app = Router::new().route_service(
        "/chirp",
        tower::service_fn(move |mut request: axum::extract::Request| {
            request
                .extensions_mut()
                .insert(SocketAddr::from(([10, 0, 0, 7], 99)));
            request
                .extensions_mut()
                .insert(Identity::Account("ann".into()));
            tower::Service::call(&mut service, request)
        }),
    );
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("ws://{}/chirp", port.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(port, app).await });
    let builder = PeerBuilder::new().scheme("ws", WebSocket::new());
    let _peer = in_time(builder.connect(&*address)).await.unwrap();
    let connection = in_time(incoming.recv()).await.unwrap();
    assert_eq!(
        connection.peer.remote().unwrap().to_string(),
        "tcp://10.0.0.7:99"
    );
    assert!(connection.identity.is_account("ann"));
    running.abort();
}

/// Handshakes are refused by a service as they are by a server alone.
#[tokio::test]
async fn pages_and_foreign_hosts_are_refused() {
    let (upgrade, connections) = WebSocket::new().token("secret").service();
    let running = tokio::spawn(start(Server::builder(), connections).run());
    let address = serve(upgrade).await;
    let host = address.to_string();
    for (request, status) in [
        (handshake("rebound.example"), "403"),
        (
            handshake(&host).replace("Upgrade: W", "Origin: http://evil.example\r\nUpgrade: W"),
            "403",
        ),
        (handshake(&host), "401"),
        (handshake(&host).replace("Version: 13", "Version: 7"), "426"),
    ] {
        let mut io = TcpStream::connect(address).await.unwrap();
        io.write_all(request.as_bytes()).await.unwrap();
        let head = in_time(read_head(&mut io)).await;
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{head}");
    }
    let builder = PeerBuilder::new().scheme("ws", WebSocket::new().token("secret"));
    in_time(builder.connect(&*format!("ws://{host}/chirp")))
        .await
        .unwrap();
    let wrong = PeerBuilder::new().scheme("ws", WebSocket::new().token("other"));
    let error = in_time(wrong.connect(&*format!("ws://{host}/chirp")))
        .await
        .unwrap_err();
    let chirp::ConnectError::Io(error) = &error else {
        panic!("{error:?}");
    };
    assert!(matches!(
        WebSocketError::of(error),
        Some(WebSocketError::Rejected { status: 401, .. })
    ));
    running.abort();
}

/// Handshakes wait for the server, and no more than it may be behind.
#[tokio::test]
async fn handshakes_beyond_the_backlog_are_refused() {
    let (mut upgrade, connections) = WebSocket::new().service();
    let mut statuses = Vec::new();
    for _ in 0..66 {
        let request = http::Request::get("/chirp")
            .header("Host", "localhost")
            .header("Connection", "Upgrade")
            .header("Upgrade", "websocket")
            .header("Sec-WebSocket-Version", "13")
            .header("Sec-WebSocket-Key", crate::raw::KEY)
            .header("Sec-WebSocket-Protocol", "chirp.v0");
        let request = request.body(()).unwrap();
        let answer = tower::Service::call(&mut upgrade, request).await.unwrap();
        statuses.push(answer.status().as_u16());
    }
    assert_eq!(statuses[..64], [101; 64]);
    assert_eq!(statuses[64..], [503; 2]);
    drop(connections);
}
