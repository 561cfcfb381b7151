//! Health: the reserved service `chirp.health`, by which a peer tells whether its services can be used (PROTOCOL.md,
//! section 6.5).

mod client;
mod registry;
mod server;
mod status;

pub use client::HealthClient;
pub use registry::Health;
pub use status::HealthStatus;
