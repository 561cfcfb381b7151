//! Accepting connections: addresses, limits, handshakes and silent clients.
#![allow(clippy::unwrap_used, reason = "a test may")]

use crate::support::{echo, socket_path};
use chirp::channel::{Channel, Incoming, Listener, memory};
use chirp::packet::ErrorData;
use chirp::{
    AcceptError, CallError, Endpoint, Peer, PeerBuilder, Request, Server, ServerBuilder,
    SharedMetrics, connect,
};
use std::io;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

/// Much longer than any step takes: a test that hangs fails.
const LONG: Duration = Duration::from_secs(30);

fn run(server: Server) -> (oneshot::Sender<()>, JoinHandle<()>) {
    let (stop, stopped) = oneshot::channel();
    let running = tokio::spawn(server.run_until(async {
        let _ = stopped.await;
    }));
    (stop, running)
}

async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(LONG, future)
        .await
        .expect("it does not hang")
}

async fn says(peer: &Peer, text: &'static str) -> bool {
    soon(peer.call("echo", text))
        .await
        .is_ok_and(|answer| answer == text)
}

/// A server that serves `echo` and reports its accept errors.
fn server() -> (ServerBuilder, mpsc::UnboundedReceiver<AcceptError>) {
    let (say, said) = mpsc::unbounded_channel();
    let builder = Server::builder()
        .handle("echo", echo)
        .on_accept_error(move |error| say.send(error.clone()).unwrap_or_default());
    (builder, said)
}

fn says_who(text: &'static str) -> impl Fn(ServerBuilder) -> ServerBuilder {
    move |builder| {
        builder.handle(
            "who",
            move |_: Request| async move { Ok::<_, ErrorData>(text) },
        )
    }
}

#[tokio::test]
async fn a_server_listens_on_several_addresses() {
    let path = socket_path();
    let server = Server::builder()
        .handle("echo", echo)
        .bind("tcp://127.0.0.1:0")
        .await
        .unwrap();
    let server = server
        .also_bind(format!("unix://{}", path.display()))
        .await
        .unwrap();
    let server = server.also_bind("inproc://several").await.unwrap();
    let taken = Server::builder()
        .bind("inproc://several")
        .await
        .unwrap_err();
    assert!(taken.to_string().contains("inproc://several"), "{taken}");
    let addresses: Vec<_> = server.endpoints().map(ToString::to_string).collect();
    assert_eq!(addresses.len(), 3);
    assert_eq!(server.endpoint().to_string(), addresses[0]);
    let mut connections = server.incoming();
    let (stop, running) = run(server);
    let mut peers = Vec::new();
    for (number, address) in (1..).zip(&addresses) {
        let peer = connect(address).await.unwrap();
        assert!(says(&peer, "x").await);
        assert_eq!(connections.recv().await.unwrap().number, number);
        peers.push(peer);
    }
    stop.send(()).unwrap();
    soon(running).await.unwrap();
    for peer in peers {
        soon(peer.closed()).await;
    }
    for address in addresses {
        connect(&address)
            .await
            .expect_err("nobody listens any more");
    }
}

/// CH-60: connections made elsewhere. The server ends when no more of them can come.
#[tokio::test]
async fn connections_may_be_handed_to_a_server() {
    let server = Server::builder().handle("echo", echo).build().unwrap();
    assert_eq!(server.endpoints().count(), 0);
    let handle = server.handle();
    let running = tokio::spawn(server.run());
    let mut peers = Vec::new();
    for _ in 0..40 {
        let (ours, theirs) = memory();
        handle.serve_connection(ours).await.unwrap();
        let peer = PeerBuilder::new().start(theirs).unwrap();
        assert!(says(&peer, "x").await);
        peers.push(peer);
    }
    assert_eq!(handle.connections().len(), 40);
    drop(handle);
    // Existing connections are served to their end.
    assert!(says(&peers[0], "y").await);
    assert!(!running.is_finished());
    drop(peers);
    soon(running).await.unwrap();
}

