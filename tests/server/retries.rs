//! Retry policies: which errors are repeated, how often, and when.
#![allow(clippy::unwrap_used, reason = "a test may")]

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chirp::channel::{Channel, memory};
use chirp::packet::{ErrorData, FrameworkError};
use chirp::{
    AsCaller, Call, CallError, Caller, ClientNext, OutgoingCall, Peer, PeerBuilder,
    ReconnectConfig, ReconnectingPeer, Reply, Request, RetryBudget, RetryPolicy,
};
use tokio::sync::mpsc;
use tokio::time::Instant;

/// Much longer than any step takes: a test that hangs fails.
const LONG: Duration = Duration::from_mins(1);

async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(LONG, future)
        .await
        .expect("it does not hang")
}

/// What a handler does with a call.
#[derive(Clone, Copy, Debug)]
enum Outcome {
    Succeeds,
    /// Refused with this error.
    Fails(FrameworkError),
    /// The connection ends before the answer.
    EndsConnection,
    /// Fails with an error of its own.
    OwnError,
}

use Outcome::{EndsConnection, Fails, OwnError, Succeeds};

/// Handlers that behave as the test says, one outcome after the other, and then succeed.
#[derive(Clone, Default)]
struct Script {
    outcomes: Arc<Mutex<Vec<Outcome>>>,
    /// When each run began.
    runs: Arc<Mutex<Vec<Instant>>>,
}

impl Script {
    fn new(outcomes: &[Outcome]) -> Self {
        let script = Self::default();
        script.restart(outcomes);
        script
    }

    fn restart(&self, outcomes: &[Outcome]) {
        *self.outcomes.lock().unwrap() = outcomes.iter().rev().copied().collect();
        self.runs.lock().unwrap().clear();
    }

    fn runs(&self) -> usize {
        self.runs.lock().unwrap().len()
    }

    /// The times between the runs.
    fn pauses(&self) -> Vec<Duration> {
        let runs = self.runs.lock().unwrap();
        runs.windows(2).map(|pair| pair[1] - pair[0]).collect()
    }

    fn step(&self) -> Outcome {
        self.runs.lock().unwrap().push(Instant::now());
        self.outcomes.lock().unwrap().pop().unwrap_or(Succeeds)
    }

    async fn reply(self, peer: Option<Peer>) -> Reply {
        match self.step() {
            Succeeds => Reply::Value(b"done".to_vec().into()),
            Fails(error) => Reply::Error(error.to_error_data("by the script")),
            OwnError => Reply::Error(ErrorData::from("its own".to_owned())),
            EndsConnection => {
                peer.expect("a connection").close();
                std::future::pending().await
            }
        }
    }

    /// A caller of the script in this process.
    fn local(&self) -> Caller {
        let script = self.clone();
        Caller::local(move |_: Request| script.clone().reply(None))
    }

    /// A client that reconnects to the script.
    fn reconnecting(&self, config: ReconnectConfig) -> ReconnectingPeer {
        let (give, mut given) = mpsc::unbounded_channel::<Channel>();
        let script = self.clone();
        tokio::spawn(async move {
            while let Some(channel) = given.recv().await {
                let slot: Arc<Mutex<Option<Peer>>> = Arc::default();
                let (script, peer) = (script.clone(), Arc::clone(&slot));
                let handler = move |_: Request| {
                    let peer = peer.lock().unwrap().clone();
                    script.clone().reply(peer)
                };
                let peer = PeerBuilder::new().fallback(handler).start(channel);
                *slot.lock().unwrap() = Some(peer.unwrap());
            }
        });
        let connect = move || {
            let (ours, theirs) = memory();
            let gone = |_| io::Error::other("the test has ended");
            std::future::ready(give.send(theirs).map(|()| ours).map_err(gone))
        };
        PeerBuilder::new()
            .reconnecting_with(connect, config)
            .unwrap()
    }
}

fn call(caller: &impl AsCaller, policy: &RetryPolicy, idempotent: bool) -> Call<bytes::Bytes> {
    let call = caller.as_caller().call("x", ()).retry(policy);
    if idempotent { call.idempotent() } else { call }
}

/// A policy that tests do not wait for.
fn quick() -> RetryPolicy {
    RetryPolicy::new().backoff(Duration::from_millis(1), Duration::from_millis(2))
}

fn quick_reconnect() -> ReconnectConfig {
    ReconnectConfig::new().backoff(Duration::from_millis(1), Duration::from_millis(2))
}

