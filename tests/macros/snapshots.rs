//! The inputs of the expansion snapshots in `chirp-macros/snapshots` compile.

#![allow(
    dead_code,
    deprecated,
    non_snake_case,
    unreachable_pub,
    clippy::missing_errors_doc,
    reason = "nobody calls them, and some are odd on purpose"
)]

use std::fs;
use std::path::Path;

#[path = "../../chirp-macros/snapshots/arguments.rs"]
mod arguments;
#[path = "../../chirp-macros/snapshots/attributes.rs"]
mod attributes;
#[cfg(feature = "json")]
#[path = "../../chirp-macros/snapshots/codec_json.rs"]
mod codec_json;
#[path = "../../chirp-macros/snapshots/codec_raw.rs"]
mod codec_raw;
#[path = "../../chirp-macros/snapshots/context.rs"]
mod context;
#[path = "../../chirp-macros/snapshots/default_bodies.rs"]
mod default_bodies;
#[path = "../../chirp-macros/snapshots/error.rs"]
mod error;
#[path = "../../chirp-macros/snapshots/minimal.rs"]
mod minimal;
#[path = "../../chirp-macros/snapshots/named.rs"]
mod named;
#[path = "../../chirp-macros/snapshots/names.rs"]
mod names;
#[path = "../../chirp-macros/snapshots/one_way.rs"]
mod one_way;
#[path = "../../chirp-macros/snapshots/options.rs"]
mod options;
#[path = "../../chirp-macros/snapshots/parameters.rs"]
mod parameters;
#[path = "../../chirp-macros/snapshots/raw_identifiers.rs"]
mod raw_identifiers;
#[path = "../../chirp-macros/snapshots/results.rs"]
mod results;
#[path = "../../chirp-macros/snapshots/streams.rs"]
mod streams;

#[test]
fn every_snapshot_is_compiled() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("chirp-macros/snapshots");
    for entry in fs::read_dir(folder).expect("the snapshots") {
        let name = entry.expect("an entry").file_name();
        let name = name.to_str().expect("a name");
        // This one is full of mistakes; it checks that the trait is still emitted.
        if name.ends_with(".expanded.rs") || name == "mistakes.rs" {
            continue;
        }
        let line = format!("#[path = \"../../chirp-macros/snapshots/{name}\"]");
        assert!(include_str!("snapshots.rs").contains(&line), "{name}");
    }
}
