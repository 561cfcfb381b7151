use std::io::{self, IoSlice};
use std::mem;
use std::pin::Pin;
use std::sync::{Arc, MutexGuard};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use tokio::io::AsyncWrite;
use tokio::time::Sleep;

use super::ConnectionError;
use super::compression;
use super::connection::ConnectionCore;
use super::sending::Sending;
use super::state::{ConnectionState, Effects};
use crate::channel;
use crate::session::Batch;

/// How many pieces one write call may name.
const SLICES: usize = 32;

/// How often the writer lets others run before it writes.
const YIELDS: u32 = 2;

/// After so many bytes others run, though the channel may take more: the reader may be waiting for this very thread,
/// and a side that only writes would have the other hold more and more.
const TURN: usize = 1 << 20;

/// Progress, in bytes, that starts the time for the next progress afresh.
const PROGRESS: usize = 64 << 10;

/// Whose turn it is to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WriteState {
    /// Whoever has something to write.
    Idle,
    /// Somebody is writing, and will look again before the turn is free.
    Writing,
    /// The writer's: it has a batch to finish, or more has come while somebody wrote.
    WriterOwned,
}

/// The writing half, and the batch that is on its way.
///
/// Only the holder of the [`WriteState`] locks it. It is polled with the writer task's waker, whoever polls
/// it: an `AsyncWrite` remembers one waker, and a caller may be dropped while it waits.
pub(super) struct Sink {
    /// Nothing once the session has ended.
    pub(super) io: Option<channel::Writer>,
    pub(super) batch: Batch,
    /// Bytes written since time was last taken.
    progress: usize,
    /// Bytes written in all.
    written: u64,
}

impl Sink {
    pub(super) fn new(io: channel::Writer) -> Self {
        Self {
            io: Some(io),
            batch: Batch::default(),
            progress: 0,
            written: 0,
        }
    }

    /// Writes the batch and flushes it, but not much more than [`TURN`] at once.
    pub(super) fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(io) = &mut self.io else {
            // Nobody will read it.
            self.batch = Batch::default();
            return Poll::Ready(Ok(()));
        };
        let mut io = Pin::new(io);
        let mut lease = 0;
        while !self.batch.is_done() {
            if lease >= TURN {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            let mut slices = [IoSlice::new(&[]); SLICES];
            let count = self.batch.slices(&mut slices);
            let written = match &slices[..count] {
                [one] => ready!(io.as_mut().poll_write(cx, one))?,
                several => ready!(io.as_mut().poll_write_vectored(cx, several))?,
            };
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.batch.advance(written);
            self.progress += written;
            self.written += written as u64;
            lease += written;
        }
        io.poll_flush(cx)
    }

    /// Says that no more will be written. What can be said only by dropping the writing half is said when that is
    /// dropped.
    pub(super) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.io {
            // A channel that has failed has ended, too.
            Some(io) => Pin::new(io).poll_shutdown(cx).map(drop),
            None => Poll::Ready(()),
        }
    }
}

impl ConnectionCore {
    pub(super) fn lock_sink(&self) -> MutexGuard<'_, Sink> {
        self.sink.lock()
    }

    /// Writes what is ready, if nobody is writing: for whoever has put the last of it there and has
    /// nothing better to do. One write; what it leaves is the writer's.
    pub(super) fn flush(&self) {
        let lease = self.take_turn(&mut self.lock());
        if let Some(lease) = lease {
            self.write(lease);
        }
    }

    /// The turn to write, for whoever holds the lock and is going to [`write`](Self::write): if there is
    /// something to write, and nobody does.
    pub(super) fn take_turn(&self, state: &mut ConnectionState) -> Option<WriteLease<'_>> {
        // A writer that has not begun looks when it does.
        let waker = self.writer.get()?;
        let batch = state.take_turn()?;
        let held = WriteGuard(self);
        Some(WriteLease { held, batch, waker })
    }

    /// Writes what goes with the turn.
    pub(super) fn write(&self, lease: WriteLease<'_>) {
        let WriteLease {
            held,
            mut batch,
            waker,
        } = lease;
        let heavy = compression::is_heavy(&batch);
        if !heavy {
            self.prepare(&mut batch);
        }
        let mut sink = self.lock_sink();
        sink.batch = batch;
        if heavy {
            drop(sink);
            held.release(None);
            return;
        }
        held.poll_write(sink, waker);
    }

    /// Writes in place of the writer, whose task has been woken by a thread that is busy for long, and waits for that
    /// thread. One write, as of anybody who is not the writer.
    pub(super) fn write_for_writer(&self) {
        let Some(waker) = self.writer.get() else {
            return;
        };
        let mut state = self.lock();
        if state.write_state == WriteState::Writing || state.end.is_some() {
            return;
        }
        state.write_state = WriteState::Writing;
        drop(state);
        let held = WriteGuard(self);
        let mut sink = self.lock_sink();
        self.load(&mut sink);
        held.poll_write(sink, waker);
    }

    /// How many bytes have been written in all.
    pub(super) fn bytes_written(&self) -> u64 {
        let sink = self.sink.lock();
        sink.written
    }

    /// Sees to it that there is a batch to write, if there can be.
    pub(super) fn load(&self, sink: &mut Sink) {
        let fresh = if sink.batch.is_done() {
            self.lock().take_batch()
        } else {
            // One that somebody else has left to the writer.
            compression::is_heavy(&sink.batch).then(|| mem::take(&mut sink.batch))
        };
        // The session's lock is free again: an observer may ask for what is behind it.
        if let Some(mut batch) = fresh {
            self.prepare(&mut batch);
            sink.batch = batch;
        }
    }

    /// A batch has been written. Whether there is more; if not, the turn is free.
    fn note_written(&self, spare: Batch) -> bool {
        let mut spare = Some(spare);
        let mut state = self.lock();
        // After the end it may hold payloads that were not written.
        if state.end.is_none() {
            state.spare = spare.take().unwrap_or_default();
        }
        state.session.batch_written();
        if let Sending::Closing { batches } = &mut state.sending {
            *batches += 1;
        }
        // After the end the writer has something to do in any case.
        let more = state.end.is_some() || (state.session.has_output() && !state.has_sent_all());
        if !more {
            state.write_state = WriteState::Idle;
        }
        let settled = self.budget.is_none() && state.is_reconciled();
        drop(state);
        if !settled {
            self.with(|_, _| ());
        }
        more
    }
}