/// Each error by whether the call is idempotent: how often the handler runs with three attempts.
#[tokio::test]
async fn errors_are_repeated_by_their_kind() {
    use FrameworkError::{DeadlineExceeded, NoReply, Overloaded, PermissionDenied, ShuttingDown};
    for (outcome, runs, runs_if_idempotent) in [
        (Fails(Overloaded), 3, 3),
        (Fails(PermissionDenied), 1, 1),
        (Fails(FrameworkError::InvalidArguments), 1, 1),
        (Fails(DeadlineExceeded), 1, 1),
        (Fails(NoReply), 1, 1),
        (OwnError, 1, 1),
        (Succeeds, 1, 1),
    ] {
        for (idempotent, expected) in [(false, runs), (true, runs_if_idempotent)] {
            let script = Script::new(&[outcome; 9]);
            let local = soon(call(&script.local(), &quick(), idempotent)).await;
            assert_eq!(local.is_ok(), matches!(outcome, Succeeds));
            assert_eq!(script.runs(), expected, "{outcome:?} {idempotent}, local");
            script.restart(&[outcome; 9]);
            let link = script.reconnecting(quick_reconnect());
            let remote = soon(call(&link, &quick(), idempotent)).await;
            assert_eq!(remote.is_ok(), matches!(outcome, Succeeds));
            assert_eq!(script.runs(), expected, "{outcome:?} {idempotent}");
        }
    }
    // These are about the connection, which this process does not have.
    let script = Script::new(&[Fails(ShuttingDown); 9]);
    soon(call(&script.local(), &quick(), true))
        .await
        .unwrap_err();
    assert_eq!(script.runs(), 1);
}

/// A call that may have run is repeated only if it is idempotent: once at once, as reconnecting clients do, and then by the
/// policy.
#[tokio::test]
async fn a_lost_connection_is_repeated_only_for_idempotent_calls() {
    let script = Script::new(&[EndsConnection; 9]);
    let link = script.reconnecting(quick_reconnect());
    let error = soon(call(&link, &quick(), false)).await.unwrap_err();
    assert!(
        matches!(error, CallError::ConnectionLost(_)) && error.may_have_run(),
        "{error}"
    );
    assert_eq!(script.runs(), 1);
    for (losses, runs) in [(1, 2), (3, 4), (9, 4)] {
        script.restart(&vec![EndsConnection; losses]);
        let result = soon(call(&link, &quick(), true)).await;
        assert_eq!(result.is_ok(), losses < 4, "{result:?}");
        assert_eq!(script.runs(), runs);
    }
    // Without a policy: two more times.
    script.restart(&[EndsConnection; 9]);
    let plain = link.as_caller().call("x", ()).idempotent();
    soon(plain).await.unwrap_err();
    assert_eq!(script.runs(), 3);
    // The loss is the outcome even if a later attempt did not run.
    script.restart(&[EndsConnection, Fails(FrameworkError::Overloaded)]);
    let error = soon(call(&link, &quick().attempts(1), true))
        .await
        .unwrap_err();
    assert!(error.may_have_run(), "{error}");
    assert_eq!(script.runs(), 2);
}

/// Inside of layers as well, a call's policy takes the place of that of its client, and knows that the client reconnects.
#[tokio::test]
async fn policies_do_not_multiply_across_layers() {
    use FrameworkError::{Overloaded, ShuttingDown};
    let of_client = quick().attempts(5);
    let script = Script::new(&[]);
    let link = script.reconnecting(quick_reconnect().retry(&of_client));
    let pass = |call: OutgoingCall, next: ClientNext| next.run(call);
    let plain = link.as_caller();
    let layered = plain.clone().with_layer(pass).with_layer(pass);
    for caller in [plain, layered] {
        for (idempotent, outcome, expected) in [
            (false, Fails(Overloaded), 3),
            (true, Fails(Overloaded), 3),
            (false, EndsConnection, 1),
            (true, EndsConnection, 4),
            (true, Fails(FrameworkError::NoReply), 1),
        ] {
            script.restart(&[outcome; 20]);
            soon(call(&caller, &quick(), idempotent)).await.unwrap_err();
            assert_eq!(script.runs(), expected, "{outcome:?} {idempotent}");
            script.restart(&[outcome; 20]);
            let client = caller.clone().with_retry(&quick());
            let of_client = client.call("x", ());
            let of_client = if idempotent {
                of_client.idempotent()
            } else {
                of_client
            };
            soon(of_client).await.unwrap_err();
            assert_eq!(script.runs(), expected, "{outcome:?} {idempotent}");
        }
        script.restart(&[Fails(Overloaded); 20]);
        soon(caller.call("x", ())).await.unwrap_err();
        assert_eq!(script.runs(), 5, "the policy of the client");
        script.restart(&[Fails(ShuttingDown); 3]);
        soon(call(&caller, &quick(), false)).await.unwrap();
    }
}

