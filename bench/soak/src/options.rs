//! The command line.

use std::path::PathBuf;
use std::time::Duration;

pub(crate) const USAGE: &str = "usage: chirp-soak [--quick | --seconds N] [--seed N] [--out FOLDER]

Uses all features at once for an hour, ten minutes with --quick. Writes soak.svg and soak.md into FOLDER: by default the
folder results/ of the benchmarks, or with --seconds the folder for temporary files.";

/// The shortest run: fewer rounds show no growth.
const SHORTEST: u64 = 10;

/// The options of the command line.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// The time of all rounds together.
    pub(crate) time: Duration,
    /// The seed of all choices.
    pub(crate) seed: u64,
    /// The folder of the results.
    pub(crate) out: PathBuf,
}

impl Options {
    /// Reads the arguments of the program.
    pub(crate) fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let results = concat!(env!("CARGO_MANIFEST_DIR"), "/../results");
        let mut options = Self {
            time: Duration::from_hours(1),
            seed: 1,
            out: results.into(),
        };
        let number = |arguments: &mut dyn Iterator<Item = String>| -> Result<u64, String> {
            let word = arguments.next().ok_or(USAGE)?;
            word.parse().map_err(|_| format!("{word:?} is no number"))
        };
        while let Some(word) = arguments.next() {
            match word.as_str() {
                "--quick" => options.time = Duration::from_mins(10),
                "--seconds" => {
                    let seconds = number(&mut arguments)?.max(SHORTEST);
                    options.time = Duration::from_secs(seconds);
                    options.out = std::env::temp_dir();
                }
                "--seed" => options.seed = number(&mut arguments)?,
                "--out" => options.out = arguments.next().ok_or(USAGE)?.into(),
                _ => return Err(USAGE.to_owned()),
            }
        }
        Ok(options)
    }

    /// Returns the number of rounds. A round is 5 to 30 s long, and a short run has five.
    pub(crate) fn rounds(&self) -> usize {
        let seconds = self.time.as_secs();
        (seconds / 10).clamp(5, 60).max(seconds / 30) as usize
    }
}
