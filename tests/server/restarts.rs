//! Rolling restarts: servers shut down gracefully and others take over, under reconnecting clients.
#![allow(clippy::unwrap_used, reason = "a test may")]

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::support::echo;
use chirp::channel::{Channel, Endpoint, memory};
use chirp::packet::{ErrorData, FrameworkError};
use chirp::{
    AsCaller, CallError, Caller, Peer, PeerBuilder, ReconnectConfig, ReconnectingPeer, Request,
    Server,
};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

/// Much longer than any step takes: a test that hangs fails.
const LONG: Duration = Duration::from_mins(1);

async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(LONG, future)
        .await
        .expect("it does not hang")
}

fn quick() -> ReconnectConfig {
    ReconnectConfig::new().backoff(Duration::from_millis(1), Duration::from_millis(20))
}

/// A running server, how to shut it down, and its end.
struct Running {
    stop: oneshot::Sender<()>,
    ended: JoinHandle<()>,
}

impl Running {
    async fn start(address: &Endpoint, ran: &Arc<AtomicUsize>) -> Self {
        let ran = Arc::clone(ran);
        let server = Server::builder().handle("add", move |request: Request| {
            ran.fetch_add(1, Ordering::Relaxed);
            echo(request)
        });
        let server = loop {
            // The address is free a moment after the previous server has ended.
            match server.clone().bind(address.clone()).await {
                Ok(server) => break server,
                Err(_) => tokio::time::sleep(Duration::from_millis(1)).await,
            }
        };
        let (stop, stopped) = oneshot::channel();
        let ended = tokio::spawn(server.run_until(stopped));
        Self { stop, ended }
    }

    fn stop(self) -> JoinHandle<()> {
        self.stop.send(()).unwrap();
        self.ended
    }
}

/// Callers that make calls in sequence, and their counts.
struct Callers {
    over: Arc<AtomicBool>,
    answered: Arc<AtomicUsize>,
    tasks: Vec<JoinHandle<Result<(), CallError>>>,
}

impl Callers {
    fn start(link: &ReconnectingPeer, count: usize) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let answered = Arc::new(AtomicUsize::new(0));
        let tasks = (0..count).map(|_| {
            let (over, answered) = (Arc::clone(&over), Arc::clone(&answered));
            tokio::spawn(call_on(link.as_caller(), over, answered))
        });
        Self {
            tasks: tasks.collect(),
            over,
            answered,
        }
    }

    /// Waits until `more` further calls have been answered.
    async fn go_on(&self, more: usize) {
        let before = self.answered.load(Ordering::Relaxed);
        while self.answered.load(Ordering::Relaxed) < before + more {
            for task in &self.tasks {
                assert!(!task.is_finished(), "a caller has failed");
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    async fn end(self) -> usize {
        self.over.store(true, Ordering::Relaxed);
        for task in self.tasks {
            task.await.unwrap().unwrap();
        }
        self.answered.load(Ordering::Relaxed)
    }
}

async fn call_on(
    caller: Caller,
    over: Arc<AtomicBool>,
    answered: Arc<AtomicUsize>,
) -> Result<(), CallError> {
    while !over.load(Ordering::Relaxed) {
        caller.call("add", "1").await?;
        answered.fetch_add(1, Ordering::Relaxed);
        tokio::task::yield_now().await;
    }
    Ok(())
}

fn free_tcp() -> Endpoint {
    let found = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    format!("tcp://{}", found.local_addr().unwrap())
        .parse()
        .unwrap()
}

/// During ten graceful restarts, eight callers make calls that are not idempotent: none fails, and each runs once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_restarts_lose_no_call() {
    let unix = format!("unix://{}", crate::support::socket_path().display());
    for address in [
        free_tcp(),
        unix.parse().unwrap(),
        "inproc://restarts".parse().unwrap(),
    ] {
        let ran = Arc::new(AtomicUsize::new(0));
        let mut server = Running::start(&address, &ran).await;
        let link = PeerBuilder::new()
            .reconnecting_with(dial(vec![address.clone()]), quick())
            .unwrap();
        let callers = Callers::start(&link, 8);
        for _ in 0..10 {
            soon(callers.go_on(20)).await;
            let ended = server.stop();
            server = Running::start(&address, &ran).await;
            soon(ended).await.unwrap();
        }
        soon(callers.go_on(20)).await;
        let answered = soon(callers.end()).await;
        assert_eq!(ran.load(Ordering::Relaxed), answered, "{address}");
        drop(link);
        soon(server.stop()).await.unwrap();
    }
}

/// Connects to the addresses in turn.
fn dial(
    addresses: Vec<Endpoint>,
) -> impl Fn() -> std::pin::Pin<Box<dyn Future<Output = std::io::Result<Channel>> + Send>> {
    let next = AtomicUsize::new(0);
    move || {
        let at = next.fetch_add(1, Ordering::Relaxed);
        let address = addresses[at % addresses.len()].clone();
        Box::pin(async move { address.connect().await })
    }
}

/// While one of two servers drains, delayed by a handler, the other takes every call.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_take_turns_and_no_call_is_lost() {
    let addresses = [free_tcp(), free_tcp()];
    let ran = Arc::new(AtomicUsize::new(0));
    let link = PeerBuilder::new()
        .reconnecting_with(dial(addresses.to_vec()), quick())
        .unwrap();
    let mut servers = [
        Some(Running::start(&addresses[0], &ran).await),
        Some(Running::start(&addresses[1], &ran).await),
    ];
    let callers = Callers::start(&link, 8);
    for round in 0..10 {
        soon(callers.go_on(20)).await;
        let at = round % 2;
        let ended = servers[at].take().unwrap().stop();
        // The other server takes the calls while this one drains.
        soon(callers.go_on(20)).await;
        soon(ended).await.unwrap();
        servers[at] = Some(Running::start(&addresses[at], &ran).await);
    }
    let answered = soon(callers.end()).await;
    assert_eq!(ran.load(Ordering::Relaxed), answered);
    drop(link);
    for server in servers.into_iter().flatten() {
        soon(server.stop()).await.unwrap();
    }
}

