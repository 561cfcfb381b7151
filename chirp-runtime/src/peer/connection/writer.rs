use std::io::{self, IoSlice};
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use tokio::io::AsyncWrite;

use super::compression;
use super::connection_core::ConnectionCore;
use super::effects::{Action, Effects};
use super::sending::Sending;
use super::state::ConnectionState;
use crate::channel;
use crate::peer::ConnectionError;
use crate::peer::monitoring::watchdog::Watchdog;
use crate::session::Batch;
use crate::sync::MutexGuard;

/// The maximum number of slices per vectored write.
const SLICES: usize = 32;

/// How often the writer yields before it writes, so that other tasks can add to the batch.
const YIELDS: u32 = 2;

/// Bytes after which the writer yields, even if the channel would take more: the reader may be waiting for this thread,
/// and a side that only writes would make the peer buffer more and more.
const TURN: usize = 1 << 20;

/// Written bytes that restart the stall timer.
const PROGRESS: usize = 64 << 10;

/// Which task writes. Changed under the connection's lock; the holder of the turn alone may lock the [`Sink`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::peer) enum WriteState {
    /// Nobody writes.
    Idle,
    /// The writer task has been woken and has not looked yet. Any other task may still take the turn.
    Scheduled,
    /// A task writes. It looks for more output before it goes back to `Idle`, so new output wakes nobody.
    Writing,
    /// The turn is reserved for the writer task, which has been woken: a batch is partially written, or there is more.
    WriterOwned,
}

impl WriteState {
    /// Returns `true` if any task may take the turn.
    pub(in crate::peer) fn is_free(self) -> bool {
        matches!(self, Self::Idle | Self::Scheduled)
    }
}

/// The write half of the channel, and the batch that is being written.
///
/// Only the holder of the turn ([`WriteState`]) locks it. Every write uses the writer task's waker, whichever task
/// makes it: an `AsyncWrite` remembers one waker, and a caller may be dropped while it waits.
pub(in crate::peer) struct Sink {
    /// `None` once the write half has been closed.
    pub(in crate::peer) io: Option<channel::Writer>,
    pub(in crate::peer) batch: Batch,
    /// Bytes written since the stall timer was last checked.
    progress: usize,
    /// Bytes written in total.
    written: u64,
    /// Bytes written since others were last let run.
    since_yield: usize,
}

impl Sink {
    pub(in crate::peer) fn new(io: channel::Writer) -> Self {
        Self {
            io: Some(io),
            batch: Batch::default(),
            progress: 0,
            written: 0,
            since_yield: 0,
        }
    }

    /// Writes the batch and flushes it. Yields after each [`TURN`] bytes, counted across batches.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(io) = &mut self.io else {
            // Nothing can be written any more.
            self.batch = Batch::default();
            return Poll::Ready(Ok(()));
        };
        let mut io = Pin::new(io);
        while !self.batch.is_done() {
            if self.since_yield >= TURN {
                self.since_yield = 0;
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            let written = match self.batch.only_slice() {
                Some(one) => ready!(io.as_mut().poll_write(cx, one))?,
                None => ready!(write_slices(io.as_mut(), &self.batch, cx))?,
            };
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.batch.advance(written);
            self.progress += written;
            self.written += written as u64;
            self.since_yield += written;
        }
        io.poll_flush(cx)
    }

    /// Shuts the write half down. A channel that can signal this only by being dropped does so then.
    pub(in crate::peer) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.io {
            // An error means that the channel has ended, which is as good.
            Some(io) => Pin::new(io).poll_shutdown(cx).map(drop),
            None => Poll::Ready(()),
        }
    }
}

/// Writes a batch that has large payloads between its packets.
#[inline(never)]
fn write_slices(
    io: Pin<&mut channel::Writer>,
    batch: &Batch,
    cx: &mut Context<'_>,
) -> Poll<io::Result<usize>> {
    let mut slices = [IoSlice::new(&[]); SLICES];
    let count = batch.slices(&mut slices);
    match &slices[..count] {
        [one] => io.poll_write(cx, one),
        several => io.poll_write_vectored(cx, several),
    }
}