#[tokio::test]
async fn a_server_that_has_ended_takes_no_connections() {
    let server = Server::builder().build().unwrap();
    let handle = server.handle();
    let (stop, running) = run(server);
    stop.send(()).unwrap();
    soon(running).await.unwrap();
    let (ours, mut theirs) = tokio::io::duplex(8);
    let returned = handle
        .serve_connection(Channel::io(ours))
        .await
        .unwrap_err();
    drop(returned);
    assert_eq!(theirs.read(&mut [0; 8]).await.unwrap(), 0);
}

/// CH-58: a change of the builder affects later connections only.
#[tokio::test]
async fn a_builder_change_affects_later_connections_only() {
    let server = says_who("old")(Server::builder())
        .bind("inproc://changing")
        .await
        .unwrap();
    let handle = server.handle();
    let (_stop, _running) = run(server);
    let old = connect("inproc://changing").await.unwrap();
    assert_eq!(soon(old.call("who", ())).await.unwrap(), "old");
    handle.update(says_who("new")).unwrap();
    let new = connect("inproc://changing").await.unwrap();
    assert_eq!(soon(new.call("who", ())).await.unwrap(), "new");
    assert_eq!(soon(old.call("who", ())).await.unwrap(), "old");
}

/// The connection limit is far below the thousand silent connections.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_silent_connections_keep_nobody_out() {
    for address in ["tcp://127.0.0.1:0", "inproc://a thousand"] {
        let (builder, mut refused) = server();
        let server = builder.max_connections(20).bind(address).await.unwrap();
        let address = server.endpoint().to_string();
        let handle = server.handle();
        let (_stop, _running) = run(server);
        // A connection that has sent something stays.
        let good = connect(&address).await.unwrap();
        assert!(says(&good, "first").await);
        let mut silent = Vec::new();
        for _ in 0..1000 {
            let endpoint: Endpoint = address.parse().unwrap();
            silent.push(soon(endpoint.connect()).await.unwrap());
        }
        let late = connect(&address).await.unwrap();
        assert!(says(&late, "late").await);
        assert!(says(&good, "still").await);
        assert!(handle.connections().len() <= 20);
        for _ in 0..900 {
            let error = soon(refused.recv()).await.unwrap();
            assert!(matches!(error, AcceptError::MadeRoom { .. }), "{error}");
        }
    }
}

/// At the limit, with all connections active, the next one waits until one ends.
#[tokio::test]
async fn a_full_server_lets_connections_wait() {
    let (builder, _refused) = server();
    let server = builder
        .max_connections(2)
        .bind("tcp://127.0.0.1:0")
        .await
        .unwrap();
    let address = server.endpoint().to_string();
    let (_stop, _running) = run(server);
    let (one, other) = (
        connect(&address).await.unwrap(),
        connect(&address).await.unwrap(),
    );
    assert!(says(&one, "one").await && says(&other, "other").await);
    let third = connect(&address).await.unwrap();
    let mut waits = third.call("echo", "third").start();
    for _ in 0..20 {
        assert!(says(&one, "one").await);
    }
    assert!(
        std::future::poll_fn(|cx| std::task::Poll::Ready(std::pin::Pin::new(&mut waits).poll(cx)))
            .await
            .is_pending()
    );
    other.close();
    assert_eq!(soon(waits).await.unwrap(), "third");
}

/// A handshake that reads one word.
async fn password(channel: Channel) -> io::Result<Channel> {
    let (mut reader, writer) = channel.into_split();
    let mut word = [0; 6];
    reader.read_exact(&mut word).await?;
    if &word != b"please" {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "not a polite one",
        ));
    }
    Ok(Channel::new(reader, writer))
}

