use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use chirp_runtime::channel::{Channel, Reader, Writer};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// The bytes of a connection with a client.
///
/// A client that has closed its half of the connection may wait for the response, or may have gone away: both look the same. hyper
/// takes the first end of input for the second. So the end of input is kept back while a response is in progress, for a while.
pub(crate) struct ClientIo {
    reader: Reader,
    writer: Writer,
    response: ResponseState,
    grace: Duration,
    end: Option<Pin<Box<Sleep>>>,
}

/// Whether a whole request has been received on a connection, and its response is in progress.
#[derive(Clone, Debug, Default)]
pub(crate) struct ResponseState(Arc<AtomicBool>);

/// Ends a response when it is dropped.
#[derive(Debug)]
pub(crate) struct ResponseGuard(ResponseState);

impl ResponseState {
    pub(crate) fn guard(&self) -> ResponseGuard {
        ResponseGuard(self.clone())
    }

    fn set(&self, is_in_progress: bool) {
        self.0.store(is_in_progress, Ordering::Relaxed);
    }

    fn is_in_progress(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Drop for ResponseGuard {
    fn drop(&mut self) {
        self.0.set(false);
    }
}

/// The body of a request, which tells when it has been received whole.
#[derive(Debug)]
pub(crate) struct RequestBody {
    body: Incoming,
    response: ResponseState,
}

impl RequestBody {
    pub(crate) fn new(body: Incoming, response: &ResponseState) -> Self {
        response.set(body.is_end_stream());
        Self {
            body,
            response: response.clone(),
        }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let polled = ready!(Pin::new(&mut self.body).poll_frame(cx));
        if polled.is_none() || self.body.is_end_stream() {
            self.response.set(true);
        }
        Poll::Ready(polled)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl ClientIo {
    pub(crate) fn new(channel: Channel, response: ResponseState, grace: Duration) -> Self {
        let (reader, writer) = channel.into_split();
        Self {
            reader,
            writer,
            response,
            grace,
            end: None,
        }
    }
}

impl AsyncRead for ClientIo {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.end.is_none() {
            let before = buf.filled().len();
            ready!(Pin::new(&mut this.reader).poll_read(cx, buf))?;
            if buf.filled().len() > before || buf.remaining() == 0 {
                return Poll::Ready(Ok(()));
            }
        }
        if !this.response.is_in_progress() {
            return Poll::Ready(Ok(()));
        }
        let grace = this.grace;
        let end = this.end.get_or_insert_with(|| Box::pin(sleep(grace)));
        end.as_mut().poll(cx).map(Ok)
    }
}

impl AsyncWrite for ClientIo {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.writer).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.writer).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.writer).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.writer).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.writer.is_write_vectored()
    }
}
