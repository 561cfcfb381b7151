//! One direction of a simulated connection: bytes that arrive later, in order, unless the network loses the connection.

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

/// Bytes on the way, beyond which writing waits.
const WINDOW: usize = 16 << 10;

/// The two ends share it, and the network, which breaks it.
#[derive(Clone, Debug)]
pub(crate) struct Pipe(Arc<Mutex<PipeState>>);

#[derive(Debug)]
struct PipeState {
    queue: VecDeque<(Instant, Vec<u8>)>,
    bytes: usize,
    /// When the end arrives, after everything that was written.
    end: Option<Instant>,
    fate: Fate,
    latency: Duration,
    /// The reader, and a writer that waits for room.
    wakers: Vec<Waker>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Carries,
    /// Bytes wait until the partition is over.
    Partitioned,
    /// The other side has vanished: bytes go nowhere, and nothing comes.
    HalfOpen,
    /// Both ends know that the connection is lost.
    Reset,
}

impl Pipe {
    pub(crate) fn new(latency: Duration) -> Self {
        Self(Arc::new(Mutex::new(PipeState {
            queue: VecDeque::new(),
            bytes: 0,
            end: None,
            fate: Fate::Carries,
            latency,
            wakers: Vec::new(),
        })))
    }

    pub(crate) fn ends(&self) -> (PipeReader, PipeWriter) {
        let reader = PipeReader {
            pipe: self.clone(),
            sleep: None,
        };
        (reader, PipeWriter(self.clone()))
    }

    fn state(&self) -> MutexGuard<'_, PipeState> {
        self.0.lock().expect("no step panics inside")
    }

    fn set(&self, fate: Fate) {
        let mut state = self.state();
        // What is lost stays lost.
        if state.fate != Fate::Reset && (state.fate != Fate::HalfOpen || fate == Fate::Reset) {
            state.fate = fate;
        }
        let wakers = std::mem::take(&mut state.wakers);
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
    }

    pub(crate) fn partition(&self, is: bool) {
        self.set(if is { Fate::Partitioned } else { Fate::Carries });
    }

    pub(crate) fn vanish(&self) {
        self.set(Fate::HalfOpen);
    }

    pub(crate) fn reset(&self) {
        self.set(Fate::Reset);
    }

    pub(crate) fn slow_down(&self, latency: Duration) {
        self.state().latency = latency;
    }
}

pub(crate) struct PipeReader {
    pipe: Pipe,
    sleep: Option<Pin<Box<Sleep>>>,
}

pub(crate) struct PipeWriter(Pipe);

impl AsyncRead for PipeReader {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            let mut state = this.pipe.state();
            let arrives = match state.fate {
                Fate::Reset => return Poll::Ready(Err(ErrorKind::ConnectionReset.into())),
                Fate::Partitioned | Fate::HalfOpen => None,
                Fate::Carries => state.queue.front().map(|(at, _)| *at).or(state.end),
            };
            let Some(at) = arrives else {
                state.wakers.push(cx.waker().clone());
                return Poll::Pending;
            };
            if at <= Instant::now() {
                if let Some((_, bytes)) = state.queue.front_mut() {
                    let count = bytes.len().min(buf.remaining());
                    buf.put_slice(&bytes[..count]);
                    bytes.drain(..count);
                    if bytes.is_empty() {
                        state.queue.pop_front();
                    }
                    state.bytes -= count;
                }
                let wakers = std::mem::take(&mut state.wakers);
                drop(state);
                wakers.into_iter().for_each(Waker::wake);
                this.sleep = None;
                return Poll::Ready(Ok(()));
            }
            state.wakers.push(cx.waker().clone());
            drop(state);
            let mut sleep = Box::pin(sleep_until(at));
            if sleep.as_mut().poll(cx).is_pending() {
                this.sleep = Some(sleep);
                return Poll::Pending;
            }
        }
    }
}

impl AsyncWrite for PipeWriter {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut state = self.0.state();
        if state.fate == Fate::Reset || state.end.is_some() {
            return Poll::Ready(Err(ErrorKind::ConnectionReset.into()));
        }
        let room = WINDOW.saturating_sub(state.bytes).min(bytes.len());
        if room == 0 && !bytes.is_empty() {
            state.wakers.push(cx.waker().clone());
            return Poll::Pending;
        }
        let at = Instant::now() + state.latency;
        let at = state.queue.back().map_or(at, |(last, _)| at.max(*last));
        state.queue.push_back((at, bytes[..room].to_vec()));
        state.bytes += room;
        let wakers = std::mem::take(&mut state.wakers);
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
        Poll::Ready(Ok(room))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut state = self.0.state();
        let at = Instant::now() + state.latency;
        let at = state.queue.back().map_or(at, |(last, _)| at.max(*last));
        state.end.get_or_insert(at);
        let wakers = std::mem::take(&mut state.wakers);
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
        Poll::Ready(Ok(()))
    }
}

/// A writer that is dropped ends its direction, as closing a socket does.
impl Drop for PipeWriter {
    fn drop(&mut self) {
        let mut state = self.0.state();
        let at = Instant::now() + state.latency;
        state.end.get_or_insert(at);
        let wakers = std::mem::take(&mut state.wakers);
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
    }
}

/// A reader that is dropped resets what is still written to it.
impl Drop for PipeReader {
    fn drop(&mut self) {
        let is_carrying = self.pipe.state().fate == Fate::Carries;
        if is_carrying {
            self.pipe.reset();
        }
    }
}
