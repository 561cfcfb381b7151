//! The HTTP gateway: calls, errors, streams and limits, by requests that are written by hand.
#![cfg(feature = "http")]

mod calls;
mod client;
mod descriptions;
mod foreign_pages;
mod generated_clients;
mod get;
mod server;
mod services;
mod streams;
#[path = "../support/mod.rs"]
mod support;
