//! Named numbers, and their summary over many rounds.

use serde::{Deserialize, Serialize};

/// The quantity that a number measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Metric {
    /// Calls per second.
    Rate,
    /// Stream items per second.
    ItemRate,
    /// Stream bytes per second.
    ByteRate,
    /// CPU time of both ends per million calls, in seconds.
    Cpu,
    /// The median latency, in microseconds.
    P50,
    /// The 99th percentile of the latency, in microseconds.
    P99,
    /// The 99.9th percentile of the latency, in microseconds.
    P999,
    /// The 99th percentile of the latency, divided by that without the additional load.
    P99Times,
    /// Heap memory, in bytes.
    Bytes,
    /// Resident memory of the server's process, in bytes.
    ServerResidentBytes,
    /// The number of open connections.
    Connections,
    /// Heap allocations.
    Allocations,
    /// Bytes of a request on the wire.
    BytesOut,
    /// Bytes of a response on the wire.
    BytesBack,
    /// Socket writes per call, at the client.
    Writes,
    /// Socket reads per call, at the client.
    Reads,
    /// The elapsed time of a build or check, in seconds.
    Seconds,
    /// The processor time of a build or check, in seconds. It depends little on the load of the machine.
    CpuSeconds,
    /// The size of a stripped program, in bytes.
    Size,
    /// The number of packages in a lock file.
    Crates,
    /// The number of tokens of generated code.
    Tokens,
}

impl Metric {
    /// Returns the name and unit for a table.
    pub fn title(self) -> &'static str {
        match self {
            Self::Rate => "calls/s",
            Self::ItemRate => "items/s",
            Self::ByteRate => "bytes/s",
            Self::Cpu => "CPU s per million calls",
            Self::P50 => "p50 µs",
            Self::P99 => "p99 µs",
            Self::P999 => "p99.9 µs",
            Self::P99Times => "p99, times that alone",
            Self::Bytes => "bytes",
            Self::ServerResidentBytes => "resident bytes of the server",
            Self::Connections => "connections",
            Self::Allocations => "allocations",
            Self::BytesOut => "bytes of the request",
            Self::BytesBack => "bytes of the answer",
            Self::Writes => "writes per call",
            Self::Reads => "reads per call",
            Self::Seconds => "s",
            Self::CpuSeconds => "CPU s",
            Self::Size => "bytes of the program",
            Self::Crates => "crates",
            Self::Tokens => "tokens",
        }
    }
}

/// One number of one round.
#[derive(Clone, Debug)]
pub struct Reading {
    /// The part of the case, if it has parts.
    pub detail: Option<String>,
    /// The quantity.
    pub metric: Metric,
    /// The number, in the unit of the metric.
    pub value: f64,
}

impl Reading {
    /// Creates a number for a whole case.
    pub fn new(metric: Metric, value: f64) -> Self {
        Self {
            detail: None,
            metric,
            value,
        }
    }

    /// Creates a number for a part of a case.
    #[must_use]
    pub fn of(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }
}

/// The summary of one number over all rounds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The name of the workload on the command line.
    pub workload: String,
    /// The case of the workload.
    pub case: String,
    /// The system.
    pub system: String,
    /// The quantity.
    pub metric: Metric,
    /// The median of all rounds.
    pub median: f64,
    /// The minimum and maximum of all rounds.
    pub spread: (f64, f64),
    /// The number of rounds.
    pub rounds: usize,
}

impl Record {
    /// Summarizes the values of one or more rounds.
    pub fn new(
        workload: &str,
        case: impl Into<String>,
        system: &str,
        metric: Metric,
        mut values: Vec<f64>,
    ) -> Self {
        values.sort_unstable_by(f64::total_cmp);
        let edge = |value: Option<&f64>| value.copied().unwrap_or(f64::NAN);
        Self {
            workload: workload.to_owned(),
            case: case.into(),
            system: system.to_owned(),
            metric,
            median: edge(values.get(values.len() / 2)),
            spread: (edge(values.first()), edge(values.last())),
            rounds: values.len(),
        }
    }
}
