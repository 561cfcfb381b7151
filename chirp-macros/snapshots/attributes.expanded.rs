/// A service that is not for everywhere.
#[cfg(unix)]
#[deprecated = "there is another"]
///
/// Call it with [`AttributesClient`] and serve it with [`AttributesServer`]. Implementations write `async fn` where this shows `impl Future`.
#[diagnostic::on_unimplemented(
    note = "if it is an `Arc` of an implementation: `AttributesServer::from_arc(..)`, `AttributesClient::local_from_arc(..)`",
    note = "if it is a client: take `&AttributesClient` instead of `impl Attributes`; `AttributesClient::local(..)` wraps an implementation"
)]
pub(crate) trait Attributes: ::core::marker::Send + ::core::marker::Sync {
    /// Its first line.
    ///
    /// And more.
    ///
    /// ```
    /// # let hidden = "no heading";
    /// ```
    ///
    /// # Panics
    ///
    /// Never.
    #[must_use]
    fn documented(&self) -> u8;
    #[deprecated]
    fn old(&self) -> impl ::core::future::Future<Output = ()> + ::core::marker::Send;
    #[cfg(target_os = "linux")]
    fn here(
        &self,
        a: u8,
    ) -> impl ::core::future::Future<Output = u8> + ::core::marker::Send;
    #[cfg(not(target_os = "linux"))]
    fn here(
        &self,
        a: u16,
    ) -> impl ::core::future::Future<Output = u16> + ::core::marker::Send;
    #[allow(clippy::ptr_arg)]
    fn lenient(&self, it: &String);
    #[doc(hidden)]
    #[allow(non_snake_case, clippy::all, clippy::pedantic, clippy::restriction)]
    fn __use_AttributesClient_instead_of_dyn_Attributes(
        &self,
    ) -> impl ::core::marker::Sized {}
}
#[cfg(unix)]
#[deprecated = "there is another"]
/** Calls the methods of [`Attributes`] on the other side of a connection, or in this process (`local`).

 Each method encodes its arguments and returns a call, which is sent when it is awaited. Clones are cheap and share the connection.*/
