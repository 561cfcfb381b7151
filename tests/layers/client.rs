//! Layers around outgoing calls.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use chirp::packet::{ErrorData, FrameworkError};
use chirp::{
    Answered, AsCaller, CallError, Caller, ClientLayer, ClientNext, OutgoingCall, PeerBuilder,
    Reply, Request,
};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_stream::StreamExt as _;

use crate::Book;
use crate::streams::{NumbersClient, NumbersServer, Numerals, all_shapes};
use crate::support::{DropFlag, LINKS, Link, connected, echo, idle, in_time, pair};

/// A layer that notes the beginning and the end of each call.
fn noting(book: &Book, name: &'static str) -> impl ClientLayer + use<> {
    let book = book.clone();
    move |call: OutgoingCall, next: ClientNext| {
        let book = book.clone();
        async move {
            book.note(format!("{name} {}", call.method()));
            let answer = next.run(call).await;
            book.note(format!("{name} {}", answer.is_ok()));
            answer
        }
    }
}

fn serving() -> PeerBuilder {
    PeerBuilder::new()
        .handle("echo", echo)
        .service(NumbersServer::new(Numerals))
}

#[tokio::test]
async fn layers_are_passed_from_the_outside_to_the_inside() {
    for link in LINKS {
        let book = Book::default();
        let client = PeerBuilder::new()
            .client_layer(noting(&book, "peer 1"))
            .client_layer(noting(&book, "peer 2"));
        let (peer, _serving) = connected(link, &client, &serving()).await;
        let caller = peer.as_caller().with_layer(noting(&book, "caller 1"));
        let caller = caller.with_layer(noting(&book, "caller 2"));
        assert_eq!(caller.call("echo", "x").await.expect("an echo"), "x");
        assert_eq!(
            book.lines(),
            [
                "peer 1 echo",
                "peer 2 echo",
                "caller 1 echo",
                "caller 2 echo",
                "caller 2 true",
                "caller 1 true",
                "peer 2 true",
                "peer 1 true"
            ]
        );
        peer.call("unknown", ()).await.expect_err("unknown");
        assert_eq!(
            book.lines(),
            [
                "peer 1 unknown",
                "peer 2 unknown",
                "peer 2 false",
                "peer 1 false"
            ]
        );
    }
}

#[tokio::test]
async fn streams_in_both_directions_pass_client_layers() {
    for link in LINKS {
        let book = Book::default();
        let client = PeerBuilder::new().client_layer(noting(&book, "peer"));
        let (peer, serving) = connected(link, &client, &serving()).await;
        let numbers = NumbersClient::new(&peer).with_layer(noting(&book, "client"));
        all_shapes(&numbers).await;
        in_time(idle(&peer)).await;
        in_time(idle(&serving)).await;
        let lines = book.lines();
        assert_eq!(lines.len(), 5 * 4, "{lines:?}");
    }
}

/// A call that was given one half of a stream is sent when the other half has to wait.
#[tokio::test]
async fn a_call_inside_of_layers_is_sent_when_its_stream_waits() {
    let book = Book::default();
    let client = PeerBuilder::new().client_layer(noting(&book, "peer"));
    let (peer, _serving) = pair(&client, &serving());
    let (sender, mut items) = chirp::stream::channel();
    let fill = NumbersClient::new(&peer).fill(3, sender);
    let mut received = Vec::new();
    while let Some(item) = in_time(items.next()).await {
        received.push(item.expect("a number"));
    }
    assert_eq!(received, [0, 1, 2]);
    in_time(fill).await.expect("filled");
    let (mut sender, items) = chirp::stream::channel();
    let total = NumbersClient::new(&peer).total(items);
    // More than a window holds: it waits until the call has been sent.
    for number in 0..50_000 {
        in_time(sender.send(number)).await.expect("received");
    }
    sender.finish();
    assert_eq!(in_time(total).await, Ok((0..50_000).sum()));
}

