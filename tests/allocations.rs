//! Allocations of calls. Counting needs an allocator of its own, so this is a crate of its own.
#![cfg(feature = "tower")]

use std::alloc::System;
use std::time::Duration;

use ::tower::limit::ConcurrencyLimitLayer;
use ::tower::timeout::TimeoutLayer;
use ::tower::util::MapResponseLayer;
use chirp::layer::tower;
use chirp::packet::ErrorData;
use chirp::{Answered, Peer, PeerBuilder, Reply, Request, channel};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static HEAP: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const CALLS: usize = 100;
const ROUNDS: usize = 100;

/// Allocations that are not those of single calls, such as a table that grows.
const SLACK: usize = CALLS / 10;

/// Returns the number of allocations so far. Growing an allocation counts as one.
fn allocations() -> usize {
    let stats = HEAP.stats();
    stats.allocations + stats.reallocations
}

fn pair(client: &PeerBuilder, server: PeerBuilder) -> (Peer, Peer) {
    let echo = |request: Request| async { Ok::<_, ErrorData>(request.into_params()) };
    let (a, b) = channel::memory();
    let server = server.handle("echo", echo);
    (
        client.start(a).expect("no duplicates"),
        server.start(b).expect("no duplicates"),
    )
}

/// Returns the allocations of [`CALLS`] calls, both sides together. The thread of the test harness may allocate at any time,
/// so the smallest of several numbers counts.
async fn measure(client: &PeerBuilder, server: PeerBuilder) -> usize {
    let (client, _server) = pair(client, server);
    let mut smallest = usize::MAX;
    for _ in 0..ROUNDS {
        let before = allocations();
        for _ in 0..CALLS {
            client.call("echo", "x").await.expect("answered");
        }
        smallest = smallest.min(allocations() - before);
    }
    smallest
}

fn server_with(layers: usize) -> PeerBuilder {
    (0..layers).fold(PeerBuilder::new(), |builder, _| {
        builder.layer(tower(MapResponseLayer::new(|reply: Reply| reply)))
    })
}

fn client_with(layers: usize) -> PeerBuilder {
    (0..layers).fold(PeerBuilder::new(), |builder, _| {
        builder.client_layer(tower(MapResponseLayer::new(|answer: Answered| answer)))
    })
}

/// Each layer costs one allocation, that of its future. A client with any layer needs another one for each call, whose
/// answer passes the layers.
#[test]
fn a_layer_of_tower_costs_one_allocation_per_call() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let plain = PeerBuilder::new;
    runtime.block_on(async {
        let none = measure(&plain(), plain()).await;
        assert!((CALLS..CALLS + SLACK).contains(&none), "{none}");
        for layers in 1..=3 {
            let cost = measure(&plain(), server_with(layers)).await - none;
            assert!(cost < layers * CALLS + SLACK, "{layers}: {cost}");
            let cost = measure(&client_with(layers), plain()).await - none;
            assert!(cost < (layers + 1) * CALLS + SLACK, "{layers}: {cost}");
        }
        let limit = plain().layer(tower(ConcurrencyLimitLayer::new(10)));
        let cost = measure(&plain(), limit).await - none;
        assert!(cost < CALLS + SLACK, "{cost}");
        let timeout = plain().layer(tower(TimeoutLayer::new(Duration::from_mins(1))));
        let cost = measure(&plain(), timeout).await - none;
        assert!(cost < CALLS + SLACK, "{cost}");
    });
}
