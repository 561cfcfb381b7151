//! The choice of the cryptography provider, in one place.
//!
//! The provider is `ring`. It needs a few seconds of a C compiler, where `aws-lc-rs` needs a minute or more, and
//! its licences are Apache-2.0 and ISC only. `aws-lc-rs` offers post-quantum key exchange and FIPS in addition;
//! either would be a reason to reconsider.

use std::sync::Arc;

use rustls::SupportedProtocolVersion;
use rustls::crypto::{CryptoProvider, ring};

/// The supported versions. Older handshakes reveal the identities of both sides.
pub(super) const VERSIONS: &[&SupportedProtocolVersion] = &[&rustls::version::TLS13];

/// The protocol name that both ends offer (ALPN). If both do, the server confirms that it has admitted the client
/// (PROTOCOL.md, "TLS").
pub(super) const ALPN: &[u8] = b"chirp/0";

pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}
