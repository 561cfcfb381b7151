//! TLS with certificates and with raw public keys.

mod certificates;
mod confidentiality;
mod gnutls;
mod handshakes;
mod keys;
mod openssl;
#[path = "../support/mod.rs"]
mod support;
