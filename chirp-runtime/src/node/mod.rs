//! Reconnecting clients: a client that connects again after its connection has ended.

mod backoff;
mod connect_loop;
mod reconnect_config;
mod reconnect_state;
mod reconnecting_peer;

pub use reconnect_config::ReconnectConfig;
pub use reconnect_state::ReconnectState;
pub use reconnecting_peer::ReconnectingPeer;
