use futures_core::Stream;

use super::Receiver;
use crate::codec::Item;

/// What a method that takes a [`Receiver<T>`] is called with: any stream of `T`, or a receiver.
///
/// The stream is polled by a task of its own, from when the call is sent until it ends, or the call does.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a stream of `{T}`",
    label = "expected a `Stream<Item = {T}> + Send + 'static`, or a `Receiver<{T}>`",
    note = "from an iterator: `tokio_stream::iter(..)`; to send items later: one half of `chirp::stream::channel()`"
)]
pub trait IntoReceiver<T> {
    /// The receiver that travels.
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
