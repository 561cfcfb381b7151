//! Chirp services over [NATS](https://nats.io): the same `#[chirp::service]` traits, routed, balanced and fanned out by a cluster.
//!
//! A [`Nats`] is a connection. [`Nats::server`] serves services, in any number of processes, and clients are created from the
//! connection: `ArithClient::new(&nats)`. Any other client of NATS calls the methods in JSON.
//!
//! ```no_run
//! # use chirp_runtime::service::Service;
//! use chirp_nats::Nats;
//!
//! # async fn serve(arith: impl Service) -> Result<(), chirp_nats::NatsError> {
//! let nats = Nats::connect("nats://127.0.0.1:4222").await?;
//! let server = nats.server().service(arith).start().await?;
//! println!("serving {:?}", server.subjects());
//! # Ok(()) }
//! ```
//!
//! ```console
//! $ nats micro ls
//! $ nats request Arith.sum_diff '{"a":1,"b":2}'
//! ```
//!
//! The headers of messages are in `chirp-nats/src/headers.rs`, their subjects in `chirp-nats/src/subject.rs`.

mod caller;
mod channel;
mod connection;
mod discovery;
mod durable;
mod error;
mod headers;
mod inbox;
mod multicast;
mod options;
mod outbox;
mod server;
mod subject;

pub use caller::NatsCaller;
pub use channel::NatsScheme;
pub use connection::Nats;
pub use discovery::{NatsDiscovery, NatsNode};
pub use durable::DurableCaller;
pub use error::NatsError;
pub use multicast::{Everyone, Gathered, Multicast, MulticastEnd};
pub use options::NatsOptions;
pub use server::{NatsServer, NatsServerBuilder};
