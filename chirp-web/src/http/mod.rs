//! A gateway: every method over HTTP, with JSON.
//!
//! A [`Gateway`] becomes a service for programs of axum, hyper or tower. The guide's page about HTTP says how requests and
//! responses look.

mod arguments;
mod authenticate;
#[cfg(feature = "requests")]
mod base_url;
pub(crate) mod body;
mod body_items;
mod byte_body;
pub(crate) mod call_head;
mod calling;
pub(crate) mod client_io;
mod cross_origin;
#[cfg(feature = "requests")]
mod deferred;
mod document_cache;
mod entity_tag;
mod gateway;
mod gateway_url;
mod item_body;
pub(crate) mod media_type;
mod open_api;
mod page;
pub(crate) mod problem;
pub(crate) mod request_body;
mod server;
mod service;
mod settings;
mod silent_connections;
#[cfg(feature = "requests")]
mod stream_url;
pub(crate) mod target;
mod upload;
mod url_arguments;

pub use authenticate::{Authenticate, Authenticated, Unauthenticated};
pub use body::{BodyError, ResponseBody};
pub use gateway::Gateway;
pub use server::{BindError, ClientInfo, GatewayServer};
pub use service::GatewayService;
