use std::fmt;
use std::future::poll_fn;
use std::mem;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_core::{FusedStream, Stream};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tokio::task::unconstrained;
use tokio::time::{Instant, Sleep};

use super::channel::LocalReceiver;
use super::half::{Claimed, TOO_EARLY};
use super::pump::pump_out;
use super::{StreamError, TimeLimit};
use crate::codec::attaching::{deserialize_half, serialize_half};
use crate::codec::{CodecId, Item};
use crate::packet::{AttachedStream, ErrorData};
use crate::peer::stream::call_stream::CallStream;
use crate::peer::stream::consumer::Consumer;
use crate::peer::stream::endpoint::{DetachedHalf, StreamEndpoint};
use crate::sync::Mutex;

/// The receiving half of a stream. Implements [`Stream`].
///
/// Each element is a `Result`. `None` means that all items have arrived. Any other end of the stream is an
/// error `E`, which comes last, after the items that arrived. Dropping the receiver cancels the sender.
pub struct Receiver<T, E = StreamError> {
    /// Behind a lock, because serde takes values by reference.
    inner: Mutex<ReceiverInner<T>>,
    /// Converts errors of the stream; the second argument is whether the items are in JSON.
    error: fn(StreamError, bool) -> E,
    times: Mutex<Option<Box<ReceiveTimeouts>>>,
    over: bool,
}

enum ReceiverInner<T> {
    Local(LocalReceiver<T>),
    Stream(Pin<Box<dyn Stream<Item = T> + Send>>),
    Results(Pin<Box<dyn Stream<Item = Result<T, ErrorData>> + Send>>),
    Claimed(Claimed),
    Remote(Consumer, CodecId),
    CallResult(Box<CallStream>, CodecId),
    /// The half was sent to a peer, was closed, or has ended.
    Over(Option<StreamError>),
}

/// The timeouts of a receiver.
#[derive(Default)]
struct ReceiveTimeouts {
    /// The maximum wait for one item.
    item: Option<Duration>,
    /// Whether a call is waiting for an item.
    waits: bool,
    /// The end of the current wait for an item.
    until: Option<Pin<Box<Sleep>>>,
    /// The time at which the whole stream must have ended.
    end: Option<Pin<Box<Sleep>>>,
}

/// The error of [`Receiver::try_recv`].
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum TryRecvError {
    /// No item has arrived yet.
    #[error("no item has arrived yet")]
    Empty,
    /// The stream has ended.
    #[error("the stream has ended")]
    Disconnected,
}

/// The error of a stream whose items are `Result<T, E>` in the method. The first `Err` ends the stream.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ItemError<E> {
    /// The method's own error.
    #[error("{0}")]
    Handler(E),
    /// The stream failed.
    #[error(transparent)]
    Stream(#[from] StreamError),
}

impl<T> Receiver<T> {
    /// Creates a receiver of a stream in this process that may fail, to be sent as an argument. The first error ends the
    /// stream: the other side receives it as [`StreamError::Failed`].
    pub fn from_results(
        results: impl Stream<Item = Result<T, ErrorData>> + Send + 'static,
    ) -> Self {
        Self::of(ReceiverInner::Results(Box::pin(results)), |error, _| error)
    }

    pub(super) fn local(local: LocalReceiver<T>) -> Self {
        Self::of(ReceiverInner::Local(local), |error, _| error)
    }

    /// Creates a receiver of a stream in this process, to be sent as an argument.
    pub(super) fn of_stream(stream: impl Stream<Item = T> + Send + 'static) -> Self {
        let stream: Pin<Box<dyn Stream<Item = T> + Send>> = Box::pin(stream);
        Self::of(ReceiverInner::Stream(stream), |error, _| error)
    }

    /// Creates a receiver for this side's end of a stream.
    pub(super) fn remote(consumer: Consumer, codec: CodecId) -> Self {
        Self::of(ReceiverInner::Remote(consumer, codec), |error, _| error)
    }

    /// Tells the sender why no more items are received.
    pub(super) fn leave(&mut self, error: StreamError) {
        if let ReceiverInner::Local(local) = self.inner_mut() {
            local.leave(error);
        }
    }
}

impl<T, E> Receiver<T, E> {
    /// Creates a receiver for the stream that a call returned. `error` converts errors of the stream, whose data are in
    /// JSON if the second argument is `true`.
    pub(crate) fn of_call(
        of_call: CallStream,
        codec: CodecId,
        error: fn(StreamError, bool) -> E,
    ) -> Self {
        Self::of(ReceiverInner::CallResult(Box::new(of_call), codec), error)
    }

    fn of(inner: ReceiverInner<T>, error: fn(StreamError, bool) -> E) -> Self {
        Self {
            inner: Mutex::new(inner),
            error,
            times: Mutex::default(),
            over: false,
        }
    }

