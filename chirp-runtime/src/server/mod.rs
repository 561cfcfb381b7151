//! Accepting connections: one peer for each, and a graceful end.

mod builder;
mod connections;
mod serve;

pub use builder::ServerBuilder;
pub use connections::{Connection, Connections};
pub use serve::Server;
