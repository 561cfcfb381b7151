//! The ends of writing: in order, by failure, and with the session.

use std::io;
use std::mem;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use super::ConnectionError;
use super::connection::ConnectionCore;
use super::sending::Sending;
use super::writer::{WriteState, WriterTask};

/// How long the other side may take none of what is left at the end.
const LAST: Duration = Duration::from_secs(1);

impl ConnectionCore {
    /// A write has failed, of whoever has the turn.
    pub(super) fn fail_writing(&self, error: io::Error) {
        let mut sink = self.lock_sink();
        let unwritten = (sink.io.take(), mem::take(&mut sink.batch));
        drop(sink);
        drop(unwritten);
        self.fail_sending(error.into());
    }

    /// The write half has been shut down in order. If the other side was sent anything, it may still be on its way, and
    /// the connection ends when the other side has ended too.
    pub(super) fn note_shut_down(&self) {
        self.with(|state, effects| {
            if state.sending.is_closing() {
                state.sending = Sending::Closed;
            }
            state.write_state = WriteState::Idle;
            if state.session.counters().packets_sent == 0 {
                effects.end = Some(ConnectionError::ClosedHere);
            }
            effects.wake_reader = true;
        });
    }
}

impl WriterTask {
    /// Shuts the write half down, and drops it.
    pub(super) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut sink = self.connection.lock_sink();
        ready!(sink.poll_shutdown(cx));
        let io = sink.io.take();
        drop(sink);
        drop(io);
        self.timer = None;
        Poll::Ready(())
    }

    /// Once the session has ended: writes what was answered before, and no part of a packet only, unless the other
    /// side takes nothing; then shuts the write half down.
    pub(super) fn poll_last(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.holds_turn {
            let mut state = self.connection.lock();
            // Whoever is writing leaves the turn to the writer.
            if state.write_state == WriteState::Writing {
                return Poll::Pending;
            }
            state.write_state = WriteState::Writing;
            self.holds_turn = true;
        }
        if !mem::replace(&mut self.is_last, true) {
            self.timer = None;
        }
        while !self.shuts_down {
            let connection = &*self.connection;
            let mut sink = connection.lock_sink();
            match sink.poll_write(cx) {
                Poll::Ready(Ok(())) => {
                    connection.lock().session.batch_written();
                    connection.load(&mut sink);
                    self.shuts_down = sink.batch.is_done();
                }
                Poll::Ready(Err(_)) => return Poll::Ready(()),
                Poll::Pending => {
                    drop(sink);
                    return self.poll_no_reader(cx);
                }
            }
        }
        if self.poll_shutdown(cx).is_pending() {
            return self.poll_no_reader(cx);
        }
        Poll::Ready(())
    }

    /// Ready when what is left need not be waited for.
    fn poll_no_reader(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.connection.reason().may_have_reader() {
            self.poll_no_progress(LAST, cx)
        } else {
            Poll::Ready(())
        }
    }
}
