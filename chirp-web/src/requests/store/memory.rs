use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use bytes::Bytes;

use super::progress::{RequestChange, RequestOutcome, RequestProgress};
use super::record::{Acceptance, RequestRecord, StoredRequest};

/// Requests in memory.
#[derive(Debug, Default)]
pub(super) struct MemoryStore(Mutex<MemoryRequests>);

#[derive(Debug, Default)]
struct MemoryRequests {
    last: u64,
    requests: HashMap<u64, StoredRequest>,
    ids: HashMap<[u8; 16], u64>,
    /// The requests by their owners and keys.
    keys: HashMap<(String, String), u64>,
    unfinished: BTreeSet<u64>,
    expiries: BTreeSet<(SystemTime, u64)>,
}

impl MemoryStore {
    pub(super) fn accept(&self, record: Arc<RequestRecord>, arguments: Bytes) -> Acceptance {
        self.lock().accept(record, arguments)
    }

    pub(super) fn update(&self, id: &[u8; 16], change: RequestChange) -> bool {
        self.lock().update(id, change)
    }

    pub(super) fn get(&self, id: &[u8; 16]) -> Option<StoredRequest> {
        let requests = self.lock();
        let sequence = requests.ids.get(id)?;
        requests.requests.get(sequence).cloned()
    }

    pub(super) fn unfinished(&self, after: u64, max: usize) -> Vec<StoredRequest> {
        let requests = self.lock();
        let sequences = requests.unfinished.range(after.saturating_add(1)..);
        let found = sequences.filter_map(|sequence| requests.requests.get(sequence));
        found.take(max).cloned().collect()
    }

    pub(super) fn remove(&self, id: &[u8; 16]) -> bool {
        let mut requests = self.lock();
        let sequence = requests.ids.get(id).copied();
        sequence.is_some_and(|sequence| requests.remove(sequence))
    }

    pub(super) fn expire(&self, now: SystemTime, max: usize) -> usize {
        self.lock().expire(now, max)
    }

    fn lock(&self) -> MutexGuard<'_, MemoryRequests> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl MemoryRequests {
    fn accept(&mut self, record: Arc<RequestRecord>, arguments: Bytes) -> Acceptance {
        let key = record.key.as_ref();
        let key = key.map(|key| (record.owner.clone(), key.key.clone()));
        let by_key = key.as_ref().and_then(|key| self.keys.get(key));
        let accepted = by_key.or_else(|| self.ids.get(&record.id));
        if let Some(accepted) = accepted.and_then(|accepted| self.requests.get(accepted)) {
            if !accepted.has_expired(record.created) {
                return record.compare(accepted.clone());
            }
            let expired = accepted.sequence;
            self.remove(expired);
        }
        self.last += 1;
        self.ids.insert(record.id, self.last);
        if let Some(key) = key {
            self.keys.insert(key, self.last);
        }
        self.unfinished.insert(self.last);
        let request = StoredRequest {
            sequence: self.last,
            record,
            arguments,
            progress: RequestProgress::default(),
            response: None,
        };
        self.requests.insert(self.last, request);
        Acceptance::New
    }

    fn update(&mut self, id: &[u8; 16], change: RequestChange) -> bool {
        let Some(&sequence) = self.ids.get(id) else {
            return false;
        };
        let Some(request) = self.requests.get_mut(&sequence) else {
            return false;
        };
        if !request.progress.apply(&change) {
            return false;
        }
        match change {
            RequestChange::Begun(_) | RequestChange::Attempted(_) => {}
            RequestChange::Answered(_, response) => {
                request.arguments = Bytes::new();
                request.response = Some(Arc::new(response));
            }
            RequestChange::Finished(end) => {
                request.arguments = Bytes::new();
                if end.outcome != RequestOutcome::Kept {
                    request.response = None;
                }
                self.unfinished.remove(&sequence);
                self.expiries.insert((end.expires, sequence));
            }
        }
        true
    }

    fn expire(&mut self, now: SystemTime, max: usize) -> usize {
        let mut removed = 0;
        while removed < max
            && let Some(&(expires, sequence)) = self.expiries.first()
            && expires <= now
        {
            self.remove(sequence);
            removed += 1;
        }
        removed
    }

    fn remove(&mut self, sequence: u64) -> bool {
        let Some(request) = self.requests.remove(&sequence) else {
            return false;
        };
        self.ids.remove(&request.record.id);
        if let Some(key) = &request.record.key {
            let key = (request.record.owner.clone(), key.key.clone());
            self.keys.remove(&key);
        }
        self.unfinished.remove(&sequence);
        if let Some(end) = &request.progress.end {
            self.expiries.remove(&(end.expires, sequence));
        }
        true
    }
}
