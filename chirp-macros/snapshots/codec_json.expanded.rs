#[diagnostic::on_unimplemented(
    note = "if it is an `Arc` of an implementation: `CodecJsonServer::from_arc(..)`, `CodecJsonClient::local_from_arc(..)`",
    note = "if it is a client: take `&CodecJsonClient` instead of `impl CodecJson`; `CodecJsonClient::local(..)` wraps an implementation"
)]
pub trait CodecJson: ::core::marker::Send + ::core::marker::Sync {
    fn add(
        &self,
        a: u64,
        b: u64,
    ) -> impl ::core::future::Future<
        Output = Result<u64, String>,
    > + ::core::marker::Send;
    #[doc(hidden)]
    #[allow(non_snake_case, clippy::all, clippy::pedantic, clippy::restriction)]
    fn __use_CodecJsonClient_instead_of_dyn_CodecJson(
        &self,
    ) -> impl ::core::marker::Sized {}
}
/** Calls the methods of [`CodecJson`] on the other side of a connection, or in this process (`local`).

 Each method encodes its arguments and returns a call, which is sent when it is awaited. Clones are cheap and share the connection.*/
#[allow(dead_code)]
#[derive(::core::clone::Clone, ::core::fmt::Debug)]
pub struct CodecJsonClient(::chirp::__private::Client);
/// Serves an implementation of [`CodecJson`] on a peer or a server.
#[allow(dead_code)]
pub struct CodecJsonServer<T>(::chirp::__private::Implementation<T>);
/// The method ids of [`CodecJson`].
#[allow(dead_code, clippy::exhaustive_structs)]
#[derive(::core::clone::Clone, ::core::marker::Copy, ::core::fmt::Debug)]
pub struct CodecJsonMethods;
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
    type __Codec = <chirp::codec::Json as __chirp::Chosen>::Codec;
    const _: () = ::core::assert!(
        2usize <= < __Codec as __chirp::Codec > ::MAX_ARGUMENTS,
        "the codec `Raw` supports at most one argument"
    );
    const _: () = ::core::assert!(
        < String as __chirp::Failure < __Codec >> ::FITS,
        "the codec `Raw` cannot encode fields: use variants without fields, or with one field \
                 marked `#[chirp(data)]`"
    );
    impl CodecJsonMethods {
        /// `CodecJson.add`: [`CodecJson::add`].
        pub const ADD: __chirp::MethodId = __chirp::MethodId::new("CodecJson.add");
        /// All method ids, in declaration order.
        pub const ALL: &'static [__chirp::MethodId] = &[Self::ADD];
        /// The signatures that `check_compatibility` compares with the other side's.
        pub const CONTRACT: __chirp::Contract = __chirp::Contract::new(
            &[__chirp::Signature::new(Self::ADD, 16749760841094498347u64)],
        );
    }
    #[doc(hidden)]
    impl CodecJsonClient {
        const REFLECTION: ::core::option::Option<&'static __chirp::ServiceTable> = __chirp::reflected! {
            __chirp::ServiceTable { name : "CodecJson", documentation : "", codec : <
            __Codec as __chirp::Codec > ::ID, ordered : false, methods : &
            [__chirp::MethodTable { documentation : "", arguments :
            __chirp::ArgumentTable { names : & [& ["a"], & ["b"]], optional : & [false,
            false], }, values : & [__chirp::ValueTable { type_name : "u64", shape : < u64
            as __chirp::Wire < __Codec >> ::shape, stream : false, schema :
            ::core::option::Option::None, }, __chirp::ValueTable { type_name : "u64",
            shape : < u64 as __chirp::Wire < __Codec >> ::shape, stream : false, schema :
            ::core::option::Option::None, }], result : __chirp::Some(__chirp::ValueTable
            { type_name : "u64", shape : < u64 as __chirp::Wire < __Codec >> ::shape,
            stream : false, schema : ::core::option::Option::None, }), items :
            ::core::option::Option::None, errors : & [| errors | < String as
            __chirp::Failure < __Codec >> ::describe(errors)], named : false, params :
            false, deadline : ::core::option::Option::None, deprecated :
            ::core::option::Option::None, }], }
        };
    }
    impl CodecJsonClient {
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
        pub fn local(implementation: impl CodecJson + 'static) -> Self {
            Self(__chirp::Client::local(CodecJsonServer::<_>::new(implementation)))
        }
        /// Creates a client of an implementation in this process whose handlers call back through `caller`:
        /// `cx.caller()` is this caller.
        pub fn local_with(
            implementation: impl CodecJson + 'static,
            caller: &(impl __chirp::AsCaller + ?::core::marker::Sized),
        ) -> Self {
            Self(
                __chirp::Client::local_with(
                    CodecJsonServer::<_>::new(implementation),
                    &caller,
                ),
            )
        }
        /// Creates a client of a shared implementation in this process: see `local`.
        pub fn local_from_arc(
            implementation: __chirp::Arc<impl CodecJson + 'static>,
        ) -> Self {
            Self(__chirp::Client::local(CodecJsonServer::<_>::from_arc(implementation)))
        }
        /// Calls an instance that is registered under `name` instead of the service's own name.
        #[must_use]
        pub fn named(self, name: &str) -> Self {
            Self(self.0.named("CodecJson", name))
        }
        /// Calls an instance whose methods are registered with `prefix` instead of the service's name and
        /// its dot.
        #[must_use]
        pub fn prefixed(self, prefix: &str) -> Self {
            Self(self.0.prefixed("CodecJson", prefix))
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
            self.0.compare(CodecJsonMethods::CONTRACT, Self::REFLECTION)
        }
        /// Calls [`CodecJson::add`] (`CodecJson.add` on the wire).
        pub fn add(
            &self,
            a: u64,
            b: u64,
        ) -> __chirp::Call<u64, __chirp::MethodError<String>> {
            let mut out = self.0.by_position::<__Codec>(&["a", "b"]);
            <u64 as __chirp::Wire<__Codec>>::put(&a, &mut out);
            <u64 as __chirp::Wire<__Codec>>::put(&b, &mut out);
            self.0
                .call(
                    CodecJsonMethods::ADD,
                    out,
                    |answer, method| __chirp::outcome_of(
                        answer,
                        method,
                        <u64 as __chirp::Wire<__Codec>>::from_response,
                        <String as __chirp::Failure<__Codec>>::decode,
                    ),
                )
        }
    }
    impl<T: CodecJson + 'static> CodecJsonServer<T> {
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
            Self(self.0.named("CodecJson", name))
        }
        /// Registers the methods with `prefix` instead of the service's name and its dot, as Go programs name
        /// them.
        #[must_use]
        pub fn prefixed(self, prefix: &str) -> Self {
            Self(self.0.prefixed("CodecJson", prefix))
        }
        /// Adds a layer around the methods of this service, inside of the layers that were added before and of the
        /// layers of the peer or server.
        #[must_use]
        pub fn layer(self, layer: impl __chirp::Layer) -> Self {
            Self(self.0.layer(layer))
        }
    }
    #[doc(hidden)]
    impl<__T: CodecJson + 'static> CodecJsonServer<__T> {
        const METHODS: __chirp::Methods<__T> = __chirp::Methods {
            owner: ::core::concat!(
                "`", ::core::module_path!(), "::", ::core::stringify!(CodecJson), "`"
            ),
            methods: &[
                __chirp::Method::new(
                    CodecJsonMethods::ADD,
                    |service, request| __chirp::Box::pin(async move {
                        let (a, b) = {
                            let mut arguments = __chirp::arguments::<__Codec>(&request);
                            let (
                                __chirp::Some(a),
                                __chirp::Some(b),
                                __chirp::Some(()),
                            ) = (
                                <u64 as __chirp::Wire<__Codec>>::take(&mut arguments),
                                <u64 as __chirp::Wire<__Codec>>::take(&mut arguments),
                                arguments.end(),
                            ) else {
                                return __chirp::refused(arguments);
                            };
                            (a, b)
                        };
                        __chirp::outcome(
                            <__T as CodecJson>::add(&*service, a, b).await,
                            <u64 as __chirp::Wire<__Codec>>::payload,
                            <String as __chirp::Failure<__Codec>>::encode,
                            &request,
                        )
                    }),
                ),
            ],
            contract: CodecJsonMethods::CONTRACT,
            ordered: false,
            reflection: <CodecJsonClient>::REFLECTION,
        };
    }
    impl<T: CodecJson + 'static> __chirp::Service for CodecJsonServer<T> {
        fn register(
            self,
            router: &mut __chirp::Router,
        ) -> ::core::result::Result<(), __chirp::RouteError> {
            self.0.register(router, &Self::METHODS)
        }
    }
    impl<T> ::core::fmt::Debug for CodecJsonServer<T> {
        fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
            ::core::fmt::Debug::fmt(&self.0, f)
        }
    }
};
