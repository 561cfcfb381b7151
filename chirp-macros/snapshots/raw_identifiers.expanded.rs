trait RawIdentifiers: ::core::marker::Send + ::core::marker::Sync {
    fn r#match(&self, r#type: u8) -> u8;
    fn r#async(
        &self,
        r#fn: &str,
    ) -> impl ::core::future::Future<Output = ()> + ::core::marker::Send {
        async move {
            #[allow(clippy::all, clippy::pedantic, clippy::restriction)]
            let r#fn = r#fn;
            let _ = r#fn;
        }
    }
    #[doc(hidden)]
    #[allow(non_snake_case, clippy::all, clippy::pedantic, clippy::restriction)]
    fn __use_RawIdentifiersClient_instead_of_dyn_RawIdentifiers(
        &self,
    ) -> impl ::core::marker::Sized {}
}
/** Calls the methods of [`RawIdentifiers`] on the other side of a connection, or in this process (`local`).

 Each method encodes its arguments and returns a call, which is sent when it is awaited. Clones are cheap and share the connection.*/
#[allow(dead_code)]
#[derive(::core::clone::Clone, ::core::fmt::Debug)]
struct RawIdentifiersClient(::chirp::__private::Client);
/// Serves an implementation of [`RawIdentifiers`] on a peer or a server.
#[allow(dead_code)]
struct RawIdentifiersServer<T>(::chirp::__private::Implementation<T>);
/// The method ids of [`RawIdentifiers`].
#[allow(dead_code, clippy::exhaustive_structs)]
#[derive(::core::clone::Clone, ::core::marker::Copy, ::core::fmt::Debug)]
struct RawIdentifiersMethods;
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
    type __Codec = __chirp::Bincode;
    impl RawIdentifiersMethods {
        /// `RawIdentifiers.match`: [`RawIdentifiers::match`].
        const MATCH: __chirp::MethodId = __chirp::MethodId::new("RawIdentifiers.match");
        /// `RawIdentifiers.async`: [`RawIdentifiers::async`].
        const ASYNC: __chirp::MethodId = __chirp::MethodId::new("RawIdentifiers.async");
        /// All method ids, in declaration order.
        const ALL: &'static [__chirp::MethodId] = &[Self::MATCH, Self::ASYNC];
        /// The signatures that `check_compatibility` compares with the other side's.
        const CONTRACT: __chirp::Contract = __chirp::Contract::new(
            &[
                __chirp::Signature::new(Self::MATCH, 10610704398426598453u64),
                __chirp::Signature::new(Self::ASYNC, 10120597757692877739u64),
            ],
        );
    }
    #[doc(hidden)]
    impl RawIdentifiersClient {
        const REFLECTION: ::core::option::Option<&'static __chirp::ServiceTable> = __chirp::reflected! {
            __chirp::ServiceTable { name : "RawIdentifiers", documentation : "", codec :
            < __Codec as __chirp::Codec > ::ID, ordered : false, methods : &
            [__chirp::MethodTable { documentation : "", arguments :
            __chirp::ArgumentTable { names : & [& ["type"]], optional : & [false], },
            values : & [__chirp::ValueTable { type_name : "u8", shape : < u8 as
            __chirp::Wire < __Codec >> ::shape, stream : false, schema :
            ::core::option::Option::None, }], result : __chirp::Some(__chirp::ValueTable
            { type_name : "u8", shape : < u8 as __chirp::Wire < __Codec >> ::shape,
            stream : false, schema : ::core::option::Option::None, }), items :
            ::core::option::Option::None, errors : & [], named : false, params : false,
            deadline : ::core::option::Option::None, deprecated :
            ::core::option::Option::None, }, __chirp::MethodTable { documentation : "",
            arguments : __chirp::ArgumentTable { names : & [& ["fn"]], optional : &
            [false], }, values : & [__chirp::ValueTable { type_name : "&str", shape :
            __chirp::shape_of:: < __chirp::Str >, stream : false, schema :
            ::core::option::Option::None, }], result : __chirp::Some(__chirp::ValueTable
            { type_name : "()", shape : < () as __chirp::Wire < __Codec >> ::shape,
            stream : false, schema : ::core::option::Option::None, }), items :
            ::core::option::Option::None, errors : & [], named : false, params : false,
            deadline : ::core::option::Option::None, deprecated :
            ::core::option::Option::None, }], }
        };
    }
    impl RawIdentifiersClient {
        /// Creates a client that calls through `caller`: a peer, or `cx.caller()` inside a handler.
        fn new(caller: &(impl __chirp::AsCaller + ?::core::marker::Sized)) -> Self {
            Self(__chirp::Client::new(&caller))
        }
        /// Creates a client without a connection. Its calls are templates for groups of targets (`gather`);
        /// by themselves they fail with `CallError::Unbound`.
        fn unbound() -> Self {
            Self(__chirp::Client::unbound())
        }
        /// Creates a client of an implementation in this process, without a connection. Values are
        /// encoded and decoded as on a connection.
        fn local(implementation: impl RawIdentifiers + 'static) -> Self {
            Self(__chirp::Client::local(RawIdentifiersServer::<_>::new(implementation)))
        }
        /// Creates a client of an implementation in this process whose handlers call back through `caller`:
        /// `cx.caller()` is this caller.
        fn local_with(
            implementation: impl RawIdentifiers + 'static,
            caller: &(impl __chirp::AsCaller + ?::core::marker::Sized),
        ) -> Self {
            Self(
                __chirp::Client::local_with(
                    RawIdentifiersServer::<_>::new(implementation),
                    &caller,
                ),
            )
        }
        /// Creates a client of a shared implementation in this process: see `local`.
        fn local_from_arc(
            implementation: __chirp::Arc<impl RawIdentifiers + 'static>,
        ) -> Self {
            Self(
                __chirp::Client::local(
                    RawIdentifiersServer::<_>::from_arc(implementation),
                ),
            )
        }
        /// Calls an instance that is registered under `name` instead of the service's own name.
        #[must_use]
        fn named(self, name: &str) -> Self {
            Self(self.0.named("RawIdentifiers", name))
        }
        /// Calls an instance whose methods are registered with `prefix` instead of the service's name and
        /// its dot.
        #[must_use]
        fn prefixed(self, prefix: &str) -> Self {
            Self(self.0.prefixed("RawIdentifiers", prefix))
        }
        /// Adds an entry of metadata to every call of the returned client. A call may set another value.
        #[must_use]
        fn with_metadata(
            self,
            key: &str,
            value: impl ::core::convert::AsRef<[::core::primitive::u8]>,
        ) -> Self {
            Self(self.0.with_metadata(key, ::core::convert::AsRef::as_ref(&value)))
        }
        /// Limits the time of every call of the returned client, unless the call has a limit of its own.
        #[must_use]
        fn with_timeout(self, timeout: ::core::time::Duration) -> Self {
            Self(self.0.with_timeout(timeout))
        }
        /// Sends every call of the returned client again by a policy when it has failed, unless the call has a
        /// policy of its own.
        #[must_use]
        fn with_retry(self, policy: &__chirp::RetryPolicy) -> Self {
            Self(self.0.with_retry(policy))
        }
        __chirp::json_client! {
            [] []
        }
        /// Adds a layer around the calls of this client, inside of the layers that it has.
        #[must_use]
        fn with_layer(self, layer: impl __chirp::ClientLayer) -> Self {
            Self(self.0.with_layer(layer))
        }
        /// Asks the other side whether it serves these methods with the same signatures. If the other side describes
        /// its methods, compares the parts of their types, too. The result is advisory and does not affect calls.
        ///
        /// # Errors
        ///
        /// Returns the error of the underlying call. A side that does not support the question is not an error.
        fn check_compatibility(&self) -> __chirp::CompatibilityCheck {
            self.0.compare(RawIdentifiersMethods::CONTRACT, Self::REFLECTION)
        }
        /// Calls [`RawIdentifiers::match`] (`RawIdentifiers.match` on the wire).
        fn r#match(&self, r#type: u8) -> __chirp::Call<u8> {
            let mut out = self.0.by_position::<__Codec>(&["type"]);
            <u8 as __chirp::Wire<__Codec>>::put(&r#type, &mut out);
            self.0
                .call(
                    RawIdentifiersMethods::MATCH,
                    out,
                    |answer, method| __chirp::value_of(
                        answer,
                        method,
                        <u8 as __chirp::Wire<__Codec>>::from_response,
                    ),
                )
        }
        /// Calls [`RawIdentifiers::async`] (`RawIdentifiers.async` on the wire).
        fn r#async(&self, r#fn: &str) -> __chirp::Call<()> {
            let mut out = self.0.by_position::<__Codec>(&["fn"]);
            <__chirp::Str>::put(&r#fn, &mut out);
            self.0
                .call(
                    RawIdentifiersMethods::ASYNC,
                    out,
                    |answer, method| __chirp::value_of(
                        answer,
                        method,
                        <() as __chirp::Wire<__Codec>>::from_response,
                    ),
                )
        }
    }
    impl<T: RawIdentifiers + 'static> RawIdentifiersServer<T> {
        /// Serves `implementation`.
        fn new(implementation: T) -> Self {
            Self::from_arc(__chirp::Arc::new(implementation))
        }
        /// Serves a shared implementation.
        fn from_arc(implementation: __chirp::Arc<T>) -> Self {
            Self(__chirp::Implementation::new(implementation))
        }
        /// Registers the service under `name` instead of its own name.
        #[must_use]
        fn named(self, name: &str) -> Self {
            Self(self.0.named("RawIdentifiers", name))
        }
        /// Registers the methods with `prefix` instead of the service's name and its dot, as Go programs name
        /// them.
        #[must_use]
        fn prefixed(self, prefix: &str) -> Self {
            Self(self.0.prefixed("RawIdentifiers", prefix))
        }
        /// Adds a layer around the methods of this service, inside of the layers that were added before and of the
        /// layers of the peer or server.
        #[must_use]
        fn layer(self, layer: impl __chirp::Layer) -> Self {
            Self(self.0.layer(layer))
        }
    }
    #[doc(hidden)]
    impl<__T: RawIdentifiers + 'static> RawIdentifiersServer<__T> {
        const METHODS: __chirp::Methods<__T> = __chirp::Methods {
            owner: ::core::concat!(
                "`", ::core::module_path!(), "::", ::core::stringify!(RawIdentifiers),
                "`"
            ),
            methods: &[
                __chirp::Method::new(
                    RawIdentifiersMethods::MATCH,
                    |service, request| __chirp::Box::pin(async move {
                        let (r#type,) = {
                            let mut arguments = __chirp::arguments::<__Codec>(&request);
                            let (__chirp::Some(r#type), __chirp::Some(())) = (
                                <u8 as __chirp::Wire<__Codec>>::take(&mut arguments),
                                arguments.end(),
                            ) else {
                                return __chirp::refused(arguments);
                            };
                            (r#type,)
                        };
                        __chirp::value(
                            <__T as RawIdentifiers>::r#match(&*service, r#type),
                            <u8 as __chirp::Wire<__Codec>>::payload,
                            &request,
                        )
                    }),
                ),
                __chirp::Method::new(
                    RawIdentifiersMethods::ASYNC,
                    |service, request| __chirp::Box::pin(async move {
                        let (r#fn,) = {
                            let mut arguments = __chirp::arguments::<__Codec>(&request);
                            let (__chirp::Some(r#fn), __chirp::Some(())) = (
                                <__chirp::Str>::take(&mut arguments),
                                arguments.end(),
                            ) else {
                                return __chirp::refused(arguments);
                            };
                            (r#fn,)
                        };
                        __chirp::value(
                            <__T as RawIdentifiers>::r#async(&*service, &r#fn).await,
                            <() as __chirp::Wire<__Codec>>::payload,
                            &request,
                        )
                    }),
                ),
            ],
            contract: RawIdentifiersMethods::CONTRACT,
            ordered: false,
            reflection: <RawIdentifiersClient>::REFLECTION,
        };
    }
    impl<T: RawIdentifiers + 'static> __chirp::Service for RawIdentifiersServer<T> {
        fn register(
            self,
            router: &mut __chirp::Router,
        ) -> ::core::result::Result<(), __chirp::RouteError> {
            self.0.register(router, &Self::METHODS)
        }
    }
    impl<T> ::core::fmt::Debug for RawIdentifiersServer<T> {
        fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
            ::core::fmt::Debug::fmt(&self.0, f)
        }
    }
};
