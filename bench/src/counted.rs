//! A stream that counts what goes through it.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What went through a stream. A read or a write that moved no bytes is not counted: after one that moved
/// fewer than it could have, tokio waits for the socket without asking it again.
#[derive(Debug, Default)]
pub struct Counts {
    reads: AtomicU64,
    writes: AtomicU64,
    bytes_read: AtomicU64,
    bytes_written: AtomicU64,
}

/// The counts at one moment.
#[derive(Clone, Copy, Debug)]
pub struct Snapshot {
    /// Calls of `read` and its like.
    pub reads: u64,
    /// Calls of `write` and its like.
    pub writes: u64,
    /// Bytes that were read.
    pub bytes_read: u64,
    /// Bytes that were written.
    pub bytes_written: u64,
}

impl Counts {
    /// The counts now.
    pub fn snapshot(&self) -> Snapshot {
        let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Snapshot {
            reads: load(&self.reads),
            writes: load(&self.writes),
            bytes_read: load(&self.bytes_read),
            bytes_written: load(&self.bytes_written),
        }
    }

    fn wrote(&self, written: &Poll<io::Result<usize>>) {
        if let Poll::Ready(Ok(len)) = written {
            self.writes.fetch_add(1, Ordering::Relaxed);
            self.bytes_written.fetch_add(*len as u64, Ordering::Relaxed);
        }
    }
}

/// A stream, or a half of one, that counts.
#[derive(Debug)]
pub struct Counted<T> {
    inner: T,
    counts: Arc<Counts>,
}

impl<T> Counted<T> {
    /// Counts what goes through `inner`.
    pub fn new(inner: T) -> (Self, Arc<Counts>) {
        let counts = Arc::<Counts>::default();
        let counted = Self {
            inner,
            counts: Arc::clone(&counts),
        };
        (counted, counts)
    }

    /// Two parts of what is counted; what goes through either counts.
    pub fn map_both<R, W>(self, part: impl FnOnce(T) -> (R, W)) -> (Counted<R>, Counted<W>) {
        let (reader, writer) = part(self.inner);
        let reader = Counted {
            inner: reader,
            counts: Arc::clone(&self.counts),
        };
        let writer = Counted {
            inner: writer,
            counts: self.counts,
        };
        (reader, writer)
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Counted<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(cx, buffer))?;
        let len = buffer.filled().len() - before;
        self.counts.reads.fetch_add(1, Ordering::Relaxed);
        self.counts
            .bytes_read
            .fetch_add(len as u64, Ordering::Relaxed);
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Counted<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write(cx, bytes);
        self.counts.wrote(&written);
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write_vectored(cx, parts);
        self.counts.wrote(&written);
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
