//! How bytes travel: anything that reads and writes.
//!
//! A [`Channel`] is a pair of halves, whatever carries the bytes: a TCP or a Unix socket, memory, a pair of
//! pipes, or any `AsyncRead + AsyncWrite`. An [`Endpoint`] is an address in words, to
//! [`connect`](Endpoint::connect) to or to [`listen`](Endpoint::listen) on. Nothing here knows of packets or
//! calls.
//!
//! # Channels of your own
//!
//! Whatever reads and writes is a channel: [`Channel::io`] of one value that does both, [`Channel::new`] of two
//! halves. What a peer asks of them: bytes arrive in order and unaltered; a read gives what there is; the end of
//! what is read means that the other side has closed; both halves may be used at the same time, each by one task
//! at a time; dropping them closes. A [`Listener`] gives such channels to a server, and a [`Connector`] to a
//! client that connects again when it has to. `examples/channel.rs` is a channel that delays, stalls and is cut.
//!
//! # Whom one talks to
//!
//! [`Channel::identity`] is who is at the other end, as far as the channel has made sure of it: an [`Identity`].
//! With the feature `tls`, channels are encrypted and both ends can be known: by certificates (`TlsCertificate`,
//! `TlsRoots`) where there is an authority, and by keys that are names (`Keypair`, [`PublicKey`], `KeyPolicy`)
//! where there is none. `TlsClient` and `TlsServer` are the two ends' settings. `examples/keys.rs` is two daemons
//! that know each other by their keys.
//!
//! # Other processes
//!
//! With the feature `process`, a `Child` is a process that was started to be at the other end, `stdio` is
//! that process's way to its parent, and `activated` are the sockets that a service manager has opened for this
//! process.

#[cfg(feature = "process")]
mod child_guard;
mod connector;
mod credentials;
#[cfg(feature = "process")]
mod descriptor;
mod endpoint;
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
#[cfg(feature = "tls")]
mod tls;
mod unix;

use std::fmt;

use tokio::io::{AsyncRead, AsyncWrite};

pub use connector::Connector;
pub use credentials::Credentials;
pub(crate) use endpoint::secure::{self, ConnectTarget};
pub use endpoint::{Endpoint, EndpointError};
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
#[cfg(feature = "process")]
pub use stdio::stdio;
#[cfg(feature = "tls")]
pub use tls::{
    KeyPolicy, Keypair, Refusal, TlsCertificate, TlsClient, TlsError, TlsRoots, TlsServer,
};

/// The reading half of a channel.
pub type Reader = Box<dyn AsyncRead + Send + Unpin>;

/// The writing half of a channel.
pub type Writer = Box<dyn AsyncWrite + Send + Unpin>;

/// A connection that bytes travel on, in both directions.
pub struct Channel {
    reader: Reader,
    writer: Writer,
    remote: Option<Endpoint>,
    credentials: Option<Credentials>,
    identity: Identity,
}

impl Channel {
    /// A channel of two halves.
    pub fn new(
        reader: impl AsyncRead + Send + Unpin + 'static,
        writer: impl AsyncWrite + Send + Unpin + 'static,
    ) -> Self {
        Self {
            reader: Box::new(reader),
            writer: Box::new(writer),
            remote: None,
            credentials: None,
            identity: Identity::Anonymous,
        }
    }

    /// A channel of anything that both reads and writes. Where its kind has halves of its own, as sockets
    /// do, [`new`](Self::new) is faster: here both share a lock.
    pub fn io(stream: impl AsyncRead + AsyncWrite + Send + 'static) -> Self {
        let (reader, writer) = tokio::io::split(stream);
        Self::new(reader, writer)
    }

    /// The same channel, said to lead to `remote`.
    #[must_use]
    pub fn with_remote(mut self, remote: Endpoint) -> Self {
        self.remote = Some(remote);
        self
    }

    /// Where it leads, if that has an address.
    pub fn remote(&self) -> Option<&Endpoint> {
        self.remote.as_ref()
    }

    /// The same channel, said to lead to a process of this user and group. Only the operating system can
    /// know; what the other side says of itself is no reason to call this.
    #[must_use]
    pub fn with_credentials(mut self, credentials: Credentials) -> Self {
        self.credentials = Some(credentials);
        self
    }

    /// Who is at the other end, if it is a Unix socket.
    pub fn credentials(&self) -> Option<Credentials> {
        self.credentials
    }

    /// The same channel, said to lead to whoever this is. What was made sure of is a reason to call this, in a
    /// handshake of one's own for one; what the other side only says of itself is none.
    #[must_use]
    pub fn with_identity(mut self, identity: Identity) -> Self {
        self.identity = identity;
        self
    }

    /// Who is at the other end: what a handshake has made sure of, and else its [`credentials`](Self::credentials).
    pub fn identity(&self) -> Identity {
        match (&self.identity, self.credentials) {
            (Identity::Anonymous, Some(credentials)) => Identity::Unix(credentials),
            (known, _) => known.clone(),
        }
    }

    /// The halves.
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
