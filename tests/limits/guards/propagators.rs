//! Propagators of traces.
#![cfg(feature = "tracing")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use chirp::packet::ErrorData;
use chirp::{AsCaller, PeerBuilder, Propagator, Request, TraceContext};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use super::{pair, soon};

/// Enables all spans of this thread.
struct Everything;

impl Subscriber for Everything {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn event(&self, _: &Event<'_>) {}
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// Panics whenever it is used, and counts that.
struct Broken(Arc<AtomicUsize>);

impl Propagator for Broken {
    fn inject(&self, _: &tracing::Span) -> Option<TraceContext> {
        self.0.fetch_add(1, Ordering::Relaxed);
        panic!("inject")
    }

    fn extract(&self, _: &tracing::Span, _: &TraceContext) {
        self.0.fetch_add(1, Ordering::Relaxed);
        panic!("extract")
    }
}

#[tokio::test]
async fn propagators() {
    let _here = tracing::subscriber::set_default(Everything);
    let panics = Arc::new(AtomicUsize::new(0));
    let builder = PeerBuilder::new()
        .propagator(Broken(Arc::clone(&panics)))
        .handle("trace", |request: Request| async move {
            let trace = request.context().trace();
            Ok::<_, ErrorData>(trace.map_or(String::new(), ToString::to_string))
        });
    let (a, _b) = pair(&builder, &builder);
    soon(a.hello()).await.unwrap().unwrap();
    // A span that another thread was the first to meet is remembered as disabled, until the cache is made again.
    soon(a.call("trace", ())).await.unwrap();
    tracing::callsite::rebuild_interest_cache();
    let before = panics.load(Ordering::Relaxed);
    assert_eq!(soon(a.call("trace", ())).await.unwrap(), "");
    assert_eq!(panics.load(Ordering::Relaxed), before + 1, "in inject");
    // The trace that the program has set is used.
    let text = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let call = a.call("trace", ()).trace(text.parse().unwrap());
    assert_eq!(soon(call).await.unwrap(), text);
    assert_eq!(panics.load(Ordering::Relaxed), before + 3, "in both");
    let one_way = a.as_caller().call_one_way("trace", ());
    soon(one_way).await.unwrap();
}
