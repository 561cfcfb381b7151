//! What a connection and a call hold and take of the heap.
//!
//! Counting costs time at each allocation, so that a program of its own does it, which nothing else is measured in.

use crate::cargo::{self, Cargo};
use crate::options::Options;
use crate::record::Record;
use crate::system::Result;

/// Has the other program count, and takes its records.
pub(super) fn run(options: &Options) -> Result<Vec<Record>> {
    eprintln!("memory: in a program of its own");
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
