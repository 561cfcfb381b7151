use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};

use tokio::sync::mpsc;
use tokio::sync::mpsc::OwnedPermit;
use tokio::sync::mpsc::error::{SendError, TrySendError};

use super::{Receiver, Sender, StreamError};
use crate::codec::Item;
use crate::packet::ErrorData;
use crate::peer::stream::demand::Demand;

/// The number of items buffered between two halves in this process, in addition to the buffers of connections.
const CAPACITY: usize = 16;

/// Creates a stream and returns its two halves.
///
/// Each half can be sent to another peer, in an argument, a result or a stream item. Items are buffered while
/// both halves are in this process: up to 16 of them.
///
/// ```
/// # use chirp_runtime as chirp;
/// # async fn example() {
/// let (mut sender, mut receiver) = chirp::stream::channel::<u64>();
/// tokio::spawn(async move {
///     for number in 0..3 {
///         sender.send(number).await?;
///     }
///     sender.finish();
///     Ok::<_, chirp::stream::StreamError>(())
/// });
/// while let Some(number) = receiver.recv().await {
///     println!("{}", number.expect("the sender finishes the stream"));
/// }
/// # }
/// ```
pub fn channel<T: Item>() -> (Sender<T>, Receiver<T>) {
    let (items, taken) = mpsc::channel(CAPACITY);
    let shared = Arc::<SharedState>::default();
    let sender = LocalSender {
        items,
        reserved: None,
        reserving: None,
        shared: Arc::clone(&shared),
    };
    (
        Sender::local(sender),
        Receiver::local(LocalReceiver {
            taken,
            closed: false,
            shared,
        }),
    )
}

/// The reasons that the halves leave for each other when they are dropped.
#[derive(Debug, Default)]
struct SharedState {
    /// The end of the stream, set by the sender.
    end: OnceLock<Result<(), StreamError>>,
    /// The reason why no more items are received, set by the receiver.
    gone: OnceLock<StreamError>,
    /// If one half was given to a call, the other half sends that call through this.
    demand: Arc<Demand>,
}

/// The sending half of a stream within this process.
pub(super) struct LocalSender<T> {
    pub(super) items: mpsc::Sender<T>,
    /// The permit for one item, reserved by [`poll_reserve`](Self::poll_reserve).
    reserved: Option<OwnedPermit<T>>,
    reserving: Option<Reserving<T>>,
    shared: Arc<SharedState>,
}

type Reserving<T> = Pin<Box<dyn Future<Output = Result<OwnedPermit<T>, SendError<()>>> + Send>>;

/// The receiving half of a stream within this process.
#[derive(Debug)]
pub(super) struct LocalReceiver<T> {
    taken: mpsc::Receiver<T>,
    closed: bool,
    shared: Arc<SharedState>,
}

impl<T: Item> LocalSender<T> {
    /// Reserves capacity for one item, which is kept until the item is put.
    pub(super) fn poll_reserve(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamError>> {
        if self.reserved.is_some() {
            return Poll::Ready(Ok(()));
        }
        let items = &self.items;
        let reserving = self
            .reserving
            .get_or_insert_with(|| Box::pin(items.clone().reserve_owned()));
        let polled = reserving.as_mut().poll(cx);
        if polled.is_pending() {
            self.shared.demand.raise();
        }
        let reserved = ready!(polled);
        self.reserving = None;
        Poll::Ready(match reserved {
            Ok(permit) => {
                self.reserved = Some(permit);
                Ok(())
            }
            Err(_) => Err(self.gone()),
        })
    }

    /// Sends an item with the reserved capacity.
    ///
    /// # Panics
    ///
    /// If no capacity is reserved: the caller violated the contract of `Sink`.
    pub(super) fn put_reserved(&mut self, item: T) {
        let permit = self.reserved.take();
        let permit = permit.expect("`start_send` was called without `poll_ready`");
        permit.send(item);
    }
}

impl<T> LocalSender<T> {
    /// Waits for capacity and sends an item.
    pub(super) async fn send(&mut self, item: T) -> Result<(), StreamError> {
        let sent = match self.items.try_send(item) {
            Err(TrySendError::Full(item)) => {
                self.shared.demand.raise();
                self.items.send(item).await.map_err(drop)
            }
            sent => sent.map_err(drop),
        };
        sent.map_err(|()| self.gone())
    }

    /// Sends an item if there is capacity.
    pub(super) fn try_send(&mut self, item: T) -> Result<(), super::TrySendError<T>> {
        self.items.try_send(item).map_err(|error| match error {
            TrySendError::Full(item) => {
                // The caller may try until there is.
                self.shared.demand.raise();
                super::TrySendError::Full(item)
            }
            TrySendError::Closed(_) => super::TrySendError::Closed(self.gone()),
        })
    }

    /// Waits until the receiver accepts no more items, and returns the reason.
    pub(super) async fn closed(&mut self) -> StreamError {
        if !self.items.is_closed() {
            self.shared.demand.raise();
            self.items.closed().await;
        }
        self.gone()
    }

    /// Returns the demand for the other half.
    pub(super) fn demand(&self) -> Arc<Demand> {
        Arc::clone(&self.shared.demand)
    }

    /// Returns the reason why no more items are received.
    pub(super) fn gone(&self) -> StreamError {
        let gone = self.shared.gone.get();
        gone.cloned().unwrap_or(StreamError::Cancelled)
    }

    /// Sets the end of the stream. Only the first call has an effect.
    pub(super) fn end(&self, end: Result<(), StreamError>) {
        let _ = self.shared.end.set(end);
    }

    pub(super) fn fail(&self, error: ErrorData) {
        self.end(Err(StreamError::Failed(error)));
    }
}

impl<T> LocalReceiver<T> {
    pub(super) fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<T, StreamError>>> {
        let polled = self.taken.poll_recv(cx);
        if polled.is_pending() {
            self.shared.demand.raise();
        }
        polled.map(|item| match item {
            Some(item) => Some(Ok(item)),
            // After `close`, the end of the stream is not reported.
            None if self.closed => None,
            None => match self.shared.end.get() {
                Some(Ok(())) => None,
                Some(Err(error)) => Some(Err(error.clone())),
                None => Some(Err(StreamError::Cancelled)),
            },
        })
    }

    /// Returns the demand for the other half.
    pub(super) fn demand(&self) -> Arc<Demand> {
        Arc::clone(&self.shared.demand)
    }

    /// Sets the reason why no more items are received.
    pub(super) fn leave(&self, error: StreamError) {
        let _ = self.shared.gone.set(error);
    }

    pub(super) fn close(&mut self) {
        self.closed = true;
        self.taken.close();
    }
}
