//! A stream that counts reads, writes and bytes.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Counters of a stream. A read or write that moved no bytes is not counted: after a partial one, tokio waits for
/// readiness without another system call.
#[derive(Debug, Default)]
pub struct Counts {
    reads: AtomicU64,
    writes: AtomicU64,
    bytes_read: AtomicU64,
    bytes_written: AtomicU64,
}

/// A snapshot of the counters.
#[derive(Clone, Copy, Debug)]
pub struct Snapshot {
    /// The number of reads.
    pub reads: u64,
    /// The number of writes.
    pub writes: u64,
    /// The number of bytes read.
    pub bytes_read: u64,
    /// The number of bytes written.
    pub bytes_written: u64,
}

impl Counts {
    /// Returns the current counts.
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

/// A stream or half of a stream with counters.
#[derive(Debug)]
pub struct Counted<T> {
    inner: T,
    counts: Arc<Counts>,
}

impl<T> Counted<T> {
    /// Wraps `inner`.
    pub fn new(inner: T) -> (Self, Arc<Counts>) {
        let counts = Arc::<Counts>::default();
        let counted = Self {
            inner,
            counts: Arc::clone(&counts),
        };
        (counted, counts)
    }

    /// Splits the stream into two halves with shared counters.
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
