//! Typed, symmetric RPC from plain Rust traits.
//!
//! A trait marked [`#[chirp::service]`](macro@service) is the whole interface definition: it generates a typed client and
//! the registration of handlers. Both ends of a connection can serve and call. The wire is Chirp v0, a small binary protocol
//! that programs in other languages can speak.
//!
//! ```
//! use chirp::Server;
//!
//! /// Greets people.
//! #[chirp::service]
//! pub trait Greeter {
//!     async fn greet(&self, name: &str) -> String;
//! }
//!
//! struct Polite;
//!
//! impl Greeter for Polite {
//!     async fn greet(&self, name: &str) -> String {
//!         format!("Good day, {name}!")
//!     }
//! }
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let server = Server::builder()
//!         .service(GreeterServer::new(Polite))
//!         .bind("tcp://127.0.0.1:0")
//!         .await?;
//!     let address = server.endpoint().to_string();
//!     tokio::spawn(server.run());
//!
//!     let peer = chirp::connect(&address).await?;
//!     let greeting = GreeterClient::new(&peer).greet("Ann").await?;
//!     assert_eq!(greeting, "Good day, Ann!");
//!     Ok(())
//! }
//! ```
//!
//! # Where to read on
//!
//! | to learn | read |
//! |---|---|
//! | how to use the crate, topic by topic | the [`guide`] |
//! | everything that a service trait can contain | [`#[chirp::service]`](macro@service) |
//! | how errors get their codes | [`#[derive(ServiceError)]`](derive@ServiceError) |
//! | how to make calls and handle their errors | [`Call`], [`CallError`], [`MethodError`] |
//! | how to serve and connect | [`Server`], [`connect`], [`PeerBuilder`], [`Endpoint`] |
//! | how to send many items | [`stream::channel`], [`Sender`], [`Receiver`] |
//! | what is bounded | [`Limits`] |
//! | how values become bytes | [`codec`] |
//!
//! # Features
//!
//! | feature | default | adds |
//! |---|---|---|
//! | `tracing` | yes | spans and log events |
//! | `http` | no | a gateway: every method over HTTP, with JSON: `http` |
//! | `json`, `messagepack`, `postcard` | no | codecs |
//! | `jsonrpc` | no | peers that speak JSON-RPC 2.0, such as editors and agents: `jsonrpc` |
//! | `tls` | no | `tls://` addresses, with certificates or raw public keys; compiles C and assembly (`ring`) |
//! | `process` | no | child processes, `exec:`, `stdio:` and `fd:` addresses |
//! | `lz4` | no | compressed packets |
//! | `mdns` | no | discovery of nodes on the local network |
//! | `metrics` | no | publishing numbers to the `metrics` facade |
//! | `record` | no | records of packets, for Wireshark: `record::Recorder` |
//! | `reflect` | no | calls of any method in JSON, and the shapes of types: `reflect` |
//! | `requests` | no | requests over HTTP whose responses come later and elsewhere: `requests` |
//! | `requests-store` | no | such requests survive a restart, in a file |
//! | `tower` | no | layers of the crate `tower`, around handlers and calls |
//! | `typescript` | no | clients and handlers in TypeScript, from the description of a peer: `typescript` |
//! | `websocket` | no | `ws://` and `wss://` addresses, also within programs of axum and hyper: `websocket` |
//!
//! Only tokio is supported, and handlers are `Send`. Everything that a peer could make this side hold is bounded.

#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod guide;

#[doc = include_str!("service_error.md")]
pub use chirp_macros::ServiceError;
#[doc = include_str!("service.md")]
pub use chirp_macros::service;
#[doc(hidden)]
pub use chirp_runtime::__private;
pub use chirp_runtime::channel::{Channel, Endpoint, EndpointError, Identity, PublicKey};
pub use chirp_runtime::codec::ServiceError;
pub use chirp_runtime::health::{Health, HealthClient, HealthStatus};
#[cfg(feature = "mdns")]
pub use chirp_runtime::node::Mdns;
pub use chirp_runtime::node::{
    AddressList, AddressState, Announcement, Answer, BalancePolicy, BalancedConfig, BalancedPeer,
    BalancedState, Discovered, Discovery, Gather, GatherError, GatherTemplate, Labels, LinkInfo,
    Node, NodeAddress, NodeBuilder, NodeError, NodeEvent, NodeEvents, NodeInfo, NodePeer,
    NodeState, ReconnectConfig, ReconnectState, ReconnectingPeer, Refusal, RefusalReason, Target,
    Targets, connect_any,
};
pub use chirp_runtime::packet::{Metadata, MetadataError, TraceContext, TraceContextError};
#[cfg(feature = "tracing")]
pub use chirp_runtime::peer::Propagator;
pub use chirp_runtime::peer::{
    AccessPolicy, AsCaller, BlockingPool, Call, CallContext, CallError, CallSite, Caller,
    ConnectError, ConnectionCounters, ConnectionError, ConnectionStats, Direction, Extensions,
    Handler, HandlerFuture, KeepAlive, MethodError, MethodId, MethodName, Metrics, ObservedPacket,
    OneWayCall, PacketRole, Peer, PeerBuilder, PeerState, Reply, Request, Responder, RetryBudget,
    RetryPolicy, RouteError, Router, SendPacket, SharedMetrics, TemplateError, Traffic, connect,
};
pub use chirp_runtime::peer::{
    Answered, ClientFuture, ClientLayer, ClientNext, OutgoingCall, OutgoingFuture,
};
pub use chirp_runtime::peer::{InboundRequest, Layer, Next, NextFuture};
#[cfg(feature = "record")]
pub use chirp_runtime::record;
pub use chirp_runtime::server::{
    AcceptError, Connection, Connections, Server, ServerBuilder, ServerHandle,
};
pub use chirp_runtime::service::{CallOf, Compatibility, Contract, Mismatch, Service, Signature};
pub use chirp_runtime::session::{LimitOwner, Limits, Negotiation};
pub use chirp_runtime::stream::{
    ByteReader, ByteWriter, IntoReceiver, ItemError, Receiver, Sender, Stream, StreamError,
    TimeLimit, TryRecvError, TrySendError,
};
pub use chirp_runtime::{channel, codec, layer, packet, stream};

#[cfg(feature = "http")]
pub use chirp_web::http;
#[cfg(feature = "jsonrpc")]
pub use chirp_web::jsonrpc;
#[cfg(feature = "requests")]
pub use chirp_web::requests;
#[cfg(feature = "typescript")]
pub use chirp_web::typescript;
#[cfg(feature = "websocket")]
pub use chirp_web::websocket;

#[cfg(feature = "reflect")]
pub mod reflect;

/// The programs of README.md, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;
