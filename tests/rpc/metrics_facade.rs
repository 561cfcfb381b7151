//! Metrics through the `metrics` facade.
#![cfg(feature = "metrics")]

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use chirp::packet::ErrorData;
use chirp::{PeerBuilder, Request, SharedMetrics, channel};
use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};

/// Records values by name.
#[derive(Default)]
struct Book(Mutex<HashMap<String, Arc<AtomicU64>>>);

impl Book {
    fn entry(&self, key: &Key) -> Arc<AtomicU64> {
        let mut entries = self.0.lock().expect("no panics");
        Arc::clone(entries.entry(key.name().to_owned()).or_default())
    }

    fn value(&self, name: &str) -> Option<u64> {
        let entries = self.0.lock().expect("no panics");
        entries.get(name).map(|value| value.load(Ordering::Relaxed))
    }
}

impl Recorder for Book {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.entry(key))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.entry(key))
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

#[tokio::test]
async fn metrics_are_published() {
    let shared = SharedMetrics::new();
    shared.set("blobs", 12);
    let echo = |request: Request| async { Ok::<_, ErrorData>(request.into_params()) };
    let builder = PeerBuilder::new().metrics(&shared).handle("echo", echo);
    let (a, b) = channel::memory();
    let _b = builder.start(b).expect("no duplicates");
    let a = PeerBuilder::new().start(a).expect("no duplicates");
    for _ in 0..3 {
        a.call("echo", ()).await.expect("answered");
    }
    let book = Book::default();
    metrics::with_local_recorder(&book, || shared.publish());
    assert_eq!(book.value("chirp_calls_in"), Some(3));
    assert_eq!(book.value("chirp_packets_sent"), Some(3));
    let traffic = shared.snapshot().traffic;
    assert!(traffic.bytes_received > 0 && traffic.bytes_sent > 0);
    assert_eq!(
        book.value("chirp_bytes_received"),
        Some(traffic.bytes_received)
    );
    assert_eq!(book.value("chirp_bytes_sent"), Some(traffic.bytes_sent));
    assert_eq!(
        book.value("chirp_connections_open"),
        Some(1.0_f64.to_bits())
    );
    // A gauge keeps the bits of a float.
    assert_eq!(book.value("chirp_calls_active"), Some(0.0_f64.to_bits()));
    assert_eq!(book.value("chirp_blobs"), Some(12.0_f64.to_bits()));
    assert_eq!(book.0.lock().expect("no panics").len(), 25);
    for (name, _) in a.metrics().iter() {
        assert!(book.value(&format!("chirp_{name}")).is_some(), "{name}");
    }
}
