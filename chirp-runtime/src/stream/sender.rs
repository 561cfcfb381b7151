use std::fmt;
use std::future::poll_fn;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_sink::Sink;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tokio::runtime::Handle;

use super::channel::LocalSender;
use super::half::{Claimed, TOO_EARLY};
use super::pump::{pump_in, pump_out};
use super::{Receiver, StreamError};
use crate::codec::attaching::{deserialize_half, serialize_half};
use crate::codec::{CodecId, Item};
use crate::packet::{AttachedStream, ErrorData};
use crate::peer::stream::consumer::Consumer;
use crate::peer::stream::endpoint::{DetachedHalf, StreamEndpoint};
use crate::peer::stream::producer::Producer;
use crate::sync::Mutex;

/// The sending half of a stream.
///
/// Items that [`send`](Self::send) has accepted are delivered as long as the receiver and the connection
/// last, even if the sender is dropped. Dropping a sender without [`finish`](Self::finish) breaks the stream
/// off after these items: the receiver gets [`StreamError::Cancelled`].
pub struct Sender<T> {
    /// Behind a lock, because serde takes values by reference.
    inner: Mutex<SenderInner<T>>,
}

enum SenderInner<T> {
    Local(LocalSender<T>),
    Claimed(Claimed),
    Remote(Producer, CodecId),
    /// The half was sent to a peer, or has ended.
    Over(StreamError),
}

/// The error of [`Sender::try_send`].
#[derive(Debug, thiserror::Error)]
pub enum TrySendError<T> {
    /// There is no room for the item, which is returned.
    #[error("the stream is full")]
    Full(T),
    /// The stream has ended.
    #[error(transparent)]
    Closed(StreamError),
}

impl<T: Item> Sender<T> {
    pub(super) fn local(local: LocalSender<T>) -> Self {
        Self::of(SenderInner::Local(local))
    }

    fn of(inner: SenderInner<T>) -> Self {
        Self {
            inner: Mutex::new(inner),
        }
    }

    /// Sends an item once there is room for it. The item is then on its way, but has not necessarily arrived,
    /// and is sent even if the sender is dropped next.
    ///
    /// # Errors
    ///
    /// Returns the reason why the stream has ended, such as [`StreamError::Cancelled`] if the receiver was dropped.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the item has been sent completely or not at all. An item that was not sent is lost.
    pub async fn send(&mut self, item: T) -> Result<(), StreamError> {
        match self.inner() {
            SenderInner::Local(local) => {
                return local.send(item).await;
            }
            SenderInner::Remote(..) => {}
            SenderInner::Claimed(_) | SenderInner::Over(_) => return Err(self.over()),
        }
        poll_fn(|cx| self.poll_ready(cx)).await?;
        match self.inner() {
            SenderInner::Remote(producer, codec) => {
                producer.put(*codec, item)?;
                producer.flush()
            }
            _ => Err(self.over()),
        }
    }

    /// Sends an item if there is room for it.
    ///
    /// # Errors
    ///
    /// Returns [`TrySendError::Full`] with the item if there is no room, and [`TrySendError::Closed`] if the
    /// stream has ended.
    pub fn try_send(&mut self, item: T) -> Result<(), TrySendError<T>> {
        match self.inner() {
            SenderInner::Local(local) => local.try_send(item),
            SenderInner::Remote(producer, codec) => {
                if !producer.try_ready().map_err(TrySendError::Closed)? {
                    return Err(TrySendError::Full(item));
                }
                let sent = producer.put(*codec, item);
                sent.and_then(|()| producer.flush())
                    .map_err(TrySendError::Closed)
            }
            SenderInner::Claimed(_) | SenderInner::Over(_) => {
                Err(TrySendError::Closed(self.over()))
            }
        }
    }

    /// Waits until the receiver no longer accepts items, and returns the reason. Cancel safe.
    pub async fn closed(&mut self) -> StreamError {
        match self.inner() {
            SenderInner::Local(local) => local.closed().await,
            SenderInner::Remote(producer, _) => poll_fn(|cx| producer.poll_closed(cx)).await,
            SenderInner::Claimed(_) | SenderInner::Over(_) => self.over(),
        }
    }

    /// Returns `true` if one of the two sides of the connection shuts down: a stream without an end should be finished.
    /// `false` within a process.
    pub fn is_draining(&mut self) -> bool {
        matches!(self.inner(), SenderInner::Remote(producer, _) if producer.is_draining())
    }

    /// Waits until one of the two sides of the connection shuts down. The stream then has the rest of the shutdown timeout
    /// to finish. Within a process it never returns.
    ///
    /// Cancel safe.
    pub async fn draining(&mut self) {
        match self.inner() {
            SenderInner::Remote(producer, _) => producer.draining().await,
            _ => std::future::pending().await,
        }
    }

    /// Finishes the stream. The receiver gets all items that were sent, and then `None`.
    pub fn finish(mut self) {
        match self.inner() {
            SenderInner::Local(local) => local.end(Ok(())),
            SenderInner::Remote(producer, _) => producer.finish(),
            SenderInner::Claimed(_) | SenderInner::Over(_) => {}
        }
    }

    /// Breaks the stream off after the items that were sent, with an error: a text, or the error of a method
    /// ([`ErrorData`]). The receiver gets [`StreamError::Failed`].
    pub fn fail(mut self, error: impl Into<ErrorData>) {
        match self.inner() {
            SenderInner::Local(local) => local.fail(error.into()),
            SenderInner::Remote(producer, _) => producer.fail(error.into()),
            SenderInner::Claimed(_) | SenderInner::Over(_) => {}
        }
    }

