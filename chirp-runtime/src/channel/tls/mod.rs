//! TLS: addresses `tls://host:port`, and handshakes over any channel.
//!
//! Only TLS 1.3 is supported. The two ends are identified in one of two ways:
//!
//! - **Certificates**, if you have a CA: a [`TlsCertificate`] from files or memory, verified against [`TlsRoots`].
//!   See [`TlsClient::new`] and [`TlsServer::new`].
//! - **Raw public keys** (RFC 7250) otherwise: each end has a [`Keypair`], and the other end admits its
//!   [`PublicKey`](super::PublicKey) by a [`KeyPolicy`]. See [`TlsClient::keys`] and [`TlsServer::keys`]. No
//!   certificates are created, parsed or renewed.
//!
//! The verified identity becomes the channel's [`Identity`](super::Identity).
//!
//! Session resumption is disabled: each connection performs a full handshake, so that a revoked key or certificate
//! cannot open a new connection. Existing connections are not affected.

mod certificate;
mod client;
mod error;
mod handshake;
mod key_file;
mod key_policy;
mod keypair;
mod listener;
mod provider;
mod raw_keys;
mod roots;
mod server;
mod stream;

pub use certificate::TlsCertificate;
pub use client::TlsClient;
pub use error::{Refusal, TlsError};
pub use key_policy::KeyPolicy;
pub use keypair::Keypair;
pub(super) use listener::TlsListener;
pub use roots::TlsRoots;
pub use server::TlsServer;
