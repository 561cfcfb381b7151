//! Services in a crate of the previous edition, without a prelude, with chirp under another name, and with types named
//! like those that generated code uses.

#![no_implicit_prelude]

use ::core::clone::Clone;
use ::core::cmp::PartialEq;
use ::core::fmt::Debug;
use ::serde::{Deserialize, Serialize};

/// Types that clash with names of the standard library.
macro_rules! types {
    ($($name:ident)*) => {
        $(
            #[doc = ::core::concat!("Not the `", ::core::stringify!($name), "` that you know.")]
            #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
            pub struct $name {
                /// A field.
                pub it: u8,
            }
        )*
    };
}

types! {
    Option String Vec Box Arc Cow Bytes Future Send Sync Client Call Cast Codec Encoder Wire Argument Service Router
    Implementation Method MethodId MethodError ErrorData Outcome T E Stream Results Source Item ItemError Streams
}

/// Not `Option::Some`.
#[allow(non_upper_case_globals)]
pub const Some: u8 = 1;
/// Not `Result::Ok`.
#[allow(non_upper_case_globals)]
pub const Ok: u8 = 2;

/// A service whose trait is named like the type parameter of generated servers.
pub mod named_t {
    /// The trait.
    #[::rpc::service(crate = ::rpc)]
    pub trait T {
        /// Returns its argument.
        async fn same(&self, it: u8) -> u8;
    }
}

/// An error whose fields are named like variables of generated code.
#[derive(Clone, Debug, PartialEq, ::thiserror::Error, ::rpc::ServiceError)]
#[chirp(crate = ::rpc)]
pub enum Failed {
    /// Named.
    #[error("{text} {code}")]
    #[chirp(code = 1)]
    Named {
        /// The text.
        text: u8,
        /// The code.
        code: u8,
        /// The codec.
        codec: Codec,
        /// The fields.
        fields: ::std::vec::Vec<u8>,
        /// The error.
        error: ::std::string::String,
    },
    /// Named like a name used in patterns.
    #[error("none")]
    #[chirp(code = 2)]
    None,
    /// See [`Failed::None`].
    #[error("some")]
    #[chirp(code = 3)]
    Some(Option),
}

/// Methods whose arguments and results clash with other names.
#[::rpc::service(crate = ::rpc)]
pub trait Odd {
    /// Takes all of them.
    async fn types(
        &self,
        option: Option,
        string: &String,
        vec: &[Vec],
        boxed: ::core::option::Option<&Box>,
    ) -> Call;

    /// Has arguments named like variables of generated code.
    #[allow(clippy::too_many_arguments)]
    async fn arguments(
        &self,
        self_: u8,
        ctx: u8,
        buf: u8,
        result: u8,
        service: u8,
        request: u8,
        arguments: u8,
        out: u8,
        router: u8,
        answer: u8,
        implementation: u8,
    ) -> ::std::vec::Vec<u8>;

    /// Has arguments named like types.
    #[allow(non_snake_case)]
    fn upper(&self, T: u8, __T: u8, E: T, Self_: u8) -> E;

    /// Fails.
    async fn fails(&self, how: u8) -> ::core::result::Result<Codec, Failed>;

    /// Sends a one-way call.
    #[chirp(oneway)]
    async fn say(&self, to: Send);

    /// A default body, without a prelude.
    async fn body(&self, future: Future) -> Future {
        Future {
            it: future.it + Some + Ok,
        }
    }

    /// Raw names.
    fn r#match(&self, r#type: u8, r#fn: Arc) -> u8;
}

/// Named arguments, named like variables of the code that decodes them.
#[::rpc::service(crate = ::rpc, ordered)]
pub trait Named {
    /// Named.
    #[chirp(named, idempotent, deadline = "5 s")]
    async fn named_arguments(
        &self,
        key: &str,
        map: Option,
        #[serde(default)] visitor: u8,
        r#type: ::core::option::Option<&[u8]>,
        value: Vec,
        access: Cow,
    ) -> Bytes_;

    /// Blocks.
    #[chirp(blocking, named)]
    fn block(&self, blocking: Box, state: u8) -> u8;
}

/// Not a stream, although named like a stream half.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sender;

/// Streams of items with clashing names, in arguments named like variables of generated code.
#[::rpc::service(crate = ::rpc)]
pub trait Flow {
    /// Has a user-defined stream type, and a type that is no stream.
    async fn flow(
        &self,
        results: u8,
        stream: ::rpc::Receiver<Stream>,
        outcome: Sender,
        error: u8,
    ) -> ::core::result::Result<
        impl ::futures_core::Stream<Item = ::core::result::Result<Item, Failed>>,
        Failed,
    >;

    /// Takes several.
    fn several(
        &self,
        source: ::rpc::Receiver<Source>,
        request: ::rpc::Receiver<u8>,
    ) -> impl ::futures_core::Stream<Item = Results> + ::core::marker::Send;
}

/// What it gives.
pub type Bytes_ = ::std::vec::Vec<u8>;

/// A type parameter named like the server's.
#[::rpc::service(crate = ::rpc, name = "keep")]
pub trait Keep<
    T: Clone + ::core::marker::Send + ::core::marker::Sync,
    Implementation: ::core::marker::Send + ::core::marker::Sync,
>
{
    /// The same.
    fn keep(&self, it: T, other: Implementation) -> (T, Implementation);
}

/// A service whose only method is named like a method of `Service`.
#[::rpc::service(crate = ::rpc, name = "register")]
pub trait Register {
    /// Registers.
    fn register(&self, service: u8) -> u8;
    /// Encodes.
    fn encode(&self) -> u8;
    /// Handles.
    async fn call(&self, caller: u8) -> u8;
    /// Is polled.
    async fn poll(&self) -> u8;
    /// Has a name that `Debug` has.
    fn fmt(&self) -> u8;
    /// Borrows.
    fn borrow(&self) -> u8;
}
