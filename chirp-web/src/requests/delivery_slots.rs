use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

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
    _destination: DestinationPlace<'s>,
    _all: SemaphorePermit<'s>,
}

/// A place among those that send to a destination, or wait for it. The last one removes the destination.
#[derive(Debug)]
struct DestinationPlace<'s> {
    slots: &'s DeliverySlots,
    destination: Arc<str>,
    semaphore: Arc<Semaphore>,
    permit: Option<OwnedSemaphorePermit>,
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
    ///
    /// Cancel safe.
    pub(super) async fn take(&self, destination: &Arc<str>) -> DeliverySlot<'_> {
        let semaphore = {
            let mut destinations = self.lock();
            let semaphore = destinations.entry(Arc::clone(destination));
            Arc::clone(semaphore.or_insert_with(|| Arc::new(Semaphore::new(self.per_destination))))
        };
        let mut place = DestinationPlace {
            slots: self,
            destination: Arc::clone(destination),
            semaphore,
            permit: None,
        };
        let permit = Arc::clone(&place.semaphore).acquire_owned().await;
        place.permit = Some(permit.expect("the semaphore is never closed"));
        let all = self.all.acquire().await;
        DeliverySlot {
            _destination: place,
            _all: all.expect("the semaphore is never closed"),
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Arc<str>, Arc<Semaphore>>> {
        self.destinations
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for DestinationPlace<'_> {
    fn drop(&mut self) {
        self.permit = None;
        let mut destinations = self.slots.lock();
        // The table has one clone and this place another; a future that waits has been dropped before its place.
        if Arc::strong_count(&self.semaphore) <= 2 {
            destinations.remove(&self.destination);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Waker};

    use super::*;

    #[test]
    fn a_destination_is_forgotten_when_nothing_is_sent_there_or_waits() {
        let slots = DeliverySlots::new(1, 1);
        let destination: Arc<str> = "https://hooks.example.com".into();
        let other: Arc<str> = "https://other.example.com".into();
        let mut cx = Context::from_waker(Waker::noop());
        let mut first = Box::pin(slots.take(&destination));
        let std::task::Poll::Ready(slot) = first.as_mut().poll(&mut cx) else {
            panic!("there is room");
        };
        let mut second = Box::pin(slots.take(&destination));
        assert!(second.as_mut().poll(&mut cx).is_pending());
        let mut third = Box::pin(slots.take(&other));
        assert!(third.as_mut().poll(&mut cx).is_pending());
        assert_eq!(slots.lock().len(), 2);
        drop(third);
        assert_eq!(
            slots.lock().len(),
            1,
            "the third waited for the room of all"
        );
        drop(slot);
        assert_eq!(slots.lock().len(), 1, "the second waits");
        drop(second);
        assert!(slots.lock().is_empty());
    }
}
