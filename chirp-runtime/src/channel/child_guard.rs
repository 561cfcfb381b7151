use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

use super::process::{Child, ChildShared};
use super::stderr_tail::StderrTail;
use super::{Channel, Reader, Writer};

/// How long what a child wrote before it ended may take to arrive. Only waited for when another process
/// keeps the channel open.
const LEFTOVERS: Duration = Duration::from_millis(100);

/// How long a child may take to end once its end of the channel has closed, so that its exit status can be said.
const ENDING: Duration = Duration::from_secs(1);

/// The same channel, which ends with a child process, and the child with it. With the `tail` of what the child prints,
/// the channel's errors say how the child ended.
pub(super) fn put_on(
    channel: Channel,
    life: Arc<ChildShared>,
    tail: Option<Arc<StderrTail>>,
) -> Channel {
    let leash = Arc::new(ChildGuard {
        life,
        tail,
        has_spoken: AtomicBool::new(false),
    });
    Channel {
        reader: Box::new(GuardedReader {
            io: channel.reader,
            leash: Arc::clone(&leash),
            leftovers: None,
            ending: None,
        }),
        writer: Box::new(GuardedWriter {
            io: channel.writer,
            _input: Input(Arc::clone(&leash.life)),
            leash,
            ending: None,
        }),
        ..channel
    }
}

/// Held by the writing half of the channel. When it is dropped, the child's input has ended, and its time to exit begins.
struct Input(Arc<ChildShared>);

impl Drop for Input {
    fn drop(&mut self) {
        Arc::clone(&self.0).begin_to_end();
    }
}

/// Shared by both halves of the channel.
struct ChildGuard {
    life: Arc<ChildShared>,
    tail: Option<Arc<StderrTail>>,
    /// Something has come from the child.
    has_spoken: AtomicBool,
}

/// Why a child's channel has ended; nothing where that is no failure, or is not known in time.
type Ending = Pin<Box<dyn Future<Output = Option<io::Error>> + Send>>;

impl ChildGuard {
    /// `None` for a child that its user has a handle of, and asks.
    fn ending(&self) -> Option<Ending> {
        let tail = Arc::clone(self.tail.as_ref()?);
        let child = Child::of(Arc::clone(&self.life));
        let has_spoken = self.has_spoken.load(Ordering::Relaxed);
        Some(Box::pin(async move {
            let status = tokio::time::timeout(ENDING, child.wait())
                .await
                .ok()?
                .ok()?;
            if status.success() && has_spoken {
                return None;
            }
            // Another process may still print there.
            let _ = tokio::time::timeout(LEFTOVERS, tail.ended()).await;
            let what = format!("the child process has ended ({status}), and {tail}");
            Some(io::Error::new(io::ErrorKind::BrokenPipe, what))
        }))
    }
}

struct GuardedReader {
    io: Reader,
    leash: Arc<ChildGuard>,
    leftovers: Option<Pin<Box<Sleep>>>,
    /// The end of what is read has come, and how the child ended is being asked.
    ending: Option<Ending>,
}

impl GuardedReader {
    /// What comes from the child, without why it ends.
    fn poll_child(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.io).poll_read(cx, buf);
        if read.is_ready() || !self.leash.life.has_ended(cx.waker().clone()) {
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

impl AsyncRead for GuardedReader {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.ending.is_none() {
            let before = buf.filled().len();
            ready!(self.poll_child(cx, buf))?;
            if buf.filled().len() > before {
                self.leash.has_spoken.store(true, Ordering::Relaxed);
                return Poll::Ready(Ok(()));
            }
            if buf.remaining() == 0 {
                return Poll::Ready(Ok(()));
            }
            self.ending = self.leash.ending();
        }
        let Some(ending) = &mut self.ending else {
            return Poll::Ready(Ok(()));
        };
        let ended = ready!(ending.as_mut().poll(cx));
        self.ending = None;
        Poll::Ready(ended.map_or(Ok(()), Err))
    }
}

struct GuardedWriter {
    io: Writer,
    _input: Input,
    leash: Arc<ChildGuard>,
    /// What is written is not read any more, and how the child ended is being asked.
    ending: Option<(io::Error, Ending)>,
}

impl AsyncWrite for GuardedWriter {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.ending.is_none() {
            let error = match ready!(Pin::new(&mut self.io).poll_write(cx, buf)) {
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => error,
                written => return Poll::Ready(written),
            };
            let Some(ending) = self.leash.ending() else {
                return Poll::Ready(Err(error));
            };
            self.ending = Some((error, ending));
        }
        let Some((_, ending)) = &mut self.ending else {
            return Poll::Pending;
        };
        let ended = ready!(ending.as_mut().poll(cx));
        let error = self.ending.take().map(|(error, _)| error);
        Poll::Ready(Err(ended
            .or(error)
            .unwrap_or_else(|| io::ErrorKind::BrokenPipe.into())))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
