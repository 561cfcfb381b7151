use std::cmp::Ordering;
use std::time::Duration;

use super::interval::{Bound, ConnectionInterval, Interval, MethodInterval};
use super::table::Table;
use crate::text;

/// The order of the methods.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Order {
    /// Calls per second
    #[default]
    Calls,
    /// Errors per second
    Errors,
    /// Mean time of a call
    Time,
    /// Running calls
    Running,
    /// Name of the method
    Name,
}

impl Order {
    const ALL: [Self; 5] = [
        Self::Calls,
        Self::Errors,
        Self::Time,
        Self::Running,
        Self::Name,
    ];

    /// Returns the order that a key chooses: the first letter of an order, or `s` for the next one.
    pub(crate) fn of_key(self, key: char) -> Option<Self> {
        match key {
            's' => {
                let at = Self::ALL.iter().position(|order| *order == self)?;
                Some(Self::ALL[(at + 1) % Self::ALL.len()])
            }
            key => Self::ALL
                .into_iter()
                .find(|order| order.name().starts_with(key)),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Calls => "calls",
            Self::Errors => "errors",
            Self::Time => "time",
            Self::Running => "running",
            Self::Name => "name",
        }
    }

    /// Compares in one place: sorting has the comparison many times.
    #[inline(never)]
    fn compare(self, one: &MethodInterval, other: &MethodInterval) -> Ordering {
        let by = match self {
            Self::Calls => other.calls_per_second.total_cmp(&one.calls_per_second),
            Self::Errors => other.errors_per_second.total_cmp(&one.errors_per_second),
            Self::Time => other.mean.cmp(&one.mean),
            Self::Running => other.total.in_progress.cmp(&one.total.in_progress),
            Self::Name => Ordering::Equal,
        };
        by.then_with(|| one.total.name.cmp(&other.total.name))
    }
}

/// The lines that show an interval.
#[derive(Debug)]
pub(crate) struct View {
    pub(crate) head: String,
    pub(crate) methods: Vec<String>,
    pub(crate) connections: Vec<String>,
}

impl View {
    pub(crate) fn new(address: &str, interval: &Interval, order: Order) -> Self {
        let mut methods: Vec<_> = interval.methods.iter().collect();
        methods.sort_unstable_by(|one, other| order.compare(one, other));
        // The sum of no numbers would be -0.
        let sum =
            |of: fn(&MethodInterval) -> f64| methods.iter().fold(0.0, |sum, row| sum + of(row));
        let connections = match interval.open {
            0 => String::new(),
            1 => ", 1 connection".to_owned(),
            open => format!(", {open} connections"),
        };
        let head = format!(
            "{}: up {}{connections}, {} calls/s, {} errors/s, by {}",
            text::one_line(address),
            uptime(interval.uptime),
            number(sum(|method| method.calls_per_second)),
            number(sum(|method| method.errors_per_second)),
            order.name(),
        );
        let mut table = Table::new(&[
            "<METHOD", "CALLS/S", "ERRORS/S", "RUNNING", "MEAN", "P50", "P99", "CALLS", "ERRORS",
        ]);
        for method in methods {
            table.row(&method_row(method));
        }
        Self {
            head,
            methods: table.lines(),
            connections: interval
                .connections
                .as_ref()
                .map_or_else(Vec::new, |list| connection_lines(list)),
        }
    }

    /// Returns all lines.
    pub(crate) fn text(&self) -> String {
        let mut lines = vec![self.head.clone(), String::new()];
        lines.extend_from_slice(&self.methods);
        if !self.connections.is_empty() {
            lines.push(String::new());
            lines.extend_from_slice(&self.connections);
        }
        lines.join("\n") + "\n"
    }

    /// Returns the lines that fit into a terminal. The methods get at least half of the height, if they need it.
    pub(crate) fn fit(&self, width: usize, height: usize) -> Vec<String> {
        let below = height.saturating_sub(2);
        let wanted = self.connections.len() + 1;
        let for_methods = (below / 2).max(below.saturating_sub(wanted));
        let mut lines = vec![self.head.clone(), String::new()];
        lines.extend(cut_lines(&self.methods, for_methods));
        let left = height.saturating_sub(lines.len() + 1);
        if !self.connections.is_empty() && left > 1 {
            lines.push(String::new());
            lines.extend(cut_lines(&self.connections, left));
        }
        lines.truncate(height);
        let lines = lines.iter();
        lines
            .map(|line| line.chars().take(width).collect())
            .collect()
    }
}

/// Returns the first lines, with a last one that says how many are missing.
fn cut_lines(lines: &[String], count: usize) -> Vec<String> {
    if lines.len() <= count {
        return lines.to_vec();
    }
    let kept = count.saturating_sub(1);
    let mut cut = lines[..kept].to_vec();
    if count > 0 {
        cut.push(format!("... {} more", lines.len() - kept));
    }
    cut
}

fn method_row(method: &MethodInterval) -> Vec<String> {
    vec![
        method.total.name.clone(),
        number(method.calls_per_second),
        number(method.errors_per_second),
        method.total.in_progress.to_string(),
        method.mean.map_or_else(dash, time),
        method.p50.map_or_else(dash, bound),
        method.p99.map_or_else(dash, bound),
        method.total.calls().to_string(),
        method.total.errors().to_string(),
    ]
}

