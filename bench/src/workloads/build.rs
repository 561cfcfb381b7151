//! What a program costs that greets somebody: the packages in `hello`, one for each system.

use std::fs;
use std::time::Instant;

use crate::cargo::{self, Cargo};
use crate::options::Options;
use crate::record::{Metric, Record};
use crate::report::figure;
use crate::system::Result;

const NAME: &str = "build";
const HELLOS: [&str; 4] = ["chirp", "tarpc", "tonic", "remoc"];

/// Builds each from nothing, one after another.
pub(super) fn run(options: &Options) -> Result<Vec<Record>> {
    let mut records = Vec::new();
    for system in HELLOS {
        if !options.wants_system(system) {
            continue;
        }
        let folder = cargo::package().join("hello").join(system);
        let target = cargo::target()?.join("hello").join(system);
        Cargo::new("fetch", &folder, &target)
            .arg("--locked")
            .run()?;
        let mut seconds = Vec::new();
        for _ in 0..if options.quick { 1 } else { 3 } {
            if target.exists() {
                fs::remove_dir_all(&target)?;
            }
            let started = Instant::now();
            let build = Cargo::new("build", &folder, &target).arg("--locked");
            build.arg("--release").run()?;
            seconds.push(started.elapsed().as_secs_f64());
        }
        let size = fs::metadata(target.join("release/hello"))?.len();
        let lock = fs::read_to_string(folder.join("Cargo.lock"))?;
        let crates = lock.lines().filter(|line| *line == "[[package]]").count() - 1;
        for (metric, values) in [
            (Metric::Seconds, seconds),
            (Metric::Crates, vec![crates as f64]),
            (Metric::Size, vec![size as f64]),
        ] {
            let record = Record::new(NAME, "hello", system, metric, values);
            eprintln!(
                "{NAME} {system}: {} {}",
                figure(record.median),
                metric.title()
            );
            records.push(record);
        }
    }
    Ok(records)
}
