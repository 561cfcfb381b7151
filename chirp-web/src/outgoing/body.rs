use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http_body::Body;
use hyper::body::Incoming;
use tokio::task::JoinHandle;
use tokio::time::{Sleep, sleep};

use super::OutgoingError;
use crate::task::boxed;

/// The body of a response, which is read while it arrives. A destination waits while nothing is read.
pub struct OutgoingBody {
    destination: String,
    headers: HeaderMap,
    body: Incoming,
    _connection: ConnectionTask,
    /// `None` if the body may bring nothing for any time.
    idle_timeout: Option<Duration>,
    /// Runs while the body brings nothing.
    idle: Option<Pin<Box<Sleep>>>,
    is_over: bool,
}

impl OutgoingBody {
    pub(crate) fn new(
        destination: String,
        headers: HeaderMap,
        body: Incoming,
        connection: ConnectionTask,
        idle_timeout: Option<Duration>,
    ) -> Self {
        Self {
            destination,
            headers,
            body,
            _connection: connection,
            idle_timeout,
            idle: None,
            is_over: false,
        }
    }

    /// Returns the headers of the response.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// Waits for the next bytes, and returns `None` after the last. A body that ends before its announced length is an error, and
    /// nothing comes after an error.
    ///
    /// This method is cancel safe.
    ///
    /// # Errors
    ///
    /// [`OutgoingError::Exchange`] or [`OutgoingError::TimedOut`].
    pub async fn next(&mut self) -> Option<Result<Bytes, OutgoingError>> {
        std::future::poll_fn(|cx| self.poll_next(cx)).await
    }

    /// Polls for the next bytes: see [`next`](Self::next).
    pub fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, OutgoingError>>> {
        while !self.is_over {
            let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) else {
                let Some(timeout) = self.idle_timeout else {
                    return Poll::Pending;
                };
                let idle = self.idle.get_or_insert_with(|| Box::pin(sleep(timeout)));
                if idle.as_mut().poll(cx).is_pending() {
                    return Poll::Pending;
                }
                self.is_over = true;
                return Poll::Ready(Some(Err(OutgoingError::TimedOut {
                    destination: self.destination.clone(),
                    limit: timeout,
                })));
            };
            self.idle = None;
            match frame {
                None => self.is_over = true,
                Some(Err(error)) => {
                    self.is_over = true;
                    return Poll::Ready(Some(Err(OutgoingError::Exchange {
                        destination: self.destination.clone(),
                        error: error.into(),
                    })));
                }
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) if !data.is_empty() => return Poll::Ready(Some(Ok(data))),
                    // Trailers, or an empty chunk.
                    Ok(_) | Err(_) => {}
                },
            }
        }
        Poll::Ready(None)
    }
}

impl fmt::Debug for OutgoingBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutgoingBody")
            .field("destination", &self.destination)
            .finish_non_exhaustive()
    }
}

/// The task that reads and writes a connection. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct ConnectionTask(JoinHandle<()>);

impl ConnectionTask {
    pub(super) fn spawn<F, T>(connection: F) -> Self
    where
        F: Future<Output = T> + Send + 'static,
    {
        Self(tokio::spawn(boxed(async move {
            // The request has the error, too.
            let _ = connection.await;
        })))
    }
}

impl Drop for ConnectionTask {
    fn drop(&mut self) {
        self.0.abort();
    }
}
