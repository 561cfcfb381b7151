//! Peers that speak JSON-RPC 2.0.

mod adapter;
mod address;
mod dialect;
mod error_number;
mod errors;
mod framing;
mod json_rpc;
mod message;
mod scheme;

pub use dialect::{Dialect, UnknownDialect};
pub use framing::{Framing, FramingError, UnknownFraming};
pub use json_rpc::JsonRpc;
