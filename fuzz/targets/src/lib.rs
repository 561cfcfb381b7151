//! What the fuzzers run. Each target is a function of bytes that panics if a promise is broken; anything else that the bytes
//! may cause is fine.
//!
//! `fuzz/run` runs them with libFuzzer, and the program of this crate runs them with mutations alone, on any toolchain. The
//! tests of this crate run them on the checked-in corpora.
#![allow(
    clippy::missing_panics_doc,
    reason = "a target panics to report a fault"
)]

pub mod captures;
pub mod codecs;
pub mod endpoints;
pub mod gateway;
pub mod json_calls;
pub mod json_rpc;
#[path = "../../../chirp-runtime/tests/model/main.rs"]
#[allow(
    dead_code,
    unused_imports,
    clippy::pedantic,
    reason = "its tests are not run here"
)]
mod model;
mod mutation;
pub mod packets;
mod program;
pub mod session;
mod steps;

use std::cell::Cell;
use std::fs;
use std::panic;
use std::path::Path;
use std::sync::Once;

pub use mutation::Mutator;
pub use steps::steps;

/// A function of bytes, with the name of its corpus.
#[derive(Clone, Copy, Debug)]
pub struct FuzzTarget {
    /// The name of the target, and of the folder of its corpus.
    pub name: &'static str,
    run: fn(&[u8]),
}

thread_local! {
    static PANICS: Cell<u64> = const { Cell::new(0) };
}

impl FuzzTarget {
    /// Runs the target. Returns `false` if a promise was broken: if anything panicked, also a task whose panic was caught.
    pub fn holds(self, input: &[u8]) -> bool {
        static HOOK: Once = Once::new();
        HOOK.call_once(|| {
            let hook = panic::take_hook();
            panic::set_hook(Box::new(move |info| {
                PANICS.set(PANICS.get() + 1);
                hook(info);
            }));
        });
        let before = PANICS.get();
        let run = panic::catch_unwind(|| (self.run)(input));
        run.is_ok() && PANICS.get() == before
    }
}

/// All targets but the macros, which are in a crate of their own kind: see `tests/macros.rs`.
pub const TARGETS: &[FuzzTarget] = &[
    target("captures", captures::run),
    target("codecs", codecs::run),
    target("endpoints", endpoints::run),
    target("gateway", gateway::run),
    target("json_calls", json_calls::run),
    target("json_rpc", json_rpc::run),
    target("packets", packets::run),
    target("session", session::run),
    target("two_sessions", two_sessions),
];

const fn target(name: &'static str, run: fn(&[u8])) -> FuzzTarget {
    FuzzTarget { name, run }
}

/// Two sessions, and a channel that delivers what they send in arbitrary pieces at arbitrary times, and may end at any time.
/// The bytes take the place of random numbers in the model of `chirp-runtime/tests/model`, which checks that no session
/// waits for ever, exceeds its limits, or confuses its calls.
pub fn two_sessions(data: &[u8]) {
    steps::note(model::run_bytes(data));
}

/// The checked-in inputs of a target, with the names of their files, in the order of the names.
///
/// # Panics
///
/// Panics if there are none, or if they cannot be read.
pub fn corpus(name: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../corpus")
        .join(name);
    let entries =
        fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut inputs: Vec<_> = entries
        .map(|entry| entry.expect("an entry").path())
        .map(|path| {
            let name = path
                .file_name()
                .expect("a name")
                .to_string_lossy()
                .into_owned();
            (name, fs::read(&path).expect("an input"))
        })
        .collect();
    inputs.sort();
    inputs
}
