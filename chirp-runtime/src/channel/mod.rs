//! Transports: anything that reads and writes bytes.
//!
//! A [`Channel`] is a pair of halves over any byte stream: a TCP or Unix socket, memory, a pair of pipes, or any
//! `AsyncRead + AsyncWrite`. An [`Endpoint`] is an address in text form that one can [`connect`](Endpoint::connect)
//! to or [`listen`](Endpoint::listen) on. This module knows nothing about packets or calls.
//!
//! # Custom channels
//!
//! Create a channel with [`Channel::io`] from one value that reads and writes, or with [`Channel::new`] from two
//! halves. A peer requires that bytes arrive in order and unaltered; that a read returns what is available; that
//! the end of input means that the other side has closed; that both halves can be used at the same time, each by
//! one task at a time; and that dropping the halves closes the channel. A [`Listener`] provides such channels to a
//! server, and a [`Connector`] to a reconnecting client. A [`Scheme`] gives them addresses. See `examples/channel.rs` for a channel that delays,
//! stalls and breaks.
//!
//! # Peer identity
//!
//! [`Channel::identity`] returns the verified [`Identity`] of the other end. With the feature `tls`, channels are
//! encrypted and both ends can be identified. Use certificates (`TlsCertificate`, `TlsRoots`) if you have a CA.
//! Otherwise use raw public keys (`Keypair`, [`PublicKey`], `KeyPolicy`): each side lists the keys that it accepts.
//! `TlsClient` and `TlsServer` hold the settings of the two ends. See `examples/keys.rs` for two daemons that
//! identify each other by their keys.
//!
//! # Other processes
//!
//! With the feature `process`, `Child` starts a process at the other end of a channel, `stdio` is the channel of
//! such a process to its parent, and `from_socket_activation` returns the sockets that a service manager has opened
//! for this process.

#[cfg(feature = "process")]
mod child_guard;
mod connector;
mod credentials;
#[cfg(feature = "process")]
mod descriptor;
mod endpoint;
mod find_error;
mod identity;
#[cfg(all(feature = "process", target_os = "linux"))]
mod inherited;
mod inproc;
mod listener;
mod memory;
mod pipe;
#[cfg(feature = "process")]
mod process;
mod public_key;
mod scheme;
#[cfg(feature = "process")]
mod shared_socket;
#[cfg(feature = "process")]
mod single_use_listener;
mod socket_file;
#[cfg(feature = "process")]
mod stderr_tail;
#[cfg(feature = "process")]
mod stdio;
mod tcp;
#[cfg(any(feature = "process", feature = "record"))]
mod thread;
#[cfg(feature = "tls")]
mod tls;
mod unix;

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};

pub use connector::Connector;
pub use credentials::Credentials;
pub(crate) use endpoint::SchemeTable;
pub(crate) use endpoint::secure::{self, ConnectTarget};
pub use endpoint::{Endpoint, EndpointError, OtherAddress};
pub use find_error::find_error;
pub use identity::{CertificateNames, Identity};
#[cfg(all(feature = "process", target_os = "linux"))]
pub use inherited::from_socket_activation;
pub use inproc::{InprocError, InprocListener, InprocReader, InprocStream, InprocWriter};
pub use listener::{Incoming, Listener};
pub use memory::memory;
pub use pipe::{PipeEnds, pipes};
#[cfg(feature = "process")]
pub use process::Child;
pub use public_key::{PublicKey, PublicKeyError};
pub use scheme::Scheme;
#[cfg(feature = "process")]
pub use stdio::stdio;
#[cfg(feature = "record")]
pub(crate) use thread::start_thread;
#[cfg(feature = "tls")]
pub use tls::{
    KeyPolicy, Keypair, Refusal, TlsCertificate, TlsClient, TlsError, TlsRoots, TlsServer,
};

/// The reading half of a channel.
pub type Reader = Box<dyn AsyncRead + Send + Unpin>;

/// The writing half of a channel.
pub type Writer = Box<dyn AsyncWrite + Send + Unpin>;

/// A bidirectional byte stream.
pub struct Channel {
    reader: Reader,
    writer: Writer,
    remote: Option<Endpoint>,
    credentials: Option<Credentials>,
    identity: Identity,
    /// A fact about the other side for a layer above.
    pub(crate) fact: Option<Arc<dyn Any + Send + Sync>>,
    on_failure: Option<OnFailure>,
    is_socket: bool,
}

