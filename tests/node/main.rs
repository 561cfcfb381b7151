//! Nodes: joins, links, names, restarts and discovery.
#![allow(clippy::unwrap_used, reason = "a test may")]

#[path = "../support/mod.rs"]
mod support;

mod bilateral;
mod discovery;
mod health;
mod hostile;
mod joins;
mod links;
mod multicasts;
#[cfg(feature = "tls")]
mod names;
mod nodes;
mod random_multicasts;
mod raw;
mod restarts;
