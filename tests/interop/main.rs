//! Peers in other languages, written from PROTOCOL.md alone.

use std::process::Command;

mod nodes;
#[cfg(feature = "reflect")]
mod reflection;
#[path = "../support/mod.rs"]
mod support;
mod v0_peer;

/// Returns `true` if Python is installed; without it the tests are skipped.
fn has_python() -> bool {
    let found = Command::new("python3").arg("--version").output().is_ok();
    if !found {
        eprintln!("skipped: there is no python3");
    }
    found
}
