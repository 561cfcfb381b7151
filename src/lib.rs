//! Typed, symmetric RPC from plain Rust traits.
//!
//! A trait marked [`#[chirp::service]`](macro@service) is the whole interface of a service. From it come a
//! client with one method per trait method, and the registration of handlers. Underneath runs a [`Peer`],
//! one end of a connection over which both sides call and serve, in the packets of Chirp v0: a small
//! protocol that a program in another language can join with two hundred lines of code.
//!
//! # The first call
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
//! The trait stays an ordinary trait: `Polite` implements it with a plain `async fn`. `GreeterClient` and
//! `GreeterServer` are generated. What the attribute accepts, and what it makes of it, is on
//! [its page](macro@service).
//!
//! # Calls
//!
//! A client's method gives a [`Call`]: a future, sent at its first poll. Its arguments are encoded when it is
//! made, so that it borrows nothing and can be spawned.
//!
//! ```
//! # #[chirp::service] pub trait Greeter { async fn greet(&self, name: &str) -> String; }
//! # async fn calls(greeter: GreeterClient) -> Result<(), chirp::CallError> {
//! use std::time::Duration;
//!
//! // Together, on one connection:
//! let (ann, bob) = tokio::try_join!(greeter.greet("Ann"), greeter.greet("Bob"))?;
//! // Sent now, awaited later:
//! let call = greeter.greet("Cleo").start();
//! // For so long and no longer; then it fails with `CallError::DeadlineExceeded`:
//! greeter.greet("Dan").timeout(Duration::from_secs(1)).await?;
//! // Dropping a call cancels it: the handler at the other side is dropped at its next `.await`.
//! drop(call);
//! # Ok(()) }
//! ```
//!
//! # What can go wrong
//!
//! A method that cannot fail gives its caller `Result<T, CallError>`: a [`CallError`] is why the call failed,
//! ordered by who is to blame, and it says whether the method [may have run](CallError::may_have_run),
//! whether the call is [safe to retry](CallError::is_safe_to_retry), and whether the cause is
//! [transient](CallError::is_transient).
//!
//! A method that returns `Result<T, E>` gives `Result<T, MethodError<E>>`: either its own error, as the
//! handler made it, or a `CallError`. `E` derives [`ServiceError`](macro@ServiceError), which gives each
//! variant a code that peers in other languages see too:
//!
//! ```
//! use chirp::MethodError;
//!
//! #[derive(Debug, thiserror::Error, chirp::ServiceError)]
//! pub enum StoreError {
//!     #[error("there is no {key:?}")]
//!     #[chirp(code = 404)]
//!     Missing { key: String },
//! }
//!
//! #[chirp::service]
//! pub trait Store {
//!     async fn get(&self, key: &str) -> Result<Vec<u8>, StoreError>;
//! }
//!
//! async fn size(store: &StoreClient, key: &str) -> Result<usize, chirp::CallError> {
//!     match store.get(key).await {
//!         Ok(data) => Ok(data.len()),
//!         Err(MethodError::Handler(StoreError::Missing { .. })) => Ok(0),
//!         Err(MethodError::Call(error)) => Err(error),
//!     }
//! }
//! ```
//!
//! Methods may also fail with what the standard library has, `io::Result<T>` for one, or with
//! `Box<dyn Error + Send + Sync>` and so with whatever `?` finds: see [`ServiceError`](trait@ServiceError).
//!
//! `?` turns both errors of calls into `anyhow::Error`, and into an error of your own that says how. Calls whose
//! errors differ go into one `try_join!` when [`err_into`](Call::err_into) makes them alike:
//!
//! ```
//! # #[derive(Debug, thiserror::Error, chirp::ServiceError)]
//! # #[error("missing")] #[chirp(code = 404)] pub struct StoreError;
//! # #[derive(Debug, thiserror::Error, chirp::ServiceError)]
//! # #[error("too soon")] #[chirp(code = 1)] pub struct ClockError;
//! # #[chirp::service] pub trait Store {
//! #     async fn get(&self, key: &str) -> Result<Vec<u8>, StoreError>;
//! #     async fn count(&self) -> u64;
//! # }
//! # #[chirp::service] pub trait Clock { async fn now(&self) -> Result<u64, ClockError>; }
//! use chirp::{CallError, MethodError};
//!
//! #[derive(Debug, thiserror::Error)]
//! enum Error {
//!     #[error("the store: {0}")]
//!     Store(#[from] MethodError<StoreError>),
//!     #[error("the clock: {0}")]
//!     Clock(#[from] MethodError<ClockError>),
//!     #[error(transparent)]
//!     Call(#[from] CallError),
//! }
//!
//! async fn both(store: StoreClient, clock: ClockClient) -> Result<(), Error> {
//!     // `count` fails only as a call does, which `get` does, too.
//!     let (data, count) = tokio::try_join!(store.get("k"), store.count().err_into())?;
//!     let (data, now) = tokio::try_join!(store.get("k").err_into::<Error>(), clock.now().err_into())?;
//!     Ok(())
//! }
//! ```
//!
//! Where it does not matter which of the services failed, [`MethodError::flatten`] makes one error of either half.
//! A handler whose own call failed has failed by itself: `?` makes an [`ErrorData`](packet::ErrorData) with code 0
//! and the reason as text of it, never the other service's code.
//!
//! A panic in a handler becomes an error of its call, with a number that the log repeats; the connection lives
//! on. When the connection ends, every waiting call fails with [`CallError::ConnectionLost`] and the reason.
//!
//! # Both directions
//!
//! A peer that connects may serve as well, and a handler may call its caller back: an argument of type
//! [`&CallContext`](CallContext) is not sent, it is what the handler is told about the call.
//!
//! ```
//! use chirp::{CallContext, PeerBuilder};
//!
//! #[chirp::service]
//! pub trait Build {
//!     async fn build(&self, cx: &CallContext, target: &str) -> bool;
//! }
//!
//! #[chirp::service]
//! pub trait Progress {
//!     async fn percent(&self, done: u8);
//! }
//!
//! struct Builder;
//!
//! impl Build for Builder {
//!     async fn build(&self, cx: &CallContext, _target: &str) -> bool {
//!         let progress = ProgressClient::new(cx.caller());
//!         progress.percent(50).await.is_ok()
//!     }
//! }
//!
//! struct Bar;
//!
//! impl Progress for Bar {
//!     async fn percent(&self, _done: u8) {}
//! }
//!
//! # async fn both(address: &str) -> Result<(), Box<dyn std::error::Error>> {
//! let peer = PeerBuilder::new().service(ProgressServer::new(Bar)).connect(address).await?;
//! BuildClient::new(&peer).build("all").await?;
//! # Ok(()) }
//! ```
//!
//! A server reaches those who connected to it through [`Server::incoming`], and
//! [`ServerBuilder::service_with`] makes a service for each of them.
//!
//! # Streams
//!
//! A method may return `impl Stream<Item = T>`, whose caller gets a [`Receiver<T>`](Receiver), and take a `Receiver<T>`,
//! for which a caller gives any stream:
//!
//! ```
//! use chirp::{Receiver, Stream};
//!
//! #[chirp::service]
//! pub trait Numbers {
//!     async fn count(&self, to: u64) -> impl Stream<Item = u64>;
//!     async fn total(&self, numbers: Receiver<u64>) -> u64;
//! }
//!
//! # async fn streams(numbers: NumbersClient) -> Result<(), Box<dyn std::error::Error>> {
//! let mut counted = numbers.count(1_000_000).await?;
//! while let Some(number) = counted.recv().await {
//!     println!("{}", number?);
//! }
//! let total = numbers.total(tokio_stream::iter([1, 2, 3])).await?;
//! # Ok(()) }
//! ```
//!
//! A reader that is slow holds up its own stream and nothing else; one that is dropped stops the producer; a producer that
//! is lost is an error, never an end. The two halves of a [`stream::channel()`] are values, which may travel in arguments, results and
//! items. [`ByteReader`] and [`ByteWriter`] are streams of bytes as files are. See the section on streams of
//! [`service`](macro@service#streams), and `examples/`: `tail` returns a stream, `upload` takes one, `chat` does both, and
//! `sources` has streams in the items of a stream.
//!
//! # Addresses
//!
//! What carries the bytes is a word: `tcp://host:port`, `tls://host:port` (feature `tls`), `unix:///path`, `inproc://name` within a process, and with
//! the feature `process` `exec:program args`, `stdio:` and `fd:3,4`. [`Endpoint`] has all of them, and
//! everything that connects or listens takes a text or an `Endpoint`. A server may listen on several
//! ([`Server::also_bind`]), and takes channels that came about elsewhere ([`ServerHandle::serve_connection`]). Any
//! `AsyncRead + AsyncWrite` is a [`Channel`], and [`channel`](mod@channel) says what a channel of your own has to keep to.
//!
//! # Whom one talks to
//!
//! [`Peer::identity`], [`CallContext::identity`] and [`Connection`] say who is at the other end, as far as the channel
//! has made sure of it: an [`Identity`]. Over a Unix socket it is a user of this machine. With the feature `tls`,
//! `tls://host:port` is encrypted, and it is a key or the names in a certificate:
//!
//! - With **keys as names** no authority is needed. `channel::Keypair::load_or_generate` keeps a key in a file, its
//!   [`PublicKey`] as text is its name, and each end admits the other's: `channel::TlsServer::keys(&keys, friend)` for
//!   `ServerBuilder::tls`, `channel::TlsClient::keys(&keys, server)` for `PeerBuilder::tls`.
//! - With **certificates**, `channel::TlsCertificate` is this side's, which can be reloaded, and `channel::TlsRoots` are
//!   those whose word counts. A client that is told nothing believes the system's.
//!
//! [`AccessPolicy`] says who may call which method. It decides on the method that will run, and who may nothing learns no
//! names.
//!
//! ```
//! use chirp::{AccessPolicy, PeerBuilder, PublicKey};
//!
//! # #[chirp::service] pub trait Daemon { async fn status(&self) -> String; async fn stop(&self); }
//! fn guarded(operator: PublicKey) -> PeerBuilder {
//!     let access = AccessPolicy::new()
//!         .allow([DaemonMethods::STATUS], |who| !who.is_anonymous())
//!         .allow([DaemonMethods::STOP], move |who| who.is_key(&operator) || who.is_user(0));
//!     PeerBuilder::new().access(access)
//! }
//! ```
//!
//! # A connection that comes back
//!
//! [`PeerBuilder::reconnecting`] gives a client that connects again whenever its connection is gone:
//!
//! ```
//! # #[chirp::service] pub trait Greeter {
//! #     #[chirp(idempotent)] async fn greet(&self, name: &str) -> String;
//! # }
//! # struct Polite;
//! # impl Greeter for Polite { async fn greet(&self, name: &str) -> String { name.to_owned() } }
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use chirp::{PeerBuilder, Server};
//!
//! // Nobody listens yet, and that is well.
//! let link = PeerBuilder::new().reconnecting("inproc://greeter")?;
//! let greeter = GreeterClient::new(&link);
//! let greeting = tokio::spawn(greeter.greet("Ann"));
//!
//! let server = Server::builder().service(GreeterServer::new(Polite));
//! tokio::spawn(server.bind("inproc://greeter").await?.run());
//! assert_eq!(greeting.await??, "Ann");
//! # Ok(()) }
//! ```
//!
//! A call waits for a connection within its own time, or not at all ([`ReconnectingPeer::fail_fast`]). One that is
//! under way when the connection ends fails, and says whether it [may have run](CallError::may_have_run); only
//! methods that are `#[chirp(idempotent)]` are sent again. [`ReconnectConfig`] has the pauses, and prepares each new
//! connection; [`ReconnectingPeer::watch`] says how it stands.
//!
//! # Child processes
//!
//! The address `exec:program args` starts a child and connects to it, and in the child a server listens on
//! `stdio:`. [`channel::pipes`] is a channel over a pair of pipes. With the feature `process` a child process may be at the
//! other end: `channel::Child::spawn` starts one and gives a channel to its standard input and output, which
//! [`PeerBuilder::start`] takes, and the child's way back is `channel::stdio`. Child and channel end together, and
//! no process is left behind. `examples/child.rs` is both sides in one program.
//!
//! # What can be seen
//!
//! [`Peer::set_packet_observer`] shows every packet, in one readable line each; [`Peer::metrics`] and [`SharedMetrics`]
//! count; [`Peer::watch`] tells the state of a connection; [`PeerBuilder::keep_alive`] notices a connection that
//! is dead. With the feature `tracing`, which is on unless switched off, each call and each handler has a span.
//!
//! # Without a connection
//!
//! `GreeterClient::local(Polite)` calls an implementation in this process. Everything is encoded and decoded as
//! on the wire, so that a mock cannot pass what the wire would refuse. Code that takes a `GreeterClient` can be
//! given either. Two peers of one process that shall speak the protocol are started on the two ends of
//! [`channel::memory`].
//!
//! # Without a trait
//!
//! [`Peer::call`] calls by a name with bytes, and [`PeerBuilder::handle`] serves a name by a [`Handler`], of
//! which a closure is one. [`PeerBuilder::fallback`] takes what nothing else does. That is how one talks to a
//! peer that is written by hand, and how proxies are made: a [`Caller`] is itself a handler.
//!
//! # Values
//!
//! A service's values travel in one [`codec`]: bincode unless it says otherwise, `Postcard` (feature
//! `postcard`) for peers in small devices, `MessagePack` (feature `messagepack`) for peers in other languages and
//! structs that grow, `Json` (feature `json`) for readable bytes, [`Raw`](codec::Raw) for bytes that already are
//! what should travel.
//!
//! # What is limited
//!
//! Everything that a peer could make this side hold has a limit: see [`Limits`], whose fields say what happens
//! beyond them. A peer that sends too much is read more slowly, and then told that this side is *busy*; one that
//! sends what is not Chirp loses its connection, and nothing else.
//!
//! # Slow connections
//!
//! With the feature `lz4`, `PeerBuilder::compress_above` and `ServerBuilder::compress_above` compress payloads that are
//! larger than so many bytes, once both sides are known to have set a mark. It saves bytes and costs time: on one machine
//! there is nothing to gain. `examples/compression.rs` counts both.
//!
//! # The life of a connection
//!
//! A connection lives until it fails, is closed, or has no use any more: its last handle (peer, client or call) is
//! gone and it serves nothing. [`Peer::closed`] waits for the end and says why; [`Peer::shutdown`] lets handlers
//! finish. What [`CallContext::caller`] gives does not keep it alive.
//!
//! # What is not supported
//!
//! Any runtime but tokio, `!Send` handlers, and wasm. Handlers that block their thread belong into
//! [`BlockingPool`].

