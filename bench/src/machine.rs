//! The machine that produced the numbers.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use serde::{Deserialize, Serialize};

/// Properties of the machine that affect the results.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// The model of the processor.
    pub processor: String,
    /// The number of available processors.
    pub processors: usize,
    /// The version of the kernel.
    pub kernel: String,
    /// The version of the compiler.
    pub rustc: String,
}

impl Machine {
    /// Returns the properties of this machine. Unknown ones are empty.
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

/// The crates whose versions are recorded.
const COMPARED: [&str; 9] = [
    "capnp-rpc",
    "chirp",
    "connectrpc",
    "jsonrpsee",
    "remoc",
    "tarpc",
    "tokio",
    "tonic",
    "ttrpc",
];

/// Returns the versions in the lock file.
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
