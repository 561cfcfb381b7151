//! Typed, symmetric RPC from plain Rust traits.

// pub use chirp_macros::{ServiceError, service};
pub use chirp_runtime::peer::*;
pub use chirp_runtime::{codec, packet};
