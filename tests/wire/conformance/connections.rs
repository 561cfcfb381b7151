//! Checks of the Go implementation's tests (CH-T) on channels, listeners and servers that no other test covers.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use chirp::channel::{Channel, Endpoint};
use chirp::packet::ErrorData;
use chirp::{PeerBuilder, Request, Server, connect};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};

use crate::conformance::live::handlers;
use crate::support::{DropFlag, LINKS, Link, channels, echo, socket_path};

const ADDRESS: &str = "tcp://127.0.0.1:0";

/// Runs a server until the sender is used or dropped.
fn run(server: Server) -> (oneshot::Sender<()>, JoinHandle<()>) {
    let (stop, stopped) = oneshot::channel();
    let running = tokio::spawn(server.run_until(async {
        let _ = stopped.await;
    }));
    (stop, running)
}

/// CH-T34: every kind of channel carries bytes both ways, and both ends learn of its end.
#[tokio::test]
async fn channels_carry_bytes_and_end() {
    for link in LINKS {
        let (one, other) = channels(link).await;
        let (mut from_other, mut to_other) = one.into_split();
        let (mut from_one, mut to_one) = other.into_split();
        let mut word = [0; 4];
        for _ in 0..10 {
            to_other.write_all(b"ping").await.expect("written");
            from_one.read_exact(&mut word).await.expect("read");
            assert_eq!(&word, b"ping");
            to_one.write_all(b"pong").await.expect("written");
            from_other.read_exact(&mut word).await.expect("read");
            assert_eq!(&word, b"pong");
        }
        drop((from_other, to_other));
        let rest = from_one.read(&mut word).await.expect("an end in order");
        assert_eq!(rest, 0, "{link:?}");
        // A socket may accept some bytes before it learns that nobody reads them.
        while to_one.write_all(&[0; 1 << 12]).await.is_ok() {}
    }
}

/// CH-T35: only sockets know the address of the other end.
#[tokio::test]
async fn sockets_have_addresses() {
    for link in LINKS {
        let (one, other) = channels(link).await;
        let known = (one.remote().is_some(), other.credentials().is_some());
        let expected = match link {
            Link::Tcp | Link::Inproc => (true, false),
            Link::Unix | Link::Abstract => (true, true),
            Link::Memory | Link::Pipes | Link::Slow | Link::Proxied => (false, false),
            // Memory has no address.
            #[cfg(feature = "tls")]
            Link::Tls => (false, false),
            #[cfg(feature = "websocket")]
            Link::WebSocket => (true, false),
        };
        assert_eq!(known, expected, "{link:?}");
        let peer = PeerBuilder::new().start(one).expect("no duplicates");
        assert_eq!(peer.remote().is_some(), expected.0, "{link:?}");
    }
}

/// CH-T36: a listener stays usable after an accept, also one that timed out.
#[tokio::test]
async fn a_listener_outlives_what_it_accepts() {
    let endpoint: Endpoint = ADDRESS.parse().expect("an address");
    let mut listener = endpoint.listen().await.expect("bound");
    let endpoint = listener.endpoint().clone();
    for _ in 0..3 {
        let nobody = tokio::time::timeout(Duration::ZERO, listener.accept()).await;
        assert!(nobody.is_err(), "nobody has connected");
        let (there, here) = tokio::join!(endpoint.connect(), listener.accept());
        drop((there.expect("connected"), here.expect("accepted")));
    }
}

/// CH-T32: a service made for a connection sees its client's address.
#[tokio::test]
async fn a_handler_sees_where_its_caller_is() {
    let server = Server::builder()
        .routes_with(|peer, router| {
            let remote = peer.remote().map(ToString::to_string);
            router.handle("where", move |_: Request| {
                let remote = remote.clone();
                async { remote.ok_or(ErrorData::from("nowhere")) }
            });
            Ok(())
        })
        .bind(ADDRESS)
        .await
        .expect("bound");
    let address = server.endpoint().to_string();
    let (stop, running) = run(server);
    let stream = TcpStream::connect(address.trim_start_matches("tcp://")).await;
    let stream = stream.expect("connected");
    let ours = format!("tcp://{}", stream.local_addr().expect("bound"));
    let peer = PeerBuilder::new().start(Channel::io(stream));
    let peer = peer.expect("no duplicates");
    assert!(peer.remote().is_none(), "nobody has said so");
    assert_eq!(peer.call("where", ()).await.expect("answered"), ours);
    drop(stop);
    running.await.expect("no panics");
}

/// CH-T37, CH-T38: ten clients make a hundred calls each; then the server shuts down.
#[tokio::test]
async fn ten_clients_are_served() {
    let builder = Server::builder().handle("later", |request: Request| async {
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
        echo(request).await
    });
    let server = builder.bind(ADDRESS).await.expect("bound");
    let address = server.endpoint().to_string();
    let (stop, running) = run(server);
    let mut calls = JoinSet::new();
    for client in 0..10 {
        let peer = connect(&address).await.expect("connected");
        for number in 0..100 {
            let peer = peer.clone();
            calls.spawn(async move {
                let text = format!("{client} {number}");
                let answer = peer.call("later", text.clone()).await;
                assert_eq!(answer.expect("answered"), text);
            });
        }
    }
    assert_eq!(calls.join_all().await.len(), 1000);
    stop.send(()).expect("it runs");
    running.await.expect("no panics");
    connect(&address).await.expect_err("nobody listens");
}

/// CH-T41: a server that has ended can be started again at its address.
#[tokio::test]
async fn a_server_starts_again() {
    let path = socket_path();
    let address = format!("unix://{}", path.display());
    for number in 0..3 {
        let server = Server::builder()
            .configure_peers(|_| handlers(chirp::Limits::default()))
            .bind(&*address)
            .await
            .expect("bound");
        let (stop, running) = run(server);
        let peer = connect(&*address).await.expect("connected");
        for text in [number.to_string(), String::new(), "x".repeat(100_000)] {
            let answer = peer.call("echo", text.clone()).await;
            assert_eq!(answer.expect("answered"), text);
        }
        peer.call("edata", ()).await.expect_err("it fails");
        let waiting = peer.call("wait", ()).start();
        let dropped = peer.call("echo", ()).await;
        dropped.expect("the call that waits is running");
        drop(waiting);
        stop.send(()).expect("it runs");
        running.await.expect("no panics");
        assert!(peer.closed().await.is_clean());
    }
    assert!(!path.exists());
}

/// CH-T56: a peer can be closed although its channel never becomes readable or writable.
#[tokio::test]
async fn a_silent_channel_is_closed() {
    /// Stays pending forever, and reports when it is dropped.
    struct Silent(#[expect(dead_code, reason = "it is dropped")] DropFlag);
    impl AsyncRead for Silent {
        fn poll_read(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            _: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            Poll::Pending
        }
    }
    impl AsyncWrite for Silent {
        fn poll_write(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            _: &[u8],
        ) -> Poll<io::Result<usize>> {
            Poll::Pending
        }
        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Pending
        }
        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Pending
        }
    }
    let (read, mut reader_gone) = DropFlag::new();
    let (write, mut writer_gone) = DropFlag::new();
    let peer = PeerBuilder::new()
        .start(Channel::new(Silent(read), Silent(write)))
        .expect("no duplicates");
    let call = peer.call("x", ()).start();
    peer.close();
    assert!(peer.closed().await.is_clean());
    call.await.expect_err("it is closed");
    reader_gone.recv().await.expect("it was there");
    writer_gone.recv().await.expect("it was there");
}