impl ConnectionState {
    /// Takes the turn and what is ready, if there is both.
    fn take_turn(&mut self) -> Option<Batch> {
        if self.write_state != WriteState::Idle || self.end.is_some() {
            return None;
        }
        let batch = self.take_batch()?;
        self.write_state = WriteState::Writing;
        Some(batch)
    }

    fn take_batch(&mut self) -> Option<Batch> {
        match self.session.take_batch(mem::take(&mut self.spare)) {
            Ok(batch) => Some(batch),
            Err(spare) => {
                self.spare = spare;
                None
            }
        }
    }
}

/// What is to be written by whoever has taken the turn.
#[must_use]
pub(super) struct WriteLease<'a> {
    held: WriteGuard<'a>,
    batch: Batch,
    /// The writer's.
    waker: &'a Waker,
}

/// The turn to write, held by somebody who is not the writer. It cannot be lost: a channel that panics, or
/// a waker before it, ends the session.
struct WriteGuard<'a>(&'a ConnectionCore);

impl WriteGuard<'_> {
    /// Writes once, and gives the turn up.
    fn poll_write(self, mut sink: MutexGuard<'_, Sink>, waker: &Waker) {
        match sink.poll_write(&mut Context::from_waker(waker)) {
            Poll::Ready(Ok(())) => {
                let spare = mem::take(&mut sink.batch);
                drop(sink);
                self.release(Some(spare));
            }
            Poll::Ready(Err(error)) => {
                drop(sink);
                self.fail(error);
            }
            Poll::Pending => {
                drop(sink);
                self.release(None);
            }
        }
    }

    /// Gives the turn up after a batch that was written, and to the writer otherwise.
    fn release(self, written: Option<Batch>) {
        let connection = self.0;
        if written.is_none_or(|spare| connection.note_written(spare)) {
            connection.lock().write_state = WriteState::WriterOwned;
            connection.wake_writer();
        }
        mem::forget(self);
    }

    fn fail(self, error: io::Error) {
        let connection = self.0;
        mem::forget(self);
        connection.fail_writing(error);
    }
}

impl Drop for WriteGuard<'_> {
    fn drop(&mut self) {
        self.0.lock().write_state = WriteState::WriterOwned;
        self.0
            .end(io::Error::other("the program's channel panicked").into());
    }
}

/// The task that writes what nobody else has written, and closes the channel at the end.
pub(super) struct WriterTask {
    pub(super) connection: Arc<ConnectionCore>,
    stall: Duration,
    /// How often others have been let run first, so that they append to the same batch,
    yields: u32,
    /// and how many calls had been put down when they were the last time.
    submitted: usize,
    pub(super) holds_turn: bool,
    /// It is shutting down the write half.
    pub(super) shuts_down: bool,
    /// The session has ended, and this is the last that is written.
    pub(super) is_last: bool,
    pub(super) timer: Option<Pin<Box<Sleep>>>,
    effects: Effects,
}

/// What the writer does next.
enum WriterStep {
    Sleep,
    Yield,
    Write,
    /// Everything is written that ever will be.
    ShutDown,
}

impl WriterTask {
    pub(super) fn new(connection: Arc<ConnectionCore>) -> Self {
        let stall = connection.lock().session.limits().progress_timeout;
        Self {
            connection,
            stall,
            yields: 0,
            submitted: 0,
            holds_turn: false,
            shuts_down: false,
            is_last: false,
            timer: None,
            effects: Effects::default(),
        }
    }

