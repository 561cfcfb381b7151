//! Layers of the crate `tower`, unchanged, around handlers and calls.

use std::collections::VecDeque;
use std::future::{Ready, ready};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ::tower::filter::FilterLayer;
use ::tower::retry::{Policy, RetryLayer};
use ::tower::util::MapResponseLayer;
use ::tower::{BoxError, ServiceBuilder};
use chirp::layer::tower;
use chirp::packet::{ErrorData, FrameworkError};
use chirp::{
    Answered, AsCaller, CallError, Caller, ClientLayer, InboundRequest, Layer, Next, OutgoingCall,
    Peer, PeerBuilder, Reply, Request,
};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use crate::support::{DropFlag, echo, idle, in_time, pair};

/// A handler that waits until the test lets it go. Says when it has started and when it was dropped.
struct Gate {
    started: mpsc::UnboundedReceiver<()>,
    dropped: mpsc::UnboundedReceiver<()>,
    waiting: Arc<Mutex<VecDeque<oneshot::Sender<()>>>>,
}

impl Gate {
    /// Lets the handler go that waits for the longest time.
    fn open(&self) {
        let first = self.waiting.lock().expect("no panics").pop_front();
        // A handler may have been dropped.
        let _ = first.expect("a handler waits").send(());
    }

    async fn started(&mut self) {
        in_time(self.started.recv()).await.expect("started");
    }

    async fn dropped(&mut self) {
        in_time(self.dropped.recv()).await.expect("dropped");
    }
}

/// Two peers, of which one serves `gate` behind a layer.
fn gated(layer: impl Layer) -> (Peer, Peer, Gate) {
    let (start, started) = mpsc::unbounded_channel();
    let (flag, dropped) = DropFlag::new();
    let waiting = Arc::<Mutex<VecDeque<_>>>::default();
    let (flag, waits) = (flag.0.clone(), Arc::clone(&waiting));
    let builder = PeerBuilder::new()
        .handle("gate", move |_: Request| {
            let (start, flag, waits) = (start.clone(), DropFlag(flag.clone()), Arc::clone(&waits));
            async move {
                let _flag = flag;
                let (open, opened) = oneshot::channel();
                waits.lock().expect("no panics").push_back(open);
                start.send(()).expect("the test waits");
                opened.await.map_err(|_| "the gate is gone".to_owned())
            }
        })
        .handle("echo", echo)
        .layer(layer);
    let (peer, serving) = pair(&PeerBuilder::new(), &builder);
    let gate = Gate {
        started,
        dropped,
        waiting,
    };
    (peer, serving, gate)
}

