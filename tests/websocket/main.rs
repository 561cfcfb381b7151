//! Channels over WebSocket.
#![cfg(feature = "websocket")]
#![allow(clippy::unwrap_used, reason = "a test may")]

mod calls;
#[cfg(feature = "tls")]
#[path = "../tls/certificates.rs"]
mod certificates;
mod client_handshakes;
mod closing;
mod frames;
mod handshakes;
mod hyper_programs;
mod other_implementations;
mod raw;
mod slow_links;
#[path = "../support/mod.rs"]
mod support;
#[cfg(feature = "tls")]
mod tls;
