//! Heap memory and allocations of connections and calls.
//!
//! Counting slows down every allocation, so it happens in a separate program.

use super::Workload;
use crate::cargo::{self, Cargo};
use crate::options::Options;
use crate::record::Record;
use crate::system::Result;

/// Runs the part of a workload that the counting program measures, and reads its records.
pub(super) fn run(workload: Workload, options: &Options) -> Result<Vec<Record>> {
    eprintln!("{workload}: memory is measured by a separate program");
    let mut counting = Cargo::new("run", cargo::package(), &cargo::target()?)
        .arg("--release")
        .arg("--quiet")
        .arg("--bin=memory");
    if cfg!(feature = "all") {
        counting = counting.arg("--features=all");
    }
    counting = counting.arg("--").arg(workload.name());
    if options.quick {
        counting = counting.arg("--quick");
    }
    if !options.systems.is_empty() {
        counting = counting.arg("--systems").arg(options.systems.join(","));
    }
    Ok(serde_json::from_slice(&counting.run()?)?)
}