/// In-memory connections, each handed to the test.
fn scripted() -> (
    impl Fn() -> std::future::Ready<std::io::Result<Channel>>,
    mpsc::UnboundedReceiver<Channel>,
) {
    let (give, given) = mpsc::unbounded_channel();
    let connect = move || {
        let (ours, theirs) = memory();
        let gone = |_| std::io::Error::other("the test has ended");
        std::future::ready(give.send(theirs).map(|()| ours).map_err(gone))
    };
    (connect, given)
}

fn refusing(count: &Arc<AtomicUsize>) -> PeerBuilder {
    let count = Arc::clone(count);
    PeerBuilder::new().fallback(move |_: Request| {
        count.fetch_add(1, Ordering::Relaxed);
        std::future::ready(Err::<(), _>(ErrorData::from(FrameworkError::ShuttingDown)))
    })
}

/// A reconnecting client whose first connection refuses every call, and the other ends of its next connections.
struct FirstRefuses {
    link: ReconnectingPeer,
    first: Peer,
    refused: Arc<AtomicUsize>,
    given: mpsc::UnboundedReceiver<Channel>,
}

async fn first_refuses() -> FirstRefuses {
    let (connect, mut given) = scripted();
    let link = PeerBuilder::new()
        .reconnecting_with(connect, quick())
        .unwrap();
    let refused = Arc::new(AtomicUsize::new(0));
    let first = refusing(&refused)
        .start(soon(given.recv()).await.unwrap())
        .unwrap();
    FirstRefuses {
        link,
        first,
        refused,
        given,
    }
}

/// A refusal that is read late leaves only the connection that it came from.
#[tokio::test]
async fn a_refusal_read_late_does_not_end_the_new_connection() {
    let FirstRefuses {
        link,
        first,
        refused,
        mut given,
    } = first_refuses().await;
    let before = soon(link.ready()).await.unwrap();
    let calls: Vec<_> = (0..5)
        .map(|_| link.as_caller().call("add", "1").start())
        .collect();
    while refused.load(Ordering::Relaxed) < 5 {
        tokio::task::yield_now().await;
    }
    // The new connection exists before the refusal is read.
    let server = PeerBuilder::new().handle("add", echo);
    let second = server.start(soon(given.recv()).await.unwrap()).unwrap();
    let after = loop {
        let peer = soon(link.ready()).await.unwrap();
        if peer.call("add", "probe").await.is_ok() {
            break peer;
        }
    };
    for call in calls {
        assert_eq!(soon(call).await.unwrap(), "1");
    }
    assert!(given.try_recv().is_err(), "another connection was made");
    assert_eq!(soon(after.call("add", "2")).await.unwrap(), "2");
    drop((first, second, before));
}

/// New calls avoid a connection after its first refusal, even before that refusal is read.
#[tokio::test]
async fn a_connection_is_left_at_the_first_refusal() {
    let FirstRefuses {
        link,
        first,
        refused,
        mut given,
    } = first_refuses().await;
    soon(link.ready()).await.unwrap();
    let ignored = link.as_caller().call("add", "never looked at").start();
    let second = soon(given.recv()).await.unwrap();
    let server = PeerBuilder::new().handle("add", echo);
    let second = server.start(second).unwrap();
    assert_eq!(soon(link.as_caller().call("add", "1")).await.unwrap(), "1");
    assert_eq!(refused.load(Ordering::Relaxed), 1);
    drop((ignored, first, second));
}

