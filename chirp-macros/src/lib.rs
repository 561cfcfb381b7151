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

/// Makes a trait a service: a client with one method per trait method, a server that answers calls by an
/// implementation, and the methods' names as constants.
///
/// For `trait Arith` it generates, beside the trait:
///
/// - `ArithClient`: `new(&peer)`, `local(implementation)`, `named(..)`, and each method, returning a `Call`;
/// - `ArithServer<T>`: `new(implementation)`, `from_arc(..)`, `named(..)`; it is a `chirp::Service`;
/// - `ArithMethods`: `ArithMethods::SUM_DIFF` is the `MethodId` of `sum_diff`, `ALL` lists them.
///
/// The trait stays an ordinary trait. It gains the supertraits `Send` and `Sync`, and each
/// `async fn f(..) -> T` becomes `fn f(..) -> impl Future<Output = T> + Send`, which implementations still
/// write as `async fn`. One may also write `fn f(..) -> impl Future<Output = T> + Send`, or name the future's type:
/// that promises more than the trait does, about which the compiler asks unless the method says
/// `#[allow(refining_impl_trait)]`.
///
/// A trait may have type parameters, `trait Store<K: Ord + Send + Sync, V: Send + Sync>`, for any types that
/// can travel. Two instantiations on one peer need different names: `StoreServer::new(..).named("Users")`.
///
/// # Options of the trait
///
/// - `name = ".."`: the service's part of the methods' names, in place of the trait's own. With `""` the
///   methods have bare names.
/// - `codec = path`: how values become bytes, in place of `chirp::codec::Bincode`.
/// - `crate = path`: where the `chirp` crate is, if it is not `::chirp`.
///
/// # Options of a method: `#[chirp(..)]`
///
/// - `name = ".."`: the method's part of its name.
/// - `alias = ".."`: one more name it answers to; may be repeated.
/// - `oneway`: no reply is awaited; the method returns nothing.
#[proc_macro_attribute]
pub fn service(options: TokenStream, item: TokenStream) -> TokenStream {
    expand::service(options.into(), &item.into()).into()
}

/// Makes an enum or a struct an error that methods of a service may return, with a code for each variant.
///
/// `Display` is the text that travels; fields travel as data, in the service's codec.
///
/// - `#[chirp(code = 17)]`, on each variant or on the struct: the error's code on the wire, as a number or as a
///   constant that is a `u16`. Each is given once; 0, and `0xC700` to `0xC7FF`, are not for errors of your own.
/// - `#[chirp(data)]`, on the only field, a `String`, `Vec<u8>` or `Bytes`: it is the data as it is, for
///   peers in other languages.
/// - `#[chirp(crate = path)]`, on the type: where the `chirp` crate is, if it is not `::chirp`.
#[proc_macro_derive(ServiceError, attributes(chirp))]
pub fn derive_service_error(item: TokenStream) -> TokenStream {
    service_error::derive(item.into()).into()
}
