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

/// Time allowed for the last output of a child that has exited to arrive. It applies only while another process
/// keeps the channel open.
const LEFTOVERS: Duration = Duration::from_millis(100);

/// Time that a child has to exit after its end of the channel has closed, so that the error can report its exit
/// status.
const ENDING: Duration = Duration::from_secs(1);

/// Ties a channel to a child process: the channel ends when the child exits, and the child is told to exit when the
/// channel closes. With `tail`, errors of the channel report how the child exited.
pub(super) fn attach(
    channel: Channel,
    child: Arc<ChildShared>,
    tail: Option<Arc<StderrTail>>,
) -> Channel {
    let guard = Arc::new(ChildGuard {
        child,
        tail,
        has_spoken: AtomicBool::new(false),
    });
    Channel {
        reader: Box::new(GuardedReader {
            io: channel.reader,
            guard: Arc::clone(&guard),
            leftovers: None,
            ending: None,
        }),
        writer: Box::new(GuardedWriter {
            io: channel.writer,
            _input: Input(Arc::clone(&guard.child)),
            guard,
            ending: None,
        }),
        ..channel
    }
}

/// Held by the writing half of the channel. Dropping it closes the child's input and starts the time in which the
/// child must exit.
struct Input(Arc<ChildShared>);

impl Drop for Input {
    fn drop(&mut self) {
        Arc::clone(&self.0).begin_to_end();
    }
}

/// State shared by both halves of the channel.
struct ChildGuard {
    child: Arc<ChildShared>,
    tail: Option<Arc<StderrTail>>,
    /// Whether the child has written anything.
    has_spoken: AtomicBool,
}

/// Resolves to the error that describes how the child exited. Resolves to `None` if the child succeeded, or did not
/// exit in time.
type Ending = Pin<Box<dyn Future<Output = Option<io::Error>> + Send>>;

impl ChildGuard {
    /// Returns `None` for a child whose user holds a [`Child`] and can ask it directly.
    fn ending(&self) -> Option<Ending> {
        let tail = Arc::clone(self.tail.as_ref()?);
        let child = Child::of(Arc::clone(&self.child));
        let has_spoken = self.has_spoken.load(Ordering::Relaxed);
        Some(Box::pin(async move {
            let status = tokio::time::timeout(ENDING, child.wait())
                .await
                .ok()?
                .ok()?;
            if status.success() && has_spoken {
                return None;
            }
            // Another process may still hold the standard error open.
            let _ = tokio::time::timeout(LEFTOVERS, tail.ended()).await;
            let what = format!("the child process exited ({status}), {tail}");
            Some(io::Error::new(io::ErrorKind::BrokenPipe, what))
        }))
    }
}

struct GuardedReader {
    io: Reader,
    guard: Arc<ChildGuard>,
    leftovers: Option<Pin<Box<Sleep>>>,
    /// Set at the end of input, while the exit status is awaited.
    ending: Option<Ending>,
}

impl GuardedReader {
    /// Reads from the child. The reason for the end is not part of the result.
    fn poll_child(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.io).poll_read(cx, buf);
        if read.is_ready() || !self.guard.child.has_ended(cx.waker().clone()) {
            return read;
        }
        // The child has exited and another process keeps its end open. This is the end of input, once the child's
        // last output has had time to arrive.
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
                self.guard.has_spoken.store(true, Ordering::Relaxed);
                return Poll::Ready(Ok(()));
            }
            if buf.remaining() == 0 {
                return Poll::Ready(Ok(()));
            }
            self.ending = self.guard.ending();
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
    guard: Arc<ChildGuard>,
    /// Set when the child no longer reads, while the exit status is awaited.
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
            let Some(ending) = self.guard.ending() else {
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
