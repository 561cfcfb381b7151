//! Heap memory and allocations of connections and calls.
//!
//! Counting slows down every allocation, so it happens in a separate program.

use crate::cargo::{self, Cargo};
use crate::options::Options;
use crate::record::Record;
use crate::system::Result;

/// Runs the counting program and reads its records.
pub(super) fn run(options: &Options) -> Result<Vec<Record>> {
    eprintln!("memory: measured by a separate program");
    let mut counting = Cargo::new("run", cargo::package(), &cargo::target()?)
        .arg("--release")
        .arg("--quiet")
        .arg("--bin=memory");
    if cfg!(feature = "all") {
        counting = counting.arg("--features=all");
    }
    if !options.systems.is_empty() {
        counting = counting
            .arg("--")
            .arg("--systems")
            .arg(options.systems.join(","));
    }
    Ok(serde_json::from_slice(&counting.run()?)?)
}
