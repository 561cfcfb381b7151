//! Peers that speak JSON-RPC 2.0.

#[allow(dead_code, reason = "the adapter will use it")]
mod dialect;
#[allow(dead_code, reason = "the adapter will use it")]
mod error_number;
#[allow(dead_code, reason = "the adapter will use it")]
mod framing;
#[allow(dead_code, reason = "the adapter will use it")]
mod json_rpc;

pub use dialect::{Dialect, UnknownDialect};
pub use framing::{Framing, FramingError, UnknownFraming};
pub use json_rpc::JsonRpc;
