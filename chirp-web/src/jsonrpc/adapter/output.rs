use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker, ready};

use chirp_runtime::channel::Writer;
use tokio::io::AsyncWrite;

/// The most bytes that a buffer keeps when it is empty.
const KEPT: usize = 64 << 10;

/// The half of a channel that writes.
#[derive(Clone, Copy)]
pub(super) enum Half {
    Reader,
    Writer,
}

/// The messages that have not been written. Both halves of a channel write: the reading half answers what is not a request.
pub(super) struct Output {
    /// `None` once the writing half has been dropped.
    writer: Option<Writer>,
    buffer: Vec<u8>,
    written: usize,
    wakers: Arc<OutputWakers>,
    waker: Waker,
}

/// The tasks that wait for the writer, which itself remembers one.
#[derive(Default)]
struct OutputWakers(Mutex<[Option<Waker>; 2]>);

impl OutputWakers {
    fn register(&self, half: Half, waker: &Waker) {
        let mut wakers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        wakers[half as usize] = Some(waker.clone());
    }
}

impl Wake for OutputWakers {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let wakers = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        wakers.into_iter().flatten().for_each(Waker::wake);
    }
}

impl Output {
    pub(super) fn new(writer: Writer) -> Self {
        let wakers = Arc::<OutputWakers>::default();
        Self {
            writer: Some(writer),
            buffer: Vec::new(),
            written: 0,
            waker: Arc::clone(&wakers).into(),
            wakers,
        }
    }

    /// The number of bytes that have not been written.
    pub(super) fn backlog(&self) -> usize {
        self.buffer.len() - self.written
    }

    /// Appends messages, and leaves an empty buffer.
    pub(super) fn append(&mut self, messages: &mut Vec<u8>) {
        if self.writer.is_none() {
            messages.clear();
        } else if self.buffer.is_empty() {
            std::mem::swap(&mut self.buffer, messages);
        } else {
            self.buffer.append(messages);
        }
        messages.shrink_to(KEPT);
    }

    /// Writes and flushes everything.
    pub(super) fn poll_flush(&mut self, half: Half, cx: &Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_drain(half, cx))?;
        self.poll_with(half, cx, AsyncWrite::poll_flush)
    }

    /// Writes everything.
    pub(super) fn poll_drain(&mut self, half: Half, cx: &Context<'_>) -> Poll<io::Result<()>> {
        while self.backlog() > 0 {
            let Some(writer) = &mut self.writer else {
                break;
            };
            let unwritten = &self.buffer[self.written..];
            let mut shared = Context::from_waker(&self.waker);
            let mut polled = Pin::new(&mut *writer).poll_write(&mut shared, unwritten);
            if polled.is_pending() {
                // The task that waits must be known before the writer looks again.
                self.wakers.register(half, cx.waker());
                polled = Pin::new(writer).poll_write(&mut shared, unwritten);
            }
            match ready!(polled)? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => self.written += written,
            }
        }
        self.buffer.clear();
        self.buffer.shrink_to(KEPT);
        self.written = 0;
        Poll::Ready(Ok(()))
    }

    /// Writes everything, and shuts the writer down.
    pub(super) fn poll_shutdown(&mut self, cx: &Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_drain(Half::Writer, cx))?;
        self.poll_with(Half::Writer, cx, AsyncWrite::poll_shutdown)
    }

    fn poll_with(
        &mut self,
        half: Half,
        cx: &Context<'_>,
        poll: impl Fn(Pin<&mut Writer>, &mut Context<'_>) -> Poll<io::Result<()>>,
    ) -> Poll<io::Result<()>> {
        let Some(writer) = &mut self.writer else {
            return Poll::Ready(Ok(()));
        };
        let mut shared = Context::from_waker(&self.waker);
        let polled = poll(Pin::new(&mut *writer), &mut shared);
        if polled.is_pending() {
            self.wakers.register(half, cx.waker());
            return poll(Pin::new(writer), &mut shared);
        }
        polled
    }

    /// Gives the writer away, so that it can be dropped.
    pub(super) fn close(&mut self) -> Option<Writer> {
        self.buffer = Vec::new();
        self.written = 0;
        self.writer.take()
    }
}
