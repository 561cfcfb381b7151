use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};

use tokio::sync::mpsc;
use tokio::sync::mpsc::OwnedPermit;
use tokio::sync::mpsc::error::{SendError, TrySendError};

use super::{Receiver, Sender, StreamError};
use crate::codec::Item;
use crate::packet::ErrorData;
use crate::peer::streaming::demand::Demand;

/// How many items wait between two halves in this process, beside what their connections hold.
const CAPACITY: usize = 16;

/// Two halves of a stream. Either may travel: in an argument, in a result, or in an item; both may stay.
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
///     println!("{}", number.expect("it is finished"));
/// }
/// # }
/// ```
pub fn channel<T: Item>() -> (Sender<T>, Receiver<T>) {
    let (items, taken) = mpsc::channel(CAPACITY);
    let said = Arc::<Said>::default();
    let sender = LocalSender {
        items,
        reserved: None,
        reserving: None,
        said: Arc::clone(&said),
    };
    (
        Sender::local(sender),
        Receiver::local(LocalReceiver {
            taken,
            closed: false,
            said,
        }),
    )
}

/// What each half says before it goes.
#[derive(Debug, Default)]
struct Said {
    /// How the stream ends.
    end: OnceLock<Result<(), StreamError>>,
    /// Why nothing more is taken.
    gone: OnceLock<StreamError>,
    /// Where one half has been given to a call, the other one sends it.
    demand: Arc<Demand>,
}

/// The half that items go into, in this process.
pub(super) struct LocalSender<T> {
    pub(super) items: mpsc::Sender<T>,
    /// The room for one item, once [`poll_reserve`](Self::poll_reserve) has found it.
    reserved: Option<OwnedPermit<T>>,
    reserving: Option<Reserving<T>>,
    said: Arc<Said>,
}

type Reserving<T> = Pin<Box<dyn Future<Output = Result<OwnedPermit<T>, SendError<()>>> + Send>>;

/// The half that items come out of, in this process.
#[derive(Debug)]
pub(super) struct LocalReceiver<T> {
    taken: mpsc::Receiver<T>,
    closed: bool,
    said: Arc<Said>,
}

impl<T: Item> LocalSender<T> {
    /// Waits for room for one item, which is then there until the item is put.
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
            self.said.demand.raise();
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

    /// Puts an item where room was found for it.
    ///
    /// # Panics
    ///
    /// Without room: a caller broke the contract of `Sink`.
    pub(super) fn put_reserved(&mut self, item: T) {
        let permit = self.reserved.take();
        let permit = permit.expect("`start_send` was called without `poll_ready`");
        permit.send(item);
    }
}

impl<T> LocalSender<T> {
    /// Sends an item, once there is room for it.
    pub(super) async fn send(&mut self, item: T) -> Result<(), StreamError> {
        let sent = match self.items.try_send(item) {
            Err(TrySendError::Full(item)) => {
                self.said.demand.raise();
                self.items.send(item).await.map_err(drop)
            }
            sent => sent.map_err(drop),
        };
        sent.map_err(|()| self.gone())
    }

    /// How the other half is asked for.
    pub(super) fn demand(&self) -> Arc<Demand> {
        Arc::clone(&self.said.demand)
    }

    /// Why nothing more is taken.
    pub(super) fn gone(&self) -> StreamError {
        let gone = self.said.gone.get();
        gone.cloned().unwrap_or(StreamError::Cancelled)
    }

    /// Says how the stream ends. Only the first counts.
    pub(super) fn end(&self, end: Result<(), StreamError>) {
        let _ = self.said.end.set(end);
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
            self.said.demand.raise();
        }
        polled.map(|item| match item {
            Some(item) => Some(Ok(item)),
            // How it would have ended is not asked any more.
            None if self.closed => None,
            None => match self.said.end.get() {
                Some(Ok(())) => None,
                Some(Err(error)) => Some(Err(error.clone())),
                None => Some(Err(StreamError::Cancelled)),
            },
        })
    }

    /// How the other half is asked for.
    pub(super) fn demand(&self) -> Arc<Demand> {
        Arc::clone(&self.said.demand)
    }

    /// Says why nothing more will be taken.
    pub(super) fn leave(&self, error: StreamError) {
        let _ = self.said.gone.set(error);
    }

    pub(super) fn close(&mut self) {
        self.closed = true;
        self.taken.close();
    }
}
