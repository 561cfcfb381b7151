#[diagnostic::on_unimplemented(
    note = "if it is an `Arc` of an implementation: `ParametersServer::from_arc(..)`, `ParametersClient::local_from_arc(..)`",
    note = "if it is a client: take `&ParametersClient` instead of `impl Parameters`; `ParametersClient::local(..)` wraps an implementation"
)]
pub trait Parameters<
    K: Ord + Send + Sync,
    V: Clone + Send + Sync,
>: ::core::marker::Send + ::core::marker::Sync {
    fn get(
        &self,
        key: &K,
    ) -> impl ::core::future::Future<Output = Option<V>> + ::core::marker::Send;
    fn put(
        &self,
        key: K,
        values: &[V],
    ) -> impl ::core::future::Future<Output = Result<(), String>> + ::core::marker::Send;
    #[doc(hidden)]
    #[allow(non_snake_case, clippy::all, clippy::pedantic, clippy::restriction)]
    fn __use_ParametersClient_instead_of_dyn_Parameters(
        &self,
    ) -> impl ::core::marker::Sized {}
}
/** Calls the methods of [`Parameters`] on the other side of a connection, or in this process (`local`).

 Each method encodes its arguments and returns a call, which is sent when it is awaited. Clones are cheap and share the connection.*/
