//! Reconnecting clients.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chirp::channel::memory;
use chirp::packet::ErrorData;
use chirp::{
    AsCaller, ClientNext, Health, OutgoingCall, Peer, PeerBuilder, ReconnectConfig, ReconnectState,
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
