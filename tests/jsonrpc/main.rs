//! Peers whose other side speaks JSON-RPC 2.0.
#![cfg(feature = "jsonrpc")]
#![allow(clippy::unwrap_used, reason = "a test may")]

mod calls;
mod messages;
mod program;
mod schemes;
#[path = "../support/mod.rs"]
mod support;
