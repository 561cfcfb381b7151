//! `tracing` spans for calls, on both sides. Without the feature `tracing` they do nothing.

#[cfg(feature = "tracing")]
mod with_tracing {
    use crate::packet::TraceContext;
    use crate::peer::propagation::Propagation;
    use crate::peer::{MethodName, guard};

    /// The span of a call.
    pub(in crate::peer) struct Span(tracing::Span);

    impl Span {
        /// Creates the span of an outgoing call, which lasts until the call ends.
        pub(in crate::peer) fn of_call(method: &MethodName) -> Self {
            Self(tracing::debug_span!("call", %method))
        }

        /// Creates the span of a handler.
        pub(in crate::peer) fn of_handler(method: &[u8]) -> Self {
            Self(tracing::debug_span!("handle", method = %method.escape_ascii()))
        }

        /// Returns the trace of the span, if the span is enabled and the trace is sampled.
        pub(in crate::peer) fn trace(&self, propagation: &Propagation) -> Option<TraceContext> {
            if self.0.is_disabled() {
                return None;
            }
            let propagator = propagation.propagator.as_ref()?;
            // A call does not fail because its trace is lost.
            let trace = guard::call("a propagator", || propagator.inject(&self.0)).ok()?;
            trace.filter(TraceContext::is_sampled)
        }

        /// Makes the span a child of the caller's span.
        pub(in crate::peer) fn continue_trace(
            &self,
            propagation: &Propagation,
            parent: &TraceContext,
        ) {
            if let Some(propagator) = &propagation.propagator
                && !self.0.is_disabled()
            {
                // Ignored: the call goes on in a trace of its own.
                let _ = guard::call("a propagator", || propagator.extract(&self.0, parent));
            }
        }

        /// Runs `step` inside of the span.
        pub(in crate::peer) fn inside<T>(&self, step: impl FnOnce() -> T) -> T {
            self.0.in_scope(step)
        }
    }
}

#[cfg(not(feature = "tracing"))]
mod without_tracing {
    use crate::packet::TraceContext;
    use crate::peer::MethodName;
    use crate::peer::propagation::Propagation;

    /// The span of a call, which does nothing.
    pub(in crate::peer) struct Span;

    impl Span {
        pub(in crate::peer) fn of_call(_: &MethodName) -> Self {
            Self
        }

        pub(in crate::peer) fn of_handler(_: &[u8]) -> Self {
            Self
        }

        #[expect(clippy::unused_self, reason = "as with the feature")]
        pub(in crate::peer) fn trace(&self, _: &Propagation) -> Option<TraceContext> {
            None
        }

        #[expect(clippy::unused_self, reason = "as with the feature")]
        pub(in crate::peer) fn continue_trace(&self, _: &Propagation, _: &TraceContext) {}

        #[expect(clippy::unused_self, reason = "as with the feature")]
        pub(in crate::peer) fn inside<T>(&self, step: impl FnOnce() -> T) -> T {
            step()
        }
    }
}

#[cfg(feature = "tracing")]
pub(in crate::peer) use with_tracing::Span;
#[cfg(not(feature = "tracing"))]
pub(in crate::peer) use without_tracing::Span;