#[tokio::test]
async fn a_layer_may_answer_itself_and_change_the_error() {
    let layer = |call: OutgoingCall, next: ClientNext| async move {
        if call.params() == b"cached" {
            // Never calls `next`.
            return Ok(Answered::from(Bytes::from_static(b"from the cache")));
        }
        let answer = next.run(call).await;
        answer.map_err(|_| CallError::Remote(ErrorData::new(9, "changed")))
    };
    let (peer, serving) = pair(&PeerBuilder::new(), &serving());
    let caller = peer.as_caller().with_layer(layer);
    let cached = caller.call("echo", "cached").await.expect("an answer");
    assert_eq!(cached, "from the cache");
    assert_eq!(serving.metrics().counters.calls_in, 0);
    let error = caller.call("unknown", ()).await.expect_err("an error");
    assert_eq!(error, CallError::Remote(ErrorData::new(9, "changed")));
    assert_eq!(caller.call("echo", "x").await.expect("an echo"), "x");
}

/// Fails every call but each third.
fn flaky(runs: &Arc<AtomicU32>) -> PeerBuilder {
    let runs = Arc::clone(runs);
    PeerBuilder::new().handle("flaky", move |request: Request| {
        let run = runs.fetch_add(1, Ordering::Relaxed) + 1;
        std::future::ready(if run.is_multiple_of(3) {
            Reply::from(Ok::<_, ErrorData>(request.into_params()))
        } else {
            FrameworkError::Overloaded.into()
        })
    })
}

async fn again(call: OutgoingCall, next: ClientNext) -> Result<Answered, CallError> {
    for _ in 0..4 {
        let Some(copy) = call.try_clone() else { break };
        match next.run(copy).await {
            Err(error) if error.is_safe_to_retry() => {}
            answer => return answer,
        }
    }
    next.run(call).await
}

#[tokio::test]
async fn a_layer_may_send_a_call_again() {
    let (runs, book) = (Arc::default(), Book::default());
    let (peer, _serving) = pair(&PeerBuilder::new(), &flaky(&runs));
    let caller = peer.as_caller().with_layer(again);
    // An inner layer sees each attempt.
    let caller = caller.with_layer(noting(&book, "attempt"));
    let answer = caller.call("flaky", "x").idempotent().await;
    assert_eq!(answer.expect("an answer"), "x");
    assert_eq!(runs.load(Ordering::Relaxed), 3);
    assert_eq!(
        book.lines(),
        [
            "attempt flaky",
            "attempt false",
            "attempt flaky",
            "attempt false",
            "attempt flaky",
            "attempt true"
        ]
    );
}

#[tokio::test]
async fn a_call_with_streams_cannot_be_cloned() {
    let seen = Book::default();
    let book = seen.clone();
    let layer = move |call: OutgoingCall, next: ClientNext| {
        book.note(format!(
            "{} {}",
            call.has_streams(),
            call.try_clone().is_none()
        ));
        next.run(call)
    };
    let (peer, _serving) = pair(&PeerBuilder::new(), &serving());
    let numbers = NumbersClient::new(&peer).with_layer(layer);
    let total = numbers.total(tokio_stream::iter(0..4));
    assert_eq!(in_time(total).await, Ok(6));
    // A result stream is no stream in the arguments.
    let counted = numbers.count(2).await.expect("a stream");
    assert_eq!(in_time(counted.collect::<Vec<_>>()).await.len(), 2);
    assert_eq!(seen.lines(), ["true true", "false false"]);
}

#[tokio::test(start_paused = true)]
async fn the_time_limit_of_a_call_includes_its_layers() {
    let slow = |call: OutgoingCall, next: ClientNext| async move {
        assert!(call.deadline().is_some() && call.is_idempotent());
        tokio::time::sleep(Duration::from_secs(30)).await;
        next.run(call).await
    };
    let (peer, serving) = pair(&PeerBuilder::new(), &serving());
    let caller = peer.as_caller().with_layer(slow);
    let begun = Instant::now();
    let call = caller.call("echo", "x").idempotent();
    let late = call.timeout(Duration::from_secs(10)).await;
    assert!(
        matches!(late, Err(CallError::DeadlineExceeded { .. })),
        "{late:?}"
    );
    assert_eq!(begun.elapsed().as_secs(), 10);
    assert_eq!(serving.metrics().counters.calls_in, 0);
    let call = caller.call("echo", "x").idempotent();
    let answer = call.timeout(Duration::from_secs(40)).await;
    assert_eq!(answer.expect("an echo"), "x");
}

