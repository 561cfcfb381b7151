//! Heap memory and allocations of connections and calls.
//!
//! Counting slows down every allocation, so it happens in a separate program.

use super::Workload;
use crate::cargo::{self, Cargo};
use crate::options::Options;
use crate::record::Record;
use crate::system::{Result, System};
use crate::systems::{Visitor, visit};

/// Runs the part of a workload that the counting program measures, and reads its records.
///
/// Each system has a process of its own: threads and tasks that another one leaves behind free memory at any time.
pub(super) async fn run(workload: Workload, options: &Options) -> Result<Vec<Record>> {
    eprintln!("{workload}: memory is measured by a separate program");
    let mut connecting = Connecting::default();
    visit(|name| options.wants_system(name), &mut connecting).await?;
    let mut records: Vec<Record> = Vec::new();
    for system in connecting.names {
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
        counting = counting.arg("--systems").arg(system);
        records.extend(serde_json::from_slice::<Vec<Record>>(&counting.run()?)?);
    }
    Ok(records)
}

/// Collects the names of the systems that have connections.
#[derive(Default)]
struct Connecting {
    names: Vec<&'static str>,
}

impl Visitor for Connecting {
    async fn visit<T: System>(&mut self) -> Result<()> {
        if T::SKILLS.connects {
            self.names.push(T::NAME);
        }
        Ok(())
    }
}