    /// Takes the turn if there is something to write; `Pending` when there is not.
    fn poll_turn(&mut self, cx: &Context<'_>) -> Poll<()> {
        if self.holds_turn {
            return Poll::Ready(());
        }
        // Those who could run put their calls down, too. While there are more of them each time they are still at
        // it, on another thread perhaps.
        let submit_queue = &self.connection.submit_queue;
        let submitted = submit_queue.len();
        let expected = self.yields == 0 && submit_queue.writer_scheduled();
        if expected || (submitted > self.submitted && self.yields < YIELDS) {
            self.submitted = submitted;
            return self.let_others_run(cx);
        }
        if submit_queue.writer_scheduled() {
            submit_queue.set_writer_scheduled(false);
        }
        let Self {
            connection,
            effects,
            yields,
            submitted,
            ..
        } = self;
        *submitted = 0;
        let next = connection.with_effects(effects, |state, effects| {
            state.flush_submit_queue(&connection.submit_queue, effects);
            state.writer_called = false;
            match state.write_state {
                WriteState::Writing => return WriterStep::Sleep,
                WriteState::Idle if state.has_sent_all() => {
                    state.write_state = WriteState::Writing;
                    return WriterStep::ShutDown;
                }
                WriteState::Idle if !state.session.has_output() => {
                    *yields = 0;
                    return WriterStep::Sleep;
                }
                WriteState::Idle => {
                    let alone = state.session.pending() + state.session.running() <= 1;
                    if !alone && *yields == 0 {
                        state.writer_called = true;
                        return WriterStep::Yield;
                    }
                }
                WriteState::WriterOwned => {}
            }
            state.write_state = WriteState::Writing;
            WriterStep::Write
        });
        match next {
            WriterStep::Sleep => Poll::Pending,
            WriterStep::Yield => self.let_others_run(cx),
            WriterStep::Write => {
                self.holds_turn = true;
                self.yields = 0;
                Poll::Ready(())
            }
            WriterStep::ShutDown => {
                self.holds_turn = true;
                self.shuts_down = true;
                Poll::Ready(())
            }
        }
    }

    /// Before it writes, so that they append to the same batch.
    fn let_others_run(&mut self, cx: &Context<'_>) -> Poll<()> {
        self.yields += 1;
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Writes until the session ends. Gives the reason if it is to end because of what is found here.
    fn poll_run(&mut self, cx: &mut Context<'_>) -> Poll<Option<ConnectionError>> {
        loop {
            ready!(self.poll_turn(cx));
            if self.shuts_down {
                match self.poll_shutdown(cx) {
                    Poll::Ready(()) => {
                        self.holds_turn = false;
                        self.shuts_down = false;
                        self.connection.note_shut_down();
                        continue;
                    }
                    Poll::Pending => return self.poll_stalled(cx),
                }
            }
            let connection = &*self.connection;
            let mut sink = connection.lock_sink();
            connection.load(&mut sink);
            match sink.poll_write(cx) {
                Poll::Ready(Ok(())) => {
                    let spare = mem::take(&mut sink.batch);
                    drop(sink);
                    self.timer = None;
                    self.holds_turn = connection.note_written(spare);
                    if connection.has_ended() {
                        return Poll::Ready(None);
                    }
                }
                Poll::Ready(Err(error)) => {
                    drop(sink);
                    self.timer = None;
                    self.holds_turn = false;
                    connection.fail_writing(error);
                }
                Poll::Pending => {
                    drop(sink);
                    return self.poll_stalled(cx);
                }
            }
        }
    }

    fn poll_stalled(&mut self, cx: &mut Context<'_>) -> Poll<Option<ConnectionError>> {
        let stall = self.stall;
        ready!(self.poll_no_progress(stall, cx));
        Poll::Ready(Some(ConnectionError::Stalled {
            seconds: stall.as_secs(),
        }))
    }

    /// Ready when the other side has taken less than 64 KiB in so much time.
    pub(super) fn poll_no_progress(&mut self, time: Duration, cx: &mut Context<'_>) -> Poll<()> {
        let mut sink = self.connection.lock_sink();
        let progressed = mem::take(&mut sink.progress);
        if progressed < PROGRESS && self.timer.is_some() {
            sink.progress = progressed;
        } else {
            self.timer = None;
        }
        drop(sink);
        let timer = self
            .timer
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(time)));
        timer.as_mut().poll(cx)
    }
}

impl Future for WriterTask {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.connection.writer.get().is_none() {
            let _ = self.connection.writer.set(cx.waker().clone());
        }
        if !self.connection.has_ended() {
            // It may have ended meanwhile.
            if let Some(reason) = ready!(self.poll_run(cx)) {
                self.connection.end(reason);
            }
        }
        self.poll_last(cx)
    }
}

impl Drop for WriterTask {
    fn drop(&mut self) {
        self.connection.end_with_task();
        // Handles may live on for long; what the channel held does not.
        let mut sink = self.connection.lock_sink();
        let held = (sink.io.take(), mem::take(&mut sink.batch));
        drop(sink);
        drop(held);
        self.connection.with(|state, _| state.session.discard());
    }
}
