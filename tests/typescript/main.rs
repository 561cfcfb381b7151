//! TypeScript that is generated from descriptions.
#![cfg(all(feature = "typescript", feature = "websocket"))]

mod generated;
mod hostile;
mod node;
mod odd_names;
mod shapes;
mod shop;
#[path = "../support/mod.rs"]
mod support;
