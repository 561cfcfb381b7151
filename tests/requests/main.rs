//! Requests whose responses come later and elsewhere: response hooks, trackers, stream URLs.
#![cfg(feature = "requests")]

#[cfg(feature = "tls")]
#[path = "../tls/certificates.rs"]
#[allow(dead_code, reason = "the tests of TLS use more")]
mod certificates;
mod client;
mod destinations;
mod localhost;
mod stream_urls;
#[path = "../support/mod.rs"]
mod support;
mod url_arguments;
