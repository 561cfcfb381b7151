use std::collections::HashMap;
use std::time::Duration;

use chirp::reflect::{ConnectionStatistics, MethodStatistics, StatisticsReport};

/// The changes between two reports, or since the begin if there is no earlier one.
#[derive(Debug)]
pub(crate) struct Interval {
    pub(crate) uptime: Duration,
    pub(crate) methods: Vec<MethodInterval>,
    /// `None` if the server does not show connections to this side.
    pub(crate) connections: Option<Vec<ConnectionInterval>>,
    /// The number of connections of the server.
    pub(crate) open: u64,
}

/// The calls of one method in an interval.
#[derive(Debug)]
pub(crate) struct MethodInterval {
    pub(crate) total: MethodStatistics,
    pub(crate) calls_per_second: f64,
    pub(crate) errors_per_second: f64,
    /// The mean time of the calls that have ended in the interval.
    pub(crate) mean: Option<Duration>,
    pub(crate) p50: Option<Bound>,
    pub(crate) p99: Option<Bound>,
}

/// The traffic of one connection in an interval.
#[derive(Debug)]
pub(crate) struct ConnectionInterval {
    pub(crate) total: ConnectionStatistics,
    pub(crate) received_per_second: f64,
    pub(crate) sent_per_second: f64,
    pub(crate) calls_per_second: f64,
}

/// A time that is known to be within a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bound {
    AtMost(Duration),
    MoreThan(Duration),
}

impl Interval {
    /// Compares a report with an earlier one of the same server.
    pub(crate) fn new(report: &StatisticsReport, before: Option<&StatisticsReport>) -> Self {
        // A server that was started again counts from zero.
        let before = before.filter(|before| before.uptime_us < report.uptime_us);
        let uptime = Duration::from_micros(report.uptime_us);
        let since = Duration::from_micros(before.map_or(0, |before| before.uptime_us));
        let seconds = uptime.saturating_sub(since).as_secs_f64();
        let known: HashMap<_, _> = before
            .iter()
            .flat_map(|before| &before.methods)
            .map(|method| (&method.name[..], method))
            .collect();
        let methods = report.methods.iter().map(|method| {
            let before = known.get(&method.name[..]).copied();
            MethodInterval::new(method, before, &report.bounds_us, seconds)
        });
        let lists = [Some(report), before].map(|report| report?.connections.as_ref());
        let [now, before] = lists;
        let known: HashMap<_, _> = before
            .iter()
            .flat_map(|before| &before.list)
            .map(|connection| (connection.number, connection))
            .collect();
        let connections = now.map(|now| {
            let list = now.list.iter().map(|connection| {
                let before = known.get(&connection.number).copied();
                ConnectionInterval::new(connection, before, seconds)
            });
            list.collect()
        });
        Self {
            uptime,
            methods: methods.collect(),
            connections,
            open: now.map_or(0, |now| now.open),
        }
    }
}

impl MethodInterval {
    fn new(
        total: &MethodStatistics,
        before: Option<&MethodStatistics>,
        bounds: &[u64],
        seconds: f64,
    ) -> Self {
        let since = |of: fn(&MethodStatistics) -> u64| difference(of(total), before.map(of));
        let calls = since(MethodStatistics::calls);
        let micros = since(|method| method.total_us);
        let buckets = total.buckets.iter().enumerate().map(|(index, count)| {
            let before = before.and_then(|before| before.buckets.get(index));
            difference(*count, before.copied())
        });
        let buckets: Vec<_> = buckets.collect();
        Self {
            total: total.clone(),
            calls_per_second: per_second(calls, seconds),
            errors_per_second: per_second(since(MethodStatistics::errors), seconds),
            mean: micros.checked_div(calls).map(Duration::from_micros),
            p50: quantile(&buckets, bounds, 50),
            p99: quantile(&buckets, bounds, 99),
        }
    }
}