impl ConnectionCore {
    pub(in crate::peer) fn lock_sink(&self) -> MutexGuard<'_, Sink> {
        self.sink.lock()
    }

    /// Takes the turn to write together with a batch, if there is output and nobody writes. The caller must release the
    /// lock and then [`write`](Self::write).
    pub(in crate::peer) fn take_turn(&self, state: &mut ConnectionState) -> Option<WriteLease<'_>> {
        // A writer task that has not started looks for output when it does.
        let waker = self.writer.get()?;
        if !state.write_state.is_free() || state.end.is_some() || !state.session.has_output() {
            return None;
        }
        // Nobody else locks the sink while the turn is free.
        if !state.session.swap_batch(&mut self.lock_sink().batch) {
            return None;
        }
        state.write_state = WriteState::Writing;
        if self.budget.is_none() {
            self.write_end.open();
        }
        let held = WriteGuard(self);
        Some(WriteLease { held, waker })
    }

    /// Writes the batch of a lease, once. A remainder is left to the writer task.
    pub(in crate::peer) fn write(&self, lease: WriteLease<'_>) {
        let WriteLease { held, waker } = lease;
        let mut sink = self.lock_sink();
        if compression::is_heavy(&sink.batch) {
            drop(sink);
            held.release(false);
            return;
        }
        if self.needs_preparation(&sink.batch) {
            sink = self.prepare_loaded(sink);
        }
        held.poll_write(sink, waker);
    }

    /// Prepares the batch of the sink. Observers are called here, so the sink is not locked meanwhile.
    #[cold]
    fn prepare_loaded<'a>(&'a self, mut sink: MutexGuard<'a, Sink>) -> MutexGuard<'a, Sink> {
        let mut batch = mem::take(&mut sink.batch);
        drop(sink);
        self.prepare(&mut batch);
        let mut sink = self.lock_sink();
        sink.batch = batch;
        sink
    }

    /// Writes once in place of the writer task, which has been woken on a worker thread that a handler blocks.
    pub(in crate::peer) fn write_for_writer(&self) {
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
        self.load();
        held.poll_write(self.lock_sink(), waker);
    }

    /// Writes the batch of the sink, and notes how many bytes the channel has taken.
    pub(in crate::peer) fn poll_sink(
        &self,
        sink: &mut Sink,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        let result = sink.poll_write(cx);
        self.bytes_written.store(sink.written, Ordering::Relaxed);
        result
    }

    /// Loads a batch into the sink, if it has none and there is output. The caller must hold the turn and no lock.
    pub(in crate::peer) fn load(&self) {
        let mut sink = self.lock_sink();
        if sink.batch.is_done() {
            drop(sink);
            let is_loaded = {
                let mut state = self.lock();
                state.session.swap_batch(&mut self.lock_sink().batch)
            };
            sink = self.lock_sink();
            if !is_loaded || !self.needs_preparation(&sink.batch) {
                return;
            }
        } else if !compression::is_heavy(&sink.batch) {
            return;
        }
        // Fresh, or left to the writer task because compressing it takes long.
        drop(self.prepare_loaded(sink));
    }

    /// Before the lock is released: makes the write in progress end under the lock if something follows from its end.
    #[inline]
    pub(super) fn watch_write(&self, state: &mut ConnectionState) {
        if self.write_end.is_open() && !state.needs_nothing() && !self.write_end.close() {
            state.settle_write();
        }
    }

    /// Records that a batch has been written. Returns `true` if there is more output; then the turn is in the state
    /// `next`. Otherwise it is free.
    fn note_written(&self, next: WriteState) -> bool {
        let mut state = self.lock_unreconciled();
        if self.budget.is_none() && state.effects.is_nothing() && state.needs_nothing() {
            state.settle_write();
            return false;
        }
        let mut state = self.reconciling(state);
        state.session.batch_written();
        if let Sending::Closing { batches } = &mut state.sending {
            *batches += 1;
        }
        // After the end the writer task always has the shutdown left to do.
        let more = state.end.is_some() || (state.session.has_output() && !state.has_sent_all());
        state.write_state = if more { next } else { WriteState::Idle };
        more
    }
}

impl ConnectionState {
    /// Wakes the writer task if no task has the turn to write, and there is output or the write half is to be shut down.
    #[inline]
    pub(super) fn schedule_writer(&mut self) {
        if self.write_state == WriteState::Idle && self.needs_writer() {
            self.write_state = WriteState::Scheduled;
            self.effects.add(Action::WakeWriter);
        }
    }

    /// Leaves the present output to the caller, which must take the turn to write soon: only output that is added later
    /// wakes the writer.
    pub(in crate::peer) fn defer_output(&mut self) {
        self.deferred_output = self.session.output_mark();
    }

