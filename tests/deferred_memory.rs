//! The memory of deferred requests. Counting needs an allocator of its own, so this is a crate of its own.
#![cfg(feature = "requests")]
#![allow(clippy::unwrap_used, reason = "a test may")]

use std::alloc::System;

use chirp::http::Gateway;
use chirp::requests::{DeferredRequests, Destinations};
use http::Request;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use tower::Service as _;

#[global_allocator]
static HEAP: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const REQUESTS: usize = 10_000;

/// Twenty megabytes for all of them.
const MOST: usize = 2_000;

#[chirp::service]
trait Job {
    async fn endless(&self);
}

struct Jobs;

impl Job for Jobs {
    async fn endless(&self) {
        std::future::pending::<()>().await;
    }
}

/// Returns the bytes that are allocated now.
fn allocated() -> usize {
    let stats = HEAP.stats();
    stats.bytes_allocated - stats.bytes_deallocated
}

#[tokio::test]
async fn ten_thousand_open_requests_take_less_than_20_mb() {
    let destinations = Destinations::new()
        .allow("https://hooks.example.com")
        .unwrap();
    let gateway = Gateway::new()
        .service(JobServer::new(Jobs))
        .requests(DeferredRequests::new().destinations(destinations));
    let mut service = gateway.into_service().unwrap();
    let before = allocated();
    for _ in 0..REQUESTS {
        let request = Request::post("/call/Job.endless")
            .header("host", "localhost")
            .header("content-type", "application/json")
            .header(
                "chirp-respond-to",
                "https://hooks.example.com/responses/0123456789",
            )
            .body(String::from("{}"))
            .unwrap();
        let response = service.call(request).await.unwrap();
        assert_eq!(response.status(), 202);
    }
    let each = (allocated() - before) / REQUESTS;
    println!("{each} bytes each");
    assert!(each < MOST, "{each} bytes each");
}
