//! TLS under a channel: `tls://host:port`, or over any channel.
//!
//! It is TLS 1.3 and nothing older. Who the two ends are is settled in one of two ways:
//!
//! - **Certificates**, where there is an authority: a [`TlsCertificate`] from files or memory, checked against
//!   [`TlsRoots`]. [`TlsClient::new`] and [`TlsServer::new`].
//! - **Keys as names**, where there is none: each end has a [`Keypair`], and the other end admits its
//!   [`PublicKey`](super::PublicKey), by name or by a rule. [`TlsClient::keys`] and [`TlsServer::keys`]. What
//!   travels are raw public keys (RFC 7250): there is nothing in a certificate that two keys would need, so that
//!   none is made, none is parsed that a stranger sent, and none expires.
//!
//! What was made sure of is the channel's [`Identity`](super::Identity).
//!
//! No session is taken up again: each connection is a full handshake, so that a key or a certificate that is not
//! admitted any more gets no new one. A connection that there is stays.

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
