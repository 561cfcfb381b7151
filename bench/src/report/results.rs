//! All results, as a file keeps them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{chart, table};
use crate::machine::{self, Machine};
use crate::record::Record;
use crate::system::Result;

/// What was measured, and where.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Results {
    /// The machine.
    pub machine: Machine,
    /// The versions of what was compared.
    pub versions: BTreeMap<String, String>,
    /// Every number.
    pub records: Vec<Record>,
}

impl Results {
    /// The results that a folder holds, if they are of this machine and these versions; else none.
    pub fn load(folder: &Path) -> Self {
        let fresh = Self {
            machine: Machine::read(),
            versions: machine::versions(),
            records: Vec::new(),
        };
        let kept = fs::read_to_string(folder.join("results.json")).ok();
        let kept = kept.and_then(|text| serde_json::from_str::<Self>(&text).ok());
        kept.filter(|kept| kept.machine == fresh.machine && kept.versions == fresh.versions)
            .unwrap_or(fresh)
    }

    /// Takes the records of a workload, in place of those that were there.
    pub fn replace(&mut self, workload: &str, records: Vec<Record>) {
        self.records.retain(|record| record.workload != workload);
        self.records.extend(records);
    }

    /// The median of a number.
    pub fn median(&self, wanted: impl Fn(&Record) -> bool) -> Option<f64> {
        let found = self.records.iter().find(|record| wanted(record));
        found.map(|record| record.median)
    }

    /// Writes the files that programs and people read.
    pub fn save(&self, folder: &Path) -> Result<()> {
        fs::create_dir_all(folder)?;
        let json = serde_json::to_string_pretty(self)?;
        fs::write(folder.join("results.json"), json + "\n")?;
        fs::write(folder.join("results.md"), table::all(self))?;
        fs::write(folder.join("results.svg"), chart::overview(self))?;
        Ok(())
    }
}
