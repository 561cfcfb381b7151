use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::channel::Identity;
use crate::packet::FrameworkError;
use crate::peer::{HandlerFuture, InboundRequest, Layer, Next, Reply};
use crate::sync::Mutex;

type KeyOf = dyn Fn(&InboundRequest) -> String + Send + Sync;

/// A layer that limits how many calls run at once. Calls over the limit are refused as overloaded
/// ([`FrameworkError::Overloaded`], which is safe to retry), or wait if there is room in the [`queue`](Self::queue).
///
/// The limit holds for everything that the layer, or a clone of it, is added to: a method's service, a peer, or all
/// connections of a server.
///
/// ```
/// # mod chirp {
/// #     pub use chirp_runtime::peer::*;
/// #     pub use chirp_runtime::layer;
/// # }
/// use chirp::PeerBuilder;
/// use chirp::layer::ConcurrencyLimit;
///
/// let builder = PeerBuilder::new()
///     .layer(ConcurrencyLimit::new(1000))
///     .layer(ConcurrencyLimit::per_identity(10).queue(50));
/// ```
#[derive(Clone)]
pub struct ConcurrencyLimit {
    shared: Arc<Shared>,
}

struct Shared {
    max: usize,
    queue: usize,
    scope: Scope,
}

enum Scope {
    All(Arc<CallSlots>),
    Keyed(Arc<KeyOf>, Mutex<HashMap<String, Arc<CallSlots>>>),
}

/// The permits of one key.
struct CallSlots {
    permits: Arc<Semaphore>,
    /// The calls that run or wait.
    calls: Mutex<usize>,
}

impl CallSlots {
    fn new(max: usize) -> Arc<Self> {
        Arc::new(Self {
            permits: Arc::new(Semaphore::new(max)),
            calls: Mutex::new(0),
        })
    }
}

impl ConcurrencyLimit {
    /// Limits the calls that run at once to `max`.
    pub fn new(max: usize) -> Self {
        let max = max.min(Semaphore::MAX_PERMITS);
        Self::with(max, Scope::All(CallSlots::new(max)))
    }

    /// Limits the calls of each [`Identity`] that run at once to `max`. Processes of one user have one limit, and so have
    /// all callers that are not identified.
    pub fn per_identity(max: usize) -> Self {
        Self::per_key(max, |request| match request.identity() {
            Identity::Anonymous => String::new(),
            Identity::Unix(credentials) => format!("user {}", credentials.uid),
            identity => format!("{identity:?}"),
        })
    }

    /// Limits the calls of each key that run at once to `max`. `key` may use extensions that outer layers have
    /// added, such as a tenant.
    pub fn per_key(
        max: usize,
        key: impl Fn(&InboundRequest) -> String + Send + Sync + 'static,
    ) -> Self {
        let max = max.min(Semaphore::MAX_PERMITS);
        Self::with(max, Scope::Keyed(Arc::new(key), Mutex::default()))
    }

    fn with(max: usize, scope: Scope) -> Self {
        let shared = Shared {
            max,
            queue: 0,
            scope,
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Lets up to `calls` calls over the limit wait, in order of arrival. The default is 0: such calls are refused at
    /// once. With a key, the number is for each key.
    ///
    /// A waiting call counts as a running call of its connection (`Limits::max_concurrent_handlers`).
    #[must_use]
    pub fn queue(self, calls: usize) -> Self {
        let Shared { max, ref scope, .. } = *self.shared;
        let scope = match scope {
            Scope::All(_) => Scope::All(CallSlots::new(max)),
            Scope::Keyed(key, _) => Scope::Keyed(Arc::clone(key), Mutex::default()),
        };
        Self {
            shared: Arc::new(Shared {
                max,
                queue: calls,
                scope,
            }),
        }
    }

    /// Takes a place for a call, which runs or waits until the place is dropped. `None` if there is none.
    fn enter(&self, request: &InboundRequest) -> Option<Place> {
        let shared = &self.shared;
        match &shared.scope {
            Scope::All(slots) => self.enter_slots(Arc::clone(slots), None),
            Scope::Keyed(key_of, keys) => {
                // The program's function is called before the lock is taken.
                let key = key_of(request);
                let mut keys = keys.lock();
                let slots = keys.entry(key.clone());
                let slots = slots.or_insert_with(|| CallSlots::new(shared.max));
                // Counted under the lock of the map, so that the entry stays.
                self.enter_slots(Arc::clone(slots), Some(key))
            }
        }
    }

    fn enter_slots(&self, slots: Arc<CallSlots>, key: Option<String>) -> Option<Place> {
        let limit = self.shared.max.saturating_add(self.shared.queue);
        {
            let mut calls = slots.calls.lock();
            if *calls >= limit {
                return None;
            }
            *calls += 1;
        }
        Some(Place {
            limit: Arc::clone(&self.shared),
            slots,
            key,
        })
    }
}

/// A call that runs or waits.
struct Place {
    limit: Arc<Shared>,
    slots: Arc<CallSlots>,
    key: Option<String>,
}

impl Place {
    /// Waits for the call's turn to run. The semaphore is never closed.
    async fn turn(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.slots.permits).acquire_owned().await.ok()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let (Scope::Keyed(_, keys), Some(key)) = (&self.limit.scope, self.key.take()) else {
            *self.slots.calls.lock() -= 1;
            return;
        };
        let mut keys = keys.lock();
        let mut calls = self.slots.calls.lock();
        *calls -= 1;
        // A key without calls is forgotten, so that there are at most as many as calls.
        if *calls == 0
            && let Entry::Occupied(entry) = keys.entry(key)
        {
            entry.remove();
        }
    }
}

impl Layer for ConcurrencyLimit {
    fn handle(&self, request: InboundRequest, next: Next) -> HandlerFuture {
        let Some(place) = self.enter(&request) else {
            let error = FrameworkError::Overloaded
                .to_error_data(&format!("at most {} at once", self.shared.max));
            return Box::pin(std::future::ready(Reply::Error(error)));
        };
        Box::pin(async move {
            let permit = place.turn().await;
            let reply = next.run(request).await;
            drop(permit);
            drop(place);
            reply
        })
    }
}

impl fmt::Debug for ConcurrencyLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConcurrencyLimit")
            .field("max", &self.shared.max)
            .field("queue", &self.shared.queue)
            .finish_non_exhaustive()
    }
}
