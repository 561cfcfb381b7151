//! Reconnecting clients: calls while their server is gone and after it has returned.
#![allow(clippy::unwrap_used, reason = "a test may")]

use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::support::echo;
use chirp::channel::{Channel, InprocListener, Listener, memory};
use chirp::packet::ErrorData;
use chirp::{
    AsCaller, CallError, Caller, KeepAlive, Peer, PeerBuilder, ReconnectConfig, ReconnectState,
    ReconnectingPeer, Request, Server, SharedMetrics,
};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// Much longer than any step takes: a test that hangs fails.
const LONG: Duration = Duration::from_secs(30);

async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(LONG, future)
        .await
        .expect("it does not hang")
}

/// A server whose listener and connections are gone at once when this is dropped.
struct Life(JoinHandle<()>);

impl Drop for Life {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn serve(address: &str) -> Life {
    let server = Server::builder()
        .handle("echo", echo)
        .bind(address)
        .await
        .unwrap();
    Life(tokio::spawn(server.run()))
}

/// Waits until the server is gone completely.
async fn kill(mut life: Life) {
    life.0.abort();
    (&mut life.0).await.unwrap_err();
}

async fn until(link: &ReconnectingPeer, is: impl FnMut(&ReconnectState) -> bool) {
    soon(link.watch().wait_for(is)).await.unwrap();
}

fn quick() -> ReconnectConfig {
    ReconnectConfig::new().backoff(Duration::from_millis(1), Duration::from_millis(20))
}

#[tokio::test]
async fn a_client_reconnects_over_every_kind_of_address() {
    let path = crate::support::socket_path();
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    for address in [
        format!("tcp://{port}"),
        format!("unix://{}", path.display()),
        "inproc://comes back".to_owned(),
    ] {
        // The client exists before its server.
        let link = PeerBuilder::new().reconnecting(&address).unwrap();
        let waits = tokio::spawn(link.as_caller().call("echo", "early"));
        until(&link, |state| {
            matches!(state, ReconnectState::Waiting { attempts: 1.., .. })
        })
        .await;
        assert!(link.peer().is_none());
        let mut life = serve(&address).await;
        assert_eq!(soon(waits).await.unwrap().unwrap(), "early");
        for _ in 0..3 {
            let peer = soon(link.ready()).await.unwrap();
            assert_eq!(link.state(), ReconnectState::Connected);
            kill(life).await;
            soon(peer.closed()).await;
            life = serve(&address).await;
            assert_eq!(
                soon(link.as_caller().call("echo", "again")).await.unwrap(),
                "again"
            );
        }
    }
}

#[tokio::test]
async fn reconnects_are_counted() {
    let metrics = SharedMetrics::new();
    let builder = PeerBuilder::new().metrics(&metrics);
    let counted = || {
        let connections = metrics.snapshot().connections;
        (connections.reconnect_attempts, connections.reconnects)
    };
    let mut life = serve("inproc://counted reconnects").await;
    let (attempt, mut attempts) = mpsc::unbounded_channel();
    let failing = Arc::new(AtomicBool::new(false));
    let fails = Arc::clone(&failing);
    let connector = move || {
        attempt.send(()).unwrap_or_default();
        let fails = fails.load(Ordering::Relaxed);
        async move {
            if fails {
                return Err(io::Error::other("not now"));
            }
            let endpoint: chirp::Endpoint = "inproc://counted reconnects".parse().unwrap();
            endpoint.connect().await
        }
    };
    let link = builder.reconnecting_with(connector, quick()).unwrap();
    let peer = soon(link.ready()).await.unwrap();
    assert_eq!(counted(), (0, 0));
    assert_eq!(soon(attempts.recv()).await, Some(()));
    failing.store(true, Ordering::Relaxed);
    kill(life).await;
    soon(peer.closed()).await;
    for _ in 0..3 {
        soon(attempts.recv()).await.unwrap();
    }
    let (failed, none) = counted();
    assert!(failed >= 3 && none == 0, "{failed} {none}");
    life = serve("inproc://counted reconnects").await;
    failing.store(false, Ordering::Relaxed);
    soon(link.ready()).await.unwrap();
    let (tried, connected) = counted();
    assert!(tried > failed && connected == 1, "{tried} {connected}");
    assert_eq!(metrics.snapshot().connections_open, 1);
    drop(life);
}

#[tokio::test(start_paused = true)]
async fn calls_wait_for_a_connection_within_their_time_limit() {
    let nobody = || async { Err(io::Error::other("nobody is there")) };
    let reconnect = ReconnectConfig::new().max_wait(Duration::from_secs(7));
    let link = PeerBuilder::new()
        .reconnecting_with(nobody, reconnect)
        .unwrap();
    let caller = link.as_caller();
    let begin = Instant::now();
    let is_none = |error: CallError| {
        assert!(matches!(&error, CallError::NotConnected(_)), "{error}");
        assert!(!error.may_have_run() && error.is_transient());
        error.to_string()
    };
    // For `max_wait`, with the reason.
    let why = is_none(caller.call("echo", "x").await.unwrap_err());
    assert!(why.contains("nobody is there"), "{why}");
    assert_eq!(begin.elapsed().as_secs(), 7);
    is_none(caller.call_one_way("echo", "x").await.unwrap_err());
    assert_eq!(begin.elapsed().as_secs(), 14);
    // For their own timeout, which may be shorter or longer.
    for seconds in [1, 60] {
        let begin = Instant::now();
        let call = caller
            .call("echo", "x")
            .timeout(Duration::from_secs(seconds));
        let why = is_none(call.await.unwrap_err());
        assert!(why.contains("nobody is there"), "{why}");
        assert_eq!(begin.elapsed().as_secs(), seconds);
    }
    // Not at all.
    let begin = Instant::now();
    is_none(link.fail_fast().call("echo", "x").await.unwrap_err());
    is_none(
        link.fail_fast()
            .call_one_way("echo", "x")
            .await
            .unwrap_err(),
    );
    assert_eq!(begin.elapsed(), Duration::ZERO);
    let passed = caller.call("echo", "x").timeout(Duration::ZERO).await;
    assert!(matches!(passed, Err(CallError::DeadlineExceeded { .. })));
}

#[tokio::test]
async fn the_number_of_waiting_calls_is_limited() {
    let nobody = || async { Err(io::Error::other("nobody is there")) };
    let mut limits = chirp::Limits::default();
    limits.max_pending_calls = 3;
    let builder = PeerBuilder::new().limits(limits);
    let link = builder.reconnecting_with(nobody, quick()).unwrap();
    let caller = link.as_caller();
    let mut waiting: Vec<_> = (0..3).map(|_| Box::pin(caller.call("x", ()))).collect();
    for call in &mut waiting {
        assert!(crate::support::is_pending(call.as_mut()).await);
    }
    let error = caller.call("x", ()).await.unwrap_err();
    assert!(
        matches!(error, CallError::TooManyPending { limit: 3 }),
        "{error}"
    );
    waiting.pop();
    waiting.push(Box::pin(caller.call("x", ())));
    assert!(crate::support::is_pending(waiting[2].as_mut()).await);
    link.close();
    for call in waiting {
        let error = soon(call).await.unwrap_err();
        assert!(matches!(error, CallError::NotConnected(_)), "{error}");
    }
}

/// A scripted server: each connection has a behaviour.
fn scripted() -> (
    impl Fn() -> std::future::Ready<io::Result<Channel>>,
    mpsc::UnboundedReceiver<Channel>,
) {
    let (give, given) = mpsc::unbounded_channel();
    let connect = move || {
        let (ours, theirs) = memory();
        let gone = |_| io::Error::other("the test has ended");
        std::future::ready(give.send(theirs).map(|()| ours).map_err(gone))
    };
    (connect, given)
}

#[chirp::service]
trait Ledger {
    async fn add(&self, n: u64) -> u64;
    #[chirp(idempotent)]
    async fn sum(&self) -> u64;
}

/// Ends its connection inside the first calls, and answers later ones.
struct Dying {
    left: AtomicUsize,
    ran: AtomicUsize,
}

impl Dying {
    fn end(&self, cx: &Peer) -> bool {
        self.ran.fetch_add(1, Ordering::Relaxed);
        let dies = self.left.load(Ordering::Relaxed) > 0;
        if dies {
            self.left.fetch_sub(1, Ordering::Relaxed);
            cx.close();
        }
        dies
    }
}

/// Running calls fail, and only idempotent ones are sent again.
#[tokio::test]
async fn only_what_is_idempotent_is_sent_again() {
    for (dies, answered) in [(1, true), (2, true), (3, false)] {
        let (connect, mut given) = scripted();
        let dying = Arc::new(Dying {
            left: AtomicUsize::new(dies),
            ran: AtomicUsize::new(0),
        });
        let server = Arc::clone(&dying);
        tokio::spawn(async move {
            while let Some(channel) = given.recv().await {
                let slot: Arc<Mutex<Option<Peer>>> = Arc::default();
                let (dying, peer) = (Arc::clone(&server), Arc::clone(&slot));
                let handler = move |_: Request| {
                    let peer = peer.lock().unwrap().clone().unwrap();
                    let died = dying.end(&peer);
                    async move {
                        if died {
                            std::future::pending::<()>().await;
                        }
                        Ok::<_, ErrorData>(bytes::Bytes::from_static(&[7]))
                    }
                };
                let builder = PeerBuilder::new().fallback(handler);
                let peer = builder.start(channel).unwrap();
                *slot.lock().unwrap() = Some(peer);
            }
        });
        let link = PeerBuilder::new()
            .reconnecting_with(connect, quick())
            .unwrap();
        let ledger = LedgerClient::new(&link);
        let sum = soon(ledger.sum()).await;
        if answered {
            assert_eq!(sum.unwrap(), 7);
            assert_eq!(dying.ran.load(Ordering::Relaxed), dies + 1);
        } else {
            let error = sum.unwrap_err();
            assert!(
                matches!(error, CallError::ConnectionLost(_)) && error.may_have_run(),
                "{error}"
            );
            assert_eq!(dying.ran.load(Ordering::Relaxed), 3);
        }
        // Adding twice differs from adding once.
        dying.left.store(1, Ordering::Relaxed);
        dying.ran.store(0, Ordering::Relaxed);
        let error = soon(ledger.add(1)).await.unwrap_err();
        assert!(
            matches!(error, CallError::ConnectionLost(_)) && error.may_have_run(),
            "{error}"
        );
        assert_eq!(soon(ledger.add(1)).await.unwrap(), 7);
        assert_eq!(dying.ran.load(Ordering::Relaxed), 2);
    }
}

/// A server that shuts down refuses calls, and they go to the next connection.
#[tokio::test]
async fn a_client_leaves_a_server_that_shuts_down() {
    let go_on = Arc::new(tokio::sync::Notify::new());
    let (say, mut said) = mpsc::unbounded_channel();
    let wait = Arc::clone(&go_on);
    let server = Server::builder()
        .handle("slow", move |_: Request| {
            say.send(()).unwrap();
            let wait = Arc::clone(&wait);
            async move {
                wait.notified().await;
                Ok::<_, ErrorData>("done")
            }
        })
        .handle("echo", echo)
        .bind("inproc://ending")
        .await
        .unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let first = tokio::spawn(server.run_until(stopped));
    let link = PeerBuilder::new().reconnecting("inproc://ending").unwrap();
    let peer = soon(link.ready()).await.unwrap();
    let slow = tokio::spawn(link.as_caller().call("slow", ()));
    soon(said.recv()).await.unwrap();
    stop.send(()).unwrap();
    let second = loop {
        // The name is free as soon as the shutdown has begun.
        let server = Server::builder().handle("echo", echo);
        match server.bind("inproc://ending").await {
            Ok(server) => break Life(tokio::spawn(server.run())),
            Err(_) => tokio::task::yield_now().await,
        }
    };
    // A refused call has not run, so it goes to the next connection, idempotent or not.
    assert_eq!(soon(link.as_caller().call("echo", "x")).await.unwrap(), "x");
    assert!(!first.is_finished());
    // The call running on the first connection is answered there.
    go_on.notify_one();
    assert_eq!(soon(slow).await.unwrap().unwrap(), "done");
    soon(peer.closed()).await;
    soon(first).await.unwrap();
    drop(second);
}

#[tokio::test]
async fn on_connect_runs_before_any_call_is_sent() {
    let (connect, mut given) = scripted();
    let signed_in = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&signed_in);
    let server = PeerBuilder::new()
        .handle("sign in", |request: Request| async move {
            match request.params() {
                b"right" => Ok(()),
                _ => Err(ErrorData::from("wrong".to_owned())),
            }
        })
        .handle("echo", move |request: Request| {
            assert!(seen.load(Ordering::Relaxed));
            echo(request)
        });
    tokio::spawn(async move {
        let mut peers = Vec::new();
        while let Some(channel) = given.recv().await {
            peers.push(server.start(channel).unwrap());
        }
    });
    let attempts = AtomicUsize::new(0);
    let done = Arc::clone(&signed_in);
    let reconnect = quick().on_connect(move |peer: Peer| {
        let word = if attempts.fetch_add(1, Ordering::Relaxed) < 2 {
            "wrong"
        } else {
            "right"
        };
        let done = Arc::clone(&done);
        async move {
            peer.call("sign in", word).await?;
            done.store(true, Ordering::Relaxed);
            Ok::<_, CallError>(())
        }
    });
    let link = PeerBuilder::new()
        .reconnecting_with(connect, reconnect)
        .unwrap();
    assert_eq!(soon(link.as_caller().call("echo", "x")).await.unwrap(), "x");
}

