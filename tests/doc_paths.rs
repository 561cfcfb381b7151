//! Documentation speaks of the crate that programs depend on.

use std::fs;
use std::path::Path;

fn check(folder: &Path, wrong: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("a source folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            check(&path, wrong);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("a source file");
            for (at, line) in text.lines().enumerate() {
                let line = line.trim_start();
                let doc = line
                    .strip_prefix("///")
                    .or_else(|| line.strip_prefix("//!"));
                // A line that begins with `#` is not shown.
                if let Some(doc) = doc
                    && !doc.trim_start().starts_with("# ")
                    && doc.contains("chirp_runtime::")
                {
                    wrong.push(format!("{}:{}", path.display(), at + 1));
                }
            }
        }
    }
}

#[test]
fn examples_name_the_crate_that_programs_depend_on() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut wrong = Vec::new();
    for folder in ["src", "chirp-runtime/src", "chirp-macros/src"] {
        check(&root.join(folder), &mut wrong);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
