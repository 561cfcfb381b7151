//! Servers: their connections, their shutdown, and what remains afterwards.

use crate::support::{DropFlag, echo, socket_path};
use async_trait::async_trait;
use chirp::channel::{Channel, Endpoint, Listener, memory};
use chirp::packet::ErrorData;
use chirp::{CallError, Peer, PeerBuilder, Reply, Request, Server, connect};
use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::JoinHandle;

const ADDRESS: &str = "tcp://127.0.0.1:0";

/// Runs a server until the sender is used.
fn run(server: Server) -> (oneshot::Sender<()>, JoinHandle<()>) {
    let (stop, stopped) = oneshot::channel();
    let running = tokio::spawn(server.run_until(async {
        let _ = stopped.await;
    }));
    (stop, running)
}

#[tokio::test]
async fn a_server_may_call_its_clients() {
    let server = Server::builder()
        .handle("echo", echo)
        .bind(ADDRESS)
        .await
        .expect("bound");
    let address = server.endpoint().to_string();
    let mut connections = server.incoming();
    let mut others = server.incoming();
    assert!(server.connections().is_empty());
    let (stop, running) = run(server);
    let mut agents = Vec::new();
    for number in 1..=3_u64 {
        let agent = PeerBuilder::new()
            .handle("who", move |_: Request| async move {
                Ok::<_, ErrorData>(number.to_string())
            })
            .connect(&address)
            .await
            .expect("connected");
        let connection = connections.recv().await.expect("accepted");
        assert_eq!(connection.number, number);
        assert!(matches!(connection.endpoint, Some(Endpoint::Tcp { .. })));
        let who = connection.peer.call("who", ()).await.expect("answered");
        assert_eq!(who, number.to_string());
        agents.push(agent);
    }
    // A connection that ended before it was accepted is not listed.
    agents.remove(0).close();
    others.recv().await.expect("accepted").peer.closed().await;
    stop.send(()).expect("it runs");
    running.await.expect("no panics");
    assert!(connections.recv().await.is_none());
    while others.recv().await.is_some() {}
}

#[tokio::test]
async fn hooks_see_a_connection_before_its_requests_and_after_its_end() {
    let (say, mut said) = mpsc::unbounded_channel();
    let say = move |what: &'static str| say.send(what).expect("the test listens");
    let [connected, handled, ended] = [say.clone(), say.clone(), say];
    let server = Server::builder()
        .on_connect(move |connection| {
            assert_eq!(connection.number, 1);
            connected("connected");
        })
        .handle("x", move |_: Request| {
            handled("handled");
            async { Ok::<_, ErrorData>(()) }
        })
        .on_disconnect(move |_, reason| {
            assert!(reason.is_clean());
            ended("ended");
            // This affects nobody.
            panic!("in a hook");
        })
        .bind(ADDRESS)
        .await
        .expect("bound");
    let address = server.endpoint().to_string();
    let (stop, running) = run(server);
    let peer = connect(&address).await.expect("connected");
    peer.call("x", ()).await.expect("answered");
    peer.close();
    for what in ["connected", "handled", "ended"] {
        assert_eq!(said.recv().await.expect("said"), what);
    }
    stop.send(()).expect("it runs");
    running.await.expect("no panics");
}

#[tokio::test]
async fn each_connection_has_routes_of_its_own() {
    let server = Server::builder()
        .handle("shared", echo)
        .routes_with(|peer: &Peer, router| {
            let peer = peer.clone();
            router.handle("back", move |request: Request| {
                let call = peer.call("mine", request.into_params());
                async move { Reply::forwarded(call.await) }
            });
            Ok(())
        })
        .bind(ADDRESS)
        .await
        .expect("bound");
    let address = server.endpoint().to_string();
    let (_stop, _running) = run(server);
    let mine =
        |text: &'static str| {
            let builder = PeerBuilder::new().handle("mine", move |_: Request| async move {
                Ok::<_, ErrorData>(text)
            });
            let address = address.clone();
            async move { builder.connect(&address).await.expect("connected") }
        };
    let (one, other) = (mine("one").await, mine("other").await);
    assert_eq!(one.call("back", ()).await.expect("answered"), "one");
    assert_eq!(other.call("back", ()).await.expect("answered"), "other");
    assert_eq!(one.call("shared", "x").await.expect("answered"), "x");
    let neither = connect(&address).await.expect("connected");
    let unknown = neither.call("back", ()).await;
    assert!(
        matches!(unknown, Err(CallError::UnknownMethod { .. })),
        "{unknown:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn shutdown_waits_for_handlers_within_its_timeout() {
    let go_on = Arc::new(Notify::new());
    let wait = Arc::clone(&go_on);
    let (begun, mut begins) = mpsc::unbounded_channel();
    let (ours, theirs) = memory();
    let listener = Scripted::new([Ok(ours)]);
    let server = Server::builder()
        .handle("finish", move |_: Request| {
            begun.send(()).expect("the test listens");
            let wait = Arc::clone(&wait);
            async move {
                wait.notified().await;
                Ok::<_, ErrorData>("finished")
            }
        })
        .handle("wait", |_: Request| std::future::pending::<ErrorData>())
        .shutdown_timeout(Duration::from_mins(1))
        .listen(Box::new(listener));
    let (stop, running) = run(server);
    let peer = PeerBuilder::new().start(theirs).expect("no duplicates");
    let finishes = peer.call("finish", ()).start();
    let never = peer.call("wait", ()).start();
    begins.recv().await.expect("it has begun");
    stop.send(()).expect("it runs");
    go_on.notify_one();
    assert_eq!(finishes.await.expect("answered"), "finished");
    running.await.expect("the bound has passed");
    assert!(matches!(never.await, Err(CallError::ConnectionLost(_))));
}

