//! The attribute and the derive of the `chirp` crate.
//!
//! A trait goes through three phases, each in a place of its own: `ast` keeps what was written, `validate`
//! reports every mistake at the tokens that made it, `expand` writes the code. A trait with mistakes is
//! still emitted, by `fallback`, so that what uses it is not reported as well.

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
