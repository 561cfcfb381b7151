//! Reconnecting clients, and calls to many targets.

mod backoff;
mod connect_loop;
mod gather;
#[cfg(test)]
mod links;
mod reconnect_config;
mod reconnect_state;
mod reconnecting_peer;
mod targets;

pub use gather::{Answer, Gather, GatherAll, GatherError, GatherTemplate, Target};
pub use reconnect_config::ReconnectConfig;
pub use reconnect_state::ReconnectState;
pub use reconnecting_peer::ReconnectingPeer;
pub use targets::Targets;