/// A listener with scripted results, which then stays pending.
struct Scripted {
    endpoint: Endpoint,
    script: VecDeque<io::Result<Channel>>,
}

impl Scripted {
    fn new(script: impl IntoIterator<Item = io::Result<Channel>>) -> Self {
        Self {
            endpoint: "unix:///nowhere".parse().expect("an address"),
            script: script.into_iter().collect(),
        }
    }
}

#[async_trait]
impl Listener for Scripted {
    fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    async fn accept(&mut self) -> io::Result<Channel> {
        match self.script.pop_front() {
            Some(next) => next,
            None => std::future::pending().await,
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_survives_failing_accepts() {
    let (ours, theirs) = memory();
    let failures = (0..20).map(|_| Err(io::Error::other("no more files")));
    let aborted = (0..20).map(|_| Err(io::ErrorKind::ConnectionAborted.into()));
    let script = failures.chain(aborted).chain([Ok(ours)]);
    let server = Server::builder()
        .handle("echo", echo)
        .listen(Box::new(Scripted::new(script)));
    let (_stop, _running) = run(server);
    let peer = PeerBuilder::new().start(theirs).expect("no duplicates");
    assert_eq!(peer.call("echo", "x").await.expect("answered"), "x");
}

/// A connection that is reset before it is accepted does not affect the next one.
#[tokio::test]
async fn a_server_survives_connections_that_are_reset_at_once() {
    let server = Server::builder()
        .handle("echo", echo)
        .bind(ADDRESS)
        .await
        .expect("bound");
    let Endpoint::Tcp { host, port } = server.endpoint().clone() else {
        panic!("not TCP")
    };
    for _ in 0..50 {
        let stream = TcpStream::connect((&*host, port.parse::<u16>().expect("a port")))
            .await
            .expect("connected");
        stream.set_zero_linger().expect("an option");
    }
    let address = server.endpoint().to_string();
    let (_stop, _running) = run(server);
    let peer = connect(&address).await.expect("connected");
    assert_eq!(peer.call("echo", "x").await.expect("answered"), "x");
}

#[tokio::test]
async fn a_dropped_server_ends_its_connections() {
    let server = Server::builder()
        .handle("echo", echo)
        .bind(ADDRESS)
        .await
        .expect("bound");
    let address = server.endpoint().to_string();
    let mut connections = server.incoming();
    let (_stop, running) = run(server);
    let peer = connect(&address).await.expect("connected");
    connections.recv().await.expect("accepted");
    running.abort();
    assert!(peer.closed().await.is_clean());
    while connections.recv().await.is_some() {}
    let unused = Server::builder().bind(ADDRESS).await.expect("bound");
    let mut connections = unused.incoming();
    drop(unused);
    assert!(connections.recv().await.is_none());
}

/// Each service keeps a client of its peer, as in a chat. `tests/resource_leaks.rs` counts descriptors.
#[test]
fn a_thousand_connections_leave_no_services_and_tasks() {
    const MANY: usize = 1000;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let (flag, mut dropped) = DropFlag::new();
    let flag = Mutex::new(Some(flag));
    let path = socket_path();
    runtime.block_on(async {
        let server = Server::builder()
            .routes_with(move |peer, router| {
                let flag = flag
                    .lock()
                    .expect("no panics")
                    .as_ref()
                    .map(|flag| DropFlag(flag.0.clone()));
                let peer = peer.clone();
                router.handle("x", move |_: Request| {
                    let _kept = (&flag, &peer);
                    async { Ok::<_, ErrorData>(()) }
                });
                Ok(())
            })
            .bind(format!("unix://{}", path.display()))
            .await
            .expect("bound");
        let address = server.endpoint().to_string();
        let (stop, running) = run(server);
        for _ in 0..MANY {
            let peer = connect(&address).await.expect("connected");
            peer.call("x", ()).await.expect("answered");
        }
        for _ in 0..MANY {
            dropped.recv().await.expect("a service was let go");
        }
        stop.send(()).expect("it runs");
        running.await.expect("no panics");
        while tokio::runtime::Handle::current()
            .metrics()
            .num_alive_tasks()
            > 0
        {
            tokio::task::yield_now().await;
        }
    });
}
