//! The asynchronous shell around a session: what programs hold and what runs a connection.
//!
//! A [`Peer`] is one end of a connection: it calls, and it serves what was registered with its
//! [`PeerBuilder`]. A [`Handler`] is the one abstraction of both sides: an asynchronous function from a
//! [`Request`] to a [`Reply`]. Closures are handlers, and so are services, a [`Router`] and a [`Caller`].
//!
//! Three tasks serve a connection, and none of them waits for another. The *reader* takes what comes and
//! never runs user code. The *dispatcher* begins handlers, in order of arrival, and polls each once in
//! place; one that has to wait gets a task of its own. The *writer* writes everything that is ready in
//! one call. They and the callers share the session under one short lock.

mod abandoned;
mod blocking;
mod budget;
mod builder;
mod call;
mod caller;
mod cast;
mod connect;
mod connection;
mod context;
mod dispatch;
mod dispatcher;
mod error;
mod handle;
mod handler;
mod keep_alive;
mod local;
mod method;
mod metrics;
mod observe;
mod outgoing;
mod overdue;
mod packets;
mod progress;
mod queued;
mod reader;
mod reply;
mod request;
mod responder;
mod router;
mod runs;
mod send;
mod serving;
mod slow;
mod span;
mod task;
mod values;
mod waiters;
mod writer;

pub use blocking::Blocking;
pub use builder::PeerBuilder;
pub use call::Call;
pub use caller::{AsCaller, Caller};
pub use cast::Cast;
pub use connect::{ConnectError, connect};
pub use context::CallContext;
pub use error::{CallError, MethodError, SessionError};
pub use handle::{Peer, PeerState, Status};
pub use handler::{Handler, Handling};
pub use keep_alive::KeepAlive;
pub use method::{MethodId, MethodName};
pub use metrics::{Metrics, SharedMetrics};
pub use observe::{Direction, ObservedPacket};
pub use reply::Reply;
pub use request::Request;
pub use responder::{Deferred, Responder};
pub use router::{DuplicateMethod, Router};
pub use send::SendPacket;
pub use values::Values;