/// The server stays up, and the connection goes silent.
#[tokio::test(start_paused = true)]
async fn a_dead_connection_is_noticed() {
    let (connect, mut given) = scripted();
    let lines = tokio::spawn(async move {
        let _silent = given.recv().await.unwrap();
        let good = PeerBuilder::new().handle("echo", echo);
        let _good = good.start(given.recv().await.unwrap()).unwrap();
        std::future::pending::<()>().await;
    });
    let watched = PeerBuilder::new().keep_alive(KeepAlive {
        interval: Duration::from_secs(3),
        timeout: Duration::from_secs(2),
    });
    let begin = Instant::now();
    let link = watched
        .reconnecting_with(connect, ReconnectConfig::new())
        .unwrap();
    let call = link.as_caller().call("echo", "x").idempotent();
    assert_eq!(call.await.unwrap(), "x");
    assert_eq!(begin.elapsed().as_secs(), 5);
    lines.abort();
}

#[tokio::test]
async fn dropping_the_last_handle_ends_a_client_after_running_calls() {
    let mut listener = InprocListener::bind("last handle").unwrap();
    let builder = PeerBuilder::new().handle("who", |_: Request| async { Ok::<_, ErrorData>("me") });
    let link = builder.reconnecting("inproc://last handle").unwrap();
    let channel = soon(listener.accept()).await.unwrap();
    let (say, mut said) = mpsc::unbounded_channel::<oneshot::Sender<()>>();
    let server = PeerBuilder::new().handle("wait", move |_: Request| {
        let (answer, answered) = oneshot::channel();
        say.send(answer).unwrap();
        async move { answered.await.map_err(|_| ErrorData::default()) }
    });
    let server = server.start(channel).unwrap();
    // The client serves, too.
    assert_eq!(soon(server.call("who", ())).await.unwrap(), "me");
    let call = link.as_caller().call("wait", ());
    let mut states = link.watch();
    let call = tokio::spawn(call);
    let answer = soon(said.recv()).await.unwrap();
    drop(link);
    soon(states.wait_for(|state| *state == ReconnectState::Closed))
        .await
        .unwrap();
    answer.send(()).unwrap();
    soon(call).await.unwrap().unwrap();
    soon(server.closed()).await;
}