    /// Returns `true` if one of the two sides of the connection shuts down. `false` within a process.
    pub fn is_draining(&mut self) -> bool {
        match self.inner_mut() {
            ReceiverInner::Remote(consumer, _) => consumer.is_draining(),
            ReceiverInner::CallResult(call, _) => call.consumer().is_draining(),
            _ => false,
        }
    }

    /// Waits until one of the two sides of the connection shuts down. Items go on arriving until the stream ends, at the
    /// latest with the shutdown timeout. Within a process it never returns.
    ///
    /// Cancel safe.
    pub async fn draining(&mut self) {
        match self.inner_mut() {
            ReceiverInner::Remote(consumer, _) => consumer.draining().await,
            ReceiverInner::CallResult(call, _) => call.consumer().draining().await,
            _ => std::future::pending().await,
        }
    }

    fn inner_mut(&mut self) -> &mut ReceiverInner<T> {
        self.inner.get_mut()
    }

    fn times_mut(&mut self) -> &mut Option<Box<ReceiveTimeouts>> {
        self.times.get_mut()
    }

    /// Sets the maximum wait for each item. After that time the stream is broken off with [`StreamError::TimedOut`].
    ///
    /// The time counts only while an item is awaited.
    #[must_use]
    pub fn item_timeout(mut self, time: Duration) -> Self {
        self.times_mut().get_or_insert_default().item = Some(time);
        self
    }

    /// Sets the maximum time from now until the end of the stream, however often items arrive. After that
    /// time the stream is broken off with [`StreamError::TimedOut`].
    ///
    /// # Panics
    ///
    /// Panics outside of a tokio runtime.
    #[must_use]
    pub fn timeout(mut self, time: Duration) -> Self {
        let end = Instant::now().checked_add(time);
        self.times_mut().get_or_insert_default().end =
            end.map(|end| Box::pin(tokio::time::sleep_until(end)));
        self
    }
}

impl<T: Item, E> Receiver<T, E> {
    /// Waits for the next item. Returns `None` after the last item.
    ///
    /// # Errors
    ///
    /// The element is an error if the stream did not end with success. No further elements follow.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: no item is lost if the future is dropped.
    pub async fn recv(&mut self) -> Option<Result<T, E>> {
        poll_fn(|cx| self.poll_recv(cx)).await
    }

