//! Accepting connections: one peer for each, and a graceful end.

mod accept_loop;
mod builder;
mod connections;
mod error;
mod handle;
mod handshakes;
mod idle_connections;
mod listeners;
mod serve;

pub use builder::ServerBuilder;
pub use connections::{Connection, Connections};
pub use error::AcceptError;
pub use handle::ServerHandle;
pub use serve::Server;
