//! Which cryptography it is: the one place that decides.
//!
//! It is `ring`. It is a few seconds of a C compiler, where `aws-lc-rs` is a minute or more of it, and its
//! licences are Apache-2.0 and ISC alone. What `aws-lc-rs` has in addition, key exchange that a quantum computer
//! would not break, and FIPS, is a reason to come back to this file.

use std::sync::Arc;

use rustls::SupportedProtocolVersion;
use rustls::crypto::{CryptoProvider, ring};

/// Nothing older has a handshake that hides who takes part.
pub(super) const VERSIONS: &[&SupportedProtocolVersion] = &[&rustls::version::TLS13];

/// What both ends say that they want to speak (ALPN). Where they agree on it, the server says that it has
/// admitted the client (PROTOCOL.md, "TLS").
pub(super) const ALPN: &[u8] = b"chirp/0";

pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}
