//! Connections that have ended leave no memory in a server that goes on. Counting bytes needs an allocator of its own, so this is a
//! crate of its own.
#![cfg(all(feature = "tls", feature = "websocket"))]

mod support;

use std::alloc::System;
use std::pin::Pin;
use std::time::Duration;

use chirp::channel::{Keypair, TlsClient, TlsServer};
use chirp::websocket::WebSocket;
use chirp::{PeerBuilder, Request, Server, ServerBuilder, ServerHandle};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use support::socket_path;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::task::JoinSet;

#[global_allocator]
static HEAP: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Much longer than any step takes: an end that hangs fails.
const LONG: Duration = Duration::from_mins(1);

/// The number of connections that fill caches of a limited size, TLS sessions for example.
const FIRST: usize = 600;

/// The number of connections that are measured.
const MEASURED: usize = 600;

/// The bytes for each connection that count as nothing: tables may just have grown.
const NOTHING: usize = 32;

fn held() -> usize {
    let stats = HEAP.stats();
    stats
        .bytes_allocated
        .saturating_sub(stats.bytes_deallocated)
}

/// The number of concurrent connections.
const AT_ONCE: usize = 20;

/// One connection, from its beginning to its end.
type Life = Box<dyn Fn(String) -> Pin<Box<dyn Future<Output = ()> + Send>>>;

/// A connection that calls once and ends.
fn caller(builder: PeerBuilder) -> Life {
    Box::new(move |address| {
        let builder = builder.clone();
        Box::pin(async move {
            let peer = builder.connect(&*address).await.expect("connected");
            assert_eq!(peer.call("echo", "word").await.expect("answered"), "word");
            peer.shutdown(LONG).await;
        })
    })
}

/// A connection by a stranger, whose handshake fails.
fn stranger() -> Life {
    Box::new(|address| {
        Box::pin(async move {
            let (_, port) = address.rsplit_once(':').expect("a port");
            let port = port.trim_end_matches('/').parse().expect("a port");
            let connected = TcpStream::connect(("127.0.0.1", port)).await;
            let mut stream = connected.expect("connected");
            // The server may have closed the connection already.
            let _ = stream.write_all(b"no handshake at all\r\n\r\n").await;
            let _ = stream.read_to_end(&mut Vec::new()).await;
        })
    })
}

async fn come_and_go(address: &str, life: &Life, count: usize) {
    let mut lives = JoinSet::new();
    for _ in 0..count {
        if lives.len() == AT_ONCE {
            lives.join_next().await.expect("one").expect("no panics");
        }
        lives.spawn(life(address.to_owned()));
    }
    lives.join_all().await;
}

/// Waits until the server has no connection and no more tasks than without one.
async fn rest(server: &ServerHandle, tasks: usize) {
    let is_busy = || {
        let alive = Handle::current().metrics().num_alive_tasks();
        !server.connections().is_empty() || alive > tasks
    };
    let rests = async {
        while is_busy() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LONG, rests).await.expect("it rests");
}

async fn leave_nothing(builder: ServerBuilder, address: &str, life: Life) {
    let echo = |request: Request| async move { Ok::<_, String>(request.params().to_vec()) };
    let server = builder.handle("echo", echo).bind(address).await;
    let server = server.expect("bound");
    let (address, handle) = (server.endpoint().to_string(), server.handle());
    let running = tokio::spawn(server.run());
    tokio::task::yield_now().await;
    let tasks = Handle::current().metrics().num_alive_tasks();

    come_and_go(&address, &life, FIRST).await;
    rest(&handle, tasks).await;
    let before = held();
    come_and_go(&address, &life, MEASURED).await;
    rest(&handle, tasks).await;
    let grown = held().saturating_sub(before);
    assert!(
        grown < MEASURED * NOTHING,
        "{address}: {grown} bytes are left of {MEASURED} connections"
    );
    running.abort();
    let _aborted = running.await;
}

/// One test: the allocator counts for the whole process.
#[tokio::test]
async fn connections_leave_no_memory() {
    let path = format!("unix://{}", socket_path().display());
    leave_nothing(Server::builder(), &path, caller(PeerBuilder::new())).await;

    let (here, there) = (
        Keypair::generate().expect("a key"),
        Keypair::generate().expect("a key"),
    );
    let tls = || Server::builder().tls(TlsServer::keys(&there, here.public()));
    let client = PeerBuilder::new().tls(TlsClient::keys(&here, there.public()));
    leave_nothing(tls(), "tls://127.0.0.1:0", caller(client)).await;
    leave_nothing(tls(), "tls://127.0.0.1:0", stranger()).await;

    let websocket = || Server::builder().scheme("ws", WebSocket::new());
    let client = PeerBuilder::new().scheme("ws", WebSocket::new());
    leave_nothing(websocket(), "ws://127.0.0.1:0", caller(client)).await;
    leave_nothing(websocket(), "ws://127.0.0.1:0", stranger()).await;
}
