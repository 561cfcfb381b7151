//! Channels over WebSocket.
#![cfg(feature = "websocket")]
#![allow(clippy::unwrap_used, reason = "a test may")]

mod calls;
#[path = "../support/mod.rs"]
mod support;
