//! Heap memory of idle connections. Counting needs an allocator of its own, so this is a crate of its own.
#![cfg(unix)]

use std::alloc::System;

use chirp::packet::ErrorData;
use chirp::{Channel, Peer, PeerBuilder, Request};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use tokio::net::UnixStream;

#[global_allocator]
static HEAP: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// The maximum number of bytes of a connection that has been used once, both sides together, and tokio's part of it.
/// Features and target platforms change it a little.
const MOST: usize = 8_000;

/// The connections that are measured, and those before them, which create what all share.
const CONNECTIONS: usize = 100;

/// The number of calls that each connection makes.
const CALLS: [usize; 2] = [1, 20];

fn held() -> usize {
    let stats = HEAP.stats();
    stats
        .bytes_allocated
        .saturating_sub(stats.bytes_deallocated)
}

fn start(builder: &PeerBuilder, stream: UnixStream) -> Peer {
    let (reader, writer) = stream.into_split();
    let channel = Channel::new(reader, writer);
    builder.start(channel).expect("no duplicates")
}

/// Returns the bytes of a connection that has made this many calls and is idle.
async fn measure(calls: usize) -> usize {
    let echo = |request: Request| async { Ok::<_, ErrorData>(request.into_params()) };
    let server = PeerBuilder::new().handle("echo", echo);
    let client = PeerBuilder::new();
    let mut connections = Vec::with_capacity(2 * CONNECTIONS);
    let mut before = 0;
    for count in 0..2 * CONNECTIONS {
        if count == CONNECTIONS {
            before = held();
        }
        let (near, far) = UnixStream::pair().expect("a pair");
        let connection = (start(&client, near), start(&server, far));
        for _ in 0..calls {
            let answer = connection.0.call("echo", "x").await;
            assert_eq!(answer.expect("answered"), "x");
        }
        connections.push(connection);
    }
    held().saturating_sub(before) / CONNECTIONS
}

/// One test: the allocator counts for the whole process.
#[test]
fn an_idle_connection_takes_little_memory() {
    for calls in CALLS {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let each = runtime.block_on(measure(calls));
        println!("{each} bytes after {calls} calls");
        assert!(each <= MOST, "{each} bytes after {calls} calls");
    }
}
