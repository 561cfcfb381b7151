//! Runs each target on its checked-in corpus, and on mutations of it from a fixed seed.
//!
//! `CHIRP_FUZZ_RUNS` sets the number of mutations.

use chirp_fuzz_targets::{FuzzTarget, Mutator, TARGETS, corpus};

/// The number of mutations, unless `CHIRP_FUZZ_RUNS` is set: about a second.
fn default_runs(name: &str) -> usize {
    match name {
        "two_sessions" => 20,
        "json_rpc" => 200,
        _ => 2000,
    }
}

fn check(name: &str) {
    let target: FuzzTarget = *TARGETS
        .iter()
        .find(|target| target.name == name)
        .expect("a target");
    let corpus = corpus(name);
    assert!(!corpus.is_empty(), "{name} has a corpus");
    for (file, input) in &corpus {
        assert!(
            target.holds(input),
            "fuzz/corpus/{name}/{file} breaks a promise"
        );
    }
    let runs = std::env::var("CHIRP_FUZZ_RUNS").ok();
    let runs = runs.map_or_else(
        || default_runs(name),
        |runs| runs.parse().expect("a number"),
    );
    let mut mutator = Mutator::new(
        1,
        corpus.into_iter().map(|(_, input)| input).collect(),
        4096,
    );
    for run in 0..runs {
        let input = mutator.next_input();
        assert!(
            target.holds(&input),
            "mutation {run} of {name} breaks a promise: {}",
            input.escape_ascii()
        );
    }
}

macro_rules! targets {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            check(stringify!($name));
        })*

        #[test]
        fn every_target_is_run() {
            let names: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
            assert_eq!(names, [$(stringify!($name)),*]);
        }
    };
}

targets!(captures codecs endpoints gateway json_calls json_rpc packets session two_sessions);
