//! TypeScript that is generated from descriptions.
#![cfg(feature = "typescript")]

mod generated;
mod odd_names;
mod shapes;
mod shop;
#[path = "../support/mod.rs"]
mod support;
