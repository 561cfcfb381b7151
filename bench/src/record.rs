//! What a measurement gives: numbers with a name, and what many rounds of them come to.

use serde::{Deserialize, Serialize};

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Metric {
    /// Calls in a second.
    Rate,
    /// Items of streams in a second.
    ItemRate,
    /// Bytes of streams in a second.
    ByteRate,
    /// CPU time of both ends for a million calls, in seconds.
    Cpu,
    /// The median latency, in microseconds.
    P50,
    /// The latency that one call in a hundred goes beyond, in microseconds.
    P99,
    /// The latency that one call in a thousand goes beyond, in microseconds.
    P999,
    /// The latency that one call in a hundred goes beyond, as so many times that without what is beside it.
    P99Times,
    /// Heap memory, in bytes.
    Bytes,
    /// Heap allocations.
    Allocations,
    /// Bytes of a request on the wire.
    BytesOut,
    /// Bytes of an answer on the wire.
    BytesBack,
    /// Writes to the socket per call, at the side of the caller.
    Writes,
    /// Reads from the socket per call, at the side of the caller.
    Reads,
    /// The time that a build or a check takes, in seconds.
    Seconds,
    /// The processor time that a build or a check takes, in seconds. What else the machine does changes it little.
    CpuSeconds,
    /// The size of a stripped program, in bytes.
    Size,
    /// Packages in a lock file.
    Crates,
    /// Tokens of generated code.
    Tokens,
}

impl Metric {
    /// What it is called in a table, with its unit.
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
    /// What the case does not say yet.
    pub detail: Option<String>,
    /// What was measured.
    pub metric: Metric,
    /// The number, in the metric's unit.
    pub value: f64,
}

impl Reading {
    /// A number that belongs to its case as a whole.
    pub fn new(metric: Metric, value: f64) -> Self {
        Self {
            detail: None,
            metric,
            value,
        }
    }

    /// A number that belongs to a part of its case.
    #[must_use]
    pub fn of(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }
}

/// What all rounds of one number come to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The workload's name on the command line.
    pub workload: String,
    /// Which case of it.
    pub case: String,
    /// Who was measured.
    pub system: String,
    /// What was measured.
    pub metric: Metric,
    /// The middle of all rounds.
    pub median: f64,
    /// The smallest and the largest of all rounds.
    pub spread: (f64, f64),
    /// How many rounds there were.
    pub rounds: usize,
}

impl Record {
    /// What the values of one or more rounds come to.
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