    /// Waits until there is room for an item. The room remains until an item is sent.
    ///
    /// # Errors
    ///
    /// Returns the reason why the stream has ended.
    pub(super) async fn ready(&mut self) -> Result<(), StreamError> {
        match self.inner() {
            // The sender is not shared, so no other task can take the room.
            SenderInner::Local(local) => match local.items.reserve().await {
                Ok(_) => Ok(()),
                Err(_) => Err(local.gone()),
            },
            SenderInner::Remote(..) => poll_fn(|cx| self.poll_ready(cx)).await,
            SenderInner::Claimed(_) | SenderInner::Over(_) => Err(self.over()),
        }
    }

    pub(super) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamError>> {
        match self.inner() {
            SenderInner::Remote(producer, _) => {
                ready!(producer.poll_flush(cx))?;
                producer.poll_ready(cx)
            }
            _ => Poll::Ready(Ok(())),
        }
    }

    /// Returns the inner state, and connects a half that was decoded as part of a value, now that the value
    /// is complete.
    fn inner(&mut self) -> &mut SenderInner<T> {
        let inner = self.inner.get_mut();
        if let SenderInner::Claimed(_) = inner {
            let early = SenderInner::Over(StreamError::Decode(TOO_EARLY.to_owned()));
            if let SenderInner::Claimed(claimed) = mem::replace(inner, early) {
                let codec = claimed.codec;
                if let Some(StreamEndpoint::Producer(producer)) = claimed.into_end() {
                    *inner = SenderInner::Remote(producer, codec);
                }
            }
        }
        inner
    }

    fn over(&mut self) -> StreamError {
        match self.inner() {
            SenderInner::Over(error) => error.clone(),
            _ => StreamError::Cancelled,
        }
    }

    /// Takes the inner state of a half that is being sent to a peer.
    fn take_inner(&self) -> SenderInner<T> {
        let mut inner = self.inner.lock();
        let sent = StreamError::Encode("this half was sent to another peer".to_owned());
        mem::replace(&mut *inner, SenderInner::Over(sent))
    }
}

/// For the adapters of the `futures` crates. Items are sent when the sink is flushed, at the latest. Closing the sink is
/// [`finish`](Sender::finish).
impl<T: Item> Sink<T> for Sender<T> {
    type Error = StreamError;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), StreamError>> {
        let this = self.get_mut();
        match this.inner() {
            SenderInner::Local(local) => local.poll_reserve(cx),
            SenderInner::Remote(producer, _) => producer.poll_ready(cx),
            SenderInner::Claimed(_) | SenderInner::Over(_) => Poll::Ready(Err(this.over())),
        }
    }

    fn start_send(self: Pin<&mut Self>, item: T) -> Result<(), StreamError> {
        let this = self.get_mut();
        match this.inner() {
            SenderInner::Local(local) => {
                local.put_reserved(item);
                Ok(())
            }
            SenderInner::Remote(producer, codec) => producer.put(*codec, item),
            SenderInner::Claimed(_) | SenderInner::Over(_) => Err(this.over()),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), StreamError>> {
        let this = self.get_mut();
        match this.inner() {
            SenderInner::Local(_) => Poll::Ready(Ok(())),
            SenderInner::Remote(producer, _) => producer.poll_flush(cx),
            SenderInner::Claimed(_) | SenderInner::Over(_) => Poll::Ready(Err(this.over())),
        }
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), StreamError>> {
        let this = self.get_mut();
        match this.inner() {
            SenderInner::Local(local) => local.end(Ok(())),
            SenderInner::Remote(producer, _) => {
                ready!(producer.poll_flush(cx))?;
                producer.finish();
            }
            SenderInner::Over(StreamError::Finished) => {}
            SenderInner::Claimed(_) | SenderInner::Over(_) => {
                return Poll::Ready(Err(this.over()));
            }
        }
        *this.inner() = SenderInner::Over(StreamError::Finished);
        Poll::Ready(Ok(()))
    }
}

/// Forwards the items of a sender that was sent to a peer.
fn pass_on<T: Item>(mut sender: Sender<T>, consumer: Consumer, codec: CodecId, runtime: &Handle) {
    sender.inner();
    match sender.inner.into_inner() {
        SenderInner::Local(local) => {
            runtime.spawn(pump_in(local, consumer, codec));
        }
        // A half that was received from one peer was sent on to another.
        SenderInner::Remote(producer, to) => {
            runtime.spawn(pump_out(
                Receiver::<T>::remote(consumer, codec),
                producer,
                to,
            ));
        }
        SenderInner::Claimed(_) | SenderInner::Over(_) => {}
    }
}

/// Encodes the index of the stream among those sent with the value. Afterwards this sender can no longer send.
impl<T: Item> Serialize for Sender<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize_half(serializer, |codec| {
            let sender = self.take_inner();
            let demand = match &sender {
                SenderInner::Local(local) => Some(local.demand()),
                _ => None,
            };
            let sender = Self::of(sender);
            let entry = AttachedStream {
                outward: false,
                bound: false,
                codec: codec as u8,
            };
            Ok(DetachedHalf::attachment(
                entry,
                demand,
                move |end, runtime| {
                    if let StreamEndpoint::Consumer(consumer) = end {
                        pass_on(sender, consumer, codec, runtime);
                    }
                },
            ))
        })
    }
}

impl<'de, T: Item> Deserialize<'de> for Sender<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let claimed = Claimed::new(deserialize_half(deserializer, false)?);
        Ok(Self::of(SenderInner::Claimed(claimed)))
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sender")
    }
}
