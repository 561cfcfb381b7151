use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::time::Instant;

use crate::layer::Outcome;
use crate::layer::outcome::OutcomeGuard;
use crate::peer::{HandlerFuture, InboundRequest, Layer, Next};

/// The upper bounds of the histogram's buckets, in seconds. A last bucket has the calls that took longer.
pub const LATENCY_BOUNDS: [f64; 14] = [
    0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0,
];

/// The key of all names that are not registered.
const UNREGISTERED: &str = "(unregistered)";

/// A layer that counts the calls of each method: outcomes, time, and calls in progress.
///
/// Clones share the numbers: add a clone as a layer, and read them with [`snapshot`](Self::snapshot). Calls of names that
/// are not registered are counted under the one name `(unregistered)`, since callers choose them.
///
/// With the feature `metrics`, each call is also recorded through the `metrics` facade, with the label `method`: the counter
/// `chirp_method_calls_total` with the label `outcome`, the gauge `chirp_method_calls_in_progress` and the histogram
/// `chirp_method_duration_seconds`. Install the recorder before the first call of a method: its handles are kept.
///
/// ```
/// # mod chirp {
/// #     pub use chirp_runtime::peer::*;
/// #     pub use chirp_runtime::layer;
/// # }
/// use chirp::PeerBuilder;
/// use chirp::layer::{MethodMetrics, Outcome};
///
/// let metrics = MethodMetrics::new();
/// let builder = PeerBuilder::new().layer(metrics.clone());
/// // Later:
/// for (method, stats) in metrics.snapshot() {
///     println!("{method}: {} calls, {} overloaded", stats.calls(), stats.count(Outcome::Overloaded));
/// }
/// ```
#[derive(Clone, Default)]
pub struct MethodMetrics(Arc<RwLock<Methods>>);

#[derive(Default)]
struct Methods {
    registered: HashMap<String, Arc<MethodNumbers>>,
    unregistered: Option<Arc<MethodNumbers>>,
}

impl MethodMetrics {
    /// Creates metrics without calls.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the numbers of each method that was called, by its registered name.
    pub fn snapshot(&self) -> BTreeMap<String, MethodStats> {
        let methods = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let registered = methods.registered.iter();
        let registered = registered.map(|(name, numbers)| (name.clone(), numbers.stats()));
        let unregistered = methods.unregistered.iter();
        let unregistered = unregistered.map(|numbers| (UNREGISTERED.to_owned(), numbers.stats()));
        registered.chain(unregistered).collect()
    }

    /// Returns the numbers of a method.
    fn of(&self, name: Option<&str>) -> Arc<MethodNumbers> {
        let known = {
            let methods = self.0.read().unwrap_or_else(PoisonError::into_inner);
            match name {
                Some(name) => methods.registered.get(name).cloned(),
                None => methods.unregistered.clone(),
            }
        };
        known.unwrap_or_else(|| self.add(name))
    }

    #[cold]
    fn add(&self, name: Option<&str>) -> Arc<MethodNumbers> {
        // The recorder is the program's code, so it is called before the lock is taken.
        let new = Arc::new(MethodNumbers::new(name.unwrap_or(UNREGISTERED)));
        let mut methods = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let numbers = match name {
            Some(name) => methods.registered.entry(name.to_owned()).or_insert(new),
            None => methods.unregistered.get_or_insert(new),
        };
        Arc::clone(numbers)
    }
}

impl Layer for MethodMetrics {
    fn handle(&self, request: InboundRequest, next: Next) -> HandlerFuture {
        let numbers = self.of(request.registered_name());
        numbers.begin();
        let begun = Instant::now();
        let guard = OutcomeGuard::new(&request, move |outcome| {
            numbers.end(outcome, begun.elapsed());
        });
        Box::pin(async move {
            let reply = next.run(request).await;
            guard.replied(&reply);
            reply
        })
    }
}

impl fmt::Debug for MethodMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("MethodMetrics")
            .field(&self.snapshot())
            .finish()
    }
}