#[allow(dead_code)]
#[derive(::core::clone::Clone, ::core::fmt::Debug)]
pub(crate) struct AttributesClient(::chirp::__private::Client);
#[cfg(unix)]
#[deprecated = "there is another"]
/// Serves an implementation of [`Attributes`] on a peer or a server.
#[allow(dead_code)]
pub(crate) struct AttributesServer<T>(::chirp::__private::Implementation<T>);
#[cfg(unix)]
/// The method ids of [`Attributes`].
#[allow(dead_code, clippy::exhaustive_structs)]
#[derive(::core::clone::Clone, ::core::marker::Copy, ::core::fmt::Debug)]
pub(crate) struct AttributesMethods;
#[cfg(unix)]
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
    impl AttributesMethods {
        /// `Attributes.documented`: [`Attributes::documented`].
        pub(crate) const DOCUMENTED: __chirp::MethodId = __chirp::MethodId::new(
            "Attributes.documented",
        );
        /// `Attributes.old`: [`Attributes::old`].
        pub(crate) const OLD: __chirp::MethodId = __chirp::MethodId::new(
            "Attributes.old",
        );
        #[cfg(target_os = "linux")]
        /// `Attributes.here`: [`Attributes::here`].
        pub(crate) const HERE: __chirp::MethodId = __chirp::MethodId::new(
            "Attributes.here",
        );
        #[cfg(not(target_os = "linux"))]
        /// `Attributes.here`: [`Attributes::here`].
        pub(crate) const HERE: __chirp::MethodId = __chirp::MethodId::new(
            "Attributes.here",
        );
        /// `Attributes.lenient`: [`Attributes::lenient`].
        pub(crate) const LENIENT: __chirp::MethodId = __chirp::MethodId::new(
            "Attributes.lenient",
        );
        /// All method ids, in declaration order.
        pub(crate) const ALL: &'static [__chirp::MethodId] = &[
            Self::DOCUMENTED,
            Self::OLD,
            #[cfg(target_os = "linux")]
            Self::HERE,
            #[cfg(not(target_os = "linux"))]
            Self::HERE,
            Self::LENIENT,
        ];
        /// The signatures that `check_compatibility` compares with the other side's.
        pub(crate) const CONTRACT: __chirp::Contract = __chirp::Contract::new(
            &[
                __chirp::Signature::new(Self::DOCUMENTED, 15896232605556757150u64),
                __chirp::Signature::new(Self::OLD, 15855116368227943480u64),
                #[cfg(target_os = "linux")]
                __chirp::Signature::new(Self::HERE, 2567101038779953024u64),
                #[cfg(not(target_os = "linux"))]
                __chirp::Signature::new(Self::HERE, 10574729927200317314u64),
                __chirp::Signature::new(Self::LENIENT, 3457833115828822026u64),
            ],
        );
    }
    #[doc(hidden)]
    impl AttributesClient {
        const REFLECTION: ::core::option::Option<&'static __chirp::ServiceTable> = __chirp::reflected! {
            __chirp::ServiceTable { name : "Attributes", documentation :
            ::core::concat!(" A service that is not for everywhere.", "\n"), codec : <
            __Codec as __chirp::Codec > ::ID, ordered : false, methods : &
            [__chirp::MethodTable { documentation : ::core::concat!(" Its first line.",
            "\n", "", "\n", " And more.", "\n", "", "\n", " ```", "\n",
            " # let hidden = \"no heading\";", "\n", " ```", "\n", "", "\n", " # Panics",
            "\n", "", "\n", " Never.", "\n"), arguments : __chirp::ArgumentTable { names
            : & [], optional : & [], }, values : & [], result :
            __chirp::Some(__chirp::ValueTable { type_name : "u8", shape : < u8 as
            __chirp::Wire < __Codec >> ::shape, stream : false, schema :
            ::core::option::Option::None, }), items : ::core::option::Option::None,
            errors : & [], named : false, params : false, deadline :
            ::core::option::Option::None, deprecated : ::core::option::Option::None, },
            __chirp::MethodTable { documentation : "", arguments : __chirp::ArgumentTable
            { names : & [], optional : & [], }, values : & [], result :
            __chirp::Some(__chirp::ValueTable { type_name : "()", shape : < () as
            __chirp::Wire < __Codec >> ::shape, stream : false, schema :
            ::core::option::Option::None, }), items : ::core::option::Option::None,
            errors : & [], named : false, params : false, deadline :
            ::core::option::Option::None, deprecated : __chirp::Some(""), },
            #[cfg(target_os = "linux")] __chirp::MethodTable { documentation : "",
            arguments : __chirp::ArgumentTable { names : & [& ["a"]], optional : &
            [false], }, values : & [__chirp::ValueTable { type_name : "u8", shape : < u8
            as __chirp::Wire < __Codec >> ::shape, stream : false, schema :
            ::core::option::Option::None, }], result : __chirp::Some(__chirp::ValueTable
            { type_name : "u8", shape : < u8 as __chirp::Wire < __Codec >> ::shape,
            stream : false, schema : ::core::option::Option::None, }), items :
            ::core::option::Option::None, errors : & [], named : false, params : false,
            deadline : ::core::option::Option::None, deprecated :
            ::core::option::Option::None, }, #[cfg(not(target_os = "linux"))]
            __chirp::MethodTable { documentation : "", arguments : __chirp::ArgumentTable
            { names : & [& ["a"]], optional : & [false], }, values : &
            [__chirp::ValueTable { type_name : "u16", shape : < u16 as __chirp::Wire <
            __Codec >> ::shape, stream : false, schema : ::core::option::Option::None,
            }], result : __chirp::Some(__chirp::ValueTable { type_name : "u16", shape : <
            u16 as __chirp::Wire < __Codec >> ::shape, stream : false, schema :
            ::core::option::Option::None, }), items : ::core::option::Option::None,
            errors : & [], named : false, params : false, deadline :
            ::core::option::Option::None, deprecated : ::core::option::Option::None, },
            __chirp::MethodTable { documentation : "", arguments : __chirp::ArgumentTable
            { names : & [& ["it"]], optional : & [false], }, values : &
            [__chirp::ValueTable { type_name : "&String", shape : < String as
            __chirp::Wire < __Codec >> ::shape, stream : false, schema :
            ::core::option::Option::None, }], result : __chirp::Some(__chirp::ValueTable
            { type_name : "()", shape : < () as __chirp::Wire < __Codec >> ::shape,
            stream : false, schema : ::core::option::Option::None, }), items :
            ::core::option::Option::None, errors : & [], named : false, params : false,
            deadline : ::core::option::Option::None, deprecated :
            ::core::option::Option::None, }], }
        };
    }
    impl AttributesClient {
        /// Creates a client that calls through `caller`: a peer, or `cx.caller()` inside a handler.
        pub(crate) fn new(
            caller: &(impl __chirp::AsCaller + ?::core::marker::Sized),
        ) -> Self {
            Self(__chirp::Client::new(&caller))
        }
        /// Creates a client without a connection. Its calls are templates for groups of targets (`gather`);
        /// by themselves they fail with `CallError::Unbound`.
        pub(crate) fn unbound() -> Self {
            Self(__chirp::Client::unbound())
        }
        /// Creates a client of an implementation in this process, without a connection. Values are
        /// encoded and decoded as on a connection.
        pub(crate) fn local(implementation: impl Attributes + 'static) -> Self {
            Self(__chirp::Client::local(AttributesServer::<_>::new(implementation)))
        }
        /// Creates a client of an implementation in this process whose handlers call back through `caller`:
        /// `cx.caller()` is this caller.
        pub(crate) fn local_with(
            implementation: impl Attributes + 'static,
            caller: &(impl __chirp::AsCaller + ?::core::marker::Sized),
        ) -> Self {
            Self(
                __chirp::Client::local_with(
                    AttributesServer::<_>::new(implementation),
                    &caller,
                ),
            )
        }
        /// Creates a client of a shared implementation in this process: see `local`.
        pub(crate) fn local_from_arc(
            implementation: __chirp::Arc<impl Attributes + 'static>,
        ) -> Self {
            Self(__chirp::Client::local(AttributesServer::<_>::from_arc(implementation)))
        }
        /// Calls an instance that is registered under `name` instead of the service's own name.
        #[must_use]
        pub(crate) fn named(self, name: &str) -> Self {
            Self(self.0.named("Attributes", name))
        }
        /// Calls an instance whose methods are registered with `prefix` instead of the service's name and
        /// its dot.
        #[must_use]
        pub(crate) fn prefixed(self, prefix: &str) -> Self {
            Self(self.0.prefixed("Attributes", prefix))
        }
        /// Adds an entry of metadata to every call of the returned client. A call may set another value.
        #[must_use]
        pub(crate) fn with_metadata(
            self,
            key: &str,
            value: impl ::core::convert::AsRef<[::core::primitive::u8]>,
        ) -> Self {
            Self(self.0.with_metadata(key, ::core::convert::AsRef::as_ref(&value)))
        }
        /// Limits the time of every call of the returned client, unless the call has a limit of its own.
        #[must_use]
        pub(crate) fn with_timeout(self, timeout: ::core::time::Duration) -> Self {
            Self(self.0.with_timeout(timeout))
        }
        /// Sends every call of the returned client again by a policy when it has failed, unless the call has a
        /// policy of its own.
        #[must_use]
        pub(crate) fn with_retry(self, policy: &__chirp::RetryPolicy) -> Self {
            Self(self.0.with_retry(policy))
        }
        __chirp::json_client! {
            [pub (crate)] []
        }
        /// Adds a layer around the calls of this client, inside of the layers that it has.
        #[must_use]
        pub(crate) fn with_layer(self, layer: impl __chirp::ClientLayer) -> Self {
            Self(self.0.with_layer(layer))
        }
        /// Asks the other side whether it serves these methods with the same signatures. If the other side describes
        /// its methods, compares the parts of their types, too. The result is advisory and does not affect calls.
        ///
        /// # Errors
        ///
        /// Returns the error of the underlying call. A side that does not support the question is not an error.
        pub(crate) fn check_compatibility(&self) -> __chirp::CompatibilityCheck {
            self.0.compare(AttributesMethods::CONTRACT, Self::REFLECTION)
        }
        #[must_use]
        /// Its first line.
        ///
        /// And more.
        ///
        /// ```
        /// # let hidden = "no heading";
        /// ```
        ///
        ///
        /// Calls [`Attributes::documented`] (`Attributes.documented` on the wire).
        ///
        /// # Panics
        ///
        /// Never.
        pub(crate) fn documented(&self) -> __chirp::Call<u8> {
            let out = self.0.by_position::<__Codec>(&[]);
            self.0
                .call(
                    AttributesMethods::DOCUMENTED,
                    out,
                    |answer, method| __chirp::value_of(
                        answer,
                        method,
                        <u8 as __chirp::Wire<__Codec>>::from_response,
                    ),
                )
        }
        #[deprecated]
        /// Calls [`Attributes::old`] (`Attributes.old` on the wire).
        pub(crate) fn old(&self) -> __chirp::Call<()> {
            let out = self.0.by_position::<__Codec>(&[]);
            self.0
                .call(
                    AttributesMethods::OLD,
                    out,
                    |answer, method| __chirp::value_of(
                        answer,
                        method,
                        <() as __chirp::Wire<__Codec>>::from_response,
                    ),
                )
        }
        #[cfg(target_os = "linux")]
        /// Calls [`Attributes::here`] (`Attributes.here` on the wire).
        pub(crate) fn here(&self, a: u8) -> __chirp::Call<u8> {
            let mut out = self.0.by_position::<__Codec>(&["a"]);
            <u8 as __chirp::Wire<__Codec>>::put(&a, &mut out);
            self.0
                .call(
                    AttributesMethods::HERE,
                    out,
                    |answer, method| __chirp::value_of(
                        answer,
                        method,
                        <u8 as __chirp::Wire<__Codec>>::from_response,
                    ),
                )
        }
        #[cfg(not(target_os = "linux"))]
        /// Calls [`Attributes::here`] (`Attributes.here` on the wire).
        pub(crate) fn here(&self, a: u16) -> __chirp::Call<u16> {
            let mut out = self.0.by_position::<__Codec>(&["a"]);
            <u16 as __chirp::Wire<__Codec>>::put(&a, &mut out);
            self.0
                .call(
                    AttributesMethods::HERE,
                    out,
                    |answer, method| __chirp::value_of(
                        answer,
                        method,
                        <u16 as __chirp::Wire<__Codec>>::from_response,
                    ),
                )
        }
        /// Calls [`Attributes::lenient`] (`Attributes.lenient` on the wire).
        pub(crate) fn lenient(&self, it: &String) -> __chirp::Call<()> {
            let mut out = self.0.by_position::<__Codec>(&["it"]);
            <String as __chirp::Wire<__Codec>>::put(it, &mut out);
            self.0
                .call(
                    AttributesMethods::LENIENT,
                    out,
                    |answer, method| __chirp::value_of(
                        answer,
                        method,
                        <() as __chirp::Wire<__Codec>>::from_response,
                    ),
                )
        }
    }
    impl<T: Attributes + 'static> AttributesServer<T> {
        /// Serves `implementation`.
        pub(crate) fn new(implementation: T) -> Self {
            Self::from_arc(__chirp::Arc::new(implementation))
        }
        /// Serves a shared implementation.
        pub(crate) fn from_arc(implementation: __chirp::Arc<T>) -> Self {
            Self(__chirp::Implementation::new(implementation))
        }
        /// Registers the service under `name` instead of its own name.
        #[must_use]
        pub(crate) fn named(self, name: &str) -> Self {
            Self(self.0.named("Attributes", name))
        }
        /// Registers the methods with `prefix` instead of the service's name and its dot, as Go programs name
        /// them.
        #[must_use]
        pub(crate) fn prefixed(self, prefix: &str) -> Self {
            Self(self.0.prefixed("Attributes", prefix))
        }
        /// Adds a layer around the methods of this service, inside of the layers that were added before and of the
        /// layers of the peer or server.
        #[must_use]
        pub(crate) fn layer(self, layer: impl __chirp::Layer) -> Self {
            Self(self.0.layer(layer))
        }
    }
    #[doc(hidden)]
    impl<__T: Attributes + 'static> AttributesServer<__T> {
        const METHODS: __chirp::Methods<__T> = __chirp::Methods {
            owner: ::core::concat!(
                "`", ::core::module_path!(), "::", ::core::stringify!(Attributes), "`"
            ),
            methods: &[
                __chirp::Method::new(
                    AttributesMethods::DOCUMENTED,
                    |service, request| __chirp::Box::pin(async move {
                        {
                            let mut arguments = __chirp::arguments::<__Codec>(&request);
                            let (__chirp::Some(())) = (arguments.end()) else {
                                return __chirp::refused(arguments);
                            };
                        }
                        __chirp::value(
                            <__T as Attributes>::documented(&*service),
                            <u8 as __chirp::Wire<__Codec>>::payload,
                            &request,
                        )
                    }),
                ),
                __chirp::Method::new(
                    AttributesMethods::OLD,
                    |service, request| __chirp::Box::pin(async move {
                        {
                            let mut arguments = __chirp::arguments::<__Codec>(&request);
                            let (__chirp::Some(())) = (arguments.end()) else {
                                return __chirp::refused(arguments);
                            };
                        }
                        __chirp::value(
                            <__T as Attributes>::old(&*service).await,
                            <() as __chirp::Wire<__Codec>>::payload,
                            &request,
                        )
                    }),
                ),
                #[cfg(target_os = "linux")]
                __chirp::Method::new(
                    AttributesMethods::HERE,
                    |service, request| __chirp::Box::pin(async move {
                        let (a,) = {
                            let mut arguments = __chirp::arguments::<__Codec>(&request);
                            let (__chirp::Some(a), __chirp::Some(())) = (
                                <u8 as __chirp::Wire<__Codec>>::take(&mut arguments),
                                arguments.end(),
                            ) else {
                                return __chirp::refused(arguments);
                            };
                            (a,)
                        };
                        __chirp::value(
                            <__T as Attributes>::here(&*service, a).await,
                            <u8 as __chirp::Wire<__Codec>>::payload,
                            &request,
                        )
                    }),
                ),
                #[cfg(not(target_os = "linux"))]
                __chirp::Method::new(
                    AttributesMethods::HERE,
                    |service, request| __chirp::Box::pin(async move {
                        let (a,) = {
                            let mut arguments = __chirp::arguments::<__Codec>(&request);
                            let (__chirp::Some(a), __chirp::Some(())) = (
                                <u16 as __chirp::Wire<__Codec>>::take(&mut arguments),
                                arguments.end(),
                            ) else {
                                return __chirp::refused(arguments);
                            };
                            (a,)
                        };
                        __chirp::value(
                            <__T as Attributes>::here(&*service, a).await,
                            <u16 as __chirp::Wire<__Codec>>::payload,
                            &request,
                        )
                    }),
                ),
                __chirp::Method::new(
                    AttributesMethods::LENIENT,
                    |service, request| __chirp::Box::pin(async move {
                        let (it,) = {
                            let mut arguments = __chirp::arguments::<__Codec>(&request);
                            let (__chirp::Some(it), __chirp::Some(())) = (
                                <String as __chirp::Wire<__Codec>>::take(&mut arguments),
                                arguments.end(),
                            ) else {
                                return __chirp::refused(arguments);
                            };
                            (it,)
                        };
                        __chirp::value(
                            <__T as Attributes>::lenient(&*service, &it),
                            <() as __chirp::Wire<__Codec>>::payload,
                            &request,
                        )
                    }),
                ),
            ],
            contract: AttributesMethods::CONTRACT,
            ordered: false,
            reflection: <AttributesClient>::REFLECTION,
        };
    }
    impl<T: Attributes + 'static> __chirp::Service for AttributesServer<T> {
        fn register(
            self,
            router: &mut __chirp::Router,
        ) -> ::core::result::Result<(), __chirp::RouteError> {
            self.0.register(router, &Self::METHODS)
        }
    }
    impl<T> ::core::fmt::Debug for AttributesServer<T> {
        fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
            ::core::fmt::Debug::fmt(&self.0, f)
        }
    }
};
