//! Requests whose responses come later and elsewhere: response hooks, trackers, stream URLs.
#![cfg(feature = "requests")]

mod acomm;
#[cfg(feature = "tls")]
#[path = "../tls/certificates.rs"]
mod certificates;
mod client;
mod deferred;
mod deferred_limits;
mod destinations;
mod foreign_answers;
#[path = "../http/client.rs"]
#[allow(dead_code, reason = "the tests of the gateway use all of it")]
mod gateway_client;
mod hook_receivers;
mod hook_server;
mod hook_streams;
mod hooks;
mod localhost;
mod page;
mod proxying;
mod resumption;
#[path = "../http/services.rs"]
#[allow(dead_code, reason = "the tests of the gateway use all of it")]
mod services;
mod store;
mod stream_urls;
#[path = "../support/mod.rs"]
mod support;
mod tracker;
mod url_arguments;
