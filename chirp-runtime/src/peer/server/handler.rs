use std::pin::Pin;

use crate::peer::{Reply, Request};

/// The future of a handler. Dropping it interrupts the handler.
pub type HandlerFuture = Pin<Box<dyn Future<Output = Reply> + Send>>;

/// An asynchronous function from a [`Request`] to a [`Reply`].
///
/// Every `Fn(Request) -> impl Future<Output = impl Into<Reply>>` is a handler:
///
/// ```
/// # mod chirp {
/// #     pub use chirp_runtime::peer::*;
/// #     pub use chirp_runtime::{channel, packet, stream};
/// # }
/// use chirp::packet::ErrorData;
/// use chirp::{Handler, Request};
///
/// fn takes(_: impl Handler) {}
/// takes(|request: Request| async move { Ok::<_, ErrorData>(request.into_params()) });
/// ```
///
/// Handlers are started in order of arrival, and polled in place until they are pending; then each gets a task of its
/// own. When the call is cancelled or the connection ends, the future is dropped at its current `.await`. A panic
/// anywhere in it becomes a service error for the caller.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a handler",
    label = "expected `Fn(chirp::Request) -> impl Future<Output = impl Into<chirp::Reply>>`",
    note = "a closure needs the type of its argument: `|request: chirp::Request| async move {{ .. }}`"
)]
pub trait Handler: Send + Sync + 'static {
    /// Starts to handle one call.
    fn handle(&self, request: Request) -> HandlerFuture;

    /// Returns `true` if the handler passes requests on to another peer, as a [`Caller`](crate::peer::Caller) does. As the
    /// fallback of a router, such a handler also receives calls of the framework's own methods (PROTOCOL.md, "Reserved
    /// names"), so that the peer answers for the methods that it serves.
    ///
    /// A handler that selects one of several callers, or changes requests before it passes them on, overrides this. By
    /// default a handler is no proxy.
    fn is_proxy(&self) -> bool {
        false
    }
}

#[diagnostic::do_not_recommend]
impl<F, Fut> Handler for F
where
    F: Fn(Request) -> Fut + Send + Sync + 'static,
    Fut: Future + Send + 'static,
    Fut::Output: Into<Reply>,
{
    fn handle(&self, request: Request) -> HandlerFuture {
        let work = self(request);
        Box::pin(async move { work.await.into() })
    }
}
