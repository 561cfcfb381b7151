//! What is compared: one trait that a system implements, and one that its clients do.

use std::error::Error;
use std::future::Future;
use std::sync::atomic::AtomicU64;

use bytes::Bytes;

use crate::handler::{Source, Wait};
use crate::link::{Stream, memory_pair};

/// Why a measurement could not be made.
pub type Failure = Box<dyn Error + Send + Sync>;

/// A result, or why a measurement could not be made.
pub type Result<T> = std::result::Result<T, Failure>;

/// A way to make calls over a stream of bytes: Chirp, or what a user would pick instead.
pub trait System: 'static {
    /// What it is called on the command line and in the results.
    const NAME: &'static str;

    /// What it can do; a workload leaves out the systems that cannot take part.
    const SKILLS: Skills = Skills::ALL;

    /// How calls are made.
    type Client: Client;

    /// Connects both ends, with a server at the second.
    fn connect(client: Stream, server: Stream) -> impl Connects<Self::Client>;

    /// Connects both ends in this process, in the way that is the system's own for that.
    fn in_process() -> impl Connects<Self::Client> {
        let (client, server) = memory_pair();
        Self::connect(client, server)
    }
}

/// A connection in the making.
pub trait Connects<C>: Future<Output = Result<Connection<C>>> + Send {}

impl<F: Future<Output = Result<Connection<C>>> + Send, C> Connects<C> for F {}

/// Both ends of a connection.
#[derive(Clone)]
pub struct Connection<C> {
    /// Calls the second end.
    pub client: C,
    /// Calls the first end, where the system can do that on the same connection.
    pub back: Option<C>,
}

impl<C> Connection<C> {
    /// A connection that is called from one end only.
    pub fn one_way(client: C) -> Self {
        Self { client, back: None }
    }
}

/// What a system can do.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent of one another")]
pub struct Skills {
    /// Many calls at once on one connection.
    pub concurrent: bool,
    /// Streams: without them, there is only the way in one process.
    pub connects: bool,
    /// Handlers that wait.
    pub waits: bool,
    /// Calls in both directions on one connection.
    pub both_ways: bool,
    /// Numbers that come one after another in answer to one call.
    pub items: bool,
    /// Bytes that do.
    pub pieces: bool,
}

impl Skills {
    /// Everything.
    pub const ALL: Self = Self {
        concurrent: true,
        connects: true,
        waits: true,
        both_ways: true,
        items: true,
        pieces: true,
    };
}

/// The calling side of a connection. Each method takes the form that costs its system least among those a
/// user would write.
pub trait Client: Clone + Send + Sync + 'static {
    /// The sum of two numbers.
    fn add(&self, a: u64, b: u64) -> impl Future<Output = Result<u64>> + Send;

    /// The same text again.
    fn echo(&self, text: &str) -> impl Future<Output = Result<String>> + Send;

    /// The same text again, from a handler that has waited.
    fn wait(&self, wait: Wait, text: &str) -> impl Future<Output = Result<String>> + Send;

    /// The same bytes again, as a plain `Vec<u8>`, which is what users write first.
    fn blob(&self, data: Vec<u8>) -> impl Future<Output = Result<Vec<u8>>> + Send;

    /// The same bytes again, in the type that the system carries fastest.
    fn bytes(&self, data: Bytes) -> impl Future<Output = Result<Bytes>> + Send;

    /// Takes the numbers below `many`, which come in a stream; their sum.
    fn items(&self, source: Source, many: u64) -> impl Future<Output = Result<u64>> + Send {
        let _ = (source, many);
        async { Err("there are no streams of numbers".into()) }
    }

    /// Takes so many [`PIECE`](crate::handler::PIECE)s of bytes, which come in a stream, and adds the length of
    /// each to `came`.
    fn pieces(&self, many: u64, came: &AtomicU64) -> impl Future<Output = Result<()>> + Send {
        let _ = (many, came);
        async { Err("there are no streams of bytes".into()) }
    }
}
