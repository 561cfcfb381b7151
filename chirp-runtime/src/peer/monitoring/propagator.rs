use crate::packet::TraceContext;

/// Connects the spans of calls with a tracing system, so that a trace continues in other processes.
///
/// Chirp makes a span of [`tracing`] for each call, on both sides: `call` and `handle`, of level debug. A propagator reads
/// the ids that a tracing system has given to the first, which are sent with the call, and makes the second a child of
/// them. It is set by [`PeerBuilder::propagator`](crate::peer::PeerBuilder::propagator) and
/// [`ServerBuilder::propagator`](crate::server::ServerBuilder::propagator).
///
/// Spans that no subscriber has enabled are not passed to a propagator. If a propagator panics, this is logged, and the
/// call goes on without that trace.
pub trait Propagator: Send + Sync + 'static {
    /// Returns the ids of a span, for the call that it stands for. With `None`, or if the trace is not sampled, the call
    /// is sent with the trace that it was [made within](crate::peer::Call::within), if any.
    fn inject(&self, span: &tracing::Span) -> Option<TraceContext>;

    /// Makes a span a child of the caller's span. The span has not been entered.
    fn extract(&self, span: &tracing::Span, parent: &TraceContext);
}
