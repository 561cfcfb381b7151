//! Typed, symmetric RPC from plain Rust traits.

pub use chirp_macros::{ServiceError, service};
#[doc(hidden)]
pub use chirp_runtime::__private;
pub use chirp_runtime::channel::{Channel, Endpoint, EndpointError};
pub use chirp_runtime::codec::ServiceError;
pub use chirp_runtime::peer::{
    AsCaller, Call, CallContext, CallError, Caller, Cast, ConnectError, DuplicateMethod, Handler, Handling,
    MethodError, MethodId, MethodName, Peer, PeerBuilder, Reply, Request, Responder, Router, SessionError,
    Status, connect,
};
pub use chirp_runtime::server::{Connection, Connections, Server, ServerBuilder};
pub use chirp_runtime::service::Service;
pub use chirp_runtime::session::Limits;
pub use chirp_runtime::{channel, codec, packet};
