//! What an operator reads in the log about connections.
#![cfg(feature = "tracing")]

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chirp::{PeerBuilder, Request, Router, Server, channel};
use tokio::io::AsyncWriteExt as _;
use tokio::sync::Notify;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// Writes down the events that are at least as urgent as a level.
#[derive(Clone)]
struct Log {
    level: Level,
    lines: Arc<Mutex<Vec<String>>>,
    new: Arc<Notify>,
}

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let text = match field.name() {
            "message" => format!(" {value:?}"),
            name => format!(" {name}={value:?}"),
        };
        self.0.push_str(&text);
    }
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("chirp") && *metadata.level() <= self.level
    }
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn event(&self, event: &Event<'_>) {
        let mut text = Text(event.metadata().level().to_string());
        event.record(&mut text);
        self.lines.lock().expect("no panics").push(text.0);
        self.new.notify_waiters();
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

impl Log {
    fn new(level: Level) -> (Self, tracing::subscriber::DefaultGuard) {
        let log = Self {
            level,
            lines: Arc::default(),
            new: Arc::default(),
        };
        let guard = tracing::subscriber::set_default(log.clone());
        (log, guard)
    }

    /// Waits for a line that has all of these parts.
    async fn wait(&self, parts: &[&str]) -> String {
        let found = async {
            loop {
                let new = self.new.notified();
                let lines = self.lines.lock().expect("no panics").clone();
                let is_it = |line: &&String| parts.iter().all(|part| line.contains(part));
                if let Some(line) = lines.iter().find(is_it) {
                    return line.clone();
                }
                new.await;
            }
        };
        let found = tokio::time::timeout(Duration::from_secs(30), found).await;
        found.unwrap_or_else(|_| panic!("no {parts:?} in {:#?}", self.lines))
    }
}

#[tokio::test]
async fn a_connection_is_logged_from_its_beginning_to_its_end() {
    let (log, _guard) = Log::new(Level::INFO);
    let server = Server::builder()
        .bind("tcp://127.0.0.1:0")
        .await
        .expect("bound");
    let address = server.endpoint().to_string();
    let connected = server.incoming();
    tokio::spawn(server.run());
    let peer = chirp::connect(&address).await.expect("connected");
    log.wait(&["INFO connected", &format!("peer={address}")])
        .await;
    let mut connected = connected;
    let there = connected.recv().await.expect("a connection");
    there.peer.close();
    log.wait(&["INFO disconnected", "reason=closed by this side"])
        .await;
    peer.closed().await;
    log.wait(&[
        "INFO disconnected",
        &format!("peer={address}"),
        "reason=closed by the other side",
    ])
    .await;
}

#[tokio::test]
async fn an_orderly_end_is_logged_as_drained() {
    let (log, _guard) = Log::new(Level::INFO);
    let (a, b) = channel::memory();
    let a = PeerBuilder::new().start(a).expect("no duplicates");
    let _b = PeerBuilder::new().start(b).expect("no duplicates");
    a.shutdown(Duration::from_secs(10)).await;
    log.wait(&["INFO drained", "reason=closed by this side"])
        .await;
}

#[tokio::test]
async fn bytes_that_are_not_chirp_are_a_warning() {
    let (log, _guard) = Log::new(Level::INFO);
    let (here, mut there) = tokio::io::duplex(1024);
    let peer = PeerBuilder::new()
        .start(channel::Channel::io(here))
        .expect("no duplicates");
    there
        .write_all(b"GET / HTTP/1.1\r\n\r\n")
        .await
        .expect("written");
    peer.closed().await;
    log.wait(&[
        "WARN disconnected",
        "peer=a peer without an address",
        "speaks HTTP",
    ])
    .await;
}

#[tokio::test(start_paused = true)]
async fn each_attempt_to_reconnect_is_logged_with_its_pause_and_reason() {
    let (log, _guard) = Log::new(Level::INFO);
    let peer = PeerBuilder::new()
        .reconnecting("inproc://nobody-listens-here")
        .expect("an address");
    log.wait(&[
        "INFO reconnecting",
        "attempt=2",
        "pause=",
        "reason=",
        "nobody-listens-here",
    ])
    .await;
    log.wait(&["INFO reconnecting", "attempt=3"]).await;
    drop(peer);
}

/// The caller's error has no names of methods; the callee's log has those that the caller may call.
#[tokio::test]
async fn an_unknown_method_is_logged_with_what_is_served() {
    let (log, _guard) = Log::new(Level::DEBUG);
    let serve = |_: Request| async { Ok::<_, String>(()) };
    let mut router = Router::default();
    router
        .handle("Shop.look", serve)
        .handle("Shop.delta", serve);
    let shop = chirp::Caller::local(router);
    shop.call("Shop.pay", "").await.expect_err("unknown");
    log.wait(&[
        "DEBUG unknown method (served here: Shop.delta, Shop.look)",
        "method=Shop.pay",
    ])
    .await;
}

#[tokio::test]
async fn a_panic_is_logged_with_its_method_and_peer() {
    let (log, _guard) = Log::new(Level::ERROR);
    let at_once = |_: Request| async {
        assert!(std::hint::black_box(false), "at once");
        Ok::<_, String>(())
    };
    let later = |_: Request| async {
        tokio::task::yield_now().await;
        assert!(std::hint::black_box(false), "later");
        Ok::<_, String>(())
    };
    let server = Server::builder()
        .configure_peers(|peers| peers.handle("Shop.look", at_once).handle("Shop.pay", later))
        .bind("tcp://127.0.0.1:0")
        .await
        .expect("bound");
    let peer = chirp::connect(server.endpoint().to_string()).await;
    tokio::spawn(server.run());
    let peer = peer.expect("connected");
    for (method, text) in [("Shop.look", "at once"), ("Shop.pay", "later")] {
        peer.call(method, "").await.expect_err("it panics");
        log.wait(&[
            "ERROR a handler panicked",
            text,
            &format!("method={method}"),
            "peer=tcp://127.0.0.1:",
        ])
        .await;
    }
}

#[tokio::test]
async fn each_call_is_in_the_access_log() {
    let (log, _guard) = Log::new(Level::INFO);
    let server = Server::builder()
        .layer(chirp::layer::AccessLog::new())
        .handle("Shop.look", |_: Request| async { Ok::<_, String>(()) })
        .handle("Shop.pay", |_: Request| async { Err::<(), _>("no money") })
        .bind("tcp://127.0.0.1:0")
        .await
        .expect("bound");
    let peer = chirp::connect(server.endpoint().to_string()).await;
    tokio::spawn(server.run());
    let peer = peer.expect("connected");
    let unknown = "x".repeat(200);
    peer.call("Shop.look", "").await.expect("answered");
    peer.call("Shop.pay", "").await.expect_err("no money");
    peer.call(unknown.clone(), "").await.expect_err("unknown");
    let cut = format!("method=\"{} (not registered)\"", &unknown[..64]);
    for (method, outcome) in [
        ("method=\"Shop.look\"", "outcome=ok"),
        ("method=\"Shop.pay\"", "outcome=error"),
        (&*cut, "outcome=unknown_method"),
    ] {
        log.wait(&[
            "INFO call",
            method,
            "peer=\"tcp://127.0.0.1:",
            "identity=Anonymous",
            outcome,
            "time=",
            " ms",
        ])
        .await;
    }
}

#[cfg(feature = "tls")]
#[tokio::test]
async fn a_refused_connection_is_logged_with_the_reason() {
    let (log, _guard) = Log::new(Level::INFO);
    let keys = channel::Keypair::generate().expect("a key");
    let tls = channel::TlsServer::keys(&keys, keys.public());
    let server = Server::builder()
        .tls(tls)
        .bind("tls://127.0.0.1:0")
        .await
        .expect("bound");
    let address = server.endpoint().to_string().replace("tls://", "");
    tokio::spawn(server.run());
    let mut plain = tokio::net::TcpStream::connect(address)
        .await
        .expect("connected");
    plain
        .write_all(b"GET / HTTP/1.1\r\n\r\n")
        .await
        .expect("written");
    log.wait(&["INFO refused", "from tls://127.0.0.1:"]).await;
}
