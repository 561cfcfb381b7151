//! Runs the target `macro_input` on its corpus, and on mutations of it from a fixed seed.
//!
//! The macros' crate can export nothing but its macros, so that its modules are compiled here once more.
#![allow(
    dead_code,
    missing_docs,
    reason = "what the macros' crate has for itself"
)]

#[path = "../../../../chirp-macros/src/args.rs"]
mod args;
#[path = "../../../../chirp-macros/src/ast/mod.rs"]
mod ast;
#[path = "../../../../chirp-macros/src/expand/mod.rs"]
mod expand;
#[path = "../../../../chirp-macros/src/fallback.rs"]
mod fallback;
#[path = "../../../../chirp-macros/src/mistakes.rs"]
mod mistakes;
#[path = "../../../../chirp-macros/src/service_error/mod.rs"]
mod service_error;
mod target;
#[path = "../../../../chirp-macros/src/validate/mod.rs"]
mod validate;

use std::panic;

use chirp_fuzz_targets::{Mutator, corpus};

/// The number of mutations, unless `CHIRP_FUZZ_RUNS` is set.
const RUNS: usize = 300;

#[test]
fn token_streams_never_panic_the_macros_and_become_rust() {
    let corpus = corpus("macro_input");
    for (file, input) in &corpus {
        let outcome = panic::catch_unwind(|| target::run(input));
        assert!(
            outcome.is_ok(),
            "fuzz/corpus/macro_input/{file} breaks a promise"
        );
    }
    let runs = std::env::var("CHIRP_FUZZ_RUNS").ok();
    let runs = runs.map_or(RUNS, |runs| runs.parse().expect("a number"));
    let mut mutator = Mutator::new(
        1,
        corpus.into_iter().map(|(_, input)| input).collect(),
        4096,
    );
    for run in 0..runs {
        let input = mutator.next_input();
        let outcome = panic::catch_unwind(|| target::run(&input));
        assert!(
            outcome.is_ok(),
            "mutation {run} breaks a promise:\n{}",
            String::from_utf8_lossy(&input)
        );
    }
}