/// A plain connection does not come back, so nothing is repeated.
#[tokio::test]
async fn a_lost_plain_connection_is_final() {
    let (ours, theirs) = memory();
    let server = PeerBuilder::new().handle("x", |_: Request| std::future::pending::<Reply>());
    let server = server.start(theirs).unwrap();
    let peer = PeerBuilder::new().start(ours).unwrap();
    let policy = RetryPolicy::new().backoff(LONG * 10, LONG * 10);
    let waits = tokio::spawn(call(&peer, &policy, true));
    while peer.stats().pending == 0 {
        tokio::task::yield_now().await;
    }
    server.close();
    let error = soon(waits).await.unwrap().unwrap_err();
    assert!(matches!(error, CallError::ConnectionLost(_)), "{error}");
}

#[tokio::test(start_paused = true)]
async fn pauses_double_and_are_random() {
    let ms = Duration::from_millis;
    let policy = RetryPolicy::new().attempts(6).backoff(ms(100), ms(400));
    let script = Script::new(&[Fails(FrameworkError::Overloaded); 5]);
    call(&script.local(), &policy, false).await.unwrap();
    let pauses = script.pauses();
    assert_eq!(pauses.len(), 5);
    for (pause, whole) in pauses.iter().zip([100, 200, 400, 400, 400]) {
        // A timer may be a millisecond late.
        let most = ms(whole) + ms(2);
        assert!(*pause >= ms(whole) / 2 && *pause <= most, "{pauses:?}");
    }
}

/// The deadline holds for all attempts together, and a pause that would exceed it is not made.
#[tokio::test(start_paused = true)]
async fn all_attempts_have_one_deadline() {
    let second = Duration::from_secs(1);
    let policy = RetryPolicy::new().attempts(100).backoff(second, second);
    let script = Script::new(&[Fails(FrameworkError::Overloaded); 200]);
    let begin = Instant::now();
    let limited = call(&script.local(), &policy, false).timeout(5 * second);
    let error = limited.await.unwrap_err();
    assert!(
        matches!(
            &error,
            CallError::Rejected {
                reason: FrameworkError::Overloaded,
                ..
            }
        ),
        "{error}"
    );
    assert!(error.is_safe_to_retry() && begin.elapsed() <= 5 * second);
    // Each pause takes half a second to one second.
    let runs = script.runs();
    assert!((5..=11).contains(&runs), "{runs}");
    // The time that an attempt takes counts, too.
    let handled = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&handled);
    let slow = Caller::local(move |_: Request| {
        count.fetch_add(1, Ordering::Relaxed);
        async move {
            tokio::time::sleep(3 * second).await;
            Reply::Error(FrameworkError::Overloaded.to_error_data("slowly"))
        }
    });
    let begin = Instant::now();
    let limited = call(&slow, &policy, false).timeout(5 * second);
    let error = limited.await.unwrap_err();
    assert!(
        matches!(error, CallError::DeadlineExceeded { .. }),
        "{error}"
    );
    assert_eq!(begin.elapsed().as_secs(), 5);
    assert_eq!(handled.load(Ordering::Relaxed), 2);
}

#[tokio::test(start_paused = true)]
async fn dropping_a_call_ends_it_during_a_pause() {
    let hour = Duration::from_hours(1);
    let policy = RetryPolicy::new().backoff(hour, hour);
    let script = Script::new(&[Fails(FrameworkError::Overloaded); 9]);
    let local = script.local();
    let mut dropped = Box::pin(call(&local, &policy, false));
    assert!(crate::support::is_pending(dropped.as_mut()).await);
    assert_eq!(script.runs(), 1);
    drop(dropped);
    tokio::time::sleep(3 * hour).await;
    assert_eq!(script.runs(), 1);
    // Not dropped, it is sent again.
    let begin = Instant::now();
    script.restart(&[Fails(FrameworkError::Overloaded)]);
    call(&local, &policy, false).await.unwrap();
    assert!(begin.elapsed() >= hour / 2);
}

