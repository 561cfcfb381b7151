use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Weak};

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use crate::peer::Peer;
use crate::peer::connection::ConnectionCore;
use crate::session::Counters;
use crate::sync::Mutex;

/// What has happened, and what is happening, on one connection or on several.
///
/// It serialises as a map from names to numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metrics {
    /// What has happened.
    pub counters: Counters,
    /// Calls of the other side whose handler's future is alive.
    pub calls_active: u64,
    /// Calls of this side that have not ended.
    pub calls_pending: u64,
    /// What the program has added ([`SharedMetrics::set`]).
    pub entries: BTreeMap<String, u64>,
}

impl Metrics {
    /// All of it, by name: first what has happened, then what is happening, then what the program added.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        let counters = self.counters.iter();
        counters
            .map(|(name, value)| -> (&str, u64) { (name, value) })
            .chain(self.gauges())
    }

    /// What is happening, and what the program added.
    fn gauges(&self) -> impl Iterator<Item = (&str, u64)> {
        let own = [
            ("calls_active", self.calls_active),
            ("calls_pending", self.calls_pending),
        ];
        let entries = self
            .entries
            .iter()
            .map(|(name, value)| (name.as_str(), *value));
        own.into_iter().chain(entries)
    }

    fn add(&mut self, connection: &ConnectionCore) {
        let state = connection.look();
        self.counters += state.session.counters();
        self.calls_active += state.session.running() as u64;
        self.calls_pending += state.session.pending() as u64;
    }
}

impl Serialize for Metrics {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in self.iter() {
            map.serialize_entry(name, &value)?;
        }
        map.end()
    }
}

impl Peer {
    /// What has happened on this connection.
    pub fn metrics(&self) -> Metrics {
        let mut metrics = Metrics::default();
        metrics.add(self.connection());
        metrics
    }
}

/// The metrics of all peers that were made with them
/// ([`PeerBuilder::metrics`](crate::peer::PeerBuilder::metrics)), those that have ended included.
///
/// Counting costs nothing more for it: the connections are asked when somebody looks.
#[derive(Clone, Default)]
pub struct SharedMetrics(Arc<Mutex<MetricsRegistry>>);

#[derive(Default)]
struct MetricsRegistry {
    /// Of connections that have ended.
    ended: Counters,
    live: Vec<Weak<ConnectionCore>>,
    entries: BTreeMap<String, u64>,
}

impl SharedMetrics {
    /// Metrics of no peers yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// What has happened on all of them.
    pub fn snapshot(&self) -> Metrics {
        let (mut metrics, live) = self.with(|shared| {
            let entries = shared.entries.clone();
            let metrics = Metrics {
                counters: shared.ended,
                entries,
                ..Metrics::default()
            };
            (
                metrics,
                shared
                    .live
                    .iter()
                    .filter_map(Weak::upgrade)
                    .collect::<Vec<_>>(),
            )
        });
        for connection in &live {
            metrics.add(connection);
        }
        metrics
    }

    /// Adds a number of the program's own, or changes it.
    pub fn set(&self, name: impl Into<String>, value: u64) {
        self.with(|shared| shared.entries.insert(name.into(), value));
    }

    /// Hands the numbers to the `metrics` facade, under names that begin `chirp_`: what has happened as
    /// counters, what is happening and the program's own as gauges. To be called from time to time, or
    /// whenever they are collected.
    #[cfg(feature = "metrics")]
    pub fn publish(&self) {
        let metrics = self.snapshot();
        for (name, value) in metrics.counters.iter() {
            metrics::counter!(format!("chirp_{name}")).absolute(value);
        }
        for (name, value) in metrics.gauges() {
            // A gauge is a float; what does not fit in one exactly is not a number that anybody reads.
            #[expect(clippy::cast_precision_loss, reason = "gauges are floats")]
            metrics::gauge!(format!("chirp_{name}")).set(value as f64);
        }
    }

    pub(in crate::peer) fn join(&self, connection: &Arc<ConnectionCore>) {
        self.with(|shared| shared.live.push(Arc::downgrade(connection)));
    }

    /// A connection has ended: its numbers stay, and it need not.
    pub(in crate::peer) fn leave(&self, connection: &ConnectionCore) {
        let counters = connection.look().session.counters();
        self.with(|shared| {
            shared
                .live
                .retain(|live| !std::ptr::eq(live.as_ptr(), connection));
            shared.ended += counters;
        });
    }

    fn with<T>(&self, step: impl FnOnce(&mut MetricsRegistry) -> T) -> T {
        step(&mut self.0.lock())
    }
}

impl fmt::Debug for SharedMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SharedMetrics")
            .field(&self.snapshot())
            .finish()
    }
}
