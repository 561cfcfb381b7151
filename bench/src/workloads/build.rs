//! Build cost of a small program: the packages in `hello`, one per system.

use std::fs;

use crate::cargo::{self, Cargo, Times};
use crate::options::Options;
use crate::record::{Metric, Record};
use crate::report::figure;
use crate::system::Result;

const NAME: &str = "build";
const HELLOS: [&str; 4] = ["chirp", "tarpc", "tonic", "remoc"];

/// Builds each from scratch.
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
        let mut times = Times::default();
        for _ in 0..if options.quick { 1 } else { 3 } {
            if target.exists() {
                fs::remove_dir_all(&target)?;
            }
            let build = Cargo::new("build", &folder, &target).arg("--locked");
            times.take(build.arg("--release"))?;
        }
        let size = fs::metadata(target.join("release/hello"))?.len();
        let lock = fs::read_to_string(folder.join("Cargo.lock"))?;
        let crates = lock.lines().filter(|line| *line == "[[package]]").count() - 1;
        let numbers = [(Metric::Crates, crates as f64), (Metric::Size, size as f64)];
        let numbers =
            numbers.map(|(metric, value)| Record::new(NAME, "hello", system, metric, vec![value]));
        for record in times
            .records(NAME, "hello", system)
            .into_iter()
            .chain(numbers)
        {
            eprintln!(
                "{NAME} {system}: {} {}",
                figure(record.median),
                record.metric.title()
            );
            records.push(record);
        }
    }
    Ok(records)
}