#[tokio::test]
async fn a_detached_call_is_repeated() {
    let script = Script::new(&[Fails(FrameworkError::Overloaded); 2]);
    call(&script.local(), &quick(), false).detach();
    let all = async {
        while script.runs() < 3 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    soon(all).await;
}

/// A thousand calls to a server that refuses everything cause few more than a thousand runs.
#[tokio::test(start_paused = true)]
async fn a_budget_limits_the_load_of_retries() {
    for (percent, per_second, most) in [(20, 0, 200), (0, 5, 5), (0, 0, 0)] {
        let budget = RetryBudget::new(percent, per_second);
        let script = Script::new(&vec![Fails(FrameworkError::Overloaded); 5000]);
        let local = script.local();
        // Two policies share the budget.
        let policies = [quick().budget(&budget), quick().budget(&budget)];
        for number in 0..1000 {
            let error = call(&local, &policies[number % 2], true).await.unwrap_err();
            assert!(matches!(error, CallError::Rejected { .. }), "{error}");
        }
        let retries = script.runs() - 1000;
        // With the passing of the (paused) time of the pauses, the minimum may be available again.
        let elapsed = if per_second == 0 { 0 } else { 50 };
        assert!(retries >= most && retries <= most + elapsed, "{retries}");
    }
}

/// A client's policy holds for calls without one of their own.
#[tokio::test]
async fn a_client_may_have_a_policy_for_all_calls() {
    let busy = Fails(FrameworkError::Overloaded);
    let script = Script::new(&[busy; 2]);
    let link = script.reconnecting(quick_reconnect().retry(&quick()));
    for caller in [link.as_caller(), link.fail_fast()] {
        script.restart(&[busy; 2]);
        soon(link.ready()).await.unwrap();
        soon(caller.call("x", ())).await.unwrap();
        assert_eq!(script.runs(), 3);
        script.restart(&[busy; 2]);
        let once = caller.call("x", ()).retry(&quick().attempts(1));
        soon(once).await.unwrap_err();
        assert_eq!(script.runs(), 1);
    }
}

/// The policy of a derived client holds for every call, and each attempt carries the client's metadata.
#[tokio::test]
async fn a_derived_client_has_a_policy_and_metadata() {
    let tenants = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&tenants);
    let server = move |request: Request| {
        let tenant = request
            .context()
            .metadata()
            .get("tenant")
            .map(<[u8]>::to_vec);
        let mut seen = seen.lock().unwrap();
        seen.push(tenant);
        let reply = if seen.len() % 3 == 0 {
            Reply::Value(vec![7].into())
        } else {
            Reply::Error(FrameworkError::Overloaded.to_error_data("twice"))
        };
        std::future::ready(reply)
    };
    let (ours, theirs) = memory();
    let _server = PeerBuilder::new()
        .fallback(server.clone())
        .start(theirs)
        .unwrap();
    let peer = PeerBuilder::new().start(ours).unwrap();
    for caller in [Caller::local(server), peer.as_caller()] {
        let client = CounterClient::new(&caller)
            .with_retry(&quick())
            .with_metadata("tenant", "a");
        assert_eq!(soon(client.count()).await.unwrap(), 7);
        assert_eq!(*tenants.lock().unwrap(), vec![Some(b"a".to_vec()); 3]);
        tenants.lock().unwrap().clear();
        // A call may have a policy of its own.
        let once = client.count().retry(&quick().attempts(1));
        soon(once).await.unwrap_err();
        tenants.lock().unwrap().clear();
    }
}

#[chirp::service]
trait Counter {
    async fn count(&self) -> u64;
}

/// Calls with streams in their arguments are sent once.
#[tokio::test]
async fn calls_with_streams_are_sent_once() {
    let script = Script::new(&[Fails(FrameworkError::Overloaded); 9]);
    let link = script.reconnecting(quick_reconnect());
    let uploads = UploadClient::new(&link);
    let error = uploads
        .upload(tokio_stream::iter([1, 2]))
        .retry(&quick())
        .idempotent();
    soon(error).await.unwrap_err();
    assert_eq!(script.runs(), 1);
}

#[chirp::service]
trait Upload {
    async fn upload(&self, numbers: chirp::Receiver<u64>) -> u64;
}

/// The end of the runtime ends a pause with the error of the last attempt.
#[test]
fn the_end_of_the_runtime_ends_a_pause() {
    let hour = Duration::from_hours(1);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let script = Script::new(&[Fails(FrameworkError::Overloaded); 9]);
    let link = runtime.block_on(async { script.reconnecting(quick_reconnect()) });
    let here = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    here.block_on(async {
        let policy = RetryPolicy::new().attempts(u32::MAX).backoff(hour, hour);
        let waits = tokio::spawn(call(&link, &policy, false));
        while script.runs() == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        runtime.shutdown_background();
        let error = soon(waits).await.unwrap().unwrap_err();
        assert!(
            matches!(
                error,
                CallError::Rejected { .. } | CallError::ConnectionLost(_)
            ),
            "{error}"
        );
    });
}
