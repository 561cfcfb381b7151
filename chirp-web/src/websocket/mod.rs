//! Channels over WebSocket.
//!
//! [`WebSocket`] is the scheme of addresses `ws://host:port/path` and `wss://host:port/path`.

mod address;
mod client;
mod connection;
mod error;
mod frame;
mod halves;
mod head;
mod listener;
mod masks;
mod output;
mod server;
mod service;
mod settings;
#[cfg(test)]
mod tests;
mod upgrade;
mod web_socket;

pub use error::{CloseReason, WebSocketError};
pub use service::{UpgradeListener, WebSocketService};
pub use web_socket::WebSocket;
