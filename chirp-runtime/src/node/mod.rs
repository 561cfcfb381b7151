//! Connections that come back: a client that dials again when its connection is gone.

mod backoff;
mod dialler;
mod reconnect;
mod reconnecting;
mod state;

pub use reconnect::Reconnect;
pub use reconnecting::Reconnecting;
pub use state::LinkState;
