use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use chirp_runtime::channel::{Channel, Reader, Writer};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep, sleep_until};

/// The longest time that is added to another one: as good as no limit, and without an overflow.
const LONGEST: Duration = Duration::from_hours(876_600);

/// The bytes of a connection with a client.
///
/// A client that has closed its half of the connection may wait for the response, or may have gone away: both look the same. hyper
/// takes the first end of input for the second. So the end of input is kept back while a response is in progress, for a while.
///
/// A client that does not read its response fails the connection: otherwise it would hold the permits of its call, and the room
/// of its connection, for ever.
pub(crate) struct ClientIo {
    reader: Reader,
    writer: Writer,
    response: ResponseState,
    grace: Duration,
    end: Option<Pin<Box<Sleep>>>,
    write_timeout: Duration,
    /// The end of the time for a write that waits for the client.
    stalled: Option<Pin<Box<Sleep>>>,
}

/// The state of the response that is in progress on a connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct ResponseState(Arc<ResponseFlags>);

#[derive(Debug, Default)]
struct ResponseFlags {
    /// Whether the whole request has been received, and its response is in progress.
    is_in_progress: AtomicBool,
    /// The time until which the client may leave a response unread. `None` unless the response is a stream.
    unread_until: Mutex<Option<Instant>>,
}

/// Ends a response when it is dropped.
#[derive(Debug)]
pub(crate) struct ResponseGuard(ResponseState);

impl ResponseState {
    /// Begins a response.
    pub(crate) fn guard(&self) -> ResponseGuard {
        self.set_unread_until(None);
        ResponseGuard(self.clone())
    }

    /// Lets the client leave a stream unread for this time.
    pub(crate) fn allow_unread(&self, time: Duration) {
        // A time without an end is that of the timer.
        let end = Instant::now().checked_add(time.min(LONGEST));
        self.set_unread_until(end);
    }

    fn set_unread_until(&self, end: Option<Instant>) {
        let unread_until = self.0.unread_until.lock();
        *unread_until.unwrap_or_else(PoisonError::into_inner) = end;
    }

    fn unread_until(&self) -> Option<Instant> {
        let unread_until = self.0.unread_until.lock();
        *unread_until.unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, is_in_progress: bool) {
        let flag = &self.0.is_in_progress;
        flag.store(is_in_progress, Ordering::Relaxed);
    }

    fn is_in_progress(&self) -> bool {
        self.0.is_in_progress.load(Ordering::Relaxed)
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
    /// `grace` is the time that a client has for its response after it has closed its half of the connection, and
    /// `write_timeout` the time for which a client may not read.
    pub(crate) fn new(
        channel: Channel,
        response: ResponseState,
        grace: Duration,
        write_timeout: Duration,
    ) -> Self {
        let (reader, writer) = channel.into_split();
        Self {
            reader,
            writer,
            response,
            grace,
            end: None,
            write_timeout: write_timeout.min(LONGEST),
            stalled: None,
        }
    }

    /// Fails a write that has waited too long. Each byte that the client takes begins the time anew.
    fn limit<T>(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        if self.stalled.is_none() {
            let now = Instant::now();
            let start = self
                .response
                .unread_until()
                .map_or(now, |until| until.max(now));
            self.stalled = Some(Box::pin(sleep_until(start + self.write_timeout)));
        }
        if let Some(stalled) = &mut self.stalled {
            ready!(stalled.as_mut().poll(cx));
        }
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
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
        let written = Pin::new(&mut self.writer).poll_write(cx, bytes);
        self.limit(cx, written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.writer).poll_flush(cx);
        self.limit(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.writer).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.writer).poll_write_vectored(cx, slices);
        self.limit(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.writer.is_write_vectored()
    }
}
