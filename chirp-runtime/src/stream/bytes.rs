use std::fmt;
use std::future::poll_fn;
use std::io;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncBufRead, AsyncRead, AsyncWrite, ReadBuf};

use super::{Receiver, Sender, StreamError, TrySendError};
use crate::packet::ErrorData;

/// The maximum length of a written piece, in bytes: one chunk of a connection, so that calls are not delayed.
const PIECE: usize = 16 << 10;

/// A byte stream for reading, on top of a [`Receiver<Bytes>`](Receiver).
///
/// The end of the stream reads as end of file. Any other end is an [`io::Error`] that wraps the stream's
/// error. `tokio::io::copy_buf` copies from a `ByteReader` without an intermediate buffer.
///
/// Reading is cancel safe: no byte is lost if a read is dropped.
#[derive(Debug)]
pub struct ByteReader<E = StreamError> {
    receiver: Receiver<Bytes, E>,
    piece: Bytes,
}

impl<E> ByteReader<E> {
    /// Creates a reader of the bytes that `receiver` returns.
    pub fn new(receiver: Receiver<Bytes, E>) -> Self {
        Self {
            receiver,
            piece: Bytes::new(),
        }
    }
}

impl<E> From<Receiver<Bytes, E>> for ByteReader<E> {
    fn from(receiver: Receiver<Bytes, E>) -> Self {
        Self::new(receiver)
    }
}

impl<E: std::error::Error + Send + Sync + 'static> AsyncBufRead for ByteReader<E> {
    fn poll_fill_buf(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        while self.piece.is_empty() {
            match ready!(self.receiver.poll_recv(cx)) {
                Some(Ok(piece)) => self.piece = piece,
                Some(Err(error)) => return Poll::Ready(Err(io::Error::other(error))),
                None => break,
            }
        }
        Poll::Ready(Ok(&self.get_mut().piece))
    }

    fn consume(mut self: Pin<&mut Self>, amount: usize) {
        self.piece.advance(amount);
    }
}

impl<E: std::error::Error + Send + Sync + 'static> AsyncRead for ByteReader<E> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let piece = ready!(self.as_mut().poll_fill_buf(cx))?;
        let amount = piece.len().min(buffer.remaining());
        buffer.put_slice(&piece[..amount]);
        self.consume(amount);
        Poll::Ready(Ok(()))
    }
}

/// A byte stream for writing, on top of a [`Sender<Bytes>`](Sender).
///
/// Bytes are sent in pieces of at most 16 KiB. Written bytes are delivered like items that [`Sender::send`]
/// has accepted.
///
/// Shutting the writer down finishes the stream. Dropping it earlier breaks the stream off: the receiver gets
/// [`StreamError::Cancelled`], or the error passed to [`fail`](Self::fail). Writing fails with
/// [`io::ErrorKind::BrokenPipe`] once the receiver no longer accepts bytes, and after a shutdown.
pub struct ByteWriter(ByteWriterState);

enum ByteWriterState {
    Idle(Sender<Bytes>),
    /// Waiting for room. No byte of the current write has been accepted.
    Waiting(Pin<Box<dyn Future<Output = Ready> + Send>>),
    /// Shut down, or the stream has ended.
    Over,
}

type Ready = (Sender<Bytes>, Result<(), StreamError>);

impl ByteWriter {
    /// Creates a writer to `sender`.
    pub fn new(sender: Sender<Bytes>) -> Self {
        Self(ByteWriterState::Idle(sender))
    }

    /// Breaks the stream off after the written bytes, with an error for the receiver: for a copy whose source
    /// failed. See [`Sender::fail`].
    ///
    /// Cancel safe: if the future is dropped, the stream is broken off without the error, as if the writer
    /// had been dropped.
    pub async fn fail(mut self, error: impl Into<ErrorData>) {
        // If the stream has ended already, there is no receiver to tell.
        if poll_fn(|cx| self.poll_room(cx)).await.is_ok()
            && let ByteWriterState::Idle(sender) = mem::replace(&mut self.0, ByteWriterState::Over)
        {
            sender.fail(error);
        }
    }

    /// Completes a pending wait for room.
    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let ByteWriterState::Waiting(waiting) = &mut self.0 {
            let (sender, ready) = ready!(waiting.as_mut().poll(cx));
            self.0 = ByteWriterState::Idle(sender);
            self.check(ready)?;
        }
        Poll::Ready(Ok(()))
    }

    fn check(&mut self, sent: Result<(), StreamError>) -> io::Result<()> {
        sent.map_err(|error| {
            self.0 = ByteWriterState::Over;
            io::Error::new(io::ErrorKind::BrokenPipe, error)
        })
    }
}

impl From<Sender<Bytes>> for ByteWriter {
    fn from(sender: Sender<Bytes>) -> Self {
        Self::new(sender)
    }
}

impl AsyncWrite for ByteWriter {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let piece = &bytes[..bytes.len().min(PIECE)];
        loop {
            ready!(self.poll_room(cx))?;
            let ByteWriterState::Idle(sender) = &mut self.0 else {
                return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
            };
            if piece.is_empty() {
                return Poll::Ready(Ok(0));
            }
            match sender.try_send(Bytes::copy_from_slice(piece)) {
                Ok(()) => return Poll::Ready(Ok(piece.len())),
                Err(TrySendError::Closed(error)) => self.check(Err(error))?,
                Err(TrySendError::Full(_)) => {
                    if let ByteWriterState::Idle(mut sender) =
                        mem::replace(&mut self.0, ByteWriterState::Over)
                    {
                        self.0 = ByteWriterState::Waiting(Box::pin(async move {
                            let ready = sender.ready().await;
                            (sender, ready)
                        }));
                    }
                }
            }
        }
    }

    /// Returns at once, since written bytes are sent without delay.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_room(cx))?;
        if let ByteWriterState::Idle(sender) = mem::replace(&mut self.0, ByteWriterState::Over) {
            sender.finish();
        }
        Poll::Ready(Ok(()))
    }
}

impl fmt::Debug for ByteWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ByteWriter")
    }
}
