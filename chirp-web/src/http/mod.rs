//! A gateway: every method over HTTP, with JSON.
//!
//! A [`Gateway`] becomes a service for programs of axum, hyper or tower. The guide's page about HTTP says how requests and
//! responses look.

mod authenticate;
mod body;
mod call_head;
mod calling;
mod gateway;
mod media_type;
mod problem;
mod request_body;
mod service;
mod settings;
mod target;

pub use authenticate::{Authenticate, Authenticated, Unauthenticated};
pub use body::ResponseBody;
pub use gateway::Gateway;
pub use service::GatewayService;
