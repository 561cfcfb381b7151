//! Servers: listeners, one peer per connection, and graceful shutdown.

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
pub(crate) use listeners::Listeners;
pub use serve::Server;