/// A function that tells the other side of a transport why this side ends the connection.
pub(crate) type OnFailure = Box<dyn FnOnce(FailureKind, &str) + Send>;

/// The kind of failure that made this side end a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FailureKind {
    /// The other side sent bytes that are not Chirp v0.
    Protocol,
    /// The other side sent a packet over a limit.
    TooLarge,
    /// The other side sent too much, did not read, or showed no sign of life.
    Policy,
    /// A handler of this side failed.
    Internal,
}

impl Channel {
    /// Creates a channel from two halves.
    pub fn new(
        reader: impl AsyncRead + Send + Unpin + 'static,
        writer: impl AsyncWrite + Send + Unpin + 'static,
    ) -> Self {
        let any: &dyn Any = &reader;
        let is_socket = any.is::<tokio::net::tcp::OwnedReadHalf>();
        #[cfg(unix)]
        let is_socket = is_socket || any.is::<tokio::net::unix::OwnedReadHalf>();
        Self {
            is_socket,
            reader: Box::new(reader),
            writer: Box::new(writer),
            remote: None,
            credentials: None,
            identity: Identity::Anonymous,
            fact: None,
            on_failure: None,
        }
    }

    /// Creates a channel from one value that reads and writes. The halves share a lock: if the type can be split,
    /// as sockets can, [`new`](Self::new) is faster.
    pub fn io(stream: impl AsyncRead + AsyncWrite + Send + 'static) -> Self {
        let (reader, writer) = tokio::io::split(stream);
        Self::new(reader, writer)
    }

    /// Sets the address of the other side.
    #[must_use]
    pub fn with_remote(mut self, remote: Endpoint) -> Self {
        self.remote = Some(remote);
        self
    }

    /// Returns the address of the other side, if it has one.
    pub fn remote(&self) -> Option<&Endpoint> {
        self.remote.as_ref()
    }

    /// Sets the credentials of the other side. Call this only with values from the operating system, never with
    /// values that the other side claims.
    #[must_use]
    pub fn with_credentials(mut self, credentials: Credentials) -> Self {
        self.credentials = Some(credentials);
        self
    }

    /// Returns the credentials of the other side, if the channel is a Unix socket.
    pub fn credentials(&self) -> Option<Credentials> {
        self.credentials
    }

    /// Sets the identity of the other side. Call this only with an identity that was verified, for example in a
    /// custom handshake, never with one that the other side claims.
    #[must_use]
    pub fn with_identity(mut self, identity: Identity) -> Self {
        self.identity = identity;
        self
    }

    /// Returns the identity of the other side: the one that a handshake verified, or else the
    /// [`credentials`](Self::credentials).
    pub fn identity(&self) -> Identity {
        match (&self.identity, self.credentials) {
            (Identity::Anonymous, Some(credentials)) => Identity::Unix(credentials),
            (known, _) => known.clone(),
        }
    }

    /// Sets a function that is called with the reason if a failure makes this side end the connection, before the last
    /// bytes are written and the writing half is shut down. A transport that can tell the other side uses it, as Close frames
    /// of WebSocket do. The text is for people. The function must not block.
    #[must_use]
    pub fn with_failure_hook(
        mut self,
        hook: impl FnOnce(FailureKind, &str) + Send + 'static,
    ) -> Self {
        self.on_failure = Some(Box::new(hook));
        self
    }

    /// Removes the function of [`with_failure_hook`](Self::with_failure_hook).
    pub(crate) fn take_failure_hook(&mut self) -> Option<OnFailure> {
        self.on_failure.take()
    }

    /// Returns `true` if the channel is a socket of tokio, or TLS over one. Reading and writing wake no task of this process
    /// directly then.
    pub(crate) fn is_socket(&self) -> bool {
        self.is_socket
    }

    /// Splits the channel into its halves.
    pub fn into_split(self) -> (Reader, Writer) {
        (self.reader, self.writer)
    }
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel")
            .field("remote", &self.remote)
            .field("credentials", &self.credentials)
            .field("identity", &self.identity)
            .finish_non_exhaustive()
    }
}
