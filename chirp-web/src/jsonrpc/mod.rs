//! Peers that speak JSON-RPC 2.0.

#[allow(dead_code, reason = "the adapter will use it")]
mod error_number;
#[allow(dead_code, reason = "the adapter will use it")]
mod framing;

pub use framing::{Framing, FramingError, UnknownFraming};
