use std::pin::Pin;

use crate::peer::{Reply, Request};

/// A handler at work. Dropping it interrupts the work.
pub type HandlerFuture = Pin<Box<dyn Future<Output = Reply> + Send>>;

/// An asynchronous function from a [`Request`] to a [`Reply`].
///
/// Any `Fn(Request) -> impl Future<Output = impl Into<Reply>>` is one:
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
/// The future is polled in place, in order of arrival, until it has to wait; then it gets a task of its
/// own. When the call is cancelled or the connection ends it is dropped at its next `.await`. A panic
/// anywhere in it becomes a service error for the caller.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a handler",
    label = "expected `Fn(chirp::Request) -> impl Future<Output = impl Into<chirp::Reply>>`",
    note = "a closure needs the type of its argument: `|request: chirp::Request| async move {{ .. }}`"
)]
pub trait Handler: Send + Sync + 'static {
    /// Begins to handle one call.
    fn handle(&self, request: Request) -> HandlerFuture;
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
