//! Services over NATS, with real servers of NATS. Without the program `nats-server`, each test says that it is skipped.

mod calls;
mod closing;
mod cluster;
mod durable;
mod listing;
mod multicast;
mod service;
mod support;
