use std::future::poll_fn;
use std::pin::pin;
use std::task::{Poll, ready};

use futures_core::Stream;

use super::channel::LocalSender;
use super::{Receiver, StreamError};
use crate::codec::{CodecId, Item};
use crate::packet::ErrorData;
use crate::peer::stream::consumer::Consumer;
use crate::peer::stream::producer::Producer;

/// The reason why a stream was not sent to its end.
#[derive(Debug)]
pub(crate) enum PumpError<E> {
    /// The source stream returned an error.
    Failed(E),
    /// The receiver is gone, or an item could not be sent.
    Gone(StreamError),
}

/// Sends all items of a stream. `split` converts each element to an item or an error. Items that are ready
/// together are sent together, and all are handed over when the future completes.
///
/// # Errors
///
/// Returns [`PumpError`]. The stream has not been ended in that case, unless an item could not be sent.
pub(crate) async fn drive<S: Stream, T: Item, E>(
    stream: S,
    split: impl Fn(S::Item) -> Result<T, E>,
    producer: &mut Producer,
    codec: CodecId,
) -> Result<(), PumpError<E>> {
    let mut stream = pin!(stream);
    let mut begun = false;
    let mut waited = false;
    let mut ended = None;
    poll_fn(|cx| {
        loop {
            if ended.is_some() {
                ready!(producer.poll_flush(cx)).map_err(PumpError::Gone)?;
                return Poll::Ready(ended.take().unwrap_or(Ok(())));
            }
            ready!(producer.poll_ready(cx)).map_err(PumpError::Gone)?;
            match stream.as_mut().poll_next(cx) {
                Poll::Ready(Some(item)) => match split(item) {
                    Ok(item) => {
                        waited = false;
                        begun = true;
                        producer.put(codec, item).map_err(PumpError::Gone)?;
                    }
                    Err(error) => ended = Some(Err(PumpError::Failed(error))),
                },
                Poll::Ready(None) => ended = Some(Ok(())),
                // Many streams yield every few items, and the tasks that run then may produce more.
                Poll::Pending if producer.has_put() && !std::mem::replace(&mut waited, true) => {
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Poll::Pending => {
                    producer.flush().map_err(PumpError::Gone)?;
                    if !std::mem::replace(&mut begun, true) {
                        producer.begin();
                    }
                    return producer
                        .poll_closed(cx)
                        .map(|error| Err(PumpError::Gone(error)));
                }
            }
        }
    })
    .await
}

/// Sends the items and the end of a receiver.
pub(super) async fn pump_out<T: Item>(
    mut receiver: Receiver<T>,
    mut producer: Producer,
    codec: CodecId,
) {
    match drive(&mut receiver, |item| item, &mut producer, codec).await {
        Ok(()) => producer.finish(),
        // Dropping the producer cancels the outgoing stream too.
        Err(PumpError::Failed(StreamError::Cancelled)) => {}
        Err(PumpError::Failed(error)) => producer.fail(ErrorData::from(error)),
        Err(PumpError::Gone(error)) => receiver.leave(error),
    }
}

/// Passes items and their end to a sender in this process.
pub(super) async fn pump_in<T: Item>(
    sender: LocalSender<T>,
    mut consumer: Consumer,
    codec: CodecId,
) {
    loop {
        let next = poll_fn(|cx| consumer.poll_next::<T>(codec, cx));
        let item = tokio::select! {
            item = next => item,
            () = sender.items.closed() => return,
        };
        match item {
            Some(Ok(item)) => {
                if sender.items.send(item).await.is_err() {
                    return;
                }
            }
            Some(Err(error)) => return sender.end(Err(error)),
            None => return sender.end(Ok(())),
        }
    }
}
