//! What `#[chirp::service]` generates code against.
//!
//! For each method of a trait there is one [`Signature`]: which codec, which forms its arguments and its
//! result have, which error. Everything else here is written once, for any signature: a [`Client`] makes
//! calls of it, an [`Implementation`] answers them from a table of [`Method`]s.

mod builder;
mod client;
mod method;
mod server;
mod signature;

pub use client::Client;
pub use method::{Method, arguments, nothing, outcome, value};
pub use server::{Implementation, Service, local};
pub use signature::{Itself, NotResult, Outcome, Probe, Signature, Thrown, Value, fits_raw};
