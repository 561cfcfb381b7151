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

/// The largest piece that is written at once, in bytes: one chunk of a connection, behind which calls go in between.
const PIECE: usize = 16 << 10;

/// A stream of bytes to read from: what comes out of a [`Receiver<Bytes>`](Receiver), one piece after another.
///
/// The end of the stream is the end of the file; everything else that ends it is an [`io::Error`] around the stream's own.
/// `tokio::io::copy_buf` reads it without a copy between.
#[derive(Debug)]
pub struct ByteReader<E = StreamError> {
    receiver: Receiver<Bytes, E>,
    piece: Bytes,
}

impl<E> ByteReader<E> {
    /// Reads what comes out of `receiver`.
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

/// A stream of bytes to write to: what goes into a [`Sender<Bytes>`](Sender), in pieces of 16 KiB at most.
///
/// What was written is delivered, as what [`Sender::send`] accepted is. Shutting the writer down says that this was all.
/// Dropped without that, the other side is told that the stream was broken off; [`fail`](Self::fail) says why. When nobody
/// reads any more, writing fails with [`io::ErrorKind::BrokenPipe`].
pub struct ByteWriter(ByteWriterState);

enum ByteWriterState {
    Idle(Sender<Bytes>),
    /// There is no room for a piece, and none has been accepted.
    Waiting(Pin<Box<dyn Future<Output = Ready> + Send>>),
    /// It has been shut down, or its stream is over.
    Over,
}

type Ready = (Sender<Bytes>, Result<(), StreamError>);

impl ByteWriter {
    /// Writes into `sender`.
    pub fn new(sender: Sender<Bytes>) -> Self {
        Self(ByteWriterState::Idle(sender))
    }

    /// Breaks the stream off behind what was written, and says why, as [`Sender::fail`] does: for a copy whose source
    /// failed.
    ///
    /// Safe to drop: then nothing says why, as when the writer is dropped.
    pub async fn fail(mut self, error: impl Into<ErrorData>) {
        // If it was over already, nobody is there to be told.
        if poll_fn(|cx| self.poll_room(cx)).await.is_ok()
            && let ByteWriterState::Idle(sender) = mem::replace(&mut self.0, ByteWriterState::Over)
        {
            sender.fail(error);
        }
    }

    /// Waits until there is room, where there was none.
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

    /// What was written is on its way.
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
