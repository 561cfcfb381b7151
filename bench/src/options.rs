//! The command line.

use std::time::Duration;

use crate::system::Result;
use crate::workloads::Workload;

/// What to measure, and how long.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The workloads to run, in this order.
    pub workloads: Vec<Workload>,
    /// Only these systems; all that were built, if there are none.
    pub systems: Vec<String>,
    /// Fewer and shorter rounds.
    pub quick: bool,
    /// With the systems that are only built on demand.
    pub all: bool,
    /// Only say how to use it.
    pub help: bool,
}

/// How to use it.
pub const USAGE: &str = "\
cargo run --release [OPTIONS] [WORKLOAD...]

Options:
  --quick            fewer and shorter rounds, in under three minutes
  --systems A,B      only these systems
  --all              with the systems that are only built on demand
  --help             this text

Workloads (without one: all but those that build programs, which take minutes):
";

impl Options {
    /// Reads the arguments of a command line, the program's name excepted.
    pub fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Self> {
        let mut options = Self::default();
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--quick" => options.quick = true,
                "--all" => options.all = true,
                "--help" | "-h" => options.help = true,
                "--systems" => {
                    let systems = arguments.next().ok_or("--systems needs names")?;
                    options.systems = systems.split(',').map(str::to_owned).collect();
                }
                name => options.workloads.push(Workload::named(name)?),
            }
        }
        if options.workloads.is_empty() {
            let quick = Workload::ALL.into_iter().filter(|one| !one.builds());
            options.workloads = quick.collect();
        }
        Ok(options)
    }

    /// Whether a system should be measured.
    pub fn wants_system(&self, name: &str) -> bool {
        self.systems.is_empty() || self.systems.iter().any(|wanted| wanted == name)
    }

    /// How many rounds there are, after the one that warms up.
    pub fn rounds(&self) -> usize {
        if self.quick { 4 } else { 11 }
    }

    /// How long a round takes.
    pub fn round_time(&self) -> Duration {
        Duration::from_millis(if self.quick { 60 } else { 150 })
    }
}
