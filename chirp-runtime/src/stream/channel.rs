use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use tokio::sync::mpsc;

use super::{Receiver, Sender, StreamError};
use crate::codec::Item;
use crate::packet::ErrorData;

/// The number of items buffered between two halves in this process, in addition to the buffers of connections.
const CAPACITY: usize = 16;

/// Creates a stream and returns its two halves.
///
/// Each half can be sent to another peer, in an argument, a result or a stream item. Items are buffered while
/// both halves are in this process: up to 16 of them.
///
/// ```
/// # async fn example() {
/// let (mut sender, mut receiver) = chirp_runtime::stream::channel::<u64>();
/// tokio::spawn(async move {
///     for number in 0..3 {
///         sender.send(number).await?;
///     }
///     sender.finish();
///     Ok::<_, chirp_runtime::stream::StreamError>(())
/// });
/// while let Some(number) = receiver.recv().await {
///     println!("{}", number.expect("the sender finishes the stream"));
/// }
/// # }
/// ```
pub fn channel<T: Item>() -> (Sender<T>, Receiver<T>) {
    let (items, taken) = mpsc::channel(CAPACITY);
    let said = Arc::<Said>::default();
    let sender = LocalSender {
        items,
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

/// The reasons that the halves leave for each other when they are dropped.
#[derive(Debug, Default)]
struct Said {
    /// The end of the stream, set by the sender.
    end: OnceLock<Result<(), StreamError>>,
    /// The reason why no more items are received, set by the receiver.
    gone: OnceLock<StreamError>,
}

/// The sending half of a stream within this process.
#[derive(Debug)]
pub(super) struct LocalSender<T> {
    pub(super) items: mpsc::Sender<T>,
    said: Arc<Said>,
}

/// The receiving half of a stream within this process.
#[derive(Debug)]
pub(super) struct LocalReceiver<T> {
    taken: mpsc::Receiver<T>,
    closed: bool,
    said: Arc<Said>,
}

impl<T> LocalSender<T> {
    /// Returns the reason why no more items are received.
    pub(super) fn gone(&self) -> StreamError {
        let gone = self.said.gone.get();
        gone.cloned().unwrap_or(StreamError::Cancelled)
    }

    /// Sets the end of the stream. Only the first call has an effect.
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
        self.taken.poll_recv(cx).map(|item| match item {
            Some(item) => Some(Ok(item)),
            // After `close`, the end of the stream is not reported.
            None if self.closed => None,
            None => match self.said.end.get() {
                Some(Ok(())) => None,
                Some(Err(error)) => Some(Err(error.clone())),
                None => Some(Err(StreamError::Cancelled)),
            },
        })
    }

    /// Sets the reason why no more items are received.
    pub(super) fn leave(&self, error: StreamError) {
        let _ = self.said.gone.set(error);
    }

    pub(super) fn close(&mut self) {
        self.closed = true;
        self.taken.close();
    }
}
