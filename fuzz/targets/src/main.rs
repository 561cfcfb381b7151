//! A fuzzer without coverage, for toolchains without libFuzzer: mutates the corpus of a target, from a seed.
//!
//! ```console
//! cargo run --release -p chirp-fuzz-targets -- session 60 7
//! ```
//!
//! The arguments are the target, the seconds and the seed. An input that breaks a promise is written to
//! `fuzz/artifacts/TARGET/`, and fails the program.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};
use std::{env, fs};

use chirp_fuzz_targets::{FuzzTarget, Mutator, TARGETS};

/// The longest inputs, in bytes.
const LONGEST: usize = 4096;

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let [name, rest @ ..] = &arguments[..] else {
        eprintln!(
            "usage: chirp-fuzz-targets TARGET [SECONDS [SEED]], or chirp-fuzz-targets TARGET FILE"
        );
        return ExitCode::FAILURE;
    };
    let Some(target) = TARGETS.iter().find(|target| target.name == name) else {
        let names: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
        eprintln!("unknown target {name:?} (there are {})", names.join(", "));
        return ExitCode::FAILURE;
    };
    let number = |at: usize, default| rest.get(at).map_or(Some(default), |text| text.parse().ok());
    let (Some(seconds), Some(seed)) = (number(0, 60), number(1, 1)) else {
        return replay(*target, Path::new(&rest[0]));
    };
    fuzz(*target, Duration::from_secs(seconds), seed)
}

/// Runs one input.
fn replay(target: FuzzTarget, path: &Path) -> ExitCode {
    match fs::read(path) {
        Ok(input) => {
            if target.holds(&input) {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            }
        }
        Err(error) => {
            eprintln!("cannot read {}: {error}", path.display());
            ExitCode::FAILURE
        }
    }
}

fn fuzz(target: FuzzTarget, time: Duration, seed: u64) -> ExitCode {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let corpus = chirp_fuzz_targets::corpus(target.name);
    let mut mutator = Mutator::new(
        seed,
        corpus.into_iter().map(|(_, input)| input).collect(),
        LONGEST,
    );
    let start = Instant::now();
    let mut runs = 0_u64;
    while start.elapsed() < time {
        let input = mutator.next_input();
        runs += 1;
        if !target.holds(&input) {
            let path = write_artifact(&folder.join("artifacts").join(target.name), &input);
            eprintln!(
                "{}: run {runs} of seed {seed} failed: {}",
                target.name,
                path.display()
            );
            return ExitCode::FAILURE;
        }
    }
    let steps = match chirp_fuzz_targets::steps() {
        0 => String::new(),
        steps => format!(", {steps} steps"),
    };
    println!("{}: {runs} runs from seed {seed}{steps}", target.name);
    ExitCode::SUCCESS
}

fn write_artifact(folder: &Path, input: &[u8]) -> PathBuf {
    let hash = input.iter().fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3)
    });
    let path = folder.join(format!("crash-{hash:016x}"));
    if let Err(error) = fs::create_dir_all(folder).and_then(|()| fs::write(&path, input)) {
        eprintln!("cannot write {}: {error}", path.display());
    }
    path
}
