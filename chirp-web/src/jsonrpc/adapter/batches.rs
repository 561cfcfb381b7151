use std::collections::HashMap;

/// The key of a batch.
pub(super) type BatchKey = u64;

/// The batches of the other side whose responses are not complete.
#[derive(Debug)]
pub(super) struct Batches {
    open: HashMap<BatchKey, Batch>,
    next: BatchKey,
    /// The bytes of all responses that wait for others of their batch.
    held: usize,
    max_held: usize,
}

#[derive(Debug)]
struct Batch {
    /// The number of requests without a response, and one while the batch is being read.
    missing: usize,
    /// The responses so far, after the opening bracket.
    responses: Vec<u8>,
}

impl Batches {
    /// Creates an empty table that holds at most `max_held` bytes of responses.
    pub(super) fn new(max_held: usize) -> Self {
        Self {
            open: HashMap::new(),
            next: 0,
            held: 0,
            max_held,
        }
    }

    /// The limit of the bytes of all responses that wait.
    pub(super) fn max_held(&self) -> usize {
        self.max_held
    }

    /// Begins a batch, which stays open until [`finish`](Self::finish) at least.
    pub(super) fn begin(&mut self) -> BatchKey {
        let key = self.next;
        self.next += 1;
        let batch = Batch {
            missing: 1,
            responses: b"[".to_vec(),
        };
        self.open.insert(key, batch);
        key
    }

    /// Notes that a request of a batch will be answered.
    pub(super) fn expect(&mut self, key: BatchKey) {
        if let Some(batch) = self.open.get_mut(&key) {
            batch.missing += 1;
        }
    }

    /// Returns whether there is room for another response.
    pub(super) fn has_room(&self, response: &[u8]) -> bool {
        self.held.saturating_add(response.len()) <= self.max_held
    }

    /// Adds a response to its batch.
    pub(super) fn add(&mut self, key: BatchKey, response: &[u8]) {
        if let Some(batch) = self.open.get_mut(&key) {
            if batch.responses.len() > 1 {
                batch.responses.push(b',');
            }
            batch.responses.extend_from_slice(response);
            self.held += response.len() + 1;
        }
    }

    /// Notes that a request of a batch has ended, or that the batch has been read. Returns the whole message when that was
    /// the last one, unless it is empty.
    pub(super) fn finish(&mut self, key: BatchKey) -> Option<Vec<u8>> {
        let batch = self.open.get_mut(&key)?;
        batch.missing -= 1;
        if batch.missing > 0 {
            return None;
        }
        let mut responses = self.open.remove(&key)?.responses;
        if responses.len() == 1 {
            return None;
        }
        responses.push(b']');
        // Each response counts with its separator: the last one's place is taken by a bracket.
        self.held -= responses.len() - 1;
        Some(responses)
    }
}
