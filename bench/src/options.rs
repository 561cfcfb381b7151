//! Command-line options.

use std::time::Duration;

use crate::system::Result;
use crate::workloads::Workload;

/// The selected workloads and systems.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The workloads to run, in this order.
    pub workloads: Vec<Workload>,
    /// The systems to measure. Empty means all.
    pub systems: Vec<String>,
    /// Whether to run fewer and shorter rounds.
    pub quick: bool,
    /// Whether to include systems that take long to build.
    pub all: bool,
    /// The number of worker threads, if it is not [`WORKERS`]. The results are not written then.
    pub workers: Option<usize>,
    /// Whether to print the usage only.
    pub help: bool,
}

/// The usual number of worker threads.
const WORKERS: usize = 2;

/// The usage text.
pub const USAGE: &str = "\
cargo run --release [OPTIONS] [WORKLOAD...]

Options:
  --quick            fewer and shorter rounds, in under four minutes
  --systems A,B      only these systems
  --all              also systems that take long to build
  --workers N        with N worker threads instead of 2; results/ is not changed
  --help             this text

Workloads (default: all but those that build programs, which take minutes):
";

impl Options {
    /// Parses the arguments, without the program name.
    pub fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Self> {
        let mut options = Self::default();
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--quick" => options.quick = true,
                "--all" => options.all = true,
                "--help" | "-h" => options.help = true,
                "--workers" => {
                    let workers = arguments.next().ok_or("--workers needs a number")?;
                    options.workers = Some(workers.parse()?);
                }
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

    /// Returns whether a system is selected.
    pub fn wants_system(&self, name: &str) -> bool {
        self.systems.is_empty() || self.systems.iter().any(|wanted| wanted == name)
    }

    /// Returns the number of worker threads.
    pub fn worker_threads(&self) -> usize {
        self.workers.unwrap_or(WORKERS)
    }

    /// Returns the number of rounds, not counting the warm-up.
    pub fn rounds(&self) -> usize {
        if self.quick { 4 } else { 11 }
    }

    /// Returns the duration of a round.
    pub fn round_time(&self) -> Duration {
        Duration::from_millis(if self.quick { 60 } else { 150 })
    }
}
