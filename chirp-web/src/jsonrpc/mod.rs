//! Peers that speak JSON-RPC 2.0.

mod dialect;
#[allow(dead_code, reason = "the adapter will use it")]
mod error_number;
#[allow(dead_code, reason = "the adapter will use it")]
mod framing;
#[allow(dead_code, reason = "the adapter will use it")]
mod json_rpc;

pub use dialect::Dialect;
pub use framing::{Framing, FramingError, UnknownFraming};
pub use json_rpc::JsonRpc;
