//! Traces without a subscriber: no span of this process is enabled.
#![cfg(feature = "tracing")]

use chirp::{PeerBuilder, Propagator, Request, TraceContext};

use crate::support::{in_time, pair};

/// A propagator of spans that nobody records.
struct Unused;

impl Propagator for Unused {
    fn inject(&self, _: &tracing::Span) -> Option<TraceContext> {
        panic!("the span is not enabled")
    }

    fn extract(&self, _: &tracing::Span, _: &TraceContext) {
        panic!("the span is not enabled")
    }
}

#[tokio::test]
async fn a_disabled_span_is_not_passed_to_the_propagator_and_a_set_trace_is_sent() {
    let builder = || {
        PeerBuilder::new()
            .propagator(Unused)
            .handle("trace", |request: Request| async move {
                let trace = request.context().trace();
                Ok::<_, String>(trace.map_or(String::new(), ToString::to_string))
            })
    };
    let (one, other) = pair(&builder(), &builder());
    for peer in [one, other] {
        peer.hello().await.expect("asked").expect("it speaks it");
        assert_eq!(in_time(peer.call("trace", ())).await.expect("answered"), "");
        let text = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";
        let trace = text.parse().expect("valid");
        let call = peer.call("trace", ()).trace(trace);
        assert_eq!(in_time(call).await.expect("answered"), text);
    }
}
