//! Accepting connections: one peer for each, and a graceful end.

mod builder;
mod connections;
mod error;
mod handle;
mod handshakes;
mod listeners;
mod running;
mod serve;
mod silent;

pub use builder::ServerBuilder;
pub use connections::{Connection, Connections};
pub use error::AcceptError;
pub use handle::ServerHandle;
pub use serve::Server;
