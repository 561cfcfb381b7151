//! Peers: the asynchronous runtime of a connection, and the handles that programs use.
//!
//! A [`Peer`] is one end of a connection: it calls, and it serves the services that were registered with its
//! [`PeerBuilder`]. A [`Handler`] is the abstraction of both sides: an asynchronous function from a [`Request`] to a
//! [`Reply`]. Closures are handlers, and so are services, a [`Router`] and a [`Caller`].
//!
//! Three tasks serve a connection, and none of them waits for another. The *reader* handles received packets. The
//! *dispatcher* starts handlers, in order of arrival, and polls each once in place; while it is idle, the reader of a socket
//! does so for it. A handler that is pending gets a task of its own. The *writer* writes all output that is ready in one call. These tasks and the
//! callers share the session under one lock, which is held briefly.

mod backoff;
mod builder;
mod call_site;
mod channel_hello;
mod client;
mod connect;
mod connection;
mod error;
mod forward;
pub(crate) mod guard;
mod handle;
mod method;
mod method_error;
mod monitoring;
mod propagation;
mod server;
mod shared_config;
pub(crate) mod stream;
mod task;

pub(crate) use backoff::Backoff;
pub use builder::PeerBuilder;
pub use call_site::CallSite;
pub use client::answer::Answered;
pub use client::call::Call;
pub use client::caller::{AsCaller, Caller};
pub(crate) use client::connection_source::{CallPermit, ConnectionSource, Found};
pub use client::layer::{ClientFuture, ClientLayer, ClientNext, OutgoingCall, OutgoingFuture};
pub(crate) use client::limit::CallLimit;
pub use client::one_way_call::OneWayCall;
pub use client::retry_budget::RetryBudget;
pub use client::retry_policy::RetryPolicy;
pub use client::send::SendPacket;
pub(crate) use connect::CONNECT_TIME;
pub use connect::{ConnectError, connect};
pub use error::{CallError, ConnectionError, PacketRole, TemplateError};
pub use handle::{ConnectionStats, Peer, PeerState};
pub use method::{MethodId, MethodName};
pub use method_error::MethodError;
pub use monitoring::connection_counters::ConnectionCounters;
#[cfg(feature = "reflect")]
pub(crate) use monitoring::connection_report::ConnectionReport;
pub use monitoring::keep_alive::KeepAlive;
pub use monitoring::metrics::{Metrics, SharedMetrics};
pub use monitoring::observe::{Direction, ObservedPacket};
#[cfg(feature = "tracing")]
pub use monitoring::propagator::Propagator;
pub use monitoring::traffic::Traffic;
pub use server::access_policy::AccessPolicy;
pub use server::blocking_pool::BlockingPool;
pub use server::context::CallContext;
pub use server::extensions::Extensions;
pub use server::handler::{Handler, HandlerFuture};
#[cfg(feature = "reflect")]
pub(crate) use server::json_form::JsonForm;
pub use server::layer::{InboundRequest, Layer, Next, NextFuture};
pub(crate) use server::layer_chain::Layers;
#[cfg(feature = "reflect")]
pub(crate) use server::reflected_service::ReflectedService;
pub use server::reply::Reply;
pub use server::request::Request;
pub use server::responder::{Deferred, Responder};
pub(crate) use server::route_entry::{RouteDetails, RouteOwner};
pub use server::router::{RouteError, Router};
pub(crate) use server::service_order::{AcquireOrder, ServiceOrder};
#[cfg(feature = "reflect")]
pub(crate) use server::stats_source::StatsSource;
pub use stream::error::{StreamError, TimeLimit};
pub(crate) use task::Task;
