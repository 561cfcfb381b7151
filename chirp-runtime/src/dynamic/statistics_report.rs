use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::packet::STATS_METHOD;
use crate::peer::{AsCaller, Call, CallError, MethodName};

use super::JsonCaller;

/// The numbers of a server at one time, as `chirp.reflect.stats` answers them in JSON (PROTOCOL.md, section 6.8). Readers
/// ignore fields that they do not know.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StatisticsReport {
    /// The version of this format: [`StatisticsReport::VERSION`].
    pub version: u32,
    /// Microseconds since counting began.
    pub uptime_us: u64,
    /// The upper bounds of the buckets of [`MethodStatistics::buckets`], in microseconds.
    pub bounds_us: Vec<u64>,
    /// The methods that were called and that the asker may call, in the order of their names.
    pub methods: Vec<MethodStatistics>,
    /// All connections. `None` if the asker may not see connections.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connections: Option<ConnectionList>,
}

/// The calls of one method since counting began.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MethodStatistics {
    /// The name by which the method is registered. `(unregistered)` stands for all other names.
    pub name: String,
    /// Calls that have ended, by outcome, such as `ok`, `error` and `overloaded`. Outcomes without calls are left out.
    pub outcomes: BTreeMap<String, u64>,
    /// Calls that run.
    pub in_progress: u64,
    /// The sum of the times of all calls that have ended, in microseconds.
    pub total_us: u64,
    /// Ended calls by time: up to each bound, and longer. Not cumulative.
    pub buckets: Vec<u64>,
}

/// The connections of a server.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ConnectionList {
    /// The number of connections.
    pub open: u64,
    /// The connections with most traffic, in the order of their numbers. At most 500.
    pub list: Vec<ConnectionStatistics>,
}

/// The numbers of one connection since it began. Directions are those of the server that answers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ConnectionStatistics {
    /// The number of the connection at its server, from 1. 0 if it was not accepted by a server.
    pub number: u64,
    /// The address of the other side, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote: Option<String>,
    /// The verified identity of the other side, as text.
    pub identity: String,
    /// Bytes received.
    pub bytes_received: u64,
    /// Bytes sent.
    pub bytes_sent: u64,
    /// Calls of the other side.
    pub calls_received: u64,
    /// Calls of the server.
    pub calls_sent: u64,
    /// Calls of the other side that run.
    pub running: u64,
    /// Calls of the server that wait for a response.
    pub pending: u64,
    /// Bytes that wait to be sent.
    pub unsent: u64,
    /// Streams that are open.
    pub streams: u64,
    /// Whether the server has stopped reading from the connection for the moment.
    #[serde(default)]
    pub read_paused: bool,
}

impl StatisticsReport {
    /// The version of the format that this crate writes.
    pub const VERSION: u32 = 1;
}

impl MethodStatistics {
    /// Returns the number of calls that have ended.
    pub fn calls(&self) -> u64 {
        self.outcomes.values().sum()
    }

    /// Returns the number of calls that have ended in another way than with a result.
    pub fn errors(&self) -> u64 {
        self.calls() - self.outcomes.get("ok").copied().unwrap_or(0)
    }
}

impl JsonCaller {
    /// Asks the peer for the numbers of its methods and connections.
    ///
    /// # Errors
    ///
    /// The call fails as every call does, with [`CallError::UnknownMethod`] if the peer has no statistics, and with
    /// [`CallError::Decode`] if the answer is not a report of a version that this side knows.
    pub fn statistics(&self) -> Call<StatisticsReport> {
        Call::new(
            self.as_caller(),
            MethodName::from(STATS_METHOD),
            Ok(Vec::new().into()),
            |answer, _| {
                let report = serde_json::from_slice(&answer?.into_bytes()?);
                let report: StatisticsReport = report.map_err(|error| {
                    CallError::Decode(format!("the answer is not a report: {error}"))
                })?;
                if report.version == StatisticsReport::VERSION {
                    Ok(report)
                } else {
                    Err(CallError::Decode(format!(
                        "the report has version {}, and this side knows version {}",
                        report.version,
                        StatisticsReport::VERSION
                    )))
                }
            },
        )
        .idempotent()
    }
}