/// A call to a side that accepts connections and refuses every call fails in time.
#[tokio::test(start_paused = true)]
async fn endless_refusals_fail_the_call_in_time() {
    let (connect, mut given) = scripted();
    let refused = Arc::new(AtomicUsize::new(0));
    let kept: Arc<Mutex<Vec<Peer>>> = Arc::default();
    let (builder, keep) = (refusing(&refused), Arc::clone(&kept));
    tokio::spawn(async move {
        while let Some(channel) = given.recv().await {
            keep.lock().unwrap().push(builder.start(channel).unwrap());
        }
    });
    let max_wait = Duration::from_secs(5);
    let link = PeerBuilder::new()
        .reconnecting_with(connect, quick().max_wait(max_wait))
        .unwrap();
    let error = link.as_caller().call("add", ()).await.unwrap_err();
    assert!(
        matches!(
            error,
            CallError::Rejected {
                reason: FrameworkError::ShuttingDown,
                ..
            }
        ),
        "{error}"
    );
    assert!(!error.may_have_run());
    assert!(refused.load(Ordering::Relaxed) > 10);
    // With a timeout of its own, that timeout counts.
    let timed = link.as_caller().call("add", ()).timeout(max_wait);
    let error = timed.await.unwrap_err();
    assert!(
        matches!(
            error,
            CallError::DeadlineExceeded { .. } | CallError::NotConnected(_)
        ),
        "{error}"
    );
}

#[chirp::service]
trait Numbers {
    async fn numbers(&self, to: u64) -> impl futures_core::Stream<Item = u64>;
}

struct Counting;

impl Numbers for Counting {
    async fn numbers(&self, to: u64) -> impl futures_core::Stream<Item = u64> {
        tokio_stream::iter(0..to)
    }
}

/// A streaming call that was refused has not run either, and is sent again.
#[tokio::test]
async fn a_refused_streaming_call_is_sent_again() {
    let FirstRefuses {
        link,
        first,
        refused: _,
        mut given,
    } = first_refuses().await;
    soon(link.ready()).await.unwrap();
    let call = NumbersClient::new(&link).numbers(3).start();
    let server = PeerBuilder::new().service(NumbersServer::new(Counting));
    let second = server.start(soon(given.recv()).await.unwrap()).unwrap();
    let mut numbers = soon(call).await.unwrap();
    for number in 0..3 {
        assert_eq!(soon(numbers.recv()).await.unwrap().unwrap(), number);
    }
    assert!(soon(numbers.recv()).await.is_none());
    drop((first, second));
}

/// A call that may have run, and finds no further connection, reports that it may have run.
#[tokio::test]
async fn a_call_that_may_have_run_is_reported_as_such() {
    let (connect, mut given) = scripted();
    let link = PeerBuilder::new()
        .reconnecting_with(connect, quick())
        .unwrap();
    let silent = given.recv().await.unwrap();
    let peer = soon(link.ready()).await.unwrap();
    let call = link.fail_fast().call("add", ()).idempotent().start();
    peer.close();
    let error = soon(call).await.unwrap_err();
    assert!(
        matches!(error, CallError::ConnectionLost(_)) && error.may_have_run(),
        "{error}"
    );
    drop(silent);
}

#[tokio::test]
async fn a_refusal_that_is_passed_on_speaks_of_another_connection() {
    let (ours, theirs) = memory();
    let _behind = PeerBuilder::new()
        .handle("down", |_: Request| async {
            Err::<&str, _>(FrameworkError::ShuttingDown.to_error_data("for the night"))
        })
        .handle("bad", |_: Request| async {
            Err::<&str, _>(FrameworkError::InvalidResult.to_error_data("too deep"))
        })
        .start(theirs)
        .unwrap();
    let front = PeerBuilder::new().start(ours).unwrap();
    let connections = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&connections);
    let server = Server::builder()
        .handle("echo", echo)
        .fallback(front.as_caller().clone())
        .on_connect(move |_| {
            count.fetch_add(1, Ordering::Relaxed);
        })
        .bind("inproc://restarts-passed-on")
        .await
        .unwrap();
    let _running = tokio::spawn(server.run());
    let link = PeerBuilder::new()
        .reconnecting("inproc://restarts-passed-on")
        .unwrap();
    for (method, expected, text) in [
        (
            "down",
            FrameworkError::Overloaded,
            "shutting down: for the night",
        ),
        (
            "bad",
            FrameworkError::InvalidResult,
            "the result could not be encoded: too deep",
        ),
    ] {
        let error = soon(link.as_caller().call(method, ())).await.unwrap_err();
        let CallError::Rejected {
            reason, message, ..
        } = error
        else {
            panic!("{error:?}");
        };
        assert_eq!((reason, &*message), (expected, text));
    }
    soon(link.as_caller().call("echo", ())).await.unwrap();
    assert_eq!(connections.load(Ordering::Relaxed), 1);
}