    /// Returns `true` if the writer has something to do when no task has the turn to write.
    fn needs_writer(&self) -> bool {
        self.session.has_output_beyond(self.deferred_output)
            || self.end.is_some()
            || self.has_sent_all()
    }

    /// Returns `true` if the writer is to shut down the write half: everything has been written that was queued when
    /// sending began to end. Later output is refusals alone, which could go on for as long as the peer sends.
    pub(in crate::peer) fn has_sent_all(&self) -> bool {
        match self.sending {
            Sending::Closing { batches } => {
                self.session.nothing_waits() && (batches > 1 || !self.session.has_output())
            }
            _ => false,
        }
    }

    /// Frees the turn to write behind a write from whose end nothing else follows.
    pub(super) fn settle_write(&mut self) {
        self.session.batch_written();
        self.write_state = WriteState::Idle;
    }
}

/// The turn to write the batch that the sink has.
#[must_use]
pub(in crate::peer) struct WriteLease<'a> {
    held: WriteGuard<'a>,
    /// The writer task's waker.
    waker: &'a Waker,
}

/// The turn to write, held by a task other than the writer. It cannot be lost: if the channel panics, the session ends.
struct WriteGuard<'a>(&'a ConnectionCore);

impl WriteGuard<'_> {
    /// Writes once and releases the turn.
    fn poll_write(self, mut sink: MutexGuard<'_, Sink>, waker: &Waker) {
        match self.0.poll_sink(&mut sink, &mut Context::from_waker(waker)) {
            Poll::Ready(Ok(())) => {
                drop(sink);
                self.release(true);
            }
            Poll::Ready(Err(error)) => {
                drop(sink);
                self.fail(error);
            }
            Poll::Pending => {
                drop(sink);
                self.release(false);
            }
        }
    }

    /// Releases the turn after a complete write, and hands it to the writer task otherwise.
    fn release(self, is_written: bool) {
        let connection = self.0;
        if is_written && connection.write_end.end() {
            mem::forget(self);
            return;
        }
        let is_handed_over = if is_written {
            connection.note_written(WriteState::WriterOwned)
        } else {
            connection.write_end.close();
            connection.lock().write_state = WriteState::WriterOwned;
            true
        };
        if is_handed_over {
            connection.wake_writer();
        }
        mem::forget(self);
    }

    fn fail(self, error: io::Error) {
        let connection = self.0;
        mem::forget(self);
        connection.write_end.close();
        connection.fail_writing(error);
    }
}

impl Drop for WriteGuard<'_> {
    fn drop(&mut self) {
        self.0.write_end.close();
        self.0.lock().write_state = WriteState::WriterOwned;
        self.0
            .end(io::Error::other("the program's channel panicked").into());
    }
}

/// The task that writes the output that no other task has written, and closes the channel at the end.
pub(in crate::peer) struct WriterTask {
    pub(in crate::peer) connection: Arc<ConnectionCore>,
    /// Yields since the last write.
    yields: u32,
    /// Length of the submit queue at the previous yield.
    submitted: usize,
    /// The write half is being shut down.
    pub(in crate::peer) shuts_down: bool,
    /// The session has ended, and the last batch is being written.
    pub(in crate::peer) is_last: bool,
    /// Runs exactly while a write or the shutdown waits for the peer. This task holds the turn then.
    pub(in crate::peer) timer: Option<Box<Watchdog>>,
    /// Tells the channel why the session has ended.
    pub(in crate::peer) on_failure: Option<channel::OnFailure>,
    effects: Option<Box<Effects>>,
}

/// The next step of the writer task.
enum WriterStep {
    Sleep,
    Yield,
    Write,
    /// Everything has been written that ever will be.
    ShutDown,
}

impl WriterTask {
    pub(in crate::peer) fn new(
        connection: Arc<ConnectionCore>,
        on_failure: Option<channel::OnFailure>,
    ) -> Self {
        Self {
            connection,
            yields: 0,
            submitted: 0,
            shuts_down: false,
            is_last: false,
            timer: None,
            on_failure,
            effects: None,
        }
    }

