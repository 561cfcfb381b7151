use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::HeaderValue;
use tokio::sync::watch;

use super::offer::StreamUrlEnd;
use super::stream_table::StreamTable;
use super::token::StreamToken;
use crate::http::body::{BodyError, Produce};

/// The bytes of an offered stream.
pub(super) type Source = Pin<Box<dyn Produce>>;

/// A stream that waits for its reader, or is being read.
///
/// The source is shared, not owned by the body of the response: a reader that does not read keeps the body alive without polling
/// it, and must not keep the source.
pub(super) struct ParkedStream {
    pub(super) media_type: HeaderValue,
    token: StreamToken,
    table: Weak<StreamTable>,
    state: Mutex<ReadState>,
    stage: watch::Sender<ReadStage>,
}

/// How far the reading of a stream is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ReadStage {
    Waiting,
    Reading,
    Ended(StreamUrlEnd),
}

struct ReadState {
    /// `None` while it is polled, and after the end.
    source: Option<Source>,
    is_taken: bool,
    end: Option<StreamUrlEnd>,
    /// Wakes the task that writes the body.
    reader: Option<Waker>,
}

impl ParkedStream {
    pub(super) fn new(
        media_type: HeaderValue,
        token: StreamToken,
        table: Weak<StreamTable>,
        source: Source,
    ) -> Self {
        Self {
            media_type,
            token,
            table,
            state: Mutex::new(ReadState {
                source: Some(source),
                is_taken: false,
                end: None,
                reader: None,
            }),
            stage: watch::Sender::new(ReadStage::Waiting),
        }
    }

    pub(super) fn watch(&self) -> watch::Receiver<ReadStage> {
        self.stage.subscribe()
    }

    /// Claims the stream for a reader. Returns `false` if it has a reader already, or has ended.
    pub(super) fn take(&self) -> bool {
        let mut state = self.lock();
        if state.is_taken || state.end.is_some() {
            return false;
        }
        state.is_taken = true;
        drop(state);
        self.set_stage(ReadStage::Reading);
        true
    }

    /// Ends the stream if it has no reader.
    pub(super) fn end_unread(&self, end: StreamUrlEnd) {
        let state = self.lock();
        if !state.is_taken {
            self.end_with(state, end);
        }
    }

    /// Drops the source. Only the first end counts.
    pub(super) fn end(&self, end: StreamUrlEnd) {
        self.end_with(self.lock(), end);
    }

    fn end_with(&self, mut state: MutexGuard<'_, ReadState>, end: StreamUrlEnd) {
        if state.end.is_some() {
            return;
        }
        state.end = Some(end.clone());
        let source = state.source.take();
        let reader = state.reader.take();
        drop(state);
        if let Some(table) = self.table.upgrade() {
            table.remove(self.token);
        }
        // Code of the program runs here, without a lock.
        drop(source);
        self.set_stage(ReadStage::Ended(end));
        if let Some(reader) = reader {
            reader.wake();
        }
    }

    fn set_stage(&self, stage: ReadStage) {
        self.stage.send_modify(|known| {
            if !matches!(known, ReadStage::Ended(_)) {
                *known = stage;
            }
        });
    }

    /// Returns the next bytes for the reader.
    pub(super) fn poll_next(&self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyError>>> {
        let mut state = self.lock();
        let Some(mut source) = state.source.take() else {
            return Poll::Ready(match &state.end {
                Some(StreamUrlEnd::Complete) => None,
                Some(end) => Some(Err(BodyError::new(end.to_string()))),
                None => Some(Err(BodyError::new("the source of the stream panicked"))),
            });
        };
        if !state
            .reader
            .as_ref()
            .is_some_and(|known| known.will_wake(cx.waker()))
        {
            state.reader = Some(cx.waker().clone());
        }
        drop(state);
        let polled = source.as_mut().poll_next(cx);
        match &polled {
            Poll::Ready(None) => self.end(StreamUrlEnd::Complete),
            Poll::Ready(Some(Err(error))) => self.end(StreamUrlEnd::Failed(error.to_string())),
            _ => {
                let mut state = self.lock();
                if state.end.is_none() {
                    state.source = Some(source);
                    return polled;
                }
                // Ended while the source was polled: the next poll says so.
                drop(state);
                drop(source);
                cx.waker().wake_by_ref();
            }
        }
        polled
    }

    fn lock(&self) -> MutexGuard<'_, ReadState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
