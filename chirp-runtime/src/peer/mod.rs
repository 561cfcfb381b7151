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

mod builder;
mod call_site;
mod calling;
mod compression;
mod connect;
mod connection;
mod error;
pub(crate) mod guard;
mod handle;
mod handling;
mod hello;
mod last_writes;
mod lingering;
mod method;
mod method_error;
mod monitoring;
mod reader;
mod sending;
mod state;
pub(crate) mod streaming;
mod task;
mod writer;

pub use builder::PeerBuilder;
pub use call_site::CallSite;
pub use calling::answer::Answered;
pub use calling::call::Call;
pub use calling::caller::{AsCaller, Caller};
pub(crate) use calling::connection_source::ConnectionSource;
pub use calling::one_way_call::OneWayCall;
pub use calling::send::SendPacket;
pub(crate) use connect::CONNECT_TIME;
pub use connect::{ConnectError, connect};
pub use error::{CallError, ConnectionError, PacketRole};
pub use handle::{ConnectionStats, Peer, PeerState};
pub use handling::access_policy::AccessPolicy;
pub use handling::blocking_pool::BlockingPool;
pub use handling::context::CallContext;
pub use handling::extensions::Extensions;
pub use handling::handler::{Handler, HandlerFuture};
pub use handling::reply::Reply;
pub use handling::request::Request;
pub use handling::responder::{Deferred, Responder};
pub use handling::router::{RouteError, Router};
pub(crate) use handling::service_order::{AcquireOrder, ServiceOrder};
pub use method::{MethodId, MethodName};
pub use method_error::MethodError;
pub use monitoring::keep_alive::KeepAlive;
pub use monitoring::metrics::{Metrics, SharedMetrics};
pub use monitoring::observe::{Direction, ObservedPacket};
pub use streaming::error::{StreamError, TimeLimit};
pub(crate) use task::Task;