    /// Takes the turn if there is output. `Pending` if there is none, or another task writes.
    fn poll_turn(&mut self, cx: &Context<'_>) -> Poll<()> {
        if self.timer.is_some() {
            return Poll::Ready(());
        }
        // Tasks that are ready to run add their calls, too. As long as the queue grows from one yield to the next,
        // they are still at it, perhaps on another thread.
        let submit_queue = &self.connection.submit_queue;
        let submitted = submit_queue.len();
        let scheduled = self.yields == 0 && submit_queue.writer_scheduled();
        if scheduled || (submitted > self.submitted && self.yields < YIELDS) {
            self.submitted = submitted;
            return self.yield_now(cx);
        }
        if submit_queue.writer_scheduled() {
            submit_queue.set_writer_scheduled(false);
        }
        self.submitted = 0;
        match self.next_step() {
            WriterStep::Sleep => Poll::Pending,
            WriterStep::Yield => self.yield_now(cx),
            WriterStep::Write => {
                self.yields = 0;
                Poll::Ready(())
            }
            WriterStep::ShutDown => {
                self.shuts_down = true;
                Poll::Ready(())
            }
        }
    }

    fn next_step(&mut self) -> WriterStep {
        let Self {
            connection,
            effects,
            yields,
            ..
        } = self;
        let mut state = connection.lock_reusing(effects);
        state.flush_submit_queue();
        match state.write_state {
            WriteState::Writing => return WriterStep::Sleep,
            WriteState::WriterOwned => {}
            WriteState::Idle | WriteState::Scheduled => {
                if state.has_sent_all() {
                    state.write_state = WriteState::Writing;
                    return WriterStep::ShutDown;
                }
                if !state.session.has_output() {
                    state.write_state = WriteState::Idle;
                    *yields = 0;
                    return WriterStep::Sleep;
                }
                let alone = state.session.pending() + state.session.running() <= 1;
                if !alone && *yields == 0 {
                    state.write_state = WriteState::Scheduled;
                    return WriterStep::Yield;
                }
            }
        }
        state.write_state = WriteState::Writing;
        WriterStep::Write
    }

    /// Lets other tasks run first, so that they add to the same batch.
    fn yield_now(&mut self, cx: &Context<'_>) -> Poll<()> {
        self.yields += 1;
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Writes until the session ends. Returns a reason if the session is to end because of it.
    fn poll_run(&mut self, cx: &mut Context<'_>) -> Poll<Option<ConnectionError>> {
        loop {
            ready!(self.poll_turn(cx));
            if self.shuts_down {
                match self.poll_shutdown(cx) {
                    Poll::Ready(()) => {
                        self.shuts_down = false;
                        self.connection.note_shut_down();
                        continue;
                    }
                    Poll::Pending => return self.poll_stalled(cx),
                }
            }
            let connection = &*self.connection;
            let mut holds_turn = true;
            while holds_turn {
                connection.load();
                let mut sink = connection.lock_sink();
                match connection.poll_sink(&mut sink, cx) {
                    Poll::Ready(Ok(())) => {
                        drop(sink);
                        self.timer = None;
                        holds_turn = connection.note_written(WriteState::Writing);
                        if connection.has_ended() {
                            if holds_turn {
                                connection.lock().write_state = WriteState::WriterOwned;
                            }
                            return Poll::Ready(None);
                        }
                    }
                    Poll::Ready(Err(error)) => {
                        drop(sink);
                        self.timer = None;
                        holds_turn = false;
                        connection.fail_writing(error);
                    }
                    Poll::Pending => {
                        drop(sink);
                        return self.poll_stalled(cx);
                    }
                }
            }
        }
    }

    fn poll_stalled(&mut self, cx: &mut Context<'_>) -> Poll<Option<ConnectionError>> {
        let stall = self.connection.look().session.limits().progress_timeout;
        ready!(self.poll_no_progress(stall, cx));
        Poll::Ready(Some(ConnectionError::Stalled {
            seconds: stall.as_secs(),
        }))
    }

    /// Ready when the peer has taken less than 64 KiB within `time`.
    pub(in crate::peer) fn poll_no_progress(
        &mut self,
        time: Duration,
        cx: &mut Context<'_>,
    ) -> Poll<()> {
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
            .get_or_insert_with(|| Box::new(Watchdog::new(time)));
        timer.poll(cx)
    }
}

impl Future for WriterTask {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.connection.writer.get().is_none() {
            let _ = self.connection.writer.set(cx.waker().clone());
        }
        if !self.connection.has_ended() {
            // Another task may have ended the connection in the meantime; the first reason counts.
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
        // Handles of the connection may live on for long; the channel must not.
        let mut sink = self.connection.lock_sink();
        let held = (sink.io.take(), mem::take(&mut sink.batch));
        drop(sink);
        drop(held);
        self.connection.lock().session.discard();
    }
}