/// The numbers of one method.
struct MethodNumbers {
    outcomes: [AtomicU64; Outcome::ALL.len()],
    in_progress: AtomicU64,
    buckets: [AtomicU64; LATENCY_BOUNDS.len() + 1],
    /// The sum of the times, in nanoseconds.
    total: AtomicU64,
    #[cfg(feature = "metrics")]
    facade: facade::Handles,
}

impl MethodNumbers {
    #[cfg_attr(
        not(feature = "metrics"),
        expect(unused_variables, reason = "for the facade")
    )]
    fn new(method: &str) -> Self {
        Self {
            outcomes: Default::default(),
            in_progress: AtomicU64::new(0),
            buckets: Default::default(),
            total: AtomicU64::new(0),
            #[cfg(feature = "metrics")]
            facade: facade::Handles::new(method),
        }
    }

    fn begin(&self) {
        self.in_progress.fetch_add(1, Ordering::Relaxed);
        #[cfg(feature = "metrics")]
        self.facade.begin();
    }

    fn end(&self, outcome: Outcome, took: Duration) {
        self.in_progress.fetch_sub(1, Ordering::Relaxed);
        self.outcomes[outcome as usize].fetch_add(1, Ordering::Relaxed);
        let seconds = took.as_secs_f64();
        let bucket = LATENCY_BOUNDS.partition_point(|bound| *bound < seconds);
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        let nanoseconds = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.total.fetch_add(nanoseconds, Ordering::Relaxed);
        #[cfg(feature = "metrics")]
        self.facade.end(outcome, seconds);
    }

    fn stats(&self) -> MethodStats {
        let read = |number: &AtomicU64| number.load(Ordering::Relaxed);
        MethodStats {
            outcomes: self.outcomes.each_ref().map(read),
            in_progress: read(&self.in_progress),
            buckets: self.buckets.each_ref().map(read),
            total_time: Duration::from_nanos(read(&self.total)),
        }
    }
}

/// The numbers of one method at one time. Calls may end while they are read, so that sums may differ by a few calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MethodStats {
    outcomes: [u64; Outcome::ALL.len()],
    /// Calls that run.
    pub in_progress: u64,
    /// Calls by the time that they took: up to each of [`LATENCY_BOUNDS`], and longer. Not cumulative.
    pub buckets: [u64; LATENCY_BOUNDS.len() + 1],
    /// The sum of the times of all calls that have ended.
    pub total_time: Duration,
}

impl MethodStats {
    /// Returns how many calls have ended with this outcome.
    pub fn count(&self, outcome: Outcome) -> u64 {
        self.outcomes[outcome as usize]
    }

    /// Returns how many calls have ended.
    pub fn calls(&self) -> u64 {
        self.outcomes.iter().sum()
    }
}

/// The numbers in the `metrics` facade.
#[cfg(feature = "metrics")]
mod facade {
    use metrics::{Counter, Gauge, Histogram};

    use crate::layer::Outcome;

    pub(super) struct Handles {
        outcomes: [Counter; Outcome::ALL.len()],
        in_progress: Gauge,
        durations: Histogram,
    }

    impl Handles {
        pub(super) fn new(method: &str) -> Self {
            let method = method.to_owned();
            Self {
                outcomes: Outcome::ALL.map(|outcome| {
                    metrics::counter!(
                        "chirp_method_calls_total",
                        "method" => method.clone(),
                        "outcome" => outcome.name()
                    )
                }),
                in_progress: metrics::gauge!(
                    "chirp_method_calls_in_progress",
                    "method" => method.clone()
                ),
                durations: metrics::histogram!(
                    "chirp_method_duration_seconds",
                    "method" => method
                ),
            }
        }

        pub(super) fn begin(&self) {
            self.in_progress.increment(1.0);
        }

        pub(super) fn end(&self, outcome: Outcome, seconds: f64) {
            self.in_progress.decrement(1.0);
            self.outcomes[outcome as usize].increment(1);
            self.durations.record(seconds);
        }
    }
}