fn reason(answer: Result<bytes::Bytes, CallError>) -> FrameworkError {
    match answer {
        Err(CallError::Rejected { reason, .. }) => reason,
        Err(CallError::DeadlineExceeded { .. }) => FrameworkError::DeadlineExceeded,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_concurrency_limit_lets_calls_wait() {
    let layer = ServiceBuilder::new().concurrency_limit(1);
    let (peer, serving, mut gate) = gated(tower(layer));
    let first = peer.call("gate", ()).start();
    gate.started().await;
    let second = peer.call("gate", ()).start();
    let third = peer.call("gate", ()).start();
    // Calls that wait for the limit are running calls of the connection.
    in_time(async {
        while serving.stats().running < 3 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert!(gate.started.try_recv().is_err(), "one call at once");
    // A call that waits and is dropped gives up its place, and one that runs gives its permit back.
    drop(second);
    drop(first);
    gate.dropped().await;
    gate.started().await;
    gate.waiting.lock().expect("no panics").pop_front();
    gate.open();
    in_time(third).await.expect("answered");
    in_time(idle(&serving)).await;
    let last = peer.call("gate", ()).start();
    gate.started().await;
    gate.open();
    in_time(last).await.expect("answered");
}

#[tokio::test]
async fn a_load_shed_outside_of_a_limit_refuses_as_overloaded() {
    let layer = ServiceBuilder::new().load_shed().concurrency_limit(1);
    let (peer, _serving, mut gate) = gated(tower(layer));
    let first = peer.call("gate", ()).start();
    gate.started().await;
    let refused = in_time(peer.call("gate", ())).await;
    let error = refused.clone().expect_err("refused");
    assert_eq!(reason(refused), FrameworkError::Overloaded);
    assert!(error.is_safe_to_retry() && error.is_transient());
    gate.open();
    in_time(first).await.expect("answered");
    assert_eq!(in_time(peer.call("echo", "x")).await.expect("an echo"), "x");
}

#[tokio::test(start_paused = true)]
async fn a_timeout_drops_the_handler() {
    let layer = ServiceBuilder::new().timeout(Duration::from_secs(3));
    let (peer, serving, mut gate) = gated(tower(layer));
    let begun = Instant::now();
    let late = peer.call("gate", ()).await;
    assert_eq!(reason(late), FrameworkError::DeadlineExceeded);
    assert_eq!(begun.elapsed().as_secs(), 3);
    gate.dropped().await;
    idle(&serving).await;
}

/// The time until a service is ready does not count: the call's own deadline is what limits it.
#[tokio::test(start_paused = true)]
async fn a_timeout_outside_of_a_limit_does_not_count_the_wait() {
    let layer = ServiceBuilder::new()
        .timeout(Duration::from_secs(3))
        .concurrency_limit(1);
    let builder = PeerBuilder::new()
        .handle("slow", |_: Request| async {
            tokio::time::sleep(Duration::from_secs(2)).await;
            Ok::<_, ErrorData>(())
        })
        .layer(tower(layer));
    let (peer, _serving) = pair(&PeerBuilder::new(), &builder);
    let calls: Vec<_> = (0..4).map(|_| peer.call("slow", ()).start()).collect();
    let begun = Instant::now();
    for call in calls {
        call.await.expect("within its own time");
    }
    assert_eq!(begun.elapsed().as_secs(), 8);
}

#[tokio::test(start_paused = true)]
async fn a_rate_limit_needs_a_buffer() {
    let layer = ServiceBuilder::new()
        .buffer(100)
        .rate_limit(2, Duration::from_secs(1));
    let builder = PeerBuilder::new().handle("echo", echo).layer(tower(layer));
    let (peer, serving) = pair(&PeerBuilder::new(), &builder);
    let begun = Instant::now();
    let calls: Vec<_> = (0..6)
        .map(|number| peer.call("echo", number.to_string()).start())
        .collect();
    for (number, call) in calls.into_iter().enumerate() {
        assert_eq!(call.await.expect("an echo"), number.to_string());
    }
    assert_eq!(begun.elapsed().as_secs(), 2);
    // A dropped call leaves the buffer without running.
    let waits = peer.call("echo", "dropped").start();
    let others: Vec<_> = (0..3).map(|_| peer.call("echo", "x").start()).collect();
    drop(waits);
    for other in others {
        other.await.expect("an echo");
    }
    idle(&serving).await;
}

#[tokio::test]
async fn errors_of_tower_are_errors_of_calls() {
    let check = |request: InboundRequest| -> Result<InboundRequest, BoxError> {
        Err(match request.params() {
            b"framework" => FrameworkError::PermissionDenied.into(),
            b"data" => ErrorData::new(7, "seven").into(),
            b"wrapped" => Box::new(Wrapper(FrameworkError::Unsupported)),
            b"other" => "something else".into(),
            _ => return Ok(request),
        })
    };
    let builder = PeerBuilder::new()
        .handle("echo", echo)
        .layer(tower(FilterLayer::new(check)));
    let (peer, _serving) = pair(&PeerBuilder::new(), &builder);
    let call = |params: &'static str| in_time(peer.call("echo", params));
    assert_eq!(call("fine").await.expect("an echo"), "fine");
    let denied = reason(call("framework").await);
    assert_eq!(denied, FrameworkError::PermissionDenied);
    assert_eq!(reason(call("wrapped").await), FrameworkError::Unsupported);
    let seven = call("data").await;
    assert_eq!(seven, Err(CallError::Remote(ErrorData::new(7, "seven"))));
    let other = call("other").await;
    assert_eq!(other, Err(CallError::Remote("something else".into())));
}

#[derive(Debug, thiserror::Error)]
#[error("wrapped")]
struct Wrapper(#[source] FrameworkError);

#[tokio::test]
async fn a_layer_of_tower_may_change_the_reply() {
    let layer = MapResponseLayer::new(|reply: Reply| match reply {
        Reply::Value(_) => Reply::from(Ok::<_, ErrorData>("changed")),
        reply => reply,
    });
    let builder = PeerBuilder::new().handle("echo", echo).layer(tower(layer));
    let (peer, _serving) = pair(&PeerBuilder::new(), &builder);
    assert_eq!(peer.call("echo", "x").await.expect("a reply"), "changed");
    let unknown = peer.call("other", ()).await;
    assert!(matches!(unknown, Err(CallError::UnknownMethod { .. })));
}

/// Sends a call again if it is safe, at most three times.
#[derive(Clone)]
struct UpTo(usize);

impl Policy<OutgoingCall, Answered, CallError> for UpTo {
    type Future = Ready<()>;

    fn retry(
        &mut self,
        _: &mut OutgoingCall,
        result: &mut Result<Answered, CallError>,
    ) -> Option<Ready<()>> {
        let again = matches!(result, Err(error) if error.is_safe_to_retry());
        self.0 = self.0.checked_sub(1)?;
        again.then(|| ready(()))
    }

    fn clone_request(&mut self, call: &OutgoingCall) -> Option<OutgoingCall> {
        call.try_clone()
    }
}

/// Refuses each call that is not the third since the last answer.
fn flaky(runs: &Arc<AtomicU32>) -> PeerBuilder {
    let runs = Arc::clone(runs);
    PeerBuilder::new().handle("flaky", move |request: Request| {
        let run = runs.fetch_add(1, Ordering::Relaxed) + 1;
        ready(if run.is_multiple_of(3) {
            Reply::from(Ok::<_, ErrorData>(request.into_params()))
        } else {
            FrameworkError::Overloaded.into()
        })
    })
}

#[tokio::test]
async fn a_client_retries_with_tower() {
    let runs = Arc::default();
    let (peer, _serving) = pair(&PeerBuilder::new(), &flaky(&runs));
    let caller = peer.as_caller();
    let retrying = caller.clone().with_layer(tower(RetryLayer::new(UpTo(3))));
    for _ in 0..2 {
        let answer = in_time(retrying.call("flaky", "x")).await;
        assert_eq!(answer.expect("the third attempt"), "x");
    }
    assert_eq!(runs.load(Ordering::Relaxed), 6);
    let once = caller.with_layer(tower(RetryLayer::new(UpTo(1))));
    let refused = in_time(once.call("flaky", "x")).await;
    assert_eq!(reason(refused), FrameworkError::Overloaded);
    assert_eq!(runs.load(Ordering::Relaxed), 8);
}

/// A layer of `tower` on a peer's calls.
fn calling(layer: impl ClientLayer) -> (Caller, Peer, Gate) {
    let (peer, serving, gate) = gated(|request: InboundRequest, next: Next| next.run(request));
    (peer.as_caller().with_layer(layer), serving, gate)
}

#[tokio::test]
async fn a_client_limits_its_calls_with_tower() {
    let layer = ServiceBuilder::new().concurrency_limit(1);
    let (caller, serving, mut gate) = calling(tower(layer));
    let first = caller.call("gate", ()).start();
    gate.started().await;
    let second = caller.call("gate", ()).start();
    let third = caller.call("gate", ()).start();
    assert_eq!(
        in_time(calls_seen(&serving)).await,
        1,
        "the others wait here"
    );
    // A call that waits gives up its place, and one that runs its permit.
    drop(second);
    drop(first);
    gate.dropped().await;
    gate.started().await;
    gate.waiting.lock().expect("no panics").pop_front();
    gate.open();
    in_time(third).await.expect("answered");
    in_time(idle(&serving)).await;
}

/// How many calls a peer has seen, once its tasks have had time to see more.
async fn calls_seen(serving: &Peer) -> u64 {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    serving.metrics().counters.calls_in
}

#[tokio::test]
async fn a_client_sheds_load_with_tower() {
    let layer = ServiceBuilder::new().load_shed().concurrency_limit(1);
    let (caller, _serving, mut gate) = calling(tower(layer));
    let first = caller.call("gate", ()).start();
    gate.started().await;
    let refused = in_time(caller.call("gate", ())).await;
    assert_eq!(reason(refused), FrameworkError::Overloaded);
    gate.open();
    in_time(first).await.expect("answered");
}

#[tokio::test(start_paused = true)]
async fn a_client_limits_the_time_with_tower() {
    let layer = ServiceBuilder::new().timeout(Duration::from_secs(3));
    let (caller, serving, mut gate) = calling(tower(layer));
    let begun = Instant::now();
    let late = caller.call("gate", ()).await;
    assert_eq!(reason(late), FrameworkError::DeadlineExceeded);
    assert_eq!(begun.elapsed().as_secs(), 3);
    // The call was cancelled.
    gate.dropped().await;
    idle(&serving).await;
}

#[tokio::test(start_paused = true)]
async fn a_client_limits_its_rate_with_tower() {
    let layer = ServiceBuilder::new()
        .buffer(100)
        .rate_limit(2, Duration::from_secs(1));
    let (caller, _serving, _gate) = calling(tower(layer));
    let begun = Instant::now();
    let calls: Vec<_> = (0..6).map(|_| caller.call("echo", "x").start()).collect();
    for call in calls {
        call.await.expect("an echo");
    }
    assert_eq!(begun.elapsed().as_secs(), 2);
    // The buffer wraps errors of the service, not of calls.
    let unknown = caller.call("unknown", ()).await;
    assert!(matches!(unknown, Err(CallError::UnknownMethod { .. })));
}