#[tokio::test(start_paused = true)]
async fn a_layer_may_shorten_the_time_limit() {
    let waits = PeerBuilder::new().handle("waits", |_: Request| {
        std::future::pending::<Result<(), ErrorData>>()
    });
    let (peer, serving) = pair(&PeerBuilder::new(), &waits);
    let layer =
        |call: OutgoingCall, next: ClientNext| next.run(call.timeout(Duration::from_secs(2)));
    let caller = peer.as_caller().with_layer(layer);
    let begun = Instant::now();
    let late = caller
        .call("waits", ())
        .timeout(Duration::from_mins(1))
        .await;
    assert!(
        matches!(late, Err(CallError::DeadlineExceeded { .. })),
        "{late:?}"
    );
    assert_eq!(begun.elapsed().as_secs(), 2);
    idle(&serving).await;
}

#[tokio::test]
async fn a_dropped_call_drops_its_layers_and_cancels() {
    let (flag, mut dropped) = DropFlag::new();
    let flag = flag.0.clone();
    let (started, mut is_started) = mpsc::unbounded_channel();
    let waits = PeerBuilder::new().handle("waits", move |_: Request| {
        started.send(()).expect("the test waits");
        std::future::pending::<Result<(), ErrorData>>()
    });
    let (peer, serving) = pair(&PeerBuilder::new(), &waits);
    let caller = peer
        .as_caller()
        .with_layer(move |call: OutgoingCall, next: ClientNext| {
            let flag = DropFlag(flag.clone());
            async move {
                let _flag = flag;
                next.run(call).await
            }
        });
    for start in [true, false] {
        let call = caller.call("waits", ());
        let mut call = Box::pin(if start { call.start() } else { call });
        tokio::select! {
            _ = &mut call => panic!("nobody answers"),
            begun = in_time(is_started.recv()) => begun.expect("begun"),
        }
        drop(call);
        in_time(dropped.recv()).await.expect("dropped");
        in_time(idle(&serving)).await;
        in_time(idle(&peer)).await;
    }
}

