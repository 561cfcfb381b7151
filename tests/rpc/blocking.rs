//! Blocking handlers, and work that outlives its handler.

use std::sync::{Arc, Mutex, mpsc};

use chirp::packet::FrameworkError;
use chirp::{BlockingPool, CallError, Peer, PeerBuilder, Request, channel};
use tokio::sync::mpsc as told;

fn pair(builder: &PeerBuilder) -> (Peer, Peer) {
    let (a, b) = channel::memory();
    let caller = PeerBuilder::new().start(a).expect("no duplicates");
    (caller, builder.start(b).expect("no duplicates"))
}

/// Waits until a peer runs no handler; checks again after each call to it.
async fn idle(caller: &Peer, serving: &Peer) {
    while serving.stats().running > 0 {
        caller.call("nothing", ()).await.expect_err("unknown");
    }
}

/// Blocking handlers run concurrently up to the pool's limit and do not delay other calls.
#[tokio::test]
async fn blocking_handlers_have_threads_and_a_limit() {
    let (go, gate) = mpsc::channel::<()>();
    let gate = Arc::new(Mutex::new(gate));
    let (begun, mut begins) = told::unbounded_channel();
    let blocking = BlockingPool::new(2);
    let builder = PeerBuilder::new().handle(
        "block",
        blocking.handler(move |_: Request| {
            begun.send(()).expect("the test listens");
            gate.lock()
                .expect("no panics")
                .recv()
                .map_err(|_| "the test is over")?;
            Ok::<_, &str>("done")
        }),
    );
    let (a, b) = pair(&builder);
    let calls: Vec<_> = (0..5)
        .map(|_| tokio::spawn(a.call("block", ()).start()))
        .collect();
    begins.recv().await.expect("one begins");
    begins.recv().await.expect("another begins");
    // Two block, three wait, and other calls are answered.
    a.call("nothing", ()).await.expect_err("unknown");
    assert_eq!(b.stats().running, 5);
    assert!(begins.try_recv().is_err());
    for _ in 0..5 {
        go.send(()).expect("somebody waits");
    }
    for call in calls {
        assert_eq!(call.await.expect("no panic").expect("answered"), "done");
    }
    idle(&a, &b).await;
}

/// A cancelled call is answered at once, but counts as running until its handler returns.
#[tokio::test]
async fn a_cancelled_call_runs_until_its_blocking_handler_returns() {
    let (go, gate) = mpsc::channel::<()>();
    let gate = Mutex::new(gate);
    let (begun, mut begins) = told::unbounded_channel();
    let handler = BlockingPool::default().handler(move |_: Request| {
        begun.send(()).expect("the test listens");
        gate.lock()
            .expect("no panics")
            .recv()
            .map_err(|_| "the test is over")
    });
    let (a, b) = pair(&PeerBuilder::new().handle("block", handler));
    let call = a.call("block", ()).start();
    begins.recv().await.expect("it begins");
    drop(call);
    while a.stats().abandoned > 0 {
        a.call("nothing", ()).await.expect_err("unknown");
    }
    assert_eq!(b.stats().running, 1);
    go.send(()).expect("it waits");
    idle(&a, &b).await;
}

#[tokio::test]
async fn a_panic_of_a_blocking_handler_fails_its_call() {
    let handler = BlockingPool::default().handler(|request: Request| {
        assert!(request.params().is_empty(), "there is something");
        Ok::<_, String>("fine")
    });
    let (a, b) = pair(&PeerBuilder::new().handle("block", handler));
    let failed = a.call("block", "x").await;
    let panicked = matches!(
        &failed,
        Err(CallError::Rejected {
            reason: FrameworkError::Panicked { .. },
            ..
        })
    );
    assert!(panicked, "{failed:?}");
    assert_eq!(a.call("block", ()).await.expect("answered"), "fine");
    idle(&a, &b).await;
}

/// `cx.cancelled()` also works in a task that the handler has spawned.
#[tokio::test]
async fn spawned_work_learns_that_its_call_was_cancelled() {
    let (ends, mut ended) = told::unbounded_channel();
    let builder = PeerBuilder::new().handle("work", move |request: Request| {
        let (cx, ends) = (request.context().clone(), ends.clone());
        ends.send("begun").expect("the test listens");
        tokio::spawn(async move {
            cx.cancelled().await;
            ends.send("told").expect("the test listens");
        });
        std::future::pending::<Result<(), String>>()
    });
    let (a, b) = pair(&builder);
    let call = a.call("work", ()).start();
    assert_eq!(ended.recv().await, Some("begun"));
    a.call("nothing", ()).await.expect_err("unknown");
    assert!(ended.try_recv().is_err());
    drop(call);
    assert_eq!(ended.recv().await, Some("told"));

    // The end of the connection cancels every call.
    let _call = a.call("work", ()).start();
    assert_eq!(ended.recv().await, Some("begun"));
    b.close();
    assert_eq!(ended.recv().await, Some("told"));
}
