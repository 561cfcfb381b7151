use std::fmt;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::flow::Flow;
use crate::channel::{Channel, Endpoint};

/// One end of a byte stream within this process, for code that expects a socket.
///
/// Bytes arrive in order and unaltered; boundaries between writes are not kept. Up to 64 KiB may be in flight in
/// each direction, and further writes wait. After one end has closed, the other can read the bytes that were
/// written before, and then reaches the end. `shutdown` closes the writing direction,
/// [`close_read`](Self::close_read) the reading direction, and dropping the stream closes both. Writing to a closed
/// reader fails with [`BrokenPipe`](io::ErrorKind::BrokenPipe) and writes nothing. For timeouts, use
/// `tokio::time::timeout`.
#[derive(Debug)]
pub struct InprocStream {
    reader: InprocReader,
    writer: InprocWriter,
}

/// The reading half of an [`InprocStream`]. Dropping it makes further writes fail.
pub struct InprocReader {
    flow: Arc<Flow>,
    name: Arc<str>,
}

/// The writing half of an [`InprocStream`]. Dropping it ends the stream for the reader.
pub struct InprocWriter {
    flow: Arc<Flow>,
    name: Arc<str>,
}

impl InprocStream {
    /// Creates a connected pair of streams without a listener.
    pub fn pair() -> (Self, Self) {
        Self::pair_of(&Arc::from(""))
    }

    pub(super) fn pair_of(name: &Arc<str>) -> (Self, Self) {
        let flows: [Arc<Flow>; 2] = Default::default();
        let [there, back] = &flows;
        (Self::new(name, back, there), Self::new(name, there, back))
    }

    fn new(name: &Arc<str>, input: &Arc<Flow>, output: &Arc<Flow>) -> Self {
        Self {
            reader: InprocReader {
                flow: Arc::clone(input),
                name: Arc::clone(name),
            },
            writer: InprocWriter {
                flow: Arc::clone(output),
                name: Arc::clone(name),
            },
        }
    }

    /// Returns the name that was connected to, which is the address of both ends. Empty for a [`pair`](Self::pair).
    pub fn name(&self) -> &str {
        &self.reader.name
    }

    /// Closes the reading direction: discards unread bytes, makes further reads return the end, and makes writes of
    /// the other side fail. Has no effect if called again.
    pub fn close_read(&mut self) {
        self.reader.flow.refuse();
    }

    /// Splits the stream into its halves, which two tasks can use.
    pub fn into_split(self) -> (InprocReader, InprocWriter) {
        (self.reader, self.writer)
    }
}

impl Drop for InprocReader {
    fn drop(&mut self) {
        self.flow.refuse();
    }
}

impl Drop for InprocWriter {
    fn drop(&mut self) {
        self.flow.end();
    }
}

impl AsyncRead for InprocReader {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.flow.poll_read(cx, buf)
    }
}

impl AsyncWrite for InprocWriter {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.flow.poll_write(cx, &[IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.flow.poll_write(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.flow.end();
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for InprocStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.reader.flow.poll_read(cx, buf)
    }
}

impl AsyncWrite for InprocStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.writer).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.writer).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.writer).poll_shutdown(cx)
    }
}

impl From<InprocStream> for Channel {
    fn from(stream: InprocStream) -> Self {
        let name = stream.name().to_owned();
        let (reader, writer) = stream.into_split();
        let channel = Self::new(reader, writer);
        if name.is_empty() {
            return channel;
        }
        channel.with_remote(Endpoint::Inproc(name))
    }
}

impl fmt::Debug for InprocReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("InprocReader").field(&self.name).finish()
    }
}

impl fmt::Debug for InprocWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("InprocWriter").field(&self.name).finish()
    }
}
