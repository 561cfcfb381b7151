//! Services over NATS, with real servers of NATS. Without the program `nats-server`, each test says that it is skipped.

mod attacks;
mod calls;
mod channel;
mod closing;
mod cluster;
mod drops;
mod durable;
mod identity;
mod listing;
mod multicast;
mod nodes;
mod outages;
mod service;
mod soak;
mod support;
