//! Typed, symmetric RPC from plain Rust traits.

pub use chirp_runtime::peer::*;
pub use chirp_runtime::server::*;
pub use chirp_runtime::{channel, codec, packet, session};
