//! Handlers, access rules and extensions.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use chirp::packet::ErrorData;
use chirp::{
    AccessPolicy, BlockingPool, Caller, HandlerFuture, InboundRequest, Next, PeerBuilder, Reply,
    Request,
};

use super::{Mine, calling, has_panicked, is_alive, soon};
use crate::support::echo;

#[tokio::test]
async fn handlers() {
    let serves = PeerBuilder::new()
        .handle("begins", |_: Request| -> std::future::Ready<Reply> {
            panic!("before its future")
        })
        .handle("first poll", |request: Request| async move {
            assert!(request.method().is_empty(), "at its first poll");
            Ok::<_, ErrorData>(())
        })
        .handle("later", |request: Request| async move {
            tokio::task::yield_now().await;
            assert!(request.method().is_empty(), "in its task");
            Ok::<_, ErrorData>(())
        })
        .handle(
            "blocking",
            BlockingPool::default()
                .handler(|_: Request| -> Result<(), String> { panic!("blocking") }),
        );
    let (a, _b) = calling(serves);
    for method in ["begins", "first poll", "later", "blocking"] {
        has_panicked(soon(a.call(method, ())).await);
        is_alive(&a).await;
    }
}

#[tokio::test]
async fn handlers_in_this_process() {
    let handler = |request: Request| async move {
        assert_eq!(request.method(), b"fine");
        Ok::<_, ErrorData>(())
    };
    let caller = Caller::local(handler);
    has_panicked(soon(caller.call("other", ())).await);
    soon(caller.call("fine", ())).await.unwrap();
}

#[tokio::test]
async fn dropped_handler_futures() {
    let drops = Arc::new(AtomicUsize::new(0));
    let dropped = Arc::clone(&drops);
    let serves = PeerBuilder::new().handle("waits", move |_: Request| {
        let mine = Mine(Arc::clone(&dropped));
        async move {
            let _mine = mine;
            std::future::pending::<Result<(), ErrorData>>().await
        }
    });
    let (a, b) = calling(serves);
    let waiting = a.call("waits", ()).start();
    is_alive(&a).await;
    drop(waiting);
    while drops.load(Ordering::Relaxed) == 0 {
        is_alive(&a).await;
    }
    while b.stats().running > 0 {
        is_alive(&a).await;
    }
}

#[tokio::test]
async fn layers() {
    let serves = PeerBuilder::new()
        .layer(|request: InboundRequest, next: Next| -> HandlerFuture {
            assert_ne!(request.method(), b"begins", "before its future");
            Box::pin(next.run(request))
        })
        .layer(|request: InboundRequest, next: Next| async move {
            let panics = request.method() == b"ends";
            let reply = next.run(request).await;
            assert!(!panics, "behind the handler");
            reply
        })
        .fallback(echo);
    let (a, _b) = calling(serves);
    for method in ["begins", "ends"] {
        has_panicked(soon(a.call(method, ())).await);
        is_alive(&a).await;
    }
}

#[tokio::test]
async fn access_rules() {
    let access = AccessPolicy::new()
        .allow(["echo"], |_| true)
        .default_rule(|_| panic!("a rule"));
    let (a, _b) = calling(PeerBuilder::new().access(access).handle("other", echo));
    has_panicked(soon(a.call("other", ())).await);
    is_alive(&a).await;
}

#[tokio::test]
async fn extensions_of_calls() {
    let broken = Arc::new(AtomicBool::new(true));
    let breaks = Arc::clone(&broken);
    let serves = PeerBuilder::new().extensions_with(move |values| {
        assert!(!breaks.load(Ordering::Relaxed), "a value");
        values.insert(1_u8);
    });
    let (a, _b) = calling(serves);
    has_panicked(soon(a.call("echo", ())).await);
    broken.store(false, Ordering::Relaxed);
    is_alive(&a).await;
}
