//! A `tracing` span for each call, on both sides, with the feature `tracing`; nothing without it.

#[cfg(feature = "tracing")]
mod with_tracing {
    use crate::peer::MethodName;

    /// The span of a call.
    pub(in crate::peer) struct Span(tracing::Span);

    impl Span {
        /// The span of a call of this side. It lasts until the call does.
        pub(in crate::peer) fn of_call(method: &MethodName) -> Self {
            Self(tracing::debug_span!("call", %method))
        }

        /// The span of a handler.
        pub(in crate::peer) fn of_handler(method: &[u8]) -> Self {
            Self(tracing::debug_span!("handle", method = %method.escape_ascii()))
        }

        /// Does something inside the span.
        pub(in crate::peer) fn inside<T>(&self, step: impl FnOnce() -> T) -> T {
            self.0.in_scope(step)
        }
    }
}

#[cfg(not(feature = "tracing"))]
mod without_tracing {
    use crate::peer::MethodName;

    /// The span of a call, which nobody sees.
    pub(in crate::peer) struct Span;

    impl Span {
        pub(in crate::peer) fn of_call(_: &MethodName) -> Self {
            Self
        }

        pub(in crate::peer) fn of_handler(_: &[u8]) -> Self {
            Self
        }

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