    /// Returns the next item if it has arrived.
    ///
    /// # Errors
    ///
    /// Returns [`TryRecvError::Empty`] if no item has arrived, and [`TryRecvError::Disconnected`] after the
    /// end of the stream. The inner result is as for [`recv`](Self::recv).
    pub fn try_recv(&mut self) -> Result<Result<T, E>, TryRecvError> {
        // Without tokio's cooperative budget: an item that has arrived must be returned, however many this
        // task has taken.
        let next = pin!(unconstrained(poll_fn(|cx| self.poll_recv(cx))));
        match next.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Some(item)) => Ok(item),
            Poll::Ready(None) => Err(TryRecvError::Disconnected),
            Poll::Pending => Err(TryRecvError::Empty),
        }
    }

    /// Cancels the sender. Items that have arrived can still be received; after them, [`recv`](Self::recv)
    /// returns `None`.
    pub fn close(&mut self) {
        self.settle();
        match self.inner_mut() {
            ReceiverInner::Local(local) => local.close(),
            ReceiverInner::Remote(consumer, _) => consumer.close(),
            ReceiverInner::CallResult(of_call, _) => of_call.consumer().close(),
            inner => *inner = ReceiverInner::Over(None),
        }
        *self.times_mut() = None;
    }

    /// Polls for the next item, like [`recv`](Self::recv).
    #[inline]
    pub fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<T, E>>> {
        // Nearly every item belongs to a packet that has arrived before.
        if self.times_mut().is_none() {
            let item = match self.inner_mut() {
                ReceiverInner::Remote(consumer, codec) => consumer.next_at_hand(*codec),
                ReceiverInner::CallResult(of_call, codec) => {
                    of_call.consumer().next_at_hand(*codec)
                }
                _ => None,
            };
            match item {
                None => {}
                Some(Ok(item)) => return Poll::Ready(Some(Ok(item))),
                Some(Err(error)) => return Poll::Ready(self.ended(Some(Err(error)))),
            }
        }
        self.poll_packet(cx)
    }

    fn poll_packet(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<T, E>>> {
        if self.over {
            return Poll::Ready(None);
        }
        let polled = match self.poll_end_time(cx) {
            Poll::Ready(error) => Poll::Ready(Some(Err(error))),
            Poll::Pending => match self.poll_inner(cx) {
                Poll::Pending => self.poll_item_time(cx).map(|error| Some(Err(error))),
                ready @ Poll::Ready(_) => {
                    if let Some(times) = self.times_mut() {
                        times.waits = false;
                    }
                    ready
                }
            },
        };
        polled.map(|item| match item {
            Some(Ok(item)) => Some(Ok(item)),
            end => self.ended(end),
        })
    }

    /// Drops the rest of the stream, and converts the error that ended it.
    #[cold]
    fn ended(&mut self, end: Option<Result<T, StreamError>>) -> Option<Result<T, E>> {
        self.over = true;
        let inner = mem::replace(self.inner_mut(), ReceiverInner::Over(None));
        let json = matches!(inner, ReceiverInner::CallResult(_, CodecId::Json));
        drop(inner);
        let error = end?.err()?;
        Some(Err((self.error)(error, json)))
    }

    fn poll_inner(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<T, StreamError>>> {
        self.settle();
        match self.inner_mut() {
            ReceiverInner::Local(local) => local.poll_next(cx),
            ReceiverInner::Stream(stream) => stream.as_mut().poll_next(cx).map(|item| item.map(Ok)),
            ReceiverInner::Results(results) => results
                .as_mut()
                .poll_next(cx)
                .map(|item| item.map(|item| item.map_err(StreamError::Failed))),
            ReceiverInner::Remote(consumer, codec) => consumer.poll_next(*codec, cx),
            ReceiverInner::CallResult(of_call, codec) => {
                of_call.poll_next(cx, |consumer, cx| consumer.poll_next(*codec, cx))
            }
            ReceiverInner::Over(error) => Poll::Ready(error.take().map(Err)),
            ReceiverInner::Claimed(_) => Poll::Ready(None),
        }
    }

    /// Returns the error if the time for the whole stream is over.
    fn poll_end_time(&mut self, cx: &mut Context<'_>) -> Poll<StreamError> {
        let times = self.times_mut().as_mut();
        let Some(end) = times.and_then(|times| times.end.as_mut()) else {
            return Poll::Pending;
        };
        let ended = end.as_mut().poll(cx);
        ended.map(|()| StreamError::TimedOut {
            what: TimeLimit::End,
        })
    }

    /// Returns the error if the time for the current item is over.
    fn poll_item_time(&mut self, cx: &mut Context<'_>) -> Poll<StreamError> {
        let Some(times) = self.times_mut() else {
            return Poll::Pending;
        };
        let Some(time) = times.item else {
            return Poll::Pending;
        };
        let waits = mem::replace(&mut times.waits, true);
        let sleep = times
            .until
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(time)));
        if !waits && let Some(until) = Instant::now().checked_add(time) {
            sleep.as_mut().reset(until);
        }
        let over = sleep.as_mut().poll(cx);
        over.map(|()| StreamError::TimedOut {
            what: TimeLimit::Item,
        })
    }

    /// Connects a half that was decoded as part of a value, now that the value is complete.
    fn settle(&mut self) {
        let inner = self.inner_mut();
        if let ReceiverInner::Claimed(_) = inner {
            let early = StreamError::Decode(TOO_EARLY.to_owned());
            if let ReceiverInner::Claimed(claimed) =
                mem::replace(inner, ReceiverInner::Over(Some(early)))
            {
                let codec = claimed.codec;
                if let Some(StreamEndpoint::Consumer(consumer)) = claimed.into_end() {
                    *inner = ReceiverInner::Remote(consumer, codec);
                }
            }
        }
    }
}

impl<T: Item, E> Stream for Receiver<T, E> {
    type Item = Result<T, E>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_recv(cx)
    }
}

impl<T: Item, E> FusedStream for Receiver<T, E> {
    fn is_terminated(&self) -> bool {
        self.over
    }
}

/// Encodes the index of the stream among those sent with the value. Afterwards this receiver yields an error.
impl<T: Item> Serialize for Receiver<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize_half(serializer, |codec| {
            let mut inner = self.inner.lock();
            let sent = StreamError::Encode("this half was sent to another peer".to_owned());
            let inner = mem::replace(&mut *inner, ReceiverInner::Over(Some(sent)));
            let demand = match &inner {
                ReceiverInner::Local(local) => Some(local.demand()),
                _ => None,
            };
            let mut receiver = Self::of(inner, self.error);
            // The task that forwards the items applies the same timeouts.
            let mut times = self.times.lock();
            receiver.times = Mutex::new(times.take());
            drop(times);
            let entry = AttachedStream {
                outward: true,
                bound: false,
                codec: codec as u8,
            };
            Ok(DetachedHalf::attachment(
                entry,
                demand,
                move |end, runtime| {
                    if let StreamEndpoint::Producer(producer) = end {
                        runtime.spawn(pump_out(receiver, producer, codec));
                    }
                },
            ))
        })
    }
}

impl<'de, T: Item> Deserialize<'de> for Receiver<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let claimed = Claimed::new(deserialize_half(deserializer, true)?);
        Ok(Self::of(ReceiverInner::Claimed(claimed), |error, _| error))
    }
}

impl<T, E> fmt::Debug for Receiver<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Receiver")
    }
}
