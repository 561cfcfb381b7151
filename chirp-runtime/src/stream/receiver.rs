use std::fmt;
use std::future::poll_fn;
use std::mem;
use std::pin::{Pin, pin};
use std::sync::{Mutex, PoisonError};
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
use crate::packet::AttachedStream;
use crate::peer::streaming::call_stream::CallStream;
use crate::peer::streaming::consumer::Consumer;
use crate::peer::streaming::endpoint::{DetachedHalf, StreamEndpoint};

/// The half of a stream that items come out of: a [`Stream`], and the verbs of a channel.
///
/// Each item is a `Result`. `None` means that all that was sent has come; everything else that ends the stream is an
/// error, `E`, behind the items that came, and the last that is told. Dropping it ends the sender's work.
pub struct Receiver<T, E = StreamError> {
    /// Behind a lock, since serde takes what travels by reference.
    inner: Mutex<ReceiverInner<T>>,
    error: fn(StreamError) -> E,
    times: Mutex<Option<Box<ReceiveTimeouts>>>,
    over: bool,
}

enum ReceiverInner<T> {
    Local(LocalReceiver<T>),
    Stream(Pin<Box<dyn Stream<Item = T> + Send>>),
    Claimed(Claimed),
    Remote(Consumer, CodecId),
    OfCall(Box<CallStream>, CodecId),
    /// It has travelled, or was closed.
    Over(Option<StreamError>),
}

/// How long a receiver waits.
#[derive(Default)]
struct ReceiveTimeouts {
    /// For one item.
    item: Option<Duration>,
    /// Whether it waits for one now,
    waits: bool,
    /// and until when.
    until: Option<Pin<Box<Sleep>>>,
    /// For all of them.
    end: Option<Pin<Box<Sleep>>>,
}

/// Why there is no item to take at once.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum TryRecvError {
    /// None has come, and more may.
    #[error("no item has come")]
    Empty,
    /// That was all.
    #[error("the stream is over")]
    Disconnected,
}

/// How a stream fails whose items may be errors of its method: it gives `Result<T, E>`, and the first `Err` ends it.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ItemError<E> {
    /// The method's own.
    #[error("{0}")]
    Handler(E),
    /// The stream broke off.
    #[error(transparent)]
    Stream(#[from] StreamError),
}

impl<T> Receiver<T> {
    pub(super) fn local(local: LocalReceiver<T>) -> Self {
        Self::of(ReceiverInner::Local(local), |error| error)
    }

    /// What comes out of a stream, as it is sent.
    pub(super) fn of_stream(stream: impl Stream<Item = T> + Send + 'static) -> Self {
        let stream: Pin<Box<dyn Stream<Item = T> + Send>> = Box::pin(stream);
        Self::of(ReceiverInner::Stream(stream), |error| error)
    }

    /// What comes out of this side's end of a stream.
    pub(super) fn remote(consumer: Consumer, codec: CodecId) -> Self {
        Self::of(ReceiverInner::Remote(consumer, codec), |error| error)
    }

    /// Says why nothing more will be taken.
    pub(super) fn leave(&mut self, error: StreamError) {
        if let ReceiverInner::Local(local) = self.inner_mut() {
            local.leave(error);
        }
    }
}

impl<T, E> Receiver<T, E> {
    /// The stream that is the result of a call; `error` makes an error of what breaks it off.
    pub(crate) fn of_call(
        of_call: CallStream,
        codec: CodecId,
        error: fn(StreamError) -> E,
    ) -> Self {
        Self::of(ReceiverInner::OfCall(Box::new(of_call), codec), error)
    }

    fn of(inner: ReceiverInner<T>, error: fn(StreamError) -> E) -> Self {
        Self {
            inner: Mutex::new(inner),
            error,
            times: Mutex::default(),
            over: false,
        }
    }

    fn inner_mut(&mut self) -> &mut ReceiverInner<T> {
        self.inner.get_mut().unwrap_or_else(PoisonError::into_inner)
    }