#[allow(dead_code)]
pub struct ParametersClient<K, V>(
    ::chirp::__private::Client,
    ::core::marker::PhantomData<fn() -> (K, V)>,
);
/// Serves an implementation of [`Parameters`] on a peer or a server.
#[allow(dead_code)]
pub struct ParametersServer<T, K, V>(
    ::chirp::__private::Implementation<T>,
    ::core::marker::PhantomData<fn() -> (K, V)>,
);
/// The method ids of [`Parameters`].
#[allow(dead_code, clippy::exhaustive_structs)]
#[derive(::core::clone::Clone, ::core::marker::Copy, ::core::fmt::Debug)]
pub struct ParametersMethods;
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
    impl ParametersMethods {
        /// `Parameters.get`: [`Parameters::get`].
        pub const GET: __chirp::MethodId = __chirp::MethodId::new("Parameters.get");
        /// `Parameters.put`: [`Parameters::put`].
        pub const PUT: __chirp::MethodId = __chirp::MethodId::new("Parameters.put");
        /// All method ids, in declaration order.
        pub const ALL: &'static [__chirp::MethodId] = &[Self::GET, Self::PUT];
        /// The signatures that `check_compatibility` compares with the other side's.
        pub const CONTRACT: __chirp::Contract = __chirp::Contract::new(
            &[
                __chirp::Signature::new(Self::GET, 13272552387140588328u64),
                __chirp::Signature::new(Self::PUT, 2301996098314506876u64),
            ],
        );
    }
    impl<K, V> ::core::clone::Clone for ParametersClient<K, V> {
        fn clone(&self) -> Self {
            Self(::core::clone::Clone::clone(&self.0), ::core::marker::PhantomData)
        }
    }
    impl<K, V> ::core::fmt::Debug for ParametersClient<K, V> {
        fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
            f.debug_tuple(::core::stringify!(ParametersClient)).field(&self.0).finish()
        }
    }
    #[doc(hidden)]
    impl<K: Ord + Send + Sync, V: Clone + Send + Sync> ParametersClient<K, V>
    where
        K: __chirp::Parameter,
        V: __chirp::Parameter,
    {
        const REFLECTION: ::core::option::Option<&'static __chirp::ServiceTable> = __chirp::reflected! {
            __chirp::ServiceTable { name : "Parameters", documentation : "", codec : <
            __Codec as __chirp::Codec > ::ID, ordered : false, methods : &
            [__chirp::MethodTable { documentation : "", arguments :
            __chirp::ArgumentTable { names : & [& ["key"]], optional : & [false], },
            values : & [__chirp::ValueTable { type_name : "&K", shape : < K as
            __chirp::Wire < __Codec >> ::shape, stream : false, schema :
            ::core::option::Option::None, }], result : __chirp::Some(__chirp::ValueTable
            { type_name : "Option<V>", shape : < Option < V > as __chirp::Wire < __Codec
            >> ::shape, stream : false, schema : ::core::option::Option::None, }), items
            : ::core::option::Option::None, errors : & [], named : false, params : false,
            deadline : ::core::option::Option::None, deprecated :
            ::core::option::Option::None, }, __chirp::MethodTable { documentation : "",
            arguments : __chirp::ArgumentTable { names : & [& ["key"], & ["values"]],
            optional : & [false, false], }, values : & [__chirp::ValueTable { type_name :
            "K", shape : < K as __chirp::Wire < __Codec >> ::shape, stream : false,
            schema : ::core::option::Option::None, }, __chirp::ValueTable { type_name :
            "&[V]", shape : < V as __chirp::WireBorrowed < __Codec >> ::slice_shape,
            stream : false, schema : ::core::option::Option::None, }], result :
            __chirp::Some(__chirp::ValueTable { type_name : "()", shape : < () as
            __chirp::Wire < __Codec >> ::shape, stream : false, schema :
            ::core::option::Option::None, }), items : ::core::option::Option::None,
            errors : & [| errors | < String as __chirp::Failure < __Codec >>
            ::describe(errors)], named : false, params : false, deadline :
            ::core::option::Option::None, deprecated : ::core::option::Option::None, }],
            }
        };
    }
    impl<K: Ord + Send + Sync, V: Clone + Send + Sync> ParametersClient<K, V>
    where
        K: __chirp::Parameter,
        V: __chirp::Parameter,
    {
        /// Creates a client that calls through `caller`: a peer, or `cx.caller()` inside a handler.
        pub fn new(caller: &(impl __chirp::AsCaller + ?::core::marker::Sized)) -> Self {
            Self(__chirp::Client::new(&caller), ::core::marker::PhantomData)
        }
        /// Creates a client without a connection. Its calls are templates for groups of targets (`gather`);
        /// by themselves they fail with `CallError::Unbound`.
        pub fn unbound() -> Self {
            Self(__chirp::Client::unbound(), ::core::marker::PhantomData)
        }
        /// Creates a client of an implementation in this process, without a connection. Values are
        /// encoded and decoded as on a connection.
        pub fn local(implementation: impl Parameters<K, V> + 'static) -> Self {
            Self(
                __chirp::Client::local(ParametersServer::<_, K, V>::new(implementation)),
                ::core::marker::PhantomData,
            )
        }
        /// Creates a client of an implementation in this process whose handlers call back through `caller`:
        /// `cx.caller()` is this caller.
        pub fn local_with(
            implementation: impl Parameters<K, V> + 'static,
            caller: &(impl __chirp::AsCaller + ?::core::marker::Sized),
        ) -> Self {
            Self(
                __chirp::Client::local_with(
                    ParametersServer::<_, K, V>::new(implementation),
                    &caller,
                ),
                ::core::marker::PhantomData,
            )
        }
        /// Creates a client of a shared implementation in this process: see `local`.
        pub fn local_from_arc(
            implementation: __chirp::Arc<impl Parameters<K, V> + 'static>,
        ) -> Self {
            Self(
                __chirp::Client::local(
                    ParametersServer::<_, K, V>::from_arc(implementation),
                ),
                ::core::marker::PhantomData,
            )
        }
        /// Calls an instance that is registered under `name` instead of the service's own name.
        #[must_use]
        pub fn named(self, name: &str) -> Self {
            Self(self.0.named("Parameters", name), ::core::marker::PhantomData)
        }
        /// Calls an instance whose methods are registered with `prefix` instead of the service's name and
        /// its dot.
        #[must_use]
        pub fn prefixed(self, prefix: &str) -> Self {
            Self(self.0.prefixed("Parameters", prefix), ::core::marker::PhantomData)
        }
        /// Adds an entry of metadata to every call of the returned client. A call may set another value.
        #[must_use]
        pub fn with_metadata(
            self,
            key: &str,
            value: impl ::core::convert::AsRef<[::core::primitive::u8]>,
        ) -> Self {
            Self(
                self.0.with_metadata(key, ::core::convert::AsRef::as_ref(&value)),
                ::core::marker::PhantomData,
            )
        }
        /// Limits the time of every call of the returned client, unless the call has a limit of its own.
        #[must_use]
        pub fn with_timeout(self, timeout: ::core::time::Duration) -> Self {
            Self(self.0.with_timeout(timeout), ::core::marker::PhantomData)
        }
        /// Sends every call of the returned client again by a policy when it has failed, unless the call has a
        /// policy of its own.
        #[must_use]
        pub fn with_retry(self, policy: &__chirp::RetryPolicy) -> Self {
            Self(self.0.with_retry(policy), ::core::marker::PhantomData)
        }
        __chirp::json_client! {
            [pub] [, ::core::marker::PhantomData]
        }
        /// Adds a layer around the calls of this client, inside of the layers that it has.
        #[must_use]
        pub fn with_layer(self, layer: impl __chirp::ClientLayer) -> Self {
            Self(self.0.with_layer(layer), ::core::marker::PhantomData)
        }
        /// Asks the other side whether it serves these methods with the same signatures. If the other side describes
        /// its methods, compares the parts of their types, too. The result is advisory and does not affect calls.
        ///
        /// # Errors
        ///
        /// Returns the error of the underlying call. A side that does not support the question is not an error.
        pub fn check_compatibility(&self) -> __chirp::CompatibilityCheck {
            self.0.compare(ParametersMethods::CONTRACT, Self::REFLECTION)
        }
        /// Calls [`Parameters::get`] (`Parameters.get` on the wire).
        pub fn get(&self, key: &K) -> __chirp::Call<Option<V>> {
            let mut out = self.0.by_position::<__Codec>(&["key"]);
            <K as __chirp::Wire<__Codec>>::put(key, &mut out);
            self.0
                .call(
                    ParametersMethods::GET,
                    out,
                    |answer, method| __chirp::value_of(
                        answer,
                        method,
                        <Option<V> as __chirp::Wire<__Codec>>::from_response,
                    ),
                )
        }
        /// Calls [`Parameters::put`] (`Parameters.put` on the wire).
        pub fn put(
            &self,
            key: K,
            values: &[V],
        ) -> __chirp::Call<(), __chirp::MethodError<String>> {
            let mut out = self.0.by_position::<__Codec>(&["key", "values"]);
            <K as __chirp::Wire<__Codec>>::put(&key, &mut out);
            <V as __chirp::WireBorrowed<__Codec>>::put_slice(values, &mut out);
            self.0
                .call(
                    ParametersMethods::PUT,
                    out,
                    |answer, method| __chirp::outcome_of(
                        answer,
                        method,
                        <() as __chirp::Wire<__Codec>>::from_response,
                        <String as __chirp::Failure<__Codec>>::decode,
                    ),
                )
        }
    }
    impl<
        T: Parameters<K, V> + 'static,
        K: Ord + Send + Sync,
        V: Clone + Send + Sync,
    > ParametersServer<T, K, V>
    where
        K: __chirp::Parameter,
        V: __chirp::Parameter,
    {
        /// Serves `implementation`.
        pub fn new(implementation: T) -> Self {
            Self::from_arc(__chirp::Arc::new(implementation))
        }
        /// Serves a shared implementation.
        pub fn from_arc(implementation: __chirp::Arc<T>) -> Self {
            Self(
                __chirp::Implementation::new(implementation),
                ::core::marker::PhantomData,
            )
        }
        /// Registers the service under `name` instead of its own name.
        #[must_use]
        pub fn named(self, name: &str) -> Self {
            Self(self.0.named("Parameters", name), ::core::marker::PhantomData)
        }
        /// Registers the methods with `prefix` instead of the service's name and its dot, as Go programs name
        /// them.
        #[must_use]
        pub fn prefixed(self, prefix: &str) -> Self {
            Self(self.0.prefixed("Parameters", prefix), ::core::marker::PhantomData)
        }
        /// Adds a layer around the methods of this service, inside of the layers that were added before and of the
        /// layers of the peer or server.
        #[must_use]
        pub fn layer(self, layer: impl __chirp::Layer) -> Self {
            Self(self.0.layer(layer), ::core::marker::PhantomData)
        }
    }
    #[doc(hidden)]
    impl<
        __T: Parameters<K, V> + 'static,
        K: Ord + Send + Sync,
        V: Clone + Send + Sync,
    > ParametersServer<__T, K, V>
    where
        K: __chirp::Parameter,
        V: __chirp::Parameter,
    {
        const METHODS: __chirp::Methods<__T> = __chirp::Methods {
            owner: ::core::concat!(
                "`", ::core::module_path!(), "::", ::core::stringify!(Parameters), "`"
            ),
            methods: &[
                __chirp::Method::new(
                    ParametersMethods::GET,
                    |service, request| __chirp::Box::pin(async move {
                        let (key,) = {
                            let mut arguments = __chirp::arguments::<__Codec>(&request);
                            let (__chirp::Some(key), __chirp::Some(())) = (
                                <K as __chirp::Wire<__Codec>>::take(&mut arguments),
                                arguments.end(),
                            ) else {
                                return __chirp::refused(arguments);
                            };
                            (key,)
                        };
                        __chirp::value(
                            <__T as Parameters<K, V>>::get(&*service, &key).await,
                            <Option<V> as __chirp::Wire<__Codec>>::payload,
                            &request,
                        )
                    }),
                ),
                __chirp::Method::new(
                    ParametersMethods::PUT,
                    |service, request| __chirp::Box::pin(async move {
                        let (key, values) = {
                            let mut arguments = __chirp::arguments::<__Codec>(&request);
                            let (
                                __chirp::Some(key),
                                __chirp::Some(values),
                                __chirp::Some(()),
                            ) = (
                                <K as __chirp::Wire<__Codec>>::take(&mut arguments),
                                <V as __chirp::WireBorrowed<
                                    __Codec,
                                >>::take_slice(&mut arguments),
                                arguments.end(),
                            ) else {
                                return __chirp::refused(arguments);
                            };
                            (key, values)
                        };
                        __chirp::outcome(
                            <__T as Parameters<K, V>>::put(&*service, key, &values)
                                .await,
                            <() as __chirp::Wire<__Codec>>::payload,
                            <String as __chirp::Failure<__Codec>>::encode,
                            &request,
                        )
                    }),
                ),
            ],
            contract: ParametersMethods::CONTRACT,
            ordered: false,
            reflection: <ParametersClient<K, V>>::REFLECTION,
        };
    }
    impl<
        T: Parameters<K, V> + 'static,
        K: Ord + Send + Sync,
        V: Clone + Send + Sync,
    > __chirp::Service for ParametersServer<T, K, V>
    where
        K: __chirp::Parameter,
        V: __chirp::Parameter,
    {
        fn register(
            self,
            router: &mut __chirp::Router,
        ) -> ::core::result::Result<(), __chirp::RouteError> {
            self.0.register(router, &Self::METHODS)
        }
    }
    impl<T, K, V> ::core::fmt::Debug for ParametersServer<T, K, V> {
        fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
            ::core::fmt::Debug::fmt(&self.0, f)
        }
    }
};
