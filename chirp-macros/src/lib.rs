//! The macros of the `chirp` crate.
//!
//! A trait goes through three phases: `ast` models the input, `validate` reports every mistake at its own span, and
//! `expand` generates code. `fallback` emits a trait that has mistakes, so that its uses do not cause follow-up
//! errors.

mod args;
mod ast;
mod expand;
mod fallback;
mod mistakes;
mod service_error;
#[cfg(test)]
mod snapshots;
mod validate;

use proc_macro::TokenStream;

#[expect(
    missing_docs,
    reason = "its manual is where `chirp` re-exports it: the examples need that crate"
)]
#[proc_macro_attribute]
pub fn service(options: TokenStream, item: TokenStream) -> TokenStream {
    expand::service(options.into(), &item.into()).into()
}

#[expect(
    missing_docs,
    reason = "its manual is where `chirp` re-exports it: the examples need that crate"
)]
#[proc_macro_derive(ServiceError, attributes(chirp))]
pub fn derive_service_error(item: TokenStream) -> TokenStream {
    service_error::derive(item.into()).into()
}
