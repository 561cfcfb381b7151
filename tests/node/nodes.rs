//! Nodes for the tests of this crate, and waits for what they do.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use chirp::{CallContext, Node, NodeBuilder, NodeEvent, NodeEvents, NodeState, Peer, Refusal};

use crate::support::in_time;

/// What the nodes of these tests serve.
#[chirp::service]
pub(crate) trait Arith {
    /// The sum, and the name of the calling node as the callee knows it.
    async fn add(&self, cx: &CallContext, a: i64, b: i64) -> (i64, Option<String>);
    /// The name of this node.
    async fn name(&self) -> String;
}

/// The implementation of a node with this name.
pub(crate) struct Calculator(pub(crate) String);

impl Arith for Calculator {
    async fn add(&self, cx: &CallContext, a: i64, b: i64) -> (i64, Option<String>) {
        (a + b, cx.node().map(str::to_owned))
    }

    async fn name(&self) -> String {
        self.0.clone()
    }
}

/// A node that serves [`Arith`], with short pauses.
pub(crate) fn node(name: &str) -> NodeBuilder {
    Node::builder(name)
        .network("test")
        .backoff(Duration::from_millis(5), Duration::from_millis(50))
        .refused_pause(Duration::from_millis(50))
        .service(ArithServer::new(Calculator(name.to_owned())))
}

/// An address within this process that no other test uses.
pub(crate) fn address() -> String {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("inproc://node-{number}")
}

/// Waits until a node can be called.
pub(crate) async fn connected(node: &Node, name: &str) -> Peer {
    in_time(node.peer(name).ready()).await.unwrap()
}

/// Waits until a node knows exactly these nodes as connected.
pub(crate) async fn sees(node: &Node, names: &[&str]) {
    in_time(async {
        loop {
            let peers = node.connected();
            if peers
                .iter()
                .map(|peer| &**peer.name())
                .eq(names.iter().copied())
            {
                return;
            }
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// Waits until the state of a node is as `is` says.
pub(crate) async fn state(node: &Node, name: &str, is: impl Fn(&NodeState) -> bool) -> NodeState {
    in_time(async {
        loop {
            let state = node.peer(name).state();
            if is(&state) {
                return state;
            }
            tokio::task::yield_now().await;
        }
    })
    .await
}

/// Waits for an event for which `find` returns something.
pub(crate) async fn event<T>(events: &mut NodeEvents, find: impl Fn(&NodeEvent) -> Option<T>) -> T {
    in_time(async {
        loop {
            let event = events.recv().await.expect("the node runs");
            if let Some(found) = find(&event) {
                return found;
            }
        }
    })
    .await
}

/// Waits for a refusal. Returns it, and whether this side refused.
pub(crate) async fn refused(events: &mut NodeEvents) -> (Refusal, bool) {
    event(events, |event| match event {
        NodeEvent::Refused {
            refusal,
            by_this_side,
            ..
        } => Some((refusal.clone(), *by_this_side)),
        _ => None,
    })
    .await
}
