use futures_core::Stream;

use super::Receiver;
use crate::codec::Item;

/// An argument for a method that takes a [`Receiver<T>`]: any stream of `T`, or a receiver.
///
/// A stream is polled by its own task, from the moment at which the call is sent until the stream or the call ends.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a stream of `{T}`",
    label = "expected a `Stream<Item = {T}> + Send + 'static`, or a `Receiver<{T}>`",
    note = "from an iterator: `tokio_stream::iter(..)`; to send items later: one half of `chirp::stream::channel()`"
)]
pub trait IntoReceiver<T> {
    /// Converts the argument to a receiver.
    fn into_receiver(self) -> Receiver<T>;
}

#[diagnostic::do_not_recommend]
impl<T: Item, S: Stream<Item = T> + Send + 'static> IntoReceiver<T> for S {
    fn into_receiver(self) -> Receiver<T> {
        Receiver::of_stream(self)
    }
}

impl<T: Item> IntoReceiver<T> for Receiver<T> {
    fn into_receiver(self) -> Self {
        self
    }
}
