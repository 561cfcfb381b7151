use std::io::{self, IoSlice};
use std::mem;
use std::sync::MutexGuard;
use std::task::{Context, Poll, Waker, ready};

use crate::sync::Mutex;
use bytes::{Buf, BytesMut};
use tokio::io::ReadBuf;
use tokio::task::coop;

/// The maximum number of bytes in flight in one direction.
pub(super) const CAPACITY: usize = 64 << 10;

/// One direction of a stream: the bytes that are written and not yet read.
#[derive(Default)]
pub(super) struct Flow {
    state: Mutex<FlowState>,
}

#[derive(Default)]
struct FlowState {
    bytes: BytesMut,
    /// Whether the writer has finished.
    ended: bool,
    /// Whether the reader has closed.
    refused: bool,
    /// The waker of each side, from its last poll.
    waiting: [Option<Waker>; 2],
}

#[derive(Clone, Copy)]
enum Side {
    Reader = 0,
    Writer = 1,
}

impl Flow {
    pub(super) fn poll_read(
        &self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.poll(cx, Side::Reader, |state| {
            if !state.refused && buf.remaining() > 0 {
                let taken = state.bytes.len().min(buf.remaining());
                if taken == 0 && !state.ended {
                    return Poll::Pending;
                }
                buf.put_slice(&state.bytes[..taken]);
                if taken == state.bytes.len() {
                    // Leaves all of the buffer to the next write.
                    state.bytes.clear();
                } else {
                    state.bytes.advance(taken);
                }
            }
            Poll::Ready(Ok(()))
        })
    }

    pub(super) fn poll_write(
        &self,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll(cx, Side::Writer, |state| {
            if state.ended || state.refused {
                return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
            }
            let before = state.bytes.len();
            let mut room = CAPACITY - before;
            for buf in bufs {
                let taken = buf.len().min(room);
                state.bytes.extend_from_slice(&buf[..taken]);
                room -= taken;
            }
            let written = state.bytes.len() - before;
            if written == 0 && bufs.iter().any(|buf| !buf.is_empty()) {
                return Poll::Pending;
            }
            Poll::Ready(Ok(written))
        })
    }

    /// Marks the end of the stream. Bytes that are written already can still be read.
    pub(super) fn end(&self) {
        self.change(|state| state.ended = true);
    }

    /// Refuses further writes and discards unread bytes.
    pub(super) fn refuse(&self) {
        self.change(|state| {
            state.refused = true;
            state.bytes = BytesMut::new();
        });
    }

    /// Runs `attempt` for one side. Registers the side's waker if the attempt is pending, and wakes the other side
    /// if it is ready.
    fn poll<T>(
        &self,
        cx: &mut Context<'_>,
        side: Side,
        mut attempt: impl FnMut(&mut FlowState) -> Poll<T>,
    ) -> Poll<T> {
        let budget = ready!(coop::poll_proceed(cx));
        let mut waker = None;
        loop {
            let mut state = self.lock();
            let tried = attempt(&mut state);
            if tried.is_ready() {
                let other = state.waiting[1 - side as usize].take();
                drop(state);
                other.into_iter().for_each(Waker::wake);
                budget.made_progress();
                return tried;
            }
            let own = &mut state.waiting[side as usize];
            if own.as_ref().is_some_and(|own| own.will_wake(cx.waker())) {
                return Poll::Pending;
            }
            // A waker is foreign code: clone and drop it only while the lock is not held.
            if let Some(waker) = waker.take() {
                let old = own.replace(waker);
                drop(state);
                drop(old);
                return Poll::Pending;
            }
            drop(state);
            waker = Some(cx.waker().clone());
        }
    }

    fn change(&self, change: impl FnOnce(&mut FlowState)) {
        let mut state = self.lock();
        change(&mut state);
        let wakers = mem::take(&mut state.waiting);
        drop(state);
        wakers.into_iter().flatten().for_each(Waker::wake);
    }

    fn lock(&self) -> MutexGuard<'_, FlowState> {
        self.state.lock()
    }
}
