//! `ConcurrencyLimit`.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use chirp::layer::ConcurrencyLimit;
use chirp::packet::FrameworkError;
use chirp::{CallError, InboundRequest, Layer, PeerBuilder, Request};
use tokio::sync::oneshot;

use crate::support::{Link, connected, idle, in_time};

/// Handlers that wait until the test lets them go.
#[derive(Clone, Default)]
struct Gates(Arc<Mutex<VecDeque<oneshot::Sender<()>>>>);

impl Gates {
    fn serving(&self, layer: impl Layer) -> PeerBuilder {
        let gates = self.clone();
        PeerBuilder::new()
            .handle("gate", move |_: Request| {
                let (open, opened) = oneshot::channel();
                gates.0.lock().expect("no panics").push_back(open);
                async move { opened.await.map_err(|_| "gone".to_owned()) }
            })
            .layer(layer)
    }

    /// Waits until a handler waits, and lets it go.
    async fn open(&self) {
        let first = in_time(async {
            loop {
                let first = self.0.lock().expect("no panics").pop_front();
                match first {
                    Some(first) => return first,
                    None => tokio::task::yield_now().await,
                }
            }
        });
        first.await.send(()).expect("a handler waits");
    }

    fn len(&self) -> usize {
        self.0.lock().expect("no panics").len()
    }

    async fn wait_for(&self, count: usize) {
        in_time(async {
            while self.len() < count {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
}

fn is_overloaded(answer: &Result<bytes::Bytes, CallError>) -> bool {
    matches!(
        answer,
        Err(error @ CallError::Rejected {
            reason: FrameworkError::Overloaded,
            ..
        }) if error.is_safe_to_retry()
    )
}

#[tokio::test]
async fn calls_over_the_limit_are_refused() {
    let gates = Gates::default();
    let builder = gates.serving(ConcurrencyLimit::new(2));
    let client = PeerBuilder::new();
    let (one, _serving) = connected(Link::Memory, &client, &builder).await;
    // The limit holds for both connections together.
    let (other, serving) = connected(Link::Memory, &client, &builder).await;
    let running = [one.call("gate", ()).start(), other.call("gate", ()).start()];
    gates.wait_for(2).await;
    let refused = in_time(one.call("gate", ())).await;
    assert!(is_overloaded(&refused), "{refused:?}");
    let text = refused.expect_err("refused").to_string();
    assert!(text.contains("at most 2 at once"), "{text}");
    let [first, second] = running;
    drop(second);
    // The permit of a dropped call is free as soon as its handler is gone.
    in_time(idle(&serving)).await;
    let third = other.call("gate", ()).start();
    gates.open().await;
    in_time(first).await.expect("answered");
    gates.wait_for(2).await;
    // The handler of the dropped call is gone.
    drop(gates.0.lock().expect("no panics").pop_front());
    gates.open().await;
    in_time(third).await.expect("answered");
}

#[tokio::test]
async fn calls_wait_in_a_queue_of_bounded_length() {
    let gates = Gates::default();
    let builder = gates.serving(ConcurrencyLimit::new(1).queue(2));
    let (peer, serving) = connected(Link::Memory, &PeerBuilder::new(), &builder).await;
    let calls: Vec<_> = (0..3).map(|_| peer.call("gate", ()).start()).collect();
    let refused = in_time(peer.call("gate", ())).await;
    assert!(is_overloaded(&refused), "{refused:?}");
    assert_eq!(gates.len(), 1, "one call runs");
    for call in calls {
        gates.open().await;
        in_time(call).await.expect("answered");
    }
    in_time(idle(&serving)).await;
}

#[tokio::test]
async fn each_identity_has_a_limit_of_its_own() {
    let gates = Gates::default();
    let builder = gates.serving(ConcurrencyLimit::per_identity(1));
    let client = PeerBuilder::new();
    // A Unix socket knows its user; memory does not.
    let (user, _one) = connected(Link::Unix, &client, &builder).await;
    let (same, _other) = connected(Link::Unix, &client, &builder).await;
    let (anonymous, _third) = connected(Link::Memory, &client, &builder).await;
    let running = [
        user.call("gate", ()).start(),
        anonymous.call("gate", ()).start(),
    ];
    gates.wait_for(2).await;
    for peer in [&user, &same, &anonymous] {
        let refused = in_time(peer.call("gate", ())).await;
        assert!(is_overloaded(&refused), "{refused:?}");
    }
    for _ in 0..2 {
        gates.open().await;
    }
    for call in running {
        in_time(call).await.expect("answered");
    }
}

#[tokio::test]
async fn a_key_of_its_own() {
    let gates = Gates::default();
    let key = |request: &InboundRequest| request.params().escape_ascii().to_string();
    let builder = gates.serving(ConcurrencyLimit::per_key(1, key).queue(1));
    let (peer, serving) = connected(Link::Memory, &PeerBuilder::new(), &builder).await;
    let mut calls = Vec::new();
    for key in ["a", "b", "a", "b"] {
        calls.push(peer.call("gate", key).start());
    }
    for key in ["a", "b"] {
        let refused = in_time(peer.call("gate", key)).await;
        assert!(is_overloaded(&refused), "{refused:?}");
    }
    for _ in 0..4 {
        gates.open().await;
    }
    for call in calls {
        in_time(call).await.expect("answered");
    }
    in_time(idle(&serving)).await;
    let again = peer.call("gate", "a").start();
    gates.open().await;
    in_time(again).await.expect("answered");
}
