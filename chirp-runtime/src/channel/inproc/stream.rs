use std::fmt;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::flow::Flow;
use crate::channel::{Channel, Endpoint};

/// One end of a stream of bytes within this process, for code that wants a socket without a socket.
///
/// Bytes arrive in order and unaltered, without the boundaries of the writes; 64 KiB may be on their way in
/// each direction, and who would write more waits. What was written before an end closed can still be read,
/// then comes the end. `shutdown` closes one direction, [`close_read`](Self::close_read) the other, and
/// dropping closes both. Writing what nobody will read fails with
/// [`BrokenPipe`](io::ErrorKind::BrokenPipe) and writes nothing. There are no deadlines here: those are
/// `tokio::time::timeout` and its like.
#[derive(Debug)]
pub struct InprocStream {
    reader: InprocReader,
    writer: InprocWriter,
}

/// The reading half of an [`InprocStream`]. Dropping it refuses what is still written.
pub struct InprocReader {
    flow: Arc<Flow>,
    name: Arc<str>,
}

/// The writing half of an [`InprocStream`]. Dropping it is the end of what the other side reads.
pub struct InprocWriter {
    flow: Arc<Flow>,
    name: Arc<str>,
}

impl InprocStream {
    /// Two ends of a new stream, of which no listener knows.
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

    /// The name that was connected to, which is the address of both ends; empty for a
    /// [`pair`](Self::pair).
    pub fn name(&self) -> &str {
        &self.reader.name
    }

    /// Reads no more: what was not read is let go, reads give the end at once, and the other side's writes
    /// fail. Closing twice is well.
    pub fn close_read(&mut self) {
        self.reader.flow.refuse();
    }

    /// The two halves, which may go to two tasks.
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
