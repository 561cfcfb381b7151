//! Token streams as the input of the macros: they never panic, and what they generate is Rust, also for input with mistakes.
//!
//! The first line of an input has the options of `#[chirp::service]`, or is `derive` for `#[derive(ServiceError)]`. The other
//! lines are the item.

use proc_macro2::TokenStream;

use crate::{expand, service_error};

/// The deepest nesting of brackets. The parser of a compiler has a limit, too, and syn has none.
const MAX_DEPTH: usize = 40;

/// Runs the target.
pub(crate) fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (options, item) = text.split_once('\n').unwrap_or(("", &text));
    if is_deep(&text) {
        return;
    }
    let (Ok(options_tokens), Ok(item)) = (options.parse(), item.parse::<TokenStream>()) else {
        return;
    };
    let is_item = syn::parse2::<syn::Item>(item.clone()).is_ok();
    let expanded = if options == "derive" {
        service_error::derive(item)
    } else {
        expand::service(options_tokens, &item)
    };
    if is_item {
        let parsed = syn::parse2::<syn::File>(expanded.clone());
        assert!(parsed.is_ok(), "{:?}: {expanded}", parsed.err());
    }
}

fn is_deep(text: &str) -> bool {
    let mut depth = 0_usize;
    text.bytes().any(|byte| {
        match byte {
            b'(' | b'[' | b'{' | b'<' | b'&' | b'*' | b'!' | b'-' => depth += 1,
            b')' | b']' | b'}' | b'>' => depth = depth.saturating_sub(1),
            b';' => depth /= 2,
            _ => {}
        }
        depth > MAX_DEPTH
    })
}
