//! Chirp for editors, agents and browsers. Use it through the features of the crate `chirp`, which has these modules under
//! the same names.

#[cfg(feature = "http")]
pub mod http;
#[cfg(feature = "requests")]
mod http_target;
#[cfg(feature = "jsonrpc")]
pub mod jsonrpc;
#[cfg(any(feature = "http", feature = "websocket"))]
mod origin_policy;
#[cfg(feature = "requests")]
mod outgoing;
#[cfg(feature = "requests")]
pub mod requests;
#[cfg(feature = "http")]
mod task;
#[cfg(feature = "typescript")]
pub mod typescript;
#[cfg(feature = "websocket")]
pub mod websocket;
