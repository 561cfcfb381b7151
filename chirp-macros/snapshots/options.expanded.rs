#[diagnostic::on_unimplemented(
    note = "if it is an `Arc` of an implementation: `OptionsServer::from_arc(..)`, `OptionsClient::local_from_arc(..)`",
    note = "if it is a client: take `&OptionsClient` instead of `impl Options`; `OptionsClient::local(..)` wraps an implementation"
)]
pub trait Options<K>: ::core::marker::Send + ::core::marker::Sync
where
    K: Ord + Send + Sync,
{
    fn get(
        &self,
        key: K,
    ) -> impl ::core::future::Future<Output = u8> + ::core::marker::Send;
    fn compute(&self, data: &[u8]) -> u8;
    #[doc(hidden)]
    #[allow(non_snake_case, clippy::all, clippy::pedantic, clippy::restriction)]
    fn __use_OptionsClient_instead_of_dyn_Options(&self) -> impl ::core::marker::Sized {}
}
/** Calls the methods of [`Options`] on the other side of a connection, or in this process (`local`).

 Each method encodes its arguments and returns a call, which is sent when it is awaited. Clones are cheap and share the connection.*/
#[allow(dead_code)]
pub struct OptionsClient<K>(
    ::chirp::__private::Client,
    ::core::marker::PhantomData<fn() -> (K,)>,
);
/// Serves an implementation of [`Options`] on a peer or a server.
#[allow(dead_code)]
pub struct OptionsServer<T, K>(
    ::chirp::__private::Implementation<T>,
    ::core::marker::PhantomData<fn() -> (K,)>,
);
/// The method ids of [`Options`].
#[allow(dead_code, clippy::exhaustive_structs)]
#[derive(::core::clone::Clone, ::core::marker::Copy, ::core::fmt::Debug)]
pub struct OptionsMethods;
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
    impl OptionsMethods {
        /// `Options.get`: [`Options::get`].
        pub const GET: __chirp::MethodId = __chirp::MethodId::new("Options.get");
        /// `Options.compute`: [`Options::compute`].
        pub const COMPUTE: __chirp::MethodId = __chirp::MethodId::new("Options.compute");
        /// All method ids, in declaration order.
        pub const ALL: &'static [__chirp::MethodId] = &[Self::GET, Self::COMPUTE];
        /// The signatures that `check_compatibility` compares with the other side's.
        pub const CONTRACT: __chirp::Contract = __chirp::Contract::new(
            &[
                __chirp::Signature::new(Self::GET, 183854068169103900u64).idempotent(),
                __chirp::Signature::new(Self::COMPUTE, 1810028798032249141u64),
            ],
        );
    }
    impl<K> ::core::clone::Clone for OptionsClient<K> {
        fn clone(&self) -> Self {
            Self(::core::clone::Clone::clone(&self.0), ::core::marker::PhantomData)
        }
    }
    impl<K> ::core::fmt::Debug for OptionsClient<K> {
        fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
            f.debug_tuple(::core::stringify!(OptionsClient)).field(&self.0).finish()
        }
    }
    #[doc(hidden)]
    impl<K> OptionsClient<K>
    where
        K: __chirp::Parameter,
        K: Ord + Send + Sync,
    {
        const REFLECTION: ::core::option::Option<&'static __chirp::ServiceTable> = __chirp::reflected! {
            __chirp::ServiceTable { name : "Options", documentation : "", codec : <
            __Codec as __chirp::Codec > ::ID, ordered : true, methods : &
            [__chirp::MethodTable { documentation : "", arguments :
            __chirp::ArgumentTable { names : & [& ["key"]], optional : & [false], },
            values : & [__chirp::ValueTable { type_name : "K", shape : < K as
            __chirp::Wire < __Codec >> ::shape, stream : false, schema :
            ::core::option::Option::None, }], result : __chirp::Some(__chirp::ValueTable
            { type_name : "u8", shape : < u8 as __chirp::Wire < __Codec >> ::shape,
            stream : false, schema : ::core::option::Option::None, }), items :
            ::core::option::Option::None, errors : & [], named : false, params : false,
            deadline : __chirp::Some(::core::time::Duration::from_nanos(250000000u64)),
            deprecated : ::core::option::Option::None, }, __chirp::MethodTable {
            documentation : "", arguments : __chirp::ArgumentTable { names : & [&
            ["data"]], optional : & [false], }, values : & [__chirp::ValueTable {
            type_name : "&[u8]", shape : __chirp::shape_of:: < __chirp::Slice8 >, stream
            : false, schema : ::core::option::Option::None, }], result :
            __chirp::Some(__chirp::ValueTable { type_name : "u8", shape : < u8 as
            __chirp::Wire < __Codec >> ::shape, stream : false, schema :
            ::core::option::Option::None, }), items : ::core::option::Option::None,
            errors : & [], named : false, params : false, deadline :
            ::core::option::Option::None, deprecated : ::core::option::Option::None, }],
            }
        };
    }
    impl<K> OptionsClient<K>
    where
        K: __chirp::Parameter,
        K: Ord + Send + Sync,
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
        pub fn local(implementation: impl Options<K> + 'static) -> Self {
            Self(
                __chirp::Client::local(OptionsServer::<_, K>::new(implementation)),
                ::core::marker::PhantomData,
            )
        }
        /// Creates a client of an implementation in this process whose handlers call back through `caller`:
        /// `cx.caller()` is this caller.
        pub fn local_with(
            implementation: impl Options<K> + 'static,
            caller: &(impl __chirp::AsCaller + ?::core::marker::Sized),
        ) -> Self {
            Self(
                __chirp::Client::local_with(
                    OptionsServer::<_, K>::new(implementation),
                    &caller,
                ),
                ::core::marker::PhantomData,
            )
        }
        /// Creates a client of a shared implementation in this process: see `local`.
        pub fn local_from_arc(
            implementation: __chirp::Arc<impl Options<K> + 'static>,
        ) -> Self {
            Self(
                __chirp::Client::local(OptionsServer::<_, K>::from_arc(implementation)),
                ::core::marker::PhantomData,
            )
        }
        /// Calls an instance that is registered under `name` instead of the service's own name.
        #[must_use]
        pub fn named(self, name: &str) -> Self {
            Self(self.0.named("Options", name), ::core::marker::PhantomData)
        }
        /// Calls an instance whose methods are registered with `prefix` instead of the service's name and
        /// its dot.
        #[must_use]
        pub fn prefixed(self, prefix: &str) -> Self {
            Self(self.0.prefixed("Options", prefix), ::core::marker::PhantomData)
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
            self.0.compare(OptionsMethods::CONTRACT, Self::REFLECTION)
        }
        /// Calls [`Options::get`] (`Options.get` on the wire). The call times out after 250ms unless another limit is set. Idempotent: it may be retried even if it may have run.
        pub fn get(&self, key: K) -> __chirp::Call<u8> {
            let mut out = self.0.by_position::<__Codec>(&["key"]);
            <K as __chirp::Wire<__Codec>>::put(&key, &mut out);
            self.0
                .call(
                    OptionsMethods::GET,
                    out,
                    |answer, method| __chirp::value_of(
                        answer,
                        method,
                        <u8 as __chirp::Wire<__Codec>>::from_response,
                    ),
                )
                .idempotent()
                .default_timeout(::core::time::Duration::from_nanos(250000000u64))
        }
        /// Calls [`Options::compute`] (`Options.compute` on the wire).
        pub fn compute(&self, data: &[u8]) -> __chirp::Call<u8> {
            let mut out = self.0.by_position::<__Codec>(&["data"]);
            <__chirp::Slice8>::put(&data, &mut out);
            self.0
                .call(
                    OptionsMethods::COMPUTE,
                    out,
                    |answer, method| __chirp::value_of(
                        answer,
                        method,
                        <u8 as __chirp::Wire<__Codec>>::from_response,
                    ),
                )
        }
    }
    impl<T: Options<K> + 'static, K> OptionsServer<T, K>
    where
        K: __chirp::Parameter,
        K: Ord + Send + Sync,
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
            Self(self.0.named("Options", name), ::core::marker::PhantomData)
        }
        /// Registers the methods with `prefix` instead of the service's name and its dot, as Go programs name
        /// them.
        #[must_use]
        pub fn prefixed(self, prefix: &str) -> Self {
            Self(self.0.prefixed("Options", prefix), ::core::marker::PhantomData)
        }
        /// Adds a layer around the methods of this service, inside of the layers that were added before and of the
        /// layers of the peer or server.
        #[must_use]
        pub fn layer(self, layer: impl __chirp::Layer) -> Self {
            Self(self.0.layer(layer), ::core::marker::PhantomData)
        }
        /// Runs blocking methods on `blocking`, which several services may share. Without it, the service
        /// has a pool of 64 threads of its own.
        #[must_use]
        pub fn blocking(self, blocking: &__chirp::BlockingPool) -> Self {
            Self(self.0.blocking(blocking), ::core::marker::PhantomData)
        }
    }
    #[doc(hidden)]
    impl<__T: Options<K> + 'static, K> OptionsServer<__T, K>
    where
        K: __chirp::Parameter,
        K: Ord + Send + Sync,
    {
        const METHODS: __chirp::Methods<__T> = __chirp::Methods {
            owner: ::core::concat!(
                "`", ::core::module_path!(), "::", ::core::stringify!(Options), "`"
            ),
            methods: &[
                __chirp::Method::new(
                    OptionsMethods::GET,
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
                            <__T as Options<K>>::get(&*service, key).await,
                            <u8 as __chirp::Wire<__Codec>>::payload,
                            &request,
                        )
                    }),
                ),
                __chirp::Method::blocking(
                    OptionsMethods::COMPUTE,
                    |service, request| {
                        let (data,) = {
                            let mut arguments = __chirp::arguments::<__Codec>(&request);
                            let (__chirp::Some(data), __chirp::Some(())) = (
                                <__chirp::Slice8>::take(&mut arguments),
                                arguments.end(),
                            ) else {
                                return __chirp::refused(arguments);
                            };
                            (data,)
                        };
                        __chirp::value(
                            <__T as Options<K>>::compute(&*service, &data),
                            <u8 as __chirp::Wire<__Codec>>::payload,
                            &request,
                        )
                    },
                ),
            ],
            contract: OptionsMethods::CONTRACT,
            ordered: true,
            reflection: <OptionsClient<K>>::REFLECTION,
        };
    }
    impl<T: Options<K> + 'static, K> __chirp::Service for OptionsServer<T, K>
    where
        K: __chirp::Parameter,
        K: Ord + Send + Sync,
    {
        fn register(
            self,
            router: &mut __chirp::Router,
        ) -> ::core::result::Result<(), __chirp::RouteError> {
            self.0.register(router, &Self::METHODS)
        }
    }
    impl<T, K> ::core::fmt::Debug for OptionsServer<T, K> {
        fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
            ::core::fmt::Debug::fmt(&self.0, f)
        }
    }
};
