//! Peers whose other side speaks JSON-RPC 2.0.
#![cfg(feature = "jsonrpc")]
#![allow(clippy::unwrap_used, reason = "a test may")]

mod calls;
mod limits;
mod messages;
mod peers;
mod program;
mod random;
mod schemes;
#[path = "../support/mod.rs"]
mod support;
