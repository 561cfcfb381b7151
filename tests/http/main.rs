//! The HTTP gateway: calls, errors, streams and limits, by requests that are written by hand.
#![cfg(feature = "http")]

mod calls;
mod client;
mod foreign_pages;
mod get;
mod services;
mod streams;
