use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Weak};

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use super::connection_counters::ConnectionCounters;
#[cfg(feature = "reflect")]
use super::connection_report::ConnectionReport;
use super::traffic::Traffic;
use crate::peer::Peer;
use crate::peer::connection::ConnectionCore;
use crate::session::Counters;
use crate::sync::Mutex;

/// The metrics of one connection or several: counters and current values.
///
/// They serialize as a map from names to numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metrics {
    /// Event counters.
    pub counters: Counters,
    /// Bytes, and pauses of reading.
    pub traffic: Traffic,
    /// Connections accepted, refused and made again. Zero in the metrics of one peer.
    pub connections: ConnectionCounters,
    /// Connections that have not ended. Zero in the metrics of one peer.
    pub connections_open: u64,
    /// Inbound calls whose handler's future is alive.
    pub calls_active: u64,
    /// Outbound calls that have not ended.
    pub calls_pending: u64,
    /// Values that the program has added ([`SharedMetrics::set`]).
    pub entries: BTreeMap<String, u64>,
}

impl Metrics {
    /// Iterates over all metrics by name: counters first, then current values, then the program's entries.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.all_counters()
            .map(|(name, value)| -> (&str, u64) { (name, value) })
            .chain(self.gauges())
    }

    fn all_counters(&self) -> impl Iterator<Item = (&'static str, u64)> + use<> {
        let counters = self.counters.iter();
        counters
            .chain(self.traffic.iter())
            .chain(self.connections.iter())
    }

    /// Iterates over the current values and the program's entries.
    fn gauges(&self) -> impl Iterator<Item = (&str, u64)> {
        let own = [
            ("connections_open", self.connections_open),
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
        self.traffic += Traffic::of(connection);
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
    /// Returns the metrics of this connection.
    pub fn metrics(&self) -> Metrics {
        let mut metrics = Metrics::default();
        metrics.add(self.connection());
        metrics
    }
}

/// The metrics of all peers that were built with them ([`PeerBuilder::metrics`](crate::peer::PeerBuilder::metrics)),
/// ended connections included. Bytes that are written or read after the end of a connection are not counted.
///
/// Give a server its own to count its connections alone.
///
/// Sharing costs nothing per call: a snapshot reads the counters of each connection.
#[derive(Clone, Default)]
pub struct SharedMetrics(Arc<Mutex<MetricsRegistry>>);

#[derive(Default)]
struct MetricsRegistry {
    /// The counters of connections that have ended.
    ended: Counters,
    /// The traffic of connections that have ended.
    ended_traffic: Traffic,
    connections: ConnectionCounters,
    live: Vec<Weak<ConnectionCore>>,
    entries: BTreeMap<String, u64>,
}

impl SharedMetrics {
    /// Creates metrics without peers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the sum over all peers.
    pub fn snapshot(&self) -> Metrics {
        let (mut metrics, live) = self.with(|shared| {
            let entries = shared.entries.clone();
            let metrics = Metrics {
                counters: shared.ended,
                traffic: shared.ended_traffic,
                connections: shared.connections,
                connections_open: shared.live.len() as u64,
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

    /// Returns the numbers of each connection that has not ended.
    #[cfg(feature = "reflect")]
    pub(crate) fn reports(&self) -> Vec<ConnectionReport> {
        let live: Vec<_> =
            self.with(|shared| shared.live.iter().filter_map(Weak::upgrade).collect());
        live.iter()
            .map(|connection| ConnectionReport::of(connection))
            .collect()
    }

    /// Sets a value of the program's own.
    pub fn set(&self, name: impl Into<String>, value: u64) {
        self.with(|shared| shared.entries.insert(name.into(), value));
    }

    /// Publishes the metrics through the `metrics` facade, under names that begin with `chirp_`: counters as counters,
    /// current values and the program's entries as gauges. Call it from time to time, or before each collection.
    #[cfg(feature = "metrics")]
    pub fn publish(&self) {
        let metrics = self.snapshot();
        for (name, value) in metrics.all_counters() {
            metrics::counter!(format!("chirp_{name}")).absolute(value);
        }
        for (name, value) in metrics.gauges() {
            // A gauge is a float. Values above 2^53 lose precision, which no reader would notice.
            #[expect(clippy::cast_precision_loss, reason = "gauges are floats")]
            metrics::gauge!(format!("chirp_{name}")).set(value as f64);
        }
    }

    pub(in crate::peer) fn join(&self, connection: &Arc<ConnectionCore>) {
        self.with(|shared| shared.live.push(Arc::downgrade(connection)));
    }

    /// Keeps the counters of a connection that has ended.
    pub(in crate::peer) fn leave(&self, connection: &ConnectionCore) {
        let counters = connection.look().session.counters();
        self.with(|shared| {
            shared
                .live
                .retain(|live| !std::ptr::eq(live.as_ptr(), connection));
            shared.ended += counters;
            shared.ended_traffic += Traffic::of(connection);
        });
    }

    /// Changes the counters of connections.
    pub(crate) fn count(&self, step: impl FnOnce(&mut ConnectionCounters)) {
        self.with(|shared| step(&mut shared.connections));
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
