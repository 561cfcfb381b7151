//! Changing a peer's routes at run time, and extensions for handlers.

use std::sync::atomic::{AtomicU32, Ordering};

use chirp::packet::ErrorData;
use chirp::{CallError, Peer, PeerBuilder, Reply, Request, channel};

fn serve(builder: &PeerBuilder) -> (Peer, Peer) {
    let (a, b) = channel::memory();
    let caller = PeerBuilder::new().start(a).expect("no duplicates");
    (caller, builder.start(b).expect("no duplicates"))
}

fn says(text: &'static str) -> impl chirp::Handler {
    move |_: Request| async move { Ok::<_, ErrorData>(text) }
}

async fn ask(peer: &Peer, method: &'static str) -> String {
    match peer.call(method, ()).await {
        Ok(answer) => String::from_utf8_lossy(&answer).into_owned(),
        Err(CallError::UnknownMethod { .. }) => "unknown".to_owned(),
        Err(error) => panic!("{method}: {error}"),
    }
}

/// CH-T8, CH-35, CH-36, CH-37: the fallback gets requests that no handler takes, and may answer "unknown method".
#[tokio::test]
async fn handlers_may_be_added_and_removed_at_run_time() {
    let fallback = |request: Request| async move {
        match request.method() {
            b"hidden" => Reply::UnknownMethod,
            other => Reply::from(Ok::<_, ErrorData>([b"fallback ", other].concat())),
        }
    };
    let (a, b) = serve(
        &PeerBuilder::new()
            .fallback(fallback)
            .handle("1", says("one")),
    );
    assert_eq!(ask(&a, "").await, "fallback ");
    assert_eq!(ask(&a, "2").await, "fallback 2");
    assert_eq!(ask(&a, "1").await, "one");
    assert_eq!(ask(&a, "hidden").await, "unknown");

    b.update_routes(|router| {
        router.handle("2", says("two"));
        assert!(router.alias("second", "2"));
        assert!(!router.alias("third", "3"));
    });
    assert_eq!(ask(&a, "2").await, "two");
    assert_eq!(ask(&a, "second").await, "two");

    b.update_routes(|router| assert!(router.remove("2")));
    assert_eq!(ask(&a, "2").await, "fallback 2");
    assert_eq!(ask(&a, "second").await, "two");

    b.update_routes(chirp::Router::remove_fallback);
    for gone in ["", "2", "hidden"] {
        assert_eq!(ask(&a, gone).await, "unknown");
    }
    assert_eq!(ask(&a, "1").await, "one");
}

/// CH-T28, CH-56: changing a builder affects only the peers made afterwards.
#[tokio::test]
async fn a_builder_is_copied_into_its_peers() {
    let root = PeerBuilder::new().handle("a", says("a"));
    let (early, serving) = serve(&root);
    let changed = root.clone().handle("b", says("b"));
    let (late, _keep) = serve(&changed);
    assert_eq!(ask(&early, "b").await, "unknown");
    assert_eq!(ask(&late, "a").await, "a");
    assert_eq!(ask(&late, "b").await, "b");
    serving.update_routes(|router| router.remove("a"));
    assert_eq!(ask(&early, "a").await, "unknown");
    assert_eq!(ask(&late, "a").await, "a");
}

/// CH-T21, CH-57: extensions for all calls, and extensions made for each call.
#[tokio::test]
async fn handlers_are_given_extensions() {
    struct Name(&'static str);
    struct Number(u32);
    let count = AtomicU32::new(0);
    let builder = PeerBuilder::new()
        .extension(Name("first"))
        .extension(Name("second"))
        .extensions_with(move |values| values.insert(Number(count.fetch_add(1, Ordering::Relaxed))))
        .handle("who", |request: Request| async move {
            let cx = request.context();
            let (Some(Name(name)), Some(Number(number))) = (cx.extension(), cx.extension()) else {
                return Err("there are no values");
            };
            assert!(cx.extension::<String>().is_none());
            Ok(format!("{name} {number}"))
        });
    let (a, _b) = serve(&builder);
    assert_eq!(ask(&a, "who").await, "second 0");
    assert_eq!(ask(&a, "who").await, "second 1");
}

/// Handlers added after the end are dropped, so that an ended session holds nothing.
#[tokio::test]
async fn changes_after_the_end_are_not_kept() {
    let (a, b) = serve(&PeerBuilder::new().handle("a", says("a")));
    drop(a);
    b.closed().await;
    assert!(b.update_routes(|router| router.remove("a")).is_none());
}
