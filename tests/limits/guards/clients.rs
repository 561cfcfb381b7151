//! Reconnecting clients.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chirp::channel::{Channel, Listener, OtherAddress, Scheme, memory};
use chirp::packet::ErrorData;
use chirp::{
    AsCaller, ClientNext, Health, Node, NodeState, OutgoingCall, Peer, PeerBuilder,
    ReconnectConfig, ReconnectState, Server,
};

use super::values::Trap;
use super::{LONG, Once, is_alive, soon};
use crate::support::echo;

fn quick() -> ReconnectConfig {
    ReconnectConfig::new().backoff(Duration::from_millis(1), Duration::from_millis(20))
}

#[tokio::test]
async fn connectors() {
    for later in [false, true] {
        let (once, peers) = (Once::default(), Arc::new(Mutex::new(Vec::new())));
        let link = PeerBuilder::new().reconnecting_with(
            move || {
                let (ours, theirs) = memory();
                if !later {
                    once.panic("the connector");
                }
                let once = once.clone();
                let server = PeerBuilder::new().handle("echo", echo);
                peers.lock().unwrap().push(server.start(theirs).unwrap());
                async move {
                    once.panic("the connector");
                    Ok(ours)
                }
            },
            quick().max_wait(LONG),
        );
        let link = link.unwrap();
        let mut states = link.watch();
        let told = states.wait_for(|state| matches!(state, ReconnectState::Waiting { .. }));
        let told = soon(told).await.unwrap().to_string();
        assert!(told.contains("the connector"), "{told}");
        is_alive(&soon(link.ready()).await.unwrap()).await;
        assert_eq!(soon(link.as_caller().call("echo", "x")).await.unwrap(), "x");
    }
}

/// Panics in both directions.
struct Panics;

#[async_trait]
impl Scheme for Panics {
    async fn connect(&self, address: &OtherAddress) -> io::Result<Channel> {
        panic!("connect to {address}")
    }

    async fn listen(&self, address: &OtherAddress) -> io::Result<Box<dyn Listener>> {
        panic!("listen on {address}")
    }
}

#[tokio::test]
async fn schemes() {
    let builder = PeerBuilder::new().scheme("panics", Panics);
    let error = builder.connect("panics://x").await.unwrap_err().to_string();
    assert_eq!(error, "a scheme panicked: connect to panics://x");
    let server = Server::builder().scheme("panics", Panics);
    let error = server.bind("panics://x").await.unwrap_err().to_string();
    assert_eq!(error, "a scheme panicked: listen on panics://x");

    let node = Node::builder("a").scheme("panics", Panics);
    let node = node.connect("b", "panics://x").start().await.unwrap();
    let error = node.listen("panics://x").await.unwrap_err().to_string();
    assert_eq!(error, "a scheme panicked: listen on panics://x");
    let waits = async {
        loop {
            if let NodeState::Waiting { reason } = node.peer("b").state()
                && reason.contains("a scheme panicked: connect to panics://x")
            {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    soon(waits).await;
    node.listen("inproc://node of schemes").await.unwrap();
}

#[tokio::test]
async fn on_connect_of_reconnecting_clients() {
    for later in [false, true] {
        let (once, peers) = (Once::default(), Arc::new(Mutex::new(Vec::new())));
        let connector = move || {
            let (ours, theirs) = memory();
            let server = PeerBuilder::new().handle("echo", echo);
            peers.lock().unwrap().push(server.start(theirs).unwrap());
            std::future::ready(Ok(ours))
        };
        let on_connect = move |_: Peer| {
            if !later {
                once.panic("the preparation");
            }
            let once = once.clone();
            async move {
                once.panic("the preparation");
                Ok::<_, ErrorData>(())
            }
        };
        let link = PeerBuilder::new()
            .reconnecting_with(connector, quick().on_connect(on_connect))
            .unwrap();
        let mut states = link.watch();
        let told = states.wait_for(|state| matches!(state, ReconnectState::Waiting { .. }));
        let told = soon(told).await.unwrap().to_string();
        assert!(told.contains("the preparation"), "{told}");
        assert_eq!(soon(link.as_caller().call("echo", "x")).await.unwrap(), "x");
    }
}

/// A layer around the question that a client asks on each new connection.
#[tokio::test]
async fn client_layers_of_health_checks() {
    for later in [false, true] {
        let (once, peers) = (Once::default(), Arc::new(Mutex::new(Vec::new())));
        let connector = move || {
            let (ours, theirs) = memory();
            let server = PeerBuilder::new().health(&Health::new());
            let server = server.handle("echo", echo);
            peers.lock().unwrap().push(server.start(theirs).unwrap());
            std::future::ready(Ok(ours))
        };
        let layer = move |call: OutgoingCall, next: ClientNext| {
            if !later {
                once.panic("the layer");
            }
            let once = once.clone();
            async move {
                once.panic("the layer");
                next.run(call).await
            }
        };
        let link = PeerBuilder::new()
            .client_layer(layer)
            .reconnecting_with(connector, quick().health(""))
            .unwrap();
        let mut states = link.watch();
        let told = states.wait_for(|state| matches!(state, ReconnectState::Waiting { .. }));
        let told = soon(told).await.unwrap().to_string();
        assert!(told.contains("the layer"), "{told}");
        assert_eq!(soon(link.as_caller().call("echo", "x")).await.unwrap(), "x");
    }
}

/// An error whose `Display` panics counts as a panic.
#[tokio::test]
async fn error_texts_of_on_connect() {
    let (once, peers) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(Mutex::new(Vec::new())),
    );
    let connector = move || {
        let (ours, theirs) = memory();
        let server = PeerBuilder::new().handle("echo", echo);
        peers.lock().unwrap().push(server.start(theirs).unwrap());
        std::future::ready(Ok(ours))
    };
    let on_connect = move |_: Peer| {
        let failed = !once.swap(true, Ordering::Relaxed);
        async move { if failed { Err(Trap) } else { Ok(()) } }
    };
    let link = PeerBuilder::new()
        .reconnecting_with(connector, quick().on_connect(on_connect))
        .unwrap();
    assert_eq!(soon(link.as_caller().call("echo", "x")).await.unwrap(), "x");
}
