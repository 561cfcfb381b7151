//! The asynchronous shell around a session: what programs hold and what runs a connection.
//!
//! A [`Handler`] is the one abstraction of both sides: an asynchronous function from a [`Request`] to a
//! [`Reply`]. Closures are handlers, and so are services, a [`Router`] and a [`Caller`].

mod call;
mod caller;
mod context;
mod error;
mod handler;
mod method;
mod reply;
mod request;
mod router;

pub use call::Call;
pub use caller::{AsCaller, Caller};
pub use context::CallContext;
pub use error::{CallError, MethodError, SessionError};
pub use handler::{Handler, Handling};
pub use method::{MethodId, MethodName};
pub use reply::Reply;
pub use request::Request;
pub use router::{DuplicateMethod, Router};
