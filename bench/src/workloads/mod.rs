//! The workloads, one module for each kind.

mod add;
mod blobs;
mod both_ways;
mod build;
mod echo;
mod in_process;
mod macro_cost;
mod memory;
mod open_loop;
mod processes;
mod streams;
mod waits;
mod web;
mod wire;

use std::fmt;

use crate::handler::Source;
use crate::link::Link;
use crate::options::Options;
use crate::record::Record;
use crate::rounds::{measure, measure_on_one_worker};
use crate::system::Result;

/// A workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Workload {
    /// One caller, one call after another.
    Add,
    /// Many callers of a small echo.
    Echo,
    /// Many callers of handlers that wait.
    Waits,
    /// Latency at a fixed rate of calls.
    OpenLoop,
    /// Echoes of large blobs.
    Blobs,
    /// Calls in both directions.
    BothWays,
    /// Streams of numbers and of bytes.
    Streams,
    /// Many connections.
    Connections,
    /// Both ends in one process.
    InProcess,
    /// Heap memory of connections and calls.
    Memory,
    /// Calls over JSON-RPC and over a WebSocket.
    Web,
    /// Bytes, reads and writes of the socket.
    Wire,
    /// Build cost of a small program.
    Build,
    /// Build cost of generated code.
    MacroCost,
}

impl Workload {
    /// All workloads, in the order of the results.
    pub const ALL: [Self; 14] = [
        Self::Add,
        Self::Echo,
        Self::Waits,
        Self::OpenLoop,
        Self::Blobs,
        Self::BothWays,
        Self::Streams,
        Self::Connections,
        Self::InProcess,
        Self::Memory,
        Self::Web,
        Self::Wire,
        Self::Build,
        Self::MacroCost,
    ];

    /// Returns the name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Echo => "echo",
            Self::Waits => "waits",
            Self::OpenLoop => "open-loop",
            Self::Blobs => "blobs",
            Self::BothWays => "both-ways",
            Self::Streams => "streams",
            Self::Connections => "connections",
            Self::InProcess => "in-process",
            Self::Memory => "memory",
            Self::Web => "web",
            Self::Wire => "wire",
            Self::Build => "build",
            Self::MacroCost => "macro-cost",
        }
    }

    /// Returns the workload with this name.
    pub fn named(name: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|one| one.name() == name);
        found.ok_or_else(|| format!("unknown workload {name:?}").into())
    }

    /// Returns whether the workload builds programs, which takes minutes.
    pub fn builds(self) -> bool {
        matches!(self, Self::Build | Self::MacroCost)
    }

    /// Runs the workload.
    pub async fn run(self, options: &Options) -> Result<Vec<Record>> {
        let mut records = Vec::new();
        match self {
            Self::Add => {
                for link in [Link::Unix, Link::Tcp, Link::Tls] {
                    records.extend(measure(&add::Add { link }, options).await?);
                }
            }
            Self::Echo => {
                let encrypted = [(Link::Tls, 64), (Link::Tls, 256)];
                let plain = cross([Link::Unix, Link::Tcp], [8, 64, 256, 1024]);
                for (link, callers) in plain.into_iter().chain(encrypted) {
                    let case = echo::Echo::new(link, callers);
                    records.extend(measure(&case, options).await?);
                }
                let case = echo::Echo::on_one_worker(Link::Unix, 64);
                records.extend(measure_on_one_worker(&case, options).await?);
                for case in processes::ECHOES {
                    records.extend(case.measure(options).await?);
                }
            }
            Self::Waits => {
                for (wait, callers) in cross(waits::WAITS, [64, 256, 1024]) {
                    records.extend(measure(&waits::Waits { wait, callers }, options).await?);
                }
            }
            Self::OpenLoop => records.extend(measure(&open_loop::OpenLoop, options).await?),
            Self::Blobs => {
                for (len, form) in cross([64 << 10, 1 << 20], blobs::FORMS) {
                    records.extend(measure(&blobs::Blobs { len, form }, options).await?);
                }
            }
            Self::BothWays => records.extend(measure(&both_ways::BothWays, options).await?),
            Self::Streams => {
                for source in [Source::Ready, Source::Channel] {
                    records.extend(measure(&streams::Items { source }, options).await?);
                }
                records.extend(measure(&streams::Pieces, options).await?);
                records.extend(measure(&streams::Beside, options).await?);
            }
            Self::Connections => {
                records.extend(processes::CONNECTIONS.measure(options).await?);
                records.extend(memory::run(self, options).await?);
            }
            Self::InProcess => records.extend(measure(&in_process::InProcess, options).await?),
            Self::Memory => records.extend(memory::run(self, options).await?),
            Self::Web => {
                for (link, callers) in cross([Link::Unix, Link::Tcp], [1, 64]) {
                    records.extend(measure(&web::Web { link, callers }, options).await?);
                }
            }
            Self::Wire => records.extend(wire::run(options).await?),
            Self::Build => records.extend(build::run(options)?),
            Self::MacroCost => records.extend(macro_cost::run(options)?),
        }
        Ok(records)
    }
}

impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Returns all pairs of the two lists.
fn cross<A: Copy, B: Copy, const N: usize, const M: usize>(
    first: [A; N],
    second: [B; M],
) -> impl Iterator<Item = (A, B)> {
    first
        .into_iter()
        .flat_map(move |a| second.into_iter().map(move |b| (a, b)))
}