fn connection_lines(connections: &[ConnectionInterval]) -> Vec<String> {
    let mut table = Table::new(&[
        "CONNECTION",
        "<REMOTE",
        "<IDENTITY",
        "IN/S",
        "OUT/S",
        "CALLS/S",
        "RUNNING",
        "PENDING",
        "UNSENT",
        "STREAMS",
    ]);
    let mut connections: Vec<_> = connections.iter().collect();
    connections.sort_unstable_by(|one, other| by_bytes(one, other));
    for connection in connections {
        let total = &connection.total;
        table.row(&[
            total.number.to_string(),
            total.remote.clone().unwrap_or_else(dash),
            total.identity.clone(),
            bytes(connection.received_per_second),
            bytes(connection.sent_per_second),
            number(connection.calls_per_second),
            total.running.to_string(),
            total.pending.to_string(),
            total.unsent.to_string(),
            total.streams.to_string(),
        ]);
    }
    table.lines()
}

/// Compares in one place, as [`Order::compare`].
#[inline(never)]
fn by_bytes(one: &ConnectionInterval, other: &ConnectionInterval) -> Ordering {
    let bytes = |row: &ConnectionInterval| row.received_per_second + row.sent_per_second;
    bytes(other)
        .total_cmp(&bytes(one))
        .then(one.total.number.cmp(&other.total.number))
}

fn dash() -> String {
    "-".to_owned()
}

fn bound(bound: Bound) -> String {
    match bound {
        Bound::AtMost(at) => format!("<{}", time(at)),
        Bound::MoreThan(at) => format!(">{}", time(at)),
    }
}

fn number(value: f64) -> String {
    if value < 10.0 && value > 0.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.0}")
    }
}

fn bytes(value: f64) -> String {
    match value {
        ..1e3 => format!("{value:.0} B"),
        ..1e6 => format!("{:.1} kB", value / 1e3),
        ..1e9 => format!("{:.1} MB", value / 1e6),
        _ => format!("{:.1} GB", value / 1e9),
    }
}

fn time(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    let (value, unit) = match seconds {
        ..1e-3 => (seconds * 1e6, "µs"),
        ..1.0 => (seconds * 1e3, "ms"),
        _ => (seconds, "s"),
    };
    // Bounds such as 2.5 ms are shown in full.
    let text = if value < 10.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.0}")
    };
    format!("{}{unit}", text.strip_suffix(".0").unwrap_or(&text))
}

fn uptime(time: Duration) -> String {
    let seconds = time.as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours) {
        (0, 0) => format!("{minutes}m{:02}s", seconds % 60),
        (0, hours) => format!("{hours}h{minutes:02}m"),
        (days, hours) => format!("{days}d{hours:02}h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(order: Order) -> View {
        let methods = (0..20).map(|index| {
            format!(
                r#"{{"name": "S.m{index:02}", "outcomes": {{"ok": {}, "error": {index}}}, "in_progress": 0, "total_us": 1000,
                "buckets": [5, 0]}}"#,
                30 - index
            )
        });
        let methods: Vec<_> = methods.collect();
        let report = format!(
            r#"{{"version": 1, "uptime_us": 10000000, "bounds_us": [2500], "methods": [{}], "connections": {{"open": 1,
            "list": [{{"number": 7, "remote": "tcp://a:1\u001b[2J", "identity": "anonymous", "bytes_received": 20000,
            "bytes_sent": 0, "calls_received": 1, "calls_sent": 0, "running": 1, "pending": 2, "unsent": 3, "streams": 4}}]}}}}"#,
            methods.join(",")
        );
        let report = serde_json::from_str(&report).expect("a report");
        View::new("tcp://x:1", &Interval::new(&report, None), order)
    }

    #[test]
    fn a_view_has_the_order_that_was_chosen() {
        let first = |order| view(order).methods[1].split(' ').next().map(str::to_owned);
        assert_eq!(first(Order::Errors).as_deref(), Some("S.m19"));
        assert_eq!(first(Order::Name).as_deref(), Some("S.m00"));
        assert_eq!(Order::Calls.of_key('s'), Some(Order::Errors));
        assert_eq!(Order::Name.of_key('s'), Some(Order::Calls));
        assert_eq!(Order::Calls.of_key('t'), Some(Order::Time));
        assert_eq!(Order::Calls.of_key('x'), None);
    }

    #[test]
    fn a_server_without_calls_has_none_per_second() {
        let report = r#"{"version": 1, "uptime_us": 1000, "bounds_us": [], "methods": []}"#;
        let report = serde_json::from_str(report).expect("a report");
        let view = View::new("tcp://x:1", &Interval::new(&report, None), Order::Name);
        assert!(
            view.head.contains(" 0 calls/s, 0 errors/s"),
            "{}",
            view.head
        );
    }

    #[test]
    fn a_view_fits_into_any_terminal() {
        let view = view(Order::Name);
        assert!(view.text().contains("2.0 kB"), "{}", view.text());
        assert!(view.text().contains("<2.5ms"), "{}", view.text());
        assert!(!view.text().contains('\u{1b}'), "{}", view.text());
        for height in 0..40 {
            for width in [0, 1, 20, 200] {
                let lines = view.fit(width, height);
                assert!(lines.len() <= height, "{height}: {lines:?}");
                assert!(lines.iter().all(|line| line.chars().count() <= width));
            }
        }
        let lines = view.fit(200, 12);
        assert_eq!(lines.len(), 12, "{lines:?}");
        assert!(
            lines.iter().any(|line| line.starts_with("... ")),
            "{lines:?}"
        );
        assert!(
            lines.iter().any(|line| line.contains("tcp://a:1")),
            "{lines:?}"
        );
    }
}
