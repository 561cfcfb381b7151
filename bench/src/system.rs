//! The traits that a system and its clients implement.

use std::error::Error;
use std::future::Future;
use std::path::Path;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use tokio::net::UnixListener;

use crate::handler::{Source, Wait};
use crate::link::{Either, Stream, memory_pair};

/// The reason why a measurement failed.
pub type Failure = Box<dyn Error + Send + Sync>;

/// The result of a measurement.
pub type Result<T> = std::result::Result<T, Failure>;

/// An RPC framework: Chirp, or one that it is compared with.
pub trait System: 'static {
    /// The name on the command line and in the results.
    const NAME: &'static str;

    /// The supported features. Workloads leave out systems that lack a feature.
    const SKILLS: Skills = Skills::ALL;

    /// The client.
    type Client: Client;

    /// Starts a client at one end of a stream.
    fn client(stream: Stream) -> impl Connects<Self::Client>;

    /// Starts a server at the other end. Returns the client of the first end, if the system supports calls in both
    /// directions on one connection.
    fn serve(stream: Stream) -> impl Connects<Option<Self::Client>>;

    /// Connects both ends.
    fn connect(client: Stream, server: Stream) -> impl Connects<Connection<Self::Client>> {
        async {
            let (client, back) = tokio::try_join!(Self::client(client), Self::serve(server))?;
            Ok(Connection { client, back })
        }
    }

    /// Connects both ends within this process, with the means of the system.
    fn in_process() -> impl Connects<Connection<Self::Client>> {
        let (client, server) = memory_pair();
        Self::connect(client, server)
    }

    /// Listens on a Unix socket and serves every connection, in tasks of the runtime. Clients can connect as soon as
    /// this returns. Systems that have a server for many connections override it.
    fn listen(path: &Path) -> impl Connects<()> {
        async move {
            let listener = UnixListener::bind(path)?;
            tokio::spawn(serve_all::<Self>(listener));
            Ok(())
        }
    }
}

/// Serves every accepted stream by itself.
async fn serve_all<T: System + ?Sized>(listener: UnixListener) {
    // Some systems close a connection when the client of one end is dropped.
    let kept = Arc::new(Mutex::new(Vec::new()));
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => Either::Unix(stream),
            Err(error) => {
                eprintln!("{} cannot accept: {error}", T::NAME);
                return;
            }
        };
        let kept = Arc::clone(&kept);
        tokio::spawn(async move {
            match T::serve(stream).await {
                Ok(back) => kept
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .extend(back),
                Err(error) => eprintln!("{} cannot serve: {error}", T::NAME),
            }
        });
    }
}

/// A future that starts an end of a connection, or both.
pub trait Connects<T>: Future<Output = Result<T>> + Send {}

impl<F: Future<Output = Result<T>> + Send, T> Connects<T> for F {}

/// Both ends of a connection.
#[derive(Clone)]
pub struct Connection<C> {
    /// The client of the second end.
    pub client: C,
    /// The client of the first end, if the system supports calls in both directions on one connection.
    pub back: Option<C>,
}

/// Features of a system.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent of one another")]
pub struct Skills {
    /// Concurrent calls on one connection.
    pub concurrent: bool,
    /// Calls over a byte stream. Systems without it only run in-process.
    pub connects: bool,
    /// Handlers that wait.
    pub waits: bool,
    /// Calls in both directions on one connection.
    pub both_ways: bool,
    /// Streams of numbers as results of calls.
    pub items: bool,
    /// Streams of bytes as results of calls.
    pub pieces: bool,
    /// JSON-RPC or a WebSocket, or the system that these are compared with.
    pub web: bool,
}

impl Skills {
    /// All features of calls and streams.
    pub const ALL: Self = Self {
        concurrent: true,
        connects: true,
        waits: true,
        both_ways: true,
        items: true,
        pieces: true,
        web: false,
    };

    /// Calls from the client to the server, without streams.
    pub const CALLS: Self = Self {
        both_ways: false,
        items: false,
        pieces: false,
        ..Self::ALL
    };
}

/// A client. Each method uses the cheapest form that a user of the system would write.
pub trait Client: Clone + Send + Sync + 'static {
    /// Returns the sum of two numbers.
    fn add(&self, a: u64, b: u64) -> impl Future<Output = Result<u64>> + Send;

    /// Returns the same text.
    fn echo(&self, text: &str) -> impl Future<Output = Result<String>> + Send;

    /// Returns the same text, from a handler that waits.
    fn wait(&self, wait: Wait, text: &str) -> impl Future<Output = Result<String>> + Send;

    /// Returns the same bytes, as a plain `Vec<u8>`.
    fn blob(&self, data: Vec<u8>) -> impl Future<Output = Result<Vec<u8>>> + Send;

    /// Returns the same bytes, in the type that is fastest for the system.
    fn bytes(&self, data: Bytes) -> impl Future<Output = Result<Bytes>> + Send;

    /// Receives a stream of the numbers below `many` and returns their sum.
    fn items(&self, source: Source, many: u64) -> impl Future<Output = Result<u64>> + Send {
        let _ = (source, many);
        async { Err("streams of numbers are not supported".into()) }
    }

    /// Receives a stream of this many [`PIECE`](crate::handler::PIECE)s of bytes, and adds the length of each to
    /// `came`.
    fn pieces(&self, many: u64, came: &AtomicU64) -> impl Future<Output = Result<()>> + Send {
        let _ = (many, came);
        async { Err("streams of bytes are not supported".into()) }
    }
}
