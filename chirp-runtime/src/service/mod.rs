//! What `#[chirp::service]` generates code against.
//!
//! A generated client puts its arguments into an [`Encoder`](crate::codec::Encoder) and leaves the rest to
//! a [`Client`]; a generated server is an [`Implementation`] and a table of [`Method`]s, each of which takes
//! its arguments from a [`Decoder`](crate::codec::Decoder). Everything else is written once, here.

mod builder;
mod client;
mod contract;
mod method;
mod probe;
mod server;
mod streaming;

pub use client::{Client, outcome_of, value_of};
pub use contract::{Compatibility, CompatibilityCheck, Contract, Mismatch, Signature};
pub use method::{Method, arguments, named_arguments, nothing, outcome, refused, value};
pub use probe::{CallOf, NotResult, Outcome, Probe};
pub use server::{Implementation, Methods, Service};
pub use streaming::{
    Results, SendItems, Streamed, item_error, not_wanted, results, stream_outcome,
};
