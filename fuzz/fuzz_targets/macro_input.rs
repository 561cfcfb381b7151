//! The macros' crate can export nothing but its macros, so that its modules are compiled here once more.
#![no_main]
#![allow(dead_code)]

#[path = "../../chirp-macros/src/args.rs"]
mod args;
#[path = "../../chirp-macros/src/ast/mod.rs"]
mod ast;
#[path = "../../chirp-macros/src/expand/mod.rs"]
mod expand;
#[path = "../../chirp-macros/src/fallback.rs"]
mod fallback;
#[path = "../../chirp-macros/src/mistakes.rs"]
mod mistakes;
#[path = "../../chirp-macros/src/service_error/mod.rs"]
mod service_error;
#[path = "../targets/tests/macro_input/target.rs"]
mod target;
#[path = "../../chirp-macros/src/validate/mod.rs"]
mod validate;

libfuzzer_sys::fuzz_target!(|data: &[u8]| target::run(data));