#[tokio::test]
async fn started_detached_and_one_way_calls_pass_layers() {
    let (book, arrived) = (Book::default(), Book::default());
    let notes = arrived.clone();
    let server = PeerBuilder::new().handle("note", move |request: Request| {
        notes.note(request.params().escape_ascii().to_string());
        std::future::ready(Ok::<_, ErrorData>(()))
    });
    let client = PeerBuilder::new().client_layer(noting(&book, "layer"));
    let (peer, serving) = pair(&client, &server);
    let caller = peer.as_caller();
    let started = caller.call("note", "started").start();
    caller.call("note", "detached").detach();
    caller.call_one_way("note", "one-way").await.expect("sent");
    caller
        .call_one_way("note", "started one-way")
        .start()
        .await
        .expect("sent");
    caller.call_one_way("note", "detached one-way").detach();
    in_time(started).await.expect("answered");
    in_time(async {
        while serving.metrics().counters.calls_in < 5 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    in_time(idle(&serving)).await;
    let mut arrived = arrived.lines();
    arrived.sort();
    let all = [
        "detached",
        "detached one-way",
        "one-way",
        "started",
        "started one-way",
    ];
    assert_eq!(arrived, all);
    assert_eq!(book.lines().len(), 10);
}

#[tokio::test]
async fn callbacks_and_local_callers_pass_layers() {
    let book = Book::default();
    let server = PeerBuilder::new()
        .client_layer(noting(&book, "callback"))
        .handle("asks", |request: Request| async move {
            let caller = request.context().caller().clone();
            assert!(request.context().connection_stats().is_some());
            caller.call("name", ()).await
        });
    let client =
        PeerBuilder::new().handle("name", |_: Request| async { Ok::<_, ErrorData>("Ann") });
    let (peer, _serving) = pair(&client, &server);
    assert_eq!(peer.call("asks", ()).await.expect("an answer"), "Ann");
    assert_eq!(book.lines(), ["callback name", "callback true"]);

    let local = Caller::local(echo).with_layer(noting(&book, "local"));
    assert_eq!(local.call("any", "x").await.expect("an echo"), "x");
    assert_eq!(book.lines(), ["local any", "local true"]);
    let numbers = NumbersClient::local(Numerals).with_layer(noting(&book, "local"));
    assert_eq!(
        in_time(numbers.total(tokio_stream::iter(0..4))).await,
        Ok(6)
    );
    assert_eq!(book.lines(), ["local Numbers.total", "local true"]);
}

/// A caller as a handler forwards calls with their streams through its layers.
#[tokio::test]
async fn a_fallback_to_a_caller_with_layers_forwards_streams() {
    let book = Book::default();
    let (backend, _far) = connected(Link::Memory, &PeerBuilder::new(), &serving()).await;
    let caller = backend.as_caller().with_layer(noting(&book, "proxy"));
    let (peer, _serving) = pair(&PeerBuilder::new(), &PeerBuilder::new().fallback(caller));
    all_shapes(&NumbersClient::new(&peer)).await;
    assert_eq!(book.lines().len(), 10);
}

#[tokio::test]
async fn a_reconnecting_client_passes_layers() {
    let book = Book::default();
    let server = chirp::Server::builder()
        .handle("echo", echo)
        .bind("tcp://127.0.0.1:0")
        .await
        .expect("an address");
    let address = server.endpoint().to_string();
    let client = PeerBuilder::new().client_layer(noting(&book, "layer"));
    let reconnecting = client.reconnecting(&*address).expect("an address");
    let peer = reconnecting.as_caller();
    // The call waits for the connection.
    let waiting = peer.call("echo", "x").start();
    tokio::spawn(server.run());
    assert_eq!(in_time(waiting).await.expect("an echo"), "x");
    assert_eq!(peer.call("echo", "y").await.expect("an echo"), "y");
    assert_eq!(
        book.lines(),
        ["layer echo", "layer true", "layer echo", "layer true"]
    );
}

#[tokio::test]
#[should_panic(expected = "in a layer")]
async fn a_panic_of_a_layer_propagates_to_the_caller() {
    let (peer, _serving) = pair(&PeerBuilder::new(), &serving());
    let panics = |call: OutgoingCall, next: ClientNext| async move {
        assert_ne!(call.method().as_bytes(), b"echo", "in a layer");
        next.run(call).await
    };
    let caller = peer.as_caller().with_layer(panics);
    let _ = caller.call("echo", ()).await;
}

#[tokio::test]
async fn a_panic_of_a_layer_of_a_started_call_is_an_error() {
    let (peer, _serving) = pair(&PeerBuilder::new(), &serving());
    let panics = |call: OutgoingCall, next: ClientNext| async move {
        assert_ne!(call.params(), b"panic", "in a layer");
        next.run(call).await
    };
    let caller = peer.as_caller().with_layer(panics);
    let failed = in_time(caller.call("echo", "panic").start()).await;
    let error = failed.expect_err("it panicked");
    assert!(error.to_string().contains("panicked"), "{error}");
    assert_eq!(caller.call("echo", "x").await.expect("an echo"), "x");
}

#[tokio::test]
async fn a_call_keeps_its_metadata_and_a_layer_may_add_some() {
    let server = PeerBuilder::new().handle("read", |request: Request| async move {
        let metadata = request.context().metadata();
        let read = |key| metadata.text(key).unwrap_or("none").to_owned();
        Ok::<_, ErrorData>(["client", "call", "layer"].map(read).join(" "))
    });
    let (peer, _serving) = pair(&PeerBuilder::new(), &server);
    let layer = |call: OutgoingCall, next: ClientNext| next.run(call.metadata("layer", "c"));
    let caller = peer
        .as_caller()
        .with_metadata("client", "a")
        .with_layer(layer);
    let read = in_time(caller.call("read", ()).metadata("call", "b")).await;
    assert_eq!(read.expect("an answer"), "a b c");
    let caller = peer
        .as_caller()
        .with_layer(layer)
        .with_metadata("client", "a");
    let read = in_time(caller.call("read", ()).metadata("call", "b")).await;
    assert_eq!(read.expect("an answer"), "a b c");
}