#[doc = include_str!("service_error.md")]
pub use chirp_macros::ServiceError;
#[doc = include_str!("service.md")]
pub use chirp_macros::service;
#[doc(hidden)]
pub use chirp_runtime::__private;
pub use chirp_runtime::channel::{Channel, Endpoint, EndpointError, Identity, PublicKey};
pub use chirp_runtime::codec::ServiceError;
pub use chirp_runtime::node::{ReconnectConfig, ReconnectState, ReconnectingPeer};
pub use chirp_runtime::peer::{
    AccessPolicy, AsCaller, BlockingPool, Call, CallContext, CallError, Caller, ConnectError,
    ConnectionError, ConnectionStats, Direction, Extensions, Handler, HandlerFuture, KeepAlive,
    MethodError, MethodId, MethodName, Metrics, ObservedPacket, OneWayCall, Peer, PeerBuilder,
    PeerState, Reply, Request, Responder, RouteError, Router, SendPacket, SharedMetrics, connect,
};
pub use chirp_runtime::server::{
    AcceptError, Connection, Connections, Server, ServerBuilder, ServerHandle,
};
pub use chirp_runtime::service::{CallOf, Compatibility, Contract, Mismatch, Service, Signature};
pub use chirp_runtime::session::{Limits, Negotiation};
pub use chirp_runtime::stream::{
    ByteReader, ByteWriter, IntoReceiver, ItemError, Receiver, Sender, Stream, StreamError,
    TryRecvError, TrySendError,
};
pub use chirp_runtime::{channel, codec, packet, stream};

/// The programs of README.md, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;
