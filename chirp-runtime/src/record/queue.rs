use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::recorder::RecordStats;
use crate::capture::{CaptureWriter, Segment};

/// The maximum size of the queue, in bytes.
const MAX_QUEUED: usize = 32 << 20;
/// The size from which the thread that writes is woken at once, in bytes.
const URGENT: usize = 4 << 20;
/// The time for which segments are collected before they are written.
const COLLECTED: Duration = Duration::from_millis(10);
/// Written bytes after which their room in the queue becomes free.
const RELEASED: usize = 256 << 10;
/// The memory that a queued segment counts for, besides its data, in bytes.
const PER_SEGMENT: usize = 256;

/// Segments that wait to be written.
#[derive(Debug, Default)]
pub(super) struct RecordQueue {
    state: Mutex<QueueState>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct QueueState {
    segments: VecDeque<Segment>,
    bytes: usize,
    thread: WriterThread,
    /// Whether the thread has been woken because the queue is large.
    is_urgent: bool,
    /// Whether the last handle is gone.
    is_closed: bool,
    flushes: Vec<oneshot::Sender<()>>,
    /// The flushes that wait for what is being written.
    begun_flushes: Vec<oneshot::Sender<()>>,
    stats: RecordStats,
    error: Option<io::Error>,
}

/// The state of the thread that writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum WriterThread {
    #[default]
    Busy,
    /// Waits until it is woken.
    Idle,
    /// Has ended.
    Over,
}

impl QueueState {
    /// Returns whether the thread must be woken.
    fn wake(&mut self) -> bool {
        let is_idle = self.thread == WriterThread::Idle;
        if is_idle {
            self.thread = WriterThread::Busy;
        }
        is_idle
    }
}

impl RecordQueue {
    fn lock(&self) -> MutexGuard<'_, QueueState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a segment. Returns `false` if it does not fit, or if recording has ended. `ends_packet` tells that a packet
    /// is complete with it. An `is_essential` segment, which has no data, may overshoot the limit by as much again.
    pub(super) fn push(&self, segment: Segment, ends_packet: bool, is_essential: bool) -> bool {
        let limit = MAX_QUEUED << u32::from(is_essential);
        let mut state = self.lock();
        if state.error.is_some() || state.bytes + size(&segment) > limit {
            return false;
        }
        state.bytes += size(&segment);
        state.stats.packets += u64::from(ends_packet);
        state.stats.bytes += segment.data.len() as u64;
        state.segments.push_back(segment);
        let is_urgent = state.bytes >= URGENT && !std::mem::replace(&mut state.is_urgent, true);
        let wakes = state.wake() || is_urgent;
        drop(state);
        if wakes {
            self.changed.notify_one();
        }
        true
    }

    /// Counts what is not recorded.
    pub(super) fn lose(&self, packets: u64, bytes: u64) {
        let stats = &mut self.lock().stats;
        stats.lost_packets += packets;
        stats.lost_bytes += bytes;
    }

    pub(super) fn stats(&self) -> RecordStats {
        self.lock().stats
    }

    pub(super) fn close(&self) {
        self.lock().is_closed = true;
        self.changed.notify_one();
    }

    /// Returns a receiver that ends when everything queued so far has been written.
    pub(super) fn flush(&self) -> oneshot::Receiver<()> {
        let (done, wait) = oneshot::channel();
        let mut state = self.lock();
        state.wake();
        if state.thread != WriterThread::Over {
            state.flushes.push(done);
        }
        drop(state);
        self.changed.notify_one();
        wait
    }

    /// The error that ended the recording.
    pub(super) fn error(&self) -> Option<io::Error> {
        let state = self.lock();
        let error = state.error.as_ref()?;
        Some(match error.raw_os_error() {
            Some(code) => io::Error::from_raw_os_error(code),
            None => io::Error::new(error.kind(), error.to_string()),
        })
    }

    /// Writes segments until the queue is closed.
    pub(super) fn run(&self, mut writer: CaptureWriter<impl Write>) {
        let _end = ThreadEnd(self);
        loop {
            let mut state = self.lock();
            while state.segments.is_empty() && state.flushes.is_empty() {
                if state.is_closed {
                    return;
                }
                state.thread = WriterThread::Idle;
                state = self
                    .changed
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner);
            }
            state.thread = WriterThread::Busy;
            // A wake-up for each packet would cost connections more than the recording itself.
            let until = Instant::now() + COLLECTED;
            while !state.is_closed && state.bytes < URGENT && state.flushes.is_empty() {
                let Some(left) = until.checked_duration_since(Instant::now()) else {
                    break;
                };
                let waited = self.changed.wait_timeout(state, left);
                state = waited.unwrap_or_else(PoisonError::into_inner).0;
            }
            state.is_urgent = false;
            let segments = std::mem::take(&mut state.segments);
            state.begun_flushes = std::mem::take(&mut state.flushes);
            let has_failed = state.error.is_some();
            drop(state);
            if has_failed {
                self.release(segments.iter().map(size).sum());
            } else if let Err(error) = self.write(&mut writer, segments) {
                fail(&error);
                let mut state = self.lock();
                // Nothing more is queued from now on.
                state.bytes = 0;
                state.segments.clear();
                state.error = Some(error);
            }
            let flushes = std::mem::take(&mut self.lock().begun_flushes);
            for flush in flushes {
                // The future that waits may have been dropped.
                let _ = flush.send(());
            }
        }
    }

    fn write(
        &self,
        writer: &mut CaptureWriter<impl Write>,
        segments: VecDeque<Segment>,
    ) -> io::Result<()> {
        let mut free = 0;
        for segment in segments {
            writer.write(&segment)?;
            free += size(&segment);
            drop(segment);
            if free >= RELEASED {
                self.release(std::mem::take(&mut free));
            }
        }
        self.release(free);
        writer.flush()
    }

    fn release(&self, bytes: usize) {
        let mut state = self.lock();
        state.bytes = state.bytes.saturating_sub(bytes);
    }
}

/// Notes the end of the thread that writes, which an output may cause by a panic.
struct ThreadEnd<'a>(&'a RecordQueue);

impl Drop for ThreadEnd<'_> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        if thread::panicking() {
            let panicked = io::Error::other("the output of the record panicked");
            state.error.get_or_insert(panicked);
        }
        state.thread = WriterThread::Over;
        state.flushes.clear();
        state.begun_flushes.clear();
        state.segments.clear();
    }
}

fn size(segment: &Segment) -> usize {
    segment.data.len() + segment.comment.len() + PER_SEGMENT
}

#[cfg_attr(
    not(feature = "tracing"),
    expect(unused_variables, reason = "only logged")
)]
fn fail(error: &io::Error) {
    #[cfg(feature = "tracing")]
    tracing::warn!(%error, "recording has ended: the record cannot be written");
}
