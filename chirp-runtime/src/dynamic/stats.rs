use std::cmp::Reverse;
use std::fmt;
use std::sync::Arc;

use tokio::time::Instant;

use super::statistics_report::{
    ConnectionList, ConnectionStatistics, MethodStatistics, StatisticsReport,
};
use crate::channel::Identity;
use crate::layer::{LATENCY_BOUNDS, MethodMetrics, MethodStats, Outcome};
use crate::packet::FrameworkError;
use crate::peer::{
    ConnectionReport, PeerBuilder, Reply, Request, Router, SharedMetrics, StatsSource,
};
use crate::server::ServerBuilder;

/// Connections in one report. 10,000 connections would be 3 MB.
const MAX_CONNECTIONS: usize = 500;

type MaySee = dyn Fn(&Identity) -> bool + Send + Sync;

/// The numbers of a server, for peers that ask (`chirp.reflect.stats`), such as the program `chirp top`.
///
/// Counts the calls of each method, with a layer around all handlers, and knows the connections. Who asks sees the methods that
/// it may call, and connections only if [`show_connections`](Self::show_connections) allows it. Clones share the numbers.
///
/// ```
/// # mod chirp {
/// #     pub use chirp_runtime::{channel::Identity, server::Server};
/// #     pub use chirp_runtime::dynamic as reflect;
/// # }
/// use chirp::reflect::Statistics;
/// use chirp::{Identity, Server};
///
/// let statistics = Statistics::new()
///     .show_connections(|who| matches!(who, Identity::Unix(user) if user.uid == 0));
/// let builder = Server::builder().reflect().statistics(&statistics);
/// ```
#[derive(Clone)]
pub struct Statistics {
    methods: MethodMetrics,
    connections: SharedMetrics,
    may_see_connections: Option<Arc<MaySee>>,
    start: Instant,
}

impl Default for Statistics {
    fn default() -> Self {
        Self {
            methods: MethodMetrics::new(),
            connections: SharedMetrics::new(),
            may_see_connections: None,
            start: Instant::now(),
        }
    }
}

impl Statistics {
    /// Creates statistics without calls.
    pub fn new() -> Self {
        Self::default()
    }

    /// Uses the program's metrics of connections. A builder with statistics has these metrics, and no others.
    #[must_use]
    pub fn metrics(mut self, metrics: &SharedMetrics) -> Self {
        self.connections = metrics.clone();
        self
    }

    /// Shows connections, with their addresses and identities, to those for whom `may_see` returns `true`. By default,
    /// nobody sees them.
    #[must_use]
    pub fn show_connections(
        mut self,
        may_see: impl Fn(&Identity) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.may_see_connections = Some(Arc::new(may_see));
        self
    }

    fn methods(&self, router: &Router, who: &Identity) -> Vec<MethodStatistics> {
        let methods = self.methods.snapshot().into_iter();
        let visible = methods.filter(|(name, _)| router.is_visible(who, name.as_bytes()));
        visible.map(|(name, stats)| method(name, &stats)).collect()
    }

    fn connections(&self, who: &Identity) -> Option<ConnectionList> {
        let may_see = self.may_see_connections.as_ref()?;
        may_see(who).then(|| {
            let mut reports = self.connections.reports();
            let open = reports.len() as u64;
            if reports.len() > MAX_CONNECTIONS {
                let traffic = |report: &ConnectionReport| {
                    report.traffic.bytes_received + report.traffic.bytes_sent
                };
                reports.sort_by_key(|report| Reverse(traffic(report)));
                reports.truncate(MAX_CONNECTIONS);
            }
            reports.sort_by_key(|report| report.number);
            ConnectionList {
                open,
                list: reports.into_iter().map(connection).collect(),
            }
        })
    }
}

impl StatsSource for Statistics {
    fn report(&self, router: &Router, request: &Request) -> Reply {
        let who = request.context().identity();
        let uptime = self.start.elapsed().as_micros();
        let report = StatisticsReport {
            version: StatisticsReport::VERSION,
            uptime_us: uptime.try_into().unwrap_or(u64::MAX),
            bounds_us: LATENCY_BOUNDS.map(micros).to_vec(),
            methods: self.methods(router, who),
            connections: self.connections(who),
        };
        match serde_json::to_vec(&report) {
            Ok(json) => Reply::Value(json.into()),
            Err(error) => FrameworkError::InvalidResult
                .to_error_data(&error.to_string())
                .into(),
        }
    }
}

fn method(name: String, stats: &MethodStats) -> MethodStatistics {
    let outcomes = Outcome::ALL.into_iter();
    let outcomes = outcomes.map(|outcome| (outcome.name().to_owned(), stats.count(outcome)));
    MethodStatistics {
        name,
        outcomes: outcomes.filter(|(_, count)| *count > 0).collect(),
        in_progress: stats.in_progress,
        total_us: stats.total_time.as_micros().try_into().unwrap_or(u64::MAX),
        buckets: stats.buckets.to_vec(),
    }
}

fn connection(report: ConnectionReport) -> ConnectionStatistics {
    let ConnectionReport {
        stats,
        counters,
        traffic,
        ..
    } = report;
    ConnectionStatistics {
        number: report.number.unwrap_or(0),
        remote: report.remote.map(|remote| remote.to_string()),
        identity: report.identity.to_string(),
        bytes_received: traffic.bytes_received,
        bytes_sent: traffic.bytes_sent,
        calls_received: counters.calls_in,
        calls_sent: counters.calls_out,
        running: stats.running as u64,
        pending: stats.pending as u64,
        unsent: stats.unsent as u64,
        streams: stats.streams as u64,
        read_paused: stats.is_read_paused,
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the bounds are between 100 µs and 30 s"
)]
fn micros(seconds: f64) -> u64 {
    (seconds * 1e6).round() as u64
}

impl PeerBuilder {
    /// Counts the calls of methods and the connections, and answers peers that ask for the numbers. Off by default.
    #[must_use]
    pub fn statistics(self, statistics: &Statistics) -> Self {
        let source = Arc::new(statistics.clone());
        self.layer(statistics.methods.clone())
            .metrics(&statistics.connections)
            .routes(|router| {
                router.report_stats(source);
                Ok(())
            })
    }
}

impl ServerBuilder {
    /// Counts the calls of methods and the connections, and answers peers that ask for the numbers
    /// ([`PeerBuilder::statistics`]). Off by default.
    #[must_use]
    pub fn statistics(self, statistics: &Statistics) -> Self {
        self.configure_peers(|peers| peers.statistics(statistics))
    }
}

impl fmt::Debug for Statistics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Statistics")
            .field("methods", &self.methods)
            .finish_non_exhaustive()
    }
}
