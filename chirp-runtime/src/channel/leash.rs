use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

use super::process::Life;
use super::{Channel, Reader, Writer};

/// How long what a child wrote before it ended may take to arrive. Only waited for when another process
/// keeps the channel open.
const LEFTOVERS: Duration = Duration::from_millis(100);

/// The same channel, which ends with a child process, and the child with it.
pub(super) fn put_on(channel: Channel, life: Arc<Life>) -> Channel {
    Channel {
        reader: Box::new(LeashedReader {
            io: channel.reader,
            life: Arc::clone(&life),
            leftovers: None,
        }),
        writer: Box::new(LeashedWriter {
            io: channel.writer,
            _leash: Leash(life),
        }),
        ..channel
    }
}

/// Held by the writing half of the channel. Without that the child's time begins to run: its input has ended.
struct Leash(Arc<Life>);

impl Drop for Leash {
    fn drop(&mut self) {
        Arc::clone(&self.0).begin_to_end();
    }
}

struct LeashedReader {
    io: Reader,
    life: Arc<Life>,
    leftovers: Option<Pin<Box<Sleep>>>,
}

impl AsyncRead for LeashedReader {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.io).poll_read(cx, buf);
        if read.is_ready() || !self.life.has_ended(cx.waker().clone()) {
            return read;
        }
        // The child is gone and somebody else keeps its end open. This is the end, once what the child
        // wrote has had time to be noticed.
        let leftovers = self
            .leftovers
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(LEFTOVERS)));
        leftovers.as_mut().poll(cx).map(Ok)
    }
}

struct LeashedWriter {
    io: Writer,
    _leash: Leash,
}

impl AsyncWrite for LeashedWriter {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
