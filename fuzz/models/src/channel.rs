//! A channel of a few bytes to a thread that reads it.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use shuttle::sync::{Condvar, Mutex};
use tokio::io::AsyncWrite;

pub(crate) type Writer = Box<dyn AsyncWrite + Send + Unpin>;
pub(crate) type OnFailure = Box<dyn FnOnce(FailureKind, &str) + Send>;
pub(crate) use chirp_runtime::channel::FailureKind;

const CAPACITY: usize = 2;

/// The channel, as both ends see it.
#[derive(Clone, Default)]
pub(crate) struct Wire(Arc<(Mutex<WireState>, Condvar)>);

#[derive(Default)]
struct WireState {
    bytes: VecDeque<u8>,
    waker: Option<Waker>,
    is_shut_down: bool,
    fails: bool,
}

impl Wire {
    /// Reads until the writer shuts the channel down.
    pub(crate) fn read_to_end(&self) -> Vec<u8> {
        let mut read = Vec::new();
        while let Some(byte) = self.read() {
            read.push(byte);
        }
        read
    }

    /// Reads a byte. Returns `None` behind the last.
    pub(crate) fn read(&self) -> Option<u8> {
        let (state, changed) = &*self.0;
        let mut state = state.lock().unwrap();
        loop {
            if let Some(byte) = state.bytes.pop_front() {
                let waker = state.waker.take();
                drop(state);
                waker.into_iter().for_each(Waker::wake);
                return Some(byte);
            }
            if state.is_shut_down {
                return None;
            }
            state = changed.wait(state).unwrap();
        }
    }

    fn shut_down(&self) {
        let (state, changed) = &*self.0;
        state.lock().unwrap().is_shut_down = true;
        changed.notify_one();
    }

    /// Lets all further writes fail.
    pub(crate) fn fail(&self) {
        let (state, _) = &*self.0;
        let mut state = state.lock().unwrap();
        state.fails = true;
        let waker = state.waker.take();
        drop(state);
        waker.into_iter().for_each(Waker::wake);
    }
}

/// The write half of the channel.
pub(crate) struct WireWriter(pub(crate) Wire);

impl AsyncWrite for WireWriter {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let (state, changed) = &*self.0.0;
        let mut state = state.lock().unwrap();
        if state.fails {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        assert!(
            !state.is_shut_down,
            "nothing is written behind the shutdown"
        );
        let room = CAPACITY - state.bytes.len();
        if room == 0 {
            state.waker = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let written = room.min(bytes.len());
        state.bytes.extend(&bytes[..written]);
        changed.notify_one();
        Poll::Ready(Ok(written))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.shut_down();
        Poll::Ready(Ok(()))
    }
}

/// As a socket, a channel is shut down when it is dropped.
impl Drop for WireWriter {
    fn drop(&mut self) {
        self.0.shut_down();
    }
}
