//! Checks that the sources follow ARCHITECTURE.md.

use std::fs;
use std::path::{Path, PathBuf};

/// The layers of `chirp-runtime`, lowest first. A folder may use the folders of its own layer and of those below.
const LAYERS: &[(&str, u8)] = &[
    ("packet", 0),
    ("codec", 0),
    ("session", 1),
    ("channel", 2),
    ("peer", 3),
    ("stream", 4),
    ("service", 5),
    ("server", 6),
    ("node", 7),
];

/// Words that the code of a folder must not contain.
const NEVER: &[(&str, &[&str])] = &[
    ("packet", &["tokio", "async ", "serde", "Mutex", "Instant"]),
    ("codec", &["tokio", "async ", "Mutex", "Instant"]),
    (
        "session",
        &[
            "tokio",
            "async ",
            "std::task",
            "Mutex",
            "Instant",
            "SystemTime",
            "spawn",
        ],
    ),
    ("channel", &["crate::packet", "crate::session"]),
];

const MAX_LINES: usize = 700;

fn runtime() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("chirp-runtime/src")
}

fn sources(dir: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).expect("a source folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.append(&mut sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("a source file");
            found.push((path, text));
        }
    }
    found
}

/// The lines of code; comments may mention anything.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.lines().enumerate().map(|(at, line)| (at + 1, line));
    lines.filter(|(_, line)| !line.trim_start().starts_with("//"))
}

fn layer(folder: &str) -> u8 {
    let found = LAYERS.iter().find(|(name, _)| *name == folder);
    found
        .unwrap_or_else(|| {
            panic!("`{folder}` has no layer: add it to LAYERS and to ARCHITECTURE.md")
        })
        .1
}

#[test]
fn no_layer_uses_a_layer_above_it() {
    let mut wrong = Vec::new();
    for entry in fs::read_dir(runtime()).expect("the runtime") {
        let dir = entry.expect("an entry").path();
        if !dir.is_dir() {
            continue;
        }
        let folder = dir
            .file_name()
            .and_then(|name| name.to_str())
            .expect("a name");
        for (path, text) in sources(&dir) {
            for (at, line) in code(&text) {
                for (name, above) in LAYERS {
                    let used = line.contains(&format!("crate::{name}::"))
                        || line.contains(&format!("crate::{name};"))
                        || line.contains("use crate::{") && line.contains(&format!("{name}::"));
                    if used && *above > layer(folder) {
                        wrong.push(format!(
                            "{}:{at} uses `{name}`, which is above it",
                            path.display()
                        ));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_layer_mentions_what_it_must_not_know() {
    let mut wrong = Vec::new();
    for (folder, words) in NEVER {
        for (path, text) in sources(&runtime().join(folder)) {
            for (at, line) in code(&text) {
                for word in *words {
                    if line.contains(word) {
                        wrong.push(format!("{}:{at} mentions `{word}`", path.display()));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_file_is_too_long() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut wrong = Vec::new();
    for dir in [
        "src",
        "chirp-runtime/src",
        "chirp-macros/src",
        "examples",
        "tests",
    ] {
        for (path, text) in sources(&root.join(dir)) {
            let lines = text.lines().count();
            if lines > MAX_LINES {
                wrong.push(format!(
                    "{} has {lines} lines, at most {MAX_LINES}",
                    path.display()
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The packages' `rust-version` is the toolchain that CI builds with, and is stated once.
#[test]
fn the_rust_version_is_stated_once() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let manifest = |path: &str| fs::read_to_string(root.join(path)).expect("a manifest");
    assert_eq!(
        manifest("Cargo.toml").matches("rust-version = \"").count(),
        1
    );
    for path in [
        "Cargo.toml",
        "chirp-runtime/Cargo.toml",
        "chirp-macros/Cargo.toml",
    ] {
        assert!(
            manifest(path).contains("rust-version.workspace = true"),
            "{path}"
        );
    }
}

/// Each row of the table of guards names a test that exists, and each guard test has a row.
#[test]
fn every_guard_has_a_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let architecture = fs::read_to_string(root.join("ARCHITECTURE.md")).expect("it is there");
    let table = architecture.split("## Guards").nth(1).expect("a section");
    let table = table.split("\n## ").next().expect("its text");
    let rows = table.lines().filter(|line| line.starts_with("| "));
    let named: std::collections::BTreeSet<_> = rows
        .skip(1)
        .map(|row| {
            let cell = row.trim_end_matches([' ', '|']).rsplit('|').next();
            let cell = cell.expect("four cells").trim();
            cell.trim_matches('`')
        })
        .collect();
    let files = sources(&root.join("tests/limits/guards"));
    let lines: Vec<_> = files.iter().flat_map(|(_, text)| text.lines()).collect();
    let tests: std::collections::BTreeSet<_> = lines
        .windows(2)
        .filter(|pair| pair[0] == "#[tokio::test]")
        .filter_map(|pair| pair[1].strip_prefix("async fn ")?.split('(').next())
        .collect();
    assert!(!tests.is_empty());
    assert_eq!(named, tests);
}

/// An id such as `CH-T20`, as its prefix and its number.
fn id(word: &str) -> Option<(&str, u32)> {
    let (system, rest) = word.split_once('-')?;
    if !["AC", "BI", "CH", "CS", "ST"].contains(&system) {
        return None;
    }
    let digits = rest.trim_start_matches(['T', 'W']);
    let number = digits.parse().ok()?;
    Some((&word[..word.len() - digits.len()], number))
}

/// The ids of a text, in order.
fn ids(text: &str) -> impl Iterator<Item = (&str, u32)> {
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '-');
    words.filter_map(id)
}

/// Each id in a comment or a test is in the table of tests/README.md, where "A to B" stands for all between.
#[test]
fn every_id_is_explained() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = fs::read_to_string(root.join("tests/README.md")).expect("the README");
    let mut explained = std::collections::BTreeSet::new();
    for row in readme.lines().filter(|line| line.starts_with("| ")) {
        let cell = row.split('|').nth(1).expect("a cell");
        for part in cell.split(',') {
            let ends: Vec<_> = ids(part).collect();
            if let (Some((prefix, first)), Some((_, last))) = (ends.first(), ends.last()) {
                explained.extend((*first..=*last).map(|number| (*prefix, number)));
            }
        }
    }
    let mut missing = Vec::new();
    for dir in ["tests", "chirp-runtime", "chirp-macros", "src", "examples"] {
        for (path, text) in sources(&root.join(dir)) {
            let unknown = ids(&text).filter(|id| !explained.contains(id));
            missing.extend(
                unknown.map(|(prefix, number)| format!("{}: {prefix}{number}", path.display())),
            );
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}
