//! Peers whose other side speaks JSON-RPC 2.0.
#![cfg(feature = "jsonrpc")]
#![allow(clippy::unwrap_used, reason = "a test may")]

mod calls;
#[cfg(feature = "process")]
mod clients;
mod descriptions;
mod limits;
mod messages;
mod peers;
mod program;
mod random;
mod schemes;
mod streams;
#[path = "../support/mod.rs"]
mod support;
