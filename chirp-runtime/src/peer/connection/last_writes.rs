//! The end of writing: graceful, after a failure, and with the session.

use std::io;
use std::mem;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use super::connection_core::ConnectionCore;
use super::effects::Action;
use super::sending::Sending;
use super::writer::{WriteState, WriterTask};
use crate::peer::{ConnectionError, guard};

/// How long the peer may accept nothing of the last output after the end of the session.
const LAST: Duration = Duration::from_secs(1);

impl ConnectionCore {
    /// Handles a failed write of the task that holds the turn.
    pub(in crate::peer) fn fail_writing(&self, error: io::Error) {
        let mut sink = self.lock_sink();
        let unwritten = (sink.io.take(), mem::take(&mut sink.batch));
        drop(sink);
        drop(unwritten);
        self.fail_sending(error.into());
    }

    /// Records that the write half was shut down gracefully. The connection ends when the peer ends too, or at once if
    /// nothing was ever sent, since no response can be on its way then.
    pub(in crate::peer) fn note_shut_down(&self) {
        let mut state = self.lock();
        if state.sending.is_closing() {
            state.sending = Sending::Closed;
        }
        state.write_state = WriteState::Idle;
        if state.session.counters().packets_sent == 0 {
            state.effects.rare().end = Some(ConnectionError::ClosedHere);
        }
        state.effects.add(Action::WakeReader);
    }
}

impl WriterTask {
    /// Shuts the write half down and drops it.
    pub(in crate::peer) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut sink = self.connection.lock_sink();
        ready!(sink.poll_shutdown(cx));
        let io = sink.io.take();
        drop(sink);
        drop(io);
        self.timer = None;
        Poll::Ready(())
    }

    /// Finishes writing after the session has ended: the responses that were given before, and the rest of a packet
    /// that has begun, unless the peer accepts nothing. Then shuts the write half down.
    pub(in crate::peer) fn poll_last(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !mem::replace(&mut self.is_last, true) && !self.take_last_turn() {
            self.is_last = false;
            return Poll::Pending;
        }
        self.tell_failure();
        while !self.shuts_down {
            let connection = &*self.connection;
            let mut sink = connection.lock_sink();
            match connection.poll_sink(&mut sink, cx) {
                Poll::Ready(Ok(())) => {
                    drop(sink);
                    connection.lock().session.batch_written();
                    connection.load();
                    self.shuts_down = connection.lock_sink().batch.is_done();
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

    /// Tells the channel why this side ends the connection.
    fn tell_failure(&mut self) {
        if let Some(hook) = self.on_failure.take() {
            let reason = self.connection.reason();
            let kind = reason.failure_kind();
            // A panic has been logged, and changes nothing else.
            let _ = guard::call("a failure hook of a channel", || {
                if let Some(kind) = kind {
                    hook(kind, &reason.to_string());
                }
            });
        }
    }

    /// Takes the turn for the last batch. Returns `false` if another task writes, which then hands the turn over.
    fn take_last_turn(&mut self) -> bool {
        // A write or a shutdown that waits for the peer is this task's own.
        if self.timer.take().is_none() && !self.shuts_down {
            let mut state = self.connection.lock();
            if state.write_state == WriteState::Writing {
                return false;
            }
            state.write_state = WriteState::Writing;
        }
        true
    }

    /// Ready when the rest of the output is not worth waiting for: nobody can read it, or the peer takes none of it.
    fn poll_no_reader(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.connection.reason().may_have_reader() {
            self.poll_no_progress(LAST, cx)
        } else {
            Poll::Ready(())
        }
    }
}