async fn polite(address: &str) -> Peer {
    let endpoint: Endpoint = address.parse().unwrap();
    let (reader, mut writer) = endpoint.connect().await.unwrap().into_split();
    writer.write_all(b"please").await.unwrap();
    PeerBuilder::new()
        .start(Channel::new(reader, writer))
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_handshake_does_not_delay_others() {
    let (builder, mut refused) = server();
    let server = builder
        .handshake(password)
        .max_handshakes(8)
        .bind("tcp://127.0.0.1:0")
        .await
        .unwrap();
    let address = server.endpoint().to_string();
    let endpoint = server.endpoint().clone();
    let (stop, running) = run(server);
    let good = polite(&address).await;
    assert!(says(&good, "good").await);
    let mut silent = Vec::new();
    for _ in 0..1000 {
        silent.push(endpoint.connect().await.unwrap());
    }
    let late = polite(&address).await;
    assert!(says(&late, "late").await);
    for _ in 0..900 {
        let error = soon(refused.recv()).await.unwrap();
        assert!(
            matches!(error, AcceptError::MadeRoom { remote: Some(_) }),
            "{error}"
        );
    }
    drop(silent);
    let (_reader, mut writer) = endpoint.connect().await.unwrap().into_split();
    writer.write_all(b"sesame").await.unwrap();
    loop {
        // Connections that were closed meanwhile have failed, too.
        let error = soon(refused.recv()).await.unwrap();
        if error.to_string().contains("not a polite one") {
            assert!(matches!(&error, AcceptError::Handshake { error, .. }
                if error.kind() == io::ErrorKind::PermissionDenied));
            break;
        }
    }
    stop.send(()).unwrap();
    soon(running).await.unwrap();
    assert!(soon(good.closed()).await.is_clean());
}

#[tokio::test(start_paused = true)]
async fn a_handshake_has_a_time_limit() {
    let (builder, mut refused) = server();
    let server = builder
        .handshake(password)
        .handshake_timeout(Duration::from_secs(3))
        .bind("inproc://slow handshake")
        .await
        .unwrap();
    let (_stop, _running) = run(server);
    let endpoint: Endpoint = "inproc://slow handshake".parse().unwrap();
    let begin = tokio::time::Instant::now();
    let (mut reader, _writer) = endpoint.connect().await.unwrap().into_split();
    assert_eq!(reader.read(&mut [0; 8]).await.unwrap(), 0);
    assert_eq!(begin.elapsed().as_secs(), 3);
    let error = refused.recv().await.unwrap();
    assert!(
        matches!(&error, AcceptError::Handshake { remote: Some(_), error }
        if error.kind() == io::ErrorKind::TimedOut),
        "{error}"
    );
}

/// A server's metrics count accepted connections, those whose handshake failed or was aborted, and those that are open.
#[tokio::test]
async fn connections_are_counted() {
    let metrics = SharedMetrics::new();
    let (builder, mut refused) = server();
    let server = builder
        .configure_peers(|peers| peers.metrics(&metrics))
        .handshake(password)
        .max_handshakes(1)
        .bind("inproc://counted connections")
        .await
        .unwrap();
    let (stop, running) = run(server);
    let address = "inproc://counted connections";
    let endpoint: Endpoint = address.parse().unwrap();
    let counted = || {
        let metrics = metrics.snapshot();
        let connections = metrics.connections;
        let closed_early = connections.refused;
        (connections.accepted, closed_early, metrics.connections_open)
    };
    assert_eq!(counted(), (0, 0, 0));
    let first = polite(address).await;
    assert!(says(&first, "first").await);
    assert_eq!(counted(), (1, 0, 1));
    let (_reader, mut writer) = endpoint.connect().await.unwrap().into_split();
    writer.write_all(b"sesame").await.unwrap();
    soon(refused.recv()).await.unwrap();
    assert_eq!(counted(), (1, 1, 1));
    // A handshake that does not end makes room for the next connection.
    let _silent = endpoint.connect().await.unwrap();
    let second = polite(address).await;
    assert!(says(&second, "second").await);
    soon(refused.recv()).await.unwrap();
    assert_eq!(counted(), (2, 2, 2));
    stop.send(()).unwrap();
    soon(running).await.unwrap();
    assert_eq!(counted(), (2, 2, 0));
}

/// A listener whose connections need a handshake, one of which panics.
struct Shaking {
    endpoint: Endpoint,
    left: Vec<Channel>,
}

#[async_trait::async_trait]
impl Listener for Shaking {
    fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    async fn accept(&mut self) -> io::Result<Channel> {
        let incoming = self.incoming().await?;
        incoming.ok_or(io::ErrorKind::NotConnected)?.finish().await
    }

    async fn incoming(&mut self) -> io::Result<Option<Incoming>> {
        let Some(channel) = self.left.pop() else {
            return Ok(None);
        };
        let panics = self.left.is_empty();
        Ok(Some(Incoming::unfinished(None, async move {
            tokio::task::yield_now().await;
            assert!(!panics, "in a handshake");
            password(channel).await
        })))
    }
}

/// The listener has two connections: the server ends with the last of them.
#[tokio::test]
async fn a_listener_may_have_handshakes_and_an_end() {
    let (builder, mut refused) = server();
    let ((last, mut gone), (ours, theirs)) = (tokio::io::duplex(64), memory());
    let listener = Shaking {
        endpoint: "inproc://nowhere".parse().unwrap(),
        left: vec![Channel::io(last), ours],
    };
    let running = tokio::spawn(builder.listen(Box::new(listener)).run());
    let (reader, mut writer) = theirs.into_split();
    writer.write_all(b"please").await.unwrap();
    let peer = PeerBuilder::new()
        .start(Channel::new(reader, writer))
        .unwrap();
    assert!(says(&peer, "x").await);
    assert_eq!(gone.read(&mut [0; 8]).await.unwrap(), 0);
    let error = soon(refused.recv()).await.unwrap();
    assert!(error.to_string().contains("panicked"), "{error}");
    assert!(!running.is_finished());
    peer.close();
    soon(running).await.unwrap();
    let closed = peer.call("echo", "x").await;
    assert!(matches!(closed, Err(CallError::ConnectionLost(_))));
}

/// A listener with scripted results, which then stays pending.
struct Scripted(Endpoint, Vec<io::Result<Channel>>);

#[async_trait::async_trait]
impl Listener for Scripted {
    fn endpoint(&self) -> &Endpoint {
        &self.0
    }

    async fn accept(&mut self) -> io::Result<Channel> {
        match self.1.pop() {
            Some(next) => next,
            None => std::future::pending().await,
        }
    }
}

/// When descriptors run out, a silent connection is closed; other accept errors close none.
#[tokio::test]
async fn a_silent_connection_makes_room_when_files_run_out() {
    const EMFILE: i32 = 24;
    let (builder, mut refused) = server();
    let ((silent, mut gone), (ours, theirs)) = (tokio::io::duplex(64), memory());
    let script = vec![
        Ok(ours),
        Err(io::Error::from_raw_os_error(EMFILE)),
        Err(io::Error::other("something else")),
        Ok(Channel::io(silent)),
    ];
    let listener = Scripted("inproc://scripted".parse().unwrap(), script);
    let (_stop, _running) = run(builder.listen(Box::new(listener)));
    let peer = PeerBuilder::new().start(theirs).unwrap();
    assert!(says(&peer, "x").await);
    assert_eq!(soon(gone.read(&mut [0; 8])).await.unwrap(), 0);
    let first = soon(refused.recv()).await.unwrap();
    assert!(first.to_string().contains("something else"), "{first}");
    let second = soon(refused.recv()).await.unwrap();
    assert!(matches!(second, AcceptError::MadeRoom { .. }), "{second}");
    let third = soon(refused.recv()).await.unwrap();
    assert!(matches!(third, AcceptError::Accept { .. }), "{third}");
}

/// Yields one connection, and ends only after that connection has ended.
struct OneThenNothing {
    endpoint: Endpoint,
    channel: Option<Channel>,
}

#[async_trait::async_trait]
impl Listener for OneThenNothing {
    fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    async fn accept(&mut self) -> io::Result<Channel> {
        unreachable!("a server asks for what is incoming")
    }

    async fn incoming(&mut self) -> io::Result<Option<Incoming>> {
        if let Some(channel) = self.channel.take() {
            return Ok(Some(channel.into()));
        }
        // With paused time, this returns once every other task is idle.
        tokio::time::sleep(Duration::from_millis(1)).await;
        Ok(None)
    }
}

/// The last event that wakes the accept loop is the end of the listener.
#[tokio::test(start_paused = true)]
async fn a_server_ends_when_its_only_connection_ended_before_its_listener() {
    for others in [0, 3] {
        let (channel, other) = memory();
        drop(other);
        let mut server = Server::builder().build().unwrap();
        for channel in std::iter::once(Some(channel)).chain((0..others).map(|_| None)) {
            server = server.also_listen(Box::new(OneThenNothing {
                endpoint: "stdio:".parse().unwrap(),
                channel,
            }));
        }
        soon(server.run()).await;
    }
}
