//! Peers behind a gateway: calls become requests of HTTP.

mod call_headers;
mod connection;
mod description;
pub(crate) mod failure;
mod hooked_call;
mod item_lines;
mod scheme;
mod url;

pub use scheme::HttpTarget;
