//! Checks that the sources follow ARCHITECTURE.md.

use std::fs;
use std::path::{Path, PathBuf};

/// The layers of `chirp-runtime`, lowest first. A folder may use the folders of its own layer and of those below.
const LAYERS: &[(&str, u8)] = &[
    ("packet", 0),
    ("codec", 0),
    ("reflect", 1),
    ("capture", 1),
    ("session", 1),
    ("channel", 2),
    ("peer", 3),
    ("stream", 4),
    ("service", 5),
    ("dynamic", 6),
    ("layer", 6),
    ("health", 6),
    ("server", 6),
    ("record", 6),
    ("node", 7),
];

/// Words that the code of a folder must not contain.
const NEVER: &[(&str, &[&str])] = &[
    ("packet", &["tokio", "async ", "serde", "Mutex", "Instant"]),
    ("codec", &["tokio", "async ", "Mutex", "Instant"]),
    (
        "reflect",
        &["tokio", "async ", "Mutex", "Instant", "crate::packet"],
    ),
    ("capture", &["tokio", "async ", "Mutex", "Instant"]),
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
        "chirp-cli",
        "chirp-nats",
        "chirp-web",
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
        "chirp-cli/Cargo.toml",
        "chirp-runtime/Cargo.toml",
        "chirp-macros/Cargo.toml",
        "chirp-nats/Cargo.toml",
        "chirp-web/Cargo.toml",
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

fn architecture() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("ARCHITECTURE.md");
    fs::read_to_string(path).expect("ARCHITECTURE.md")
}

/// The rows of the first table in a section, as cells. The row of titles is not among them.
fn table<'a>(architecture: &'a str, heading: &str) -> Vec<Vec<&'a str>> {
    let heading = format!("\n## {heading}\n");
    let (_, section) = architecture.split_once(&heading).expect("the section");
    let section = section.split("\n## ").next().expect("its text");
    let rows = section.lines().filter(|line| line.starts_with("| "));
    let cells = |row: &'a str| row.trim_matches(['|', ' ']).split(" | ").collect();
    let rows: Vec<Vec<&str>> = rows.skip(1).map(cells).collect();
    assert!(!rows.is_empty(), "{heading}");
    rows
}

/// The words in backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// Where a path of ARCHITECTURE.md may begin.
fn file(path: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    [root.to_owned(), runtime()]
        .into_iter()
        .map(|folder| folder.join(path))
        .find(|path| path.exists())
}

#[test]
fn each_answer_to_where_to_find_is_there() {
    let architecture = architecture();
    let mut wrong = Vec::new();
    for row in table(&architecture, "Where to find") {
        let [_, path, function] = row[..] else {
            panic!("three cells: {row:?}");
        };
        let (path, function) = (path.trim_matches('`'), function.trim_matches('`'));
        let text = file(path).and_then(|path| fs::read_to_string(path).ok());
        if !text.is_some_and(|text| text.contains(&format!("fn {function}("))) {
            wrong.push(format!("`{function}` is not in {path}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The names of all tests of the workspace.
fn tests() -> std::collections::BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut names = std::collections::BTreeSet::new();
    for folder in [
        "tests",
        "chirp-cli",
        "chirp-nats",
        "chirp-web",
        "chirp-runtime/tests",
        "chirp-runtime/src",
    ] {
        for (_, text) in sources(&root.join(folder)) {
            let mut is_test = false;
            for line in text.lines().map(str::trim_start) {
                if line.starts_with("#[") {
                    is_test |= line.starts_with("#[test]") || line.starts_with("#[tokio::test");
                    continue;
                }
                let line = line.strip_prefix("async ").unwrap_or(line);
                if let (true, Some(rest)) = (is_test, line.strip_prefix("fn ")) {
                    names.extend(rest.split('(').next().map(str::to_owned));
                }
                is_test = false;
            }
        }
    }
    names
}

#[test]
fn every_invariant_and_limit_has_tests() {
    let (architecture, tests) = (architecture(), tests());
    let mut missing = Vec::new();
    for heading in ["Invariants", "Limits"] {
        for row in table(&architecture, heading) {
            let cell = row.last().expect("a cell");
            assert!(quoted(cell).next().is_some(), "no test: {row:?}");
            missing.extend(quoted(cell).filter(|name| !tests.contains(*name)));
        }
    }
    assert!(missing.is_empty(), "no such tests: {missing:#?}");
}

#[test]
fn every_path_and_name_in_the_document_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut texts = Vec::new();
    for folder in [
        "src",
        "chirp-runtime",
        "chirp-macros/src",
        "chirp-cli",
        "chirp-nats",
        "chirp-web",
        "tests",
    ] {
        let found = sources(&root.join(folder));
        texts.extend(found.into_iter().map(|(_, text)| text));
    }
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let known: std::collections::HashSet<&str> = texts
        .iter()
        .flat_map(|text| text.split(|c| !is_word(c)))
        .collect();
    let architecture = architecture();
    let mut wrong = Vec::new();
    for (at, line) in architecture.lines().enumerate() {
        for quoted in quoted(line) {
            let is_path = quoted.ends_with('/')
                || Path::new(quoted)
                    .extension()
                    .is_some_and(|kind| kind == "rs");
            if is_path && file(quoted).is_none() {
                wrong.push(format!("line {}: no file `{quoted}`", at + 1));
            }
            if is_path || quoted.contains([' ', '-']) {
                continue;
            }
            for word in quoted.split(|c| !is_word(c)) {
                if !word.is_empty() && !known.contains(word) {
                    wrong.push(format!("line {}: nothing is called `{word}`", at + 1));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
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
