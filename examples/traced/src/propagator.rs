//! The connection between Chirp and OpenTelemetry.

use chirp::{Propagator, TraceContext};
use opentelemetry::Context;
use opentelemetry::trace::{
    SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState,
};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// Sends the ids of OpenTelemetry's spans with calls, and continues the traces of others.
pub struct OpenTelemetry;

impl Propagator for OpenTelemetry {
    fn inject(&self, span: &Span) -> Option<TraceContext> {
        let context = span.context();
        let span = context.span();
        let ids = span.span_context();
        let trace = TraceContext::new(
            ids.trace_id().to_bytes(),
            ids.span_id().to_bytes(),
            ids.trace_flags().to_u8(),
        );
        // Without a trace there is nothing to send; a state that is too long is left out.
        let trace = trace.ok()?;
        Some(
            trace
                .clone()
                .with_state(&ids.trace_state().header())
                .unwrap_or(trace),
        )
    }

    fn extract(&self, span: &Span, parent: &TraceContext) {
        let state = parent.state().parse::<TraceState>();
        let remote = SpanContext::new(
            TraceId::from_bytes(parent.trace_id()),
            SpanId::from_bytes(parent.parent_id()),
            TraceFlags::new(parent.flags()),
            true,
            state.unwrap_or_default(),
        );
        // It fails for a span that OpenTelemetry does not record.
        let _ = span.set_parent(Context::new().with_remote_span_context(remote));
    }
}
