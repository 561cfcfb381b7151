use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Limits how many responses are being sent at once, to all destinations and to one of them.
#[derive(Debug)]
pub(super) struct DeliverySlots {
    all: Semaphore,
    destinations: Mutex<HashMap<Arc<str>, Arc<Semaphore>>>,
    per_destination: usize,
}

/// The permission to send a response.
#[derive(Debug)]
pub(super) struct DeliverySlot<'s> {
    slots: &'s DeliverySlots,
    destination: Arc<str>,
    permit: Option<OwnedSemaphorePermit>,
    _all: tokio::sync::SemaphorePermit<'s>,
}

impl DeliverySlots {
    pub(super) fn new(all: usize, per_destination: usize) -> Self {
        Self {
            all: Semaphore::new(all.min(Semaphore::MAX_PERMITS)),
            destinations: Mutex::default(),
            per_destination: per_destination.min(Semaphore::MAX_PERMITS),
        }
    }

    /// Waits until a response may be sent to a destination. Those that wait for a busy destination take no room from others.
    pub(super) async fn take(&self, destination: &Arc<str>) -> DeliverySlot<'_> {
        let semaphore = {
            let mut destinations = self.lock();
            let semaphore = destinations.entry(Arc::clone(destination));
            Arc::clone(semaphore.or_insert_with(|| Arc::new(Semaphore::new(self.per_destination))))
        };
        let permit = semaphore.acquire_owned().await;
        let all = self.all.acquire().await;
        DeliverySlot {
            slots: self,
            destination: Arc::clone(destination),
            permit: Some(permit.expect("the semaphore is never closed")),
            _all: all.expect("the semaphore is never closed"),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Arc<str>, Arc<Semaphore>>> {
        self.destinations
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for DeliverySlot<'_> {
    fn drop(&mut self) {
        self.permit = None;
        let mut destinations = self.slots.lock();
        // A task that waits has a clone.
        if let Some(semaphore) = destinations.get(&self.destination)
            && Arc::strong_count(semaphore) == 1
        {
            destinations.remove(&self.destination);
        }
    }
}
