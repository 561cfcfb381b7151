use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::offer::StreamUrlEnd;
use super::parked_stream::ParkedStream;
use super::token::StreamToken;

/// The streams that wait for a reader or are being read.
#[derive(Default)]
pub(super) struct StreamTable {
    streams: Mutex<HashMap<StreamToken, Entry>>,
}

struct Entry {
    stream: Arc<ParkedStream>,
    /// Whether the stream is read over HTTP, not over a socket of its own.
    is_shared: bool,
}

impl StreamTable {
    /// Adds a stream, unless there are `limit` already.
    pub(super) fn insert(
        &self,
        token: StreamToken,
        stream: Arc<ParkedStream>,
        is_shared: bool,
        limit: usize,
    ) -> bool {
        let mut streams = self.lock();
        let has_room = streams.len() < limit;
        if has_room {
            streams.insert(token, Entry { stream, is_shared });
        }
        has_room
    }

    /// Returns a stream that is read over HTTP.
    pub(super) fn find(&self, token: StreamToken) -> Option<Arc<ParkedStream>> {
        let streams = self.lock();
        let found = streams.get(&token).filter(|entry| entry.is_shared)?;
        Some(Arc::clone(&found.stream))
    }

    pub(super) fn remove(&self, token: StreamToken) {
        let removed = self.lock().remove(&token);
        drop(removed);
    }

    pub(super) fn len(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<StreamToken, Entry>> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for StreamTable {
    fn drop(&mut self) {
        let streams = std::mem::take(&mut *self.lock());
        for entry in streams.into_values() {
            entry.stream.end_unread(StreamUrlEnd::Withdrawn);
        }
    }
}