#[tokio::test]
async fn closing_one_handle_closes_the_client() {
    let life = serve("inproc://closing").await;
    let link = PeerBuilder::new().reconnecting("inproc://closing").unwrap();
    let peer = soon(link.ready()).await.unwrap();
    link.close();
    soon(peer.closed()).await;
    assert_eq!(link.state(), ReconnectState::Closed);
    for caller in [link.as_caller(), link.fail_fast()] {
        let error = soon(caller.call("echo", "x")).await.unwrap_err();
        assert!(error.to_string().contains("closed by this side"), "{error}");
    }
    soon(link.ready()).await.unwrap_err();
    let other = PeerBuilder::new().reconnecting("inproc://closing").unwrap();
    soon(other.ready()).await.unwrap();
    other.shutdown(LONG).await;
    assert_eq!(other.state(), ReconnectState::Closed);
    kill(life).await;
    let error = PeerBuilder::new()
        .reconnecting("tcp://nowhere")
        .unwrap_err();
    assert!(error.to_string().contains("tcp://nowhere"), "{error}");
}

/// Waiting calls fail when their runtime stops.
#[test]
fn the_end_of_the_runtime_ends_the_wait() {
    let nobody = || async { Err(io::Error::other("nobody is there")) };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let link = runtime.block_on(async { PeerBuilder::new().reconnecting_with(nobody, quick()) });
    let caller: Caller = link.unwrap().as_caller();
    let here = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    here.block_on(async {
        for mut call in [
            Box::pin(caller.call("x", ())),
            Box::pin(caller.call("x", ()).timeout(LONG)),
        ] {
            assert!(crate::support::is_pending(call.as_mut()).await);
        }
        let mut call = Box::pin(caller.call("x", ()));
        assert!(crate::support::is_pending(call.as_mut()).await);
        runtime.shutdown_background();
        let error = call.await.unwrap_err();
        assert!(matches!(error, CallError::NotConnected(_)), "{error}");
    });
}
