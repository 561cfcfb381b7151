#[diagnostic::on_unimplemented(
    note = "if it is an `Arc` of an implementation: `CodecRawServer::from_arc(..)`, `CodecRawClient::local_from_arc(..)`",
    note = "if it is a client: take `&CodecRawClient` instead of `impl CodecRaw`; `CodecRawClient::local(..)` wraps an implementation"
)]
pub trait CodecRaw: ::core::marker::Send + ::core::marker::Sync {
    fn get(
        &self,
        key: &[u8],
    ) -> impl ::core::future::Future<
        Output = Result<Vec<u8>, String>,
    > + ::core::marker::Send;
    #[doc(hidden)]
    #[allow(non_snake_case, clippy::all, clippy::pedantic, clippy::restriction)]
    fn __use_CodecRawClient_instead_of_dyn_CodecRaw(
        &self,
    ) -> impl ::core::marker::Sized {}
}
/** Calls the methods of [`CodecRaw`] on the other side of a connection, or in this process (`local`).

 Each method encodes its arguments and returns a call, which is sent when it is awaited. Clones are cheap and share the connection.*/
#[allow(dead_code)]
#[derive(::core::clone::Clone, ::core::fmt::Debug)]
pub struct CodecRawClient(::chirp::__private::Client);
/// Serves an implementation of [`CodecRaw`] on a peer or a server.
#[allow(dead_code)]
pub struct CodecRawServer<T>(::chirp::__private::Implementation<T>);
/// The method ids of [`CodecRaw`].
#[allow(dead_code, clippy::exhaustive_structs)]
#[derive(::core::clone::Clone, ::core::marker::Copy, ::core::fmt::Debug)]
pub struct CodecRawMethods;
#[allow(
    dead_code,
    deprecated,
    non_local_definitions,
    non_snake_case,
    clippy::all,
    clippy::nursery,
    clippy::pedantic,
    clippy::restriction
)]
const _: () = {
    use ::chirp::__private as __chirp;
    #[allow(unused_imports)]
    use __chirp::{Argument as _, NotResult as _};
    type __Codec = <chirp::codec::Raw as __chirp::Chosen>::Codec;
    const _: () = ::core::assert!(
        1usize <= < __Codec as __chirp::Codec > ::MAX_ARGUMENTS,
        "the codec `Raw` supports at most one argument"
    );
    const _: () = ::core::assert!(
        < String as __chirp::Failure < __Codec >> ::FITS,
        "the codec `Raw` cannot encode fields: use variants without fields, or with one field \
                 marked `#[chirp(data)]`"
    );
    impl CodecRawMethods {
        /// `get`: [`CodecRaw::get`].
        pub const GET: __chirp::MethodId = __chirp::MethodId::new("get");
        /// All method ids, in declaration order.
        pub const ALL: &'static [__chirp::MethodId] = &[Self::GET];
        /// The signatures that `check_compatibility` compares with the other side's.
        pub const CONTRACT: __chirp::Contract = __chirp::Contract::new(
            &[__chirp::Signature::new(Self::GET, 4927243156300827962u64)],
        );
    }
    #[doc(hidden)]
    impl CodecRawClient {
        const REFLECTION: ::core::option::Option<&'static __chirp::ServiceTable> = __chirp::reflected! {
            __chirp::ServiceTable { name : "", documentation : "", codec : < __Codec as
            __chirp::Codec > ::ID, ordered : false, methods : & [__chirp::MethodTable {
            documentation : "", arguments : __chirp::ArgumentTable { names : & [&
            ["key"]], optional : & [false], }, values : & [__chirp::ValueTable {
            type_name : "&[u8]", shape : __chirp::shape_of:: < __chirp::Slice8 >, stream
            : false, schema : ::core::option::Option::None, }], result :
            __chirp::Some(__chirp::ValueTable { type_name : "Vec<u8>", shape :
            __chirp::shape_of:: < __chirp::Blob < Vec < u8 > > >, stream : false, schema
            : ::core::option::Option::None, }), items : ::core::option::Option::None,
            errors : & [| errors | < String as __chirp::Failure < __Codec >>
            ::describe(errors)], named : false, params : false, deadline :
            ::core::option::Option::None, deprecated : ::core::option::Option::None, }],
            }
        };
    }
    impl CodecRawClient {
        /// Creates a client that calls through `caller`: a peer, or `cx.caller()` inside a handler.
        pub fn new(caller: &(impl __chirp::AsCaller + ?::core::marker::Sized)) -> Self {
            Self(__chirp::Client::new(&caller))
        }
        /// Creates a client without a connection. Its calls are templates for groups of targets (`gather`);
        /// by themselves they fail with `CallError::Unbound`.
        pub fn unbound() -> Self {
            Self(__chirp::Client::unbound())
        }
        /// Creates a client of an implementation in this process, without a connection. Values are
        /// encoded and decoded as on a connection.
        pub fn local(implementation: impl CodecRaw + 'static) -> Self {
            Self(__chirp::Client::local(CodecRawServer::<_>::new(implementation)))
        }
        /// Creates a client of an implementation in this process whose handlers call back through `caller`:
        /// `cx.caller()` is this caller.
        pub fn local_with(
            implementation: impl CodecRaw + 'static,
            caller: &(impl __chirp::AsCaller + ?::core::marker::Sized),
        ) -> Self {
            Self(
                __chirp::Client::local_with(
                    CodecRawServer::<_>::new(implementation),
                    &caller,
                ),
            )
        }
        /// Creates a client of a shared implementation in this process: see `local`.
        pub fn local_from_arc(
            implementation: __chirp::Arc<impl CodecRaw + 'static>,
        ) -> Self {
            Self(__chirp::Client::local(CodecRawServer::<_>::from_arc(implementation)))
        }
        /// Calls an instance that is registered under `name` instead of the service's own name.
        #[must_use]
        pub fn named(self, name: &str) -> Self {
            Self(self.0.named("", name))
        }
        /// Calls an instance whose methods are registered with `prefix` instead of the service's name and
        /// its dot.
        #[must_use]
        pub fn prefixed(self, prefix: &str) -> Self {
            Self(self.0.prefixed("", prefix))
        }
        /// Adds an entry of metadata to every call of the returned client. A call may set another value.
        #[must_use]
        pub fn with_metadata(
            self,
            key: &str,
            value: impl ::core::convert::AsRef<[::core::primitive::u8]>,
        ) -> Self {
            Self(self.0.with_metadata(key, ::core::convert::AsRef::as_ref(&value)))
        }
        /// Limits the time of every call of the returned client, unless the call has a limit of its own.
        #[must_use]
        pub fn with_timeout(self, timeout: ::core::time::Duration) -> Self {
            Self(self.0.with_timeout(timeout))
        }
        /// Sends every call of the returned client again by a policy when it has failed, unless the call has a
        /// policy of its own.
        #[must_use]
        pub fn with_retry(self, policy: &__chirp::RetryPolicy) -> Self {
            Self(self.0.with_retry(policy))
        }
        __chirp::json_client! {
            [pub] []
        }
        /// Adds a layer around the calls of this client, inside of the layers that it has.
        #[must_use]
        pub fn with_layer(self, layer: impl __chirp::ClientLayer) -> Self {
            Self(self.0.with_layer(layer))
        }
        /// Asks the other side whether it serves these methods with the same signatures. If the other side describes
        /// its methods, compares the parts of their types, too. The result is advisory and does not affect calls.
        ///
        /// # Errors
        ///
        /// Returns the error of the underlying call. A side that does not support the question is not an error.
        pub fn check_compatibility(&self) -> __chirp::CompatibilityCheck {
            self.0.compare(CodecRawMethods::CONTRACT, Self::REFLECTION)
        }
        /// Calls [`CodecRaw::get`] (`get` on the wire).
        pub fn get(
            &self,
            key: &[u8],
        ) -> __chirp::Call<Vec<u8>, __chirp::MethodError<String>> {
            let mut out = self.0.by_position::<__Codec>(&["key"]);
            <__chirp::Slice8>::put(&key, &mut out);
            self.0
                .call(
                    CodecRawMethods::GET,
                    out,
                    |answer, method| __chirp::outcome_of(
                        answer,
                        method,
                        <__chirp::Blob<
                            Vec<u8>,
                        > as __chirp::Returned<__Codec>>::from_response,
                        <String as __chirp::Failure<__Codec>>::decode,
                    ),
                )
        }
    }
    impl<T: CodecRaw + 'static> CodecRawServer<T> {
        /// Serves `implementation`.
        pub fn new(implementation: T) -> Self {
            Self::from_arc(__chirp::Arc::new(implementation))
        }
        /// Serves a shared implementation.
        pub fn from_arc(implementation: __chirp::Arc<T>) -> Self {
            Self(__chirp::Implementation::new(implementation))
        }
        /// Registers the service under `name` instead of its own name.
        #[must_use]
        pub fn named(self, name: &str) -> Self {
            Self(self.0.named("", name))
        }
        /// Registers the methods with `prefix` instead of the service's name and its dot, as Go programs name
        /// them.
        #[must_use]
        pub fn prefixed(self, prefix: &str) -> Self {
            Self(self.0.prefixed("", prefix))
        }
        /// Adds a layer around the methods of this service, inside of the layers that were added before and of the
        /// layers of the peer or server.
        #[must_use]
        pub fn layer(self, layer: impl __chirp::Layer) -> Self {
            Self(self.0.layer(layer))
        }
    }
    #[doc(hidden)]
    impl<__T: CodecRaw + 'static> CodecRawServer<__T> {
        const METHODS: __chirp::Methods<__T> = __chirp::Methods {
            owner: ::core::concat!(
                "`", ::core::module_path!(), "::", ::core::stringify!(CodecRaw), "`"
            ),
            methods: &[
                __chirp::Method::new(
                    CodecRawMethods::GET,
                    |service, request| __chirp::Box::pin(async move {
                        let (key,) = {
                            let mut arguments = __chirp::arguments::<__Codec>(&request);
                            let (__chirp::Some(key), __chirp::Some(())) = (
                                <__chirp::Slice8>::take(&mut arguments),
                                arguments.end(),
                            ) else {
                                return __chirp::refused(arguments);
                            };
                            (key,)
                        };
                        __chirp::outcome(
                            <__T as CodecRaw>::get(&*service, &key).await,
                            <__chirp::Blob<
                                Vec<u8>,
                            > as __chirp::Returned<__Codec>>::payload,
                            <String as __chirp::Failure<__Codec>>::encode,
                            &request,
                        )
                    }),
                ),
            ],
            contract: CodecRawMethods::CONTRACT,
            ordered: false,
            reflection: <CodecRawClient>::REFLECTION,
        };
    }
    impl<T: CodecRaw + 'static> __chirp::Service for CodecRawServer<T> {
        fn register(
            self,
            router: &mut __chirp::Router,
        ) -> ::core::result::Result<(), __chirp::RouteError> {
            self.0.register(router, &Self::METHODS)
        }
    }
    impl<T> ::core::fmt::Debug for CodecRawServer<T> {
        fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
            ::core::fmt::Debug::fmt(&self.0, f)
        }
    }
};
