//! Compares the macros' output for the traits in `snapshots/` with the checked-in expansions. After a change to the
//! generated code, update them:
//!
//! ```text
//! UPDATE_SNAPSHOTS=1 cargo test -p chirp-macros
//! git diff chirp-macros/snapshots
//! ```
//!
//! `tests/macros/snapshots.rs` of the crate `chirp` checks that the inputs compile.

use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Attribute, File, Item, Meta};

use crate::{expand, service_error};

const EXPANDED: &str = "expanded.rs";

#[test]
fn what_is_generated_is_what_was_looked_at() {
    let update = std::env::var_os("UPDATE_SNAPSHOTS").is_some();
    let mut wrong = Vec::new();
    for input in inputs() {
        let expanded = expand_file(&fs::read_to_string(&input).expect("an input"));
        let path = input.with_extension(EXPANDED);
        if update {
            fs::write(&path, &expanded).expect("a snapshot is written");
        }
        let looked_at = fs::read_to_string(&path).unwrap_or_default();
        if let Some(difference) = first_difference(&looked_at, &expanded) {
            wrong.push(format!("{}:{difference}", path.display()));
        }
    }
    assert!(
        wrong.is_empty(),
        "{}\n\nif that is as it should be: `UPDATE_SNAPSHOTS=1 cargo test -p chirp-macros`",
        wrong.join("\n\n")
    );
}

/// Every expansion has an input.
fn inputs() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("snapshots");
    let entries = fs::read_dir(folder).expect("the snapshots");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let (snapshots, inputs): (Vec<_>, Vec<_>) =
        paths.partition(|path| path.to_string_lossy().ends_with(EXPANDED));
    for snapshot in snapshots {
        let input = snapshot.with_extension("").with_extension("rs");
        assert!(input.exists(), "{} has no input", snapshot.display());
    }
    inputs
}

fn expand_file(text: &str) -> String {
    let file: File = syn::parse_str(text).expect("an input is Rust");
    let expanded = file.items.into_iter().map(expand_item).collect();
    prettyplease::unparse(&syn::parse2(expanded).expect("what is generated is Rust"))
}

/// The expansion of an item, or `None` if it carries no attribute of ours.
fn expand_item(item: Item) -> TokenStream {
    match item {
        Item::Trait(mut item) => {
            let at = item.attrs.iter().position(is_service).expect("a service");
            let options = match item.attrs.remove(at).meta {
                Meta::List(list) => list.tokens,
                _ => TokenStream::new(),
            };
            expand::service(options, &item.into_token_stream())
        }
        Item::Enum(mut item) => {
            item.attrs.retain(|attr| !attr.path().is_ident("derive"));
            service_error::derive(quote!(#item))
        }
        _ => TokenStream::new(),
    }
}

fn is_service(attr: &Attribute) -> bool {
    let name = attr.path().segments.last();
    name.is_some_and(|segment| segment.ident == "service")
}

/// The first line that differs, from both texts.
fn first_difference(old: &str, new: &str) -> Option<String> {
    let len = old.lines().count().max(new.lines().count());
    let mut lines = old
        .lines()
        .map(Some)
        .chain(std::iter::repeat(None))
        .zip(new.lines().map(Some).chain(std::iter::repeat(None)))
        .take(len)
        .enumerate();
    let (at, (old, new)) = lines.find(|(_, (old, new))| old != new)?;
    let [old, new] = [old, new].map(|line| line.unwrap_or("(the end)"));
    Some(format!("{}\n- {old}\n+ {new}", at + 1))
}
