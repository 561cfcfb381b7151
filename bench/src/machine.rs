//! Where the numbers come from.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use serde::{Deserialize, Serialize};

/// What a reader must know of the machine.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// The processor's name.
    pub processor: String,
    /// How many of them the process may use.
    pub processors: usize,
    /// The operating system's kernel.
    pub kernel: String,
    /// The compiler.
    pub rustc: String,
}

impl Machine {
    /// This machine. What cannot be found out is left empty.
    pub fn read() -> Self {
        let processor = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let processor = processor
            .lines()
            .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
            .map_or_else(String::new, |(_, name)| name.to_owned());
        Self {
            processor,
            processors: std::thread::available_parallelism().map_or(0, usize::from),
            kernel: said("uname", &["-sr"]),
            rustc: said("rustc", &["--version"]),
        }
    }
}

fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    text.unwrap_or_default().trim().to_owned()
}

/// The crates whose versions matter.
const COMPARED: [&str; 7] = [
    "chirp",
    "jsonrpsee",
    "remoc",
    "tarpc",
    "tokio",
    "tonic",
    "ttrpc",
];

/// The versions that were built, from the lock file.
pub fn versions() -> BTreeMap<String, String> {
    let lock = include_str!("../Cargo.lock");
    let mut lines = lock.lines().map(|line| line.split_once(" = "));
    let mut versions = BTreeMap::new();
    while let Some(line) = lines.next() {
        if let Some(("name", name)) = line
            && let name = name.trim_matches('"')
            && COMPARED.contains(&name)
            && let Some(Some(("version", version))) = lines.next()
        {
            versions.insert(name.to_owned(), version.trim_matches('"').to_owned());
        }
    }
    versions
}
