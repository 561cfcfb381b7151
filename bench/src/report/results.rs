//! The results file.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{chart, curve, table};
use crate::machine::{self, Machine};
use crate::record::Record;
use crate::system::Result;

/// Results with the environment that produced them.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Results {
    /// The machine.
    pub machine: Machine,
    /// The versions of the systems.
    pub versions: BTreeMap<String, String>,
    /// All numbers.
    pub records: Vec<Record>,
}

impl Results {
    /// Loads the results in a directory if machine and versions are the same. Otherwise returns empty results.
    pub fn load(folder: &Path) -> Self {
        let fresh = Self::of(Vec::new());
        let kept = fs::read_to_string(folder.join("results.json")).ok();
        let kept = kept.and_then(|text| serde_json::from_str::<Self>(&text).ok());
        let records = kept.filter(|kept| kept.agrees_with(&fresh));
        Self {
            records: records.map_or_else(Vec::new, |kept| kept.records),
            ..fresh
        }
    }

    /// Returns whether the environments are the same. Systems that were added since do not count.
    fn agrees_with(&self, fresh: &Self) -> bool {
        let is_same =
            |(name, version): (&String, &String)| fresh.versions.get(name) == Some(version);
        self.machine == fresh.machine && self.versions.iter().all(is_same)
    }

    /// Creates results of this machine.
    pub fn of(records: Vec<Record>) -> Self {
        Self {
            machine: Machine::read(),
            versions: machine::versions(),
            records,
        }
    }

    /// Replaces the records of a workload.
    pub fn replace(&mut self, workload: &str, records: Vec<Record>) {
        self.records.retain(|record| record.workload != workload);
        self.records.extend(records);
    }

    /// Returns the median of a number.
    pub fn median(&self, wanted: impl Fn(&Record) -> bool) -> Option<f64> {
        let found = self.records.iter().find(|record| wanted(record));
        found.map(|record| record.median)
    }

    /// Writes the JSON, Markdown and SVG files.
    pub fn save(&self, folder: &Path) -> Result<()> {
        self.save_as(folder, "results", &chart::overview(self))
    }

    /// Writes the files of the results of meshes of nodes.
    pub fn save_mesh(&self, folder: &Path) -> Result<()> {
        self.save_as(folder, "mesh", &curve::meshes(self))
    }

    fn save_as(&self, folder: &Path, name: &str, chart: &str) -> Result<()> {
        fs::create_dir_all(folder)?;
        let json = serde_json::to_string_pretty(self)?;
        fs::write(folder.join(format!("{name}.json")), json + "\n")?;
        fs::write(folder.join(format!("{name}.md")), table::all(self))?;
        fs::write(folder.join(format!("{name}.svg")), chart)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Results;

    #[test]
    fn a_system_that_was_added_keeps_the_results_of_the_others() {
        let fresh = Results::of(Vec::new());
        let mut kept = Results::of(Vec::new());
        assert!(kept.agrees_with(&fresh));
        kept.versions.remove("tokio");
        assert!(kept.agrees_with(&fresh));
        kept.versions.insert("tokio".to_owned(), "0.1".to_owned());
        assert!(!kept.agrees_with(&fresh));
    }
}