impl ConnectionInterval {
    fn new(
        total: &ConnectionStatistics,
        before: Option<&ConnectionStatistics>,
        seconds: f64,
    ) -> Self {
        let rate = |of: fn(&ConnectionStatistics) -> u64| {
            per_second(difference(of(total), before.map(of)), seconds)
        };
        Self {
            total: total.clone(),
            received_per_second: rate(|connection| connection.bytes_received),
            sent_per_second: rate(|connection| connection.bytes_sent),
            calls_per_second: rate(|connection| connection.calls_received),
        }
    }
}

fn difference(now: u64, before: Option<u64>) -> u64 {
    now.saturating_sub(before.unwrap_or(0))
}

fn per_second(count: u64, seconds: f64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let count = count as f64;
    if seconds > 0.0 { count / seconds } else { 0.0 }
}

/// Returns the bucket in which a percentage of all calls has ended.
fn quantile(buckets: &[u64], bounds: &[u64], percent: u64) -> Option<Bound> {
    let all: u64 = buckets.iter().sum();
    let rank = (u128::from(all) * u128::from(percent)).div_ceil(100);
    let mut passed = 0;
    let index = buckets.iter().position(|count| {
        passed += u128::from(*count);
        passed >= rank && passed > 0
    })?;
    let bound = |index: usize| bounds.get(index).copied().map(Duration::from_micros);
    match bound(index) {
        Some(time) => Some(Bound::AtMost(time)),
        None => bound(bounds.len().checked_sub(1)?).map(Bound::MoreThan),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(json: &str) -> StatisticsReport {
        serde_json::from_str(json).expect("a report")
    }

    #[test]
    fn numbers_are_those_between_two_reports() {
        let before = report(
            r#"{"version": 1, "uptime_us": 1000000, "bounds_us": [100, 1000], "methods": [
                {"name": "a", "outcomes": {"ok": 5, "error": 1}, "in_progress": 1, "total_us": 600, "buckets": [6, 0, 0]}],
                "connections": {"open": 2, "list": [
                {"number": 1, "identity": "x", "bytes_received": 1000, "bytes_sent": 10, "calls_received": 6, "calls_sent": 0,
                 "running": 0, "pending": 0, "unsent": 0, "streams": 0}]}}"#,
        );
        let now = report(
            r#"{"version": 1, "uptime_us": 3000000, "bounds_us": [100, 1000], "methods": [
                {"name": "a", "outcomes": {"ok": 105, "error": 3}, "in_progress": 2, "total_us": 102600,
                 "buckets": [6, 99, 3]},
                {"name": "b", "outcomes": {}, "in_progress": 1, "total_us": 0, "buckets": [0, 0, 0]}],
                "connections": {"open": 3, "list": [
                {"number": 1, "identity": "x", "bytes_received": 5000, "bytes_sent": 10, "calls_received": 108,
                 "calls_sent": 0, "running": 0, "pending": 0, "unsent": 0, "streams": 0}]}}"#,
        );
        let interval = Interval::new(&now, Some(&before));
        let [a, b] = &interval.methods[..] else {
            panic!("{interval:?}");
        };
        assert!((a.calls_per_second - 51.0).abs() < 1e-9, "{a:?}");
        assert!((a.errors_per_second - 1.0).abs() < 1e-9, "{a:?}");
        assert_eq!(a.mean, Some(Duration::from_millis(1)));
        assert_eq!(a.p50, Some(Bound::AtMost(Duration::from_millis(1))));
        assert_eq!(a.p99, Some(Bound::MoreThan(Duration::from_millis(1))));
        assert_eq!((b.mean, b.p50), (None, None));
        let connections = interval.connections.expect("connections");
        assert!((connections[0].received_per_second - 2000.0).abs() < 1e-9);
        assert_eq!(interval.open, 3);
        // A server that was started again.
        let again = Interval::new(&before, Some(&now));
        assert!((again.methods[0].calls_per_second - 6.0).abs() < 1e-9);
    }
}