    fn times_mut(&mut self) -> &mut Option<Box<ReceiveTimeouts>> {
        self.times.get_mut().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for each item this long and no longer; then the stream is broken off, with [`StreamError::TimedOut`].
    /// The time runs while an item is waited for.
    #[must_use]
    pub fn item_timeout(mut self, time: Duration) -> Self {
        self.times_mut().get_or_insert_default().item = Some(time);
        self
    }

    /// Waits for the end this long from now and no longer, however often items come.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    #[must_use]
    pub fn timeout(mut self, time: Duration) -> Self {
        let end = Instant::now().checked_add(time);
        self.times_mut().get_or_insert_default().end =
            end.map(|end| Box::pin(tokio::time::sleep_until(end)));
        self
    }
}

impl<T: Item, E> Receiver<T, E> {
    /// The next item; `None` when that was all. Safe to drop: no item is lost.
    pub async fn recv(&mut self) -> Option<Result<T, E>> {
        poll_fn(|cx| self.poll_recv(cx)).await
    }

    /// The next item, if it has come.
    ///
    /// # Errors
    ///
    /// [`TryRecvError`] when there is none.
    pub fn try_recv(&mut self) -> Result<Result<T, E>, TryRecvError> {
        // One that has come is there, however many this task has taken already.
        let next = pin!(unconstrained(poll_fn(|cx| self.poll_recv(cx))));
        match next.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Some(item)) => Ok(item),
            Poll::Ready(None) => Err(TryRecvError::Disconnected),
            Poll::Pending => Err(TryRecvError::Empty),
        }
    }

    /// Ends the sender's work. What has come can still be taken, and then there is nothing more.
    pub fn close(&mut self) {
        self.settle();
        match self.inner_mut() {
            ReceiverInner::Local(local) => local.close(),
            ReceiverInner::Remote(consumer, _) => consumer.close(),
            ReceiverInner::OfCall(of_call, _) => of_call.consumer().close(),
            inner => *inner = ReceiverInner::Over(None),
        }
        *self.times_mut() = None;
    }

    /// As [`recv`](Self::recv), as a poll function.
    #[inline]
    pub fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<T, E>>> {
        // Nearly every item is one of a packet that is at hand.
        if self.times_mut().is_none() {
            let item = match self.inner_mut() {
                ReceiverInner::Remote(consumer, codec) => consumer.next_at_hand(*codec),
                ReceiverInner::OfCall(of_call, codec) => of_call.consumer().next_at_hand(*codec),
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

    /// Nothing is told behind the end, and what is left of the stream goes.
    #[cold]
    fn ended(&mut self, end: Option<Result<T, StreamError>>) -> Option<Result<T, E>> {
        self.over = true;
        *self.inner_mut() = ReceiverInner::Over(None);
        let error = end?.err()?;
        Some(Err((self.error)(error)))
    }

    fn poll_inner(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<T, StreamError>>> {
        self.settle();
        match self.inner_mut() {
            ReceiverInner::Local(local) => local.poll_next(cx),
            ReceiverInner::Stream(stream) => stream.as_mut().poll_next(cx).map(|item| item.map(Ok)),
            ReceiverInner::Remote(consumer, codec) => consumer.poll_next(*codec, cx),
            ReceiverInner::OfCall(of_call, codec) => {
                of_call.poll_next(cx, |consumer, cx| consumer.poll_next(*codec, cx))
            }
            ReceiverInner::Over(error) => Poll::Ready(error.take().map(Err)),
            ReceiverInner::Claimed(_) => Poll::Ready(None),
        }
    }

    /// Whether the time for all items is over.
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

    /// Whether the time for an item that has not come is over.
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

    /// Makes of a half that came what it is, now that whatever it came with is whole.
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

/// Its place among the streams that travel with the value. It has travelled then: nothing more comes out of it here.
impl<T: Item> Serialize for Receiver<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize_half(serializer, |codec| {
            let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
            let travelled = StreamError::Encode("the half has travelled".to_owned());
            let inner = mem::replace(&mut *inner, ReceiverInner::Over(Some(travelled)));
            let demand = match &inner {
                ReceiverInner::Local(local) => Some(local.demand()),
                _ => None,
            };
            let mut receiver = Self::of(inner, self.error);
            // Whoever sends its items on waits as long for them.
            let mut times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
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
        Ok(Self::of(ReceiverInner::Claimed(claimed), |error| error))
    }
}

impl<T, E> fmt::Debug for Receiver<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Receiver")
    }
}
