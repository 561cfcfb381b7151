#[diagnostic::on_unimplemented(
    note = "if it is an `Arc` of an implementation: `ResultsServer::from_arc(..)`, `ResultsClient::local_from_arc(..)`",
    note = "if it is a client: take `&ResultsClient` instead of `impl Results`; `ResultsClient::local(..)` wraps an implementation"
)]
pub trait Results: ::core::marker::Send + ::core::marker::Sync {
    fn unit(&self) -> ();
    fn bytes(&self) -> Option<Vec<u8>>;
    fn value(
        &self,
    ) -> impl ::core::future::Future<Output = Point> + ::core::marker::Send;
    fn fails(
        &self,
    ) -> impl ::core::future::Future<Output = Result<Point, No>> + ::core::marker::Send;
    fn fails_by_another_name(
        &self,
    ) -> impl ::core::future::Future<
        Output = io::Result<Vec<u8>>,
    > + ::core::marker::Send;
    #[doc(hidden)]
    #[allow(non_snake_case, clippy::all, clippy::pedantic, clippy::restriction)]
    fn __use_ResultsClient_instead_of_dyn_Results(&self) -> impl ::core::marker::Sized {}
}
/** Calls the methods of [`Results`] on the other side of a connection, or in this process (`local`).

 Each method encodes its arguments and returns a call, which is sent when it is awaited. Clones are cheap and share the connection.*/
#[allow(dead_code)]
#[derive(::core::clone::Clone, ::core::fmt::Debug)]
pub struct ResultsClient(::chirp::__private::Client);
/// Serves an implementation of [`Results`] on a peer or a server.
#[allow(dead_code)]
pub struct ResultsServer<T>(::chirp::__private::Implementation<T>);
/// The method ids of [`Results`].
#[allow(dead_code, clippy::exhaustive_structs)]
#[derive(::core::clone::Clone, ::core::marker::Copy, ::core::fmt::Debug)]
pub struct ResultsMethods;
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
    const _: () = ::core::assert!(
        ! __chirp::Probe:: < Point > ::IS_RESULT,
        "this type is a `Result` under another name: name it `Result`, so that its error is sent as an error"
    );
    impl ResultsMethods {
        /// `Results.unit`: [`Results::unit`].
        pub const UNIT: __chirp::MethodId = __chirp::MethodId::new("Results.unit");
        /// `Results.bytes`: [`Results::bytes`].
        pub const BYTES: __chirp::MethodId = __chirp::MethodId::new("Results.bytes");
        /// `Results.value`: [`Results::value`].
        pub const VALUE: __chirp::MethodId = __chirp::MethodId::new("Results.value");
        /// `Results.fails`: [`Results::fails`].
        pub const FAILS: __chirp::MethodId = __chirp::MethodId::new("Results.fails");
        /// `Results.fails_by_another_name`: [`Results::fails_by_another_name`].
        pub const FAILS_BY_ANOTHER_NAME: __chirp::MethodId = __chirp::MethodId::new(
            "Results.fails_by_another_name",
        );
        /// All method ids, in declaration order.
        pub const ALL: &'static [__chirp::MethodId] = &[
            Self::UNIT,
            Self::BYTES,
            Self::VALUE,
            Self::FAILS,
            Self::FAILS_BY_ANOTHER_NAME,
        ];
        /// The signatures that `check_compatibility` compares with the other side's.
        pub const CONTRACT: __chirp::Contract = __chirp::Contract::new(
            &[
                __chirp::Signature::new(Self::UNIT, 15855116368227943480u64),
                __chirp::Signature::new(Self::BYTES, 8268263601376915013u64),
                __chirp::Signature::new(Self::VALUE, 5514466139731954395u64),
                __chirp::Signature::new(Self::FAILS, 8573142289636232747u64),
                __chirp::Signature::new(
                    Self::FAILS_BY_ANOTHER_NAME,
                    17125606823427297217u64,
                ),
            ],
        );
    }
    #[doc(hidden)]
    impl ResultsClient {
        const REFLECTION: ::core::option::Option<&'static __chirp::ServiceTable> = __chirp::reflected! {
            __chirp::ServiceTable { name : "Results", documentation : "", codec : <
            __Codec as __chirp::Codec > ::ID, ordered : false, methods : &
            [__chirp::MethodTable { documentation : "", arguments :
            __chirp::ArgumentTable { names : & [], optional : & [], }, values : & [],
            result : __chirp::Some(__chirp::ValueTable { type_name : "()", shape : < ()
            as __chirp::Wire < __Codec >> ::shape, stream : false, schema :
            ::core::option::Option::None, }), items : ::core::option::Option::None,
            errors : & [], named : false, params : false, deadline :
            ::core::option::Option::None, deprecated : ::core::option::Option::None, },
            __chirp::MethodTable { documentation : "", arguments : __chirp::ArgumentTable
            { names : & [], optional : & [], }, values : & [], result :
            __chirp::Some(__chirp::ValueTable { type_name : "Option<Vec<u8>>", shape :
            __chirp::shape_of:: < __chirp::Opt < __chirp::Blob < Vec < u8 > > > >, stream
            : false, schema : ::core::option::Option::None, }), items :
            ::core::option::Option::None, errors : & [], named : false, params : false,
            deadline : ::core::option::Option::None, deprecated :
            ::core::option::Option::None, }, __chirp::MethodTable { documentation : "",
            arguments : __chirp::ArgumentTable { names : & [], optional : & [], }, values
            : & [], result : __chirp::Some(__chirp::ValueTable { type_name : "Point",
            shape : < Point as __chirp::Wire < __Codec >> ::shape, stream : false, schema
            : ::core::option::Option::None, }), items : ::core::option::Option::None,
            errors : & [], named : false, params : false, deadline :
            ::core::option::Option::None, deprecated : ::core::option::Option::None, },
            __chirp::MethodTable { documentation : "", arguments : __chirp::ArgumentTable
            { names : & [], optional : & [], }, values : & [], result :
            __chirp::Some(__chirp::ValueTable { type_name : "Point", shape : < Point as
            __chirp::Wire < __Codec >> ::shape, stream : false, schema :
            ::core::option::Option::None, }), items : ::core::option::Option::None,
            errors : & [| errors | < No as __chirp::Failure < __Codec >>
            ::describe(errors)], named : false, params : false, deadline :
            ::core::option::Option::None, deprecated : ::core::option::Option::None, },
            __chirp::MethodTable { documentation : "", arguments : __chirp::ArgumentTable
            { names : & [], optional : & [], }, values : & [], result :
            __chirp::Some(__chirp::ValueTable { type_name : "Vec<u8>", shape :
            __chirp::shape_of:: < __chirp::Blob < < io::Result < Vec < u8 > > as
            __chirp::Outcome > ::Ok > >, stream : false, schema :
            ::core::option::Option::None, }), items : ::core::option::Option::None,
            errors : & [| errors | < < io::Result < Vec < u8 > > as __chirp::Outcome >
            ::Error as __chirp::Failure < __Codec >> ::describe(errors)], named : false,
            params : false, deadline : ::core::option::Option::None, deprecated :
            ::core::option::Option::None, }], }
        };
    }
    impl ResultsClient {
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
        pub fn local(implementation: impl Results + 'static) -> Self {
            Self(__chirp::Client::local(ResultsServer::<_>::new(implementation)))
        }
        /// Creates a client of an implementation in this process whose handlers call back through `caller`:
        /// `cx.caller()` is this caller.
        pub fn local_with(
            implementation: impl Results + 'static,
            caller: &(impl __chirp::AsCaller + ?::core::marker::Sized),
        ) -> Self {
            Self(
                __chirp::Client::local_with(
                    ResultsServer::<_>::new(implementation),
                    &caller,
                ),
            )
        }
        /// Creates a client of a shared implementation in this process: see `local`.
        pub fn local_from_arc(
            implementation: __chirp::Arc<impl Results + 'static>,
        ) -> Self {
            Self(__chirp::Client::local(ResultsServer::<_>::from_arc(implementation)))
        }
        /// Calls an instance that is registered under `name` instead of the service's own name.
        #[must_use]
        pub fn named(self, name: &str) -> Self {
            Self(self.0.named("Results", name))
        }
        /// Calls an instance whose methods are registered with `prefix` instead of the service's name and
        /// its dot.
        #[must_use]
        pub fn prefixed(self, prefix: &str) -> Self {
            Self(self.0.prefixed("Results", prefix))
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
            self.0.compare(ResultsMethods::CONTRACT, Self::REFLECTION)
        }
        /// Calls [`Results::unit`] (`Results.unit` on the wire).
        pub fn unit(&self) -> __chirp::Call<()> {
            let out = self.0.by_position::<__Codec>(&[]);
            self.0
                .call(
                    ResultsMethods::UNIT,
                    out,
                    |answer, method| __chirp::value_of(
                        answer,
                        method,
                        <() as __chirp::Wire<__Codec>>::from_response,
                    ),
                )
        }
        /// Calls [`Results::bytes`] (`Results.bytes` on the wire).
        pub fn bytes(&self) -> __chirp::Call<Option<Vec<u8>>> {
            let out = self.0.by_position::<__Codec>(&[]);
            self.0
                .call(
                    ResultsMethods::BYTES,
                    out,
                    |answer, method| __chirp::value_of(
                        answer,
                        method,
                        <__chirp::Opt<
                            __chirp::Blob<Vec<u8>>,
                        > as __chirp::Returned<__Codec>>::from_response,
                    ),
                )
        }
        /// Calls [`Results::value`] (`Results.value` on the wire).
        pub fn value(&self) -> __chirp::Call<Point> {
            let out = self.0.by_position::<__Codec>(&[]);
            self.0
                .call(
                    ResultsMethods::VALUE,
                    out,
                    |answer, method| __chirp::value_of(
                        answer,
                        method,
                        <Point as __chirp::Wire<__Codec>>::from_response,
                    ),
                )
        }
        /// Calls [`Results::fails`] (`Results.fails` on the wire).
        pub fn fails(&self) -> __chirp::Call<Point, __chirp::MethodError<No>> {
            let out = self.0.by_position::<__Codec>(&[]);
            self.0
                .call(
                    ResultsMethods::FAILS,
                    out,
                    |answer, method| __chirp::outcome_of(
                        answer,
                        method,
                        <Point as __chirp::Wire<__Codec>>::from_response,
                        <No as __chirp::Failure<__Codec>>::decode,
                    ),
                )
        }
        /// Calls [`Results::fails_by_another_name`] (`Results.fails_by_another_name` on the wire).
        pub fn fails_by_another_name(&self) -> __chirp::CallOf<io::Result<Vec<u8>>> {
            let out = self.0.by_position::<__Codec>(&[]);
            self.0
                .call(
                    ResultsMethods::FAILS_BY_ANOTHER_NAME,
                    out,
                    |answer, method| __chirp::outcome_of(
                        answer,
                        method,
                        <__chirp::Blob<
                            <io::Result<Vec<u8>> as __chirp::Outcome>::Ok,
                        > as __chirp::Returned<__Codec>>::from_response,
                        <<io::Result<
                            Vec<u8>,
                        > as __chirp::Outcome>::Error as __chirp::Failure<
                            __Codec,
                        >>::decode,
                    ),
                )
        }
    }
    impl<T: Results + 'static> ResultsServer<T> {
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
            Self(self.0.named("Results", name))
        }
        /// Registers the methods with `prefix` instead of the service's name and its dot, as Go programs name
        /// them.
        #[must_use]
        pub fn prefixed(self, prefix: &str) -> Self {
            Self(self.0.prefixed("Results", prefix))
        }
        /// Adds a layer around the methods of this service, inside of the layers that were added before and of the
        /// layers of the peer or server.
        #[must_use]
        pub fn layer(self, layer: impl __chirp::Layer) -> Self {
            Self(self.0.layer(layer))
        }
    }
    #[doc(hidden)]
    impl<__T: Results + 'static> ResultsServer<__T> {
        const METHODS: __chirp::Methods<__T> = __chirp::Methods {
            owner: ::core::concat!(
                "`", ::core::module_path!(), "::", ::core::stringify!(Results), "`"
            ),
            methods: &[
                __chirp::Method::new(
                    ResultsMethods::UNIT,
                    |service, request| __chirp::Box::pin(async move {
                        {
                            let mut arguments = __chirp::arguments::<__Codec>(&request);
                            let (__chirp::Some(())) = (arguments.end()) else {
                                return __chirp::refused(arguments);
                            };
                        }
                        __chirp::value(
                            <__T as Results>::unit(&*service),
                            <() as __chirp::Wire<__Codec>>::payload,
                            &request,
                        )
                    }),
                ),
                __chirp::Method::new(
                    ResultsMethods::BYTES,
                    |service, request| __chirp::Box::pin(async move {
                        {
                            let mut arguments = __chirp::arguments::<__Codec>(&request);
                            let (__chirp::Some(())) = (arguments.end()) else {
                                return __chirp::refused(arguments);
                            };
                        }
                        __chirp::value(
                            <__T as Results>::bytes(&*service),
                            <__chirp::Opt<
                                __chirp::Blob<Vec<u8>>,
                            > as __chirp::Returned<__Codec>>::payload,
                            &request,
                        )
                    }),
                ),
                __chirp::Method::new(
                    ResultsMethods::VALUE,
                    |service, request| __chirp::Box::pin(async move {
                        {
                            let mut arguments = __chirp::arguments::<__Codec>(&request);
                            let (__chirp::Some(())) = (arguments.end()) else {
                                return __chirp::refused(arguments);
                            };
                        }
                        __chirp::value(
                            <__T as Results>::value(&*service).await,
                            <Point as __chirp::Wire<__Codec>>::payload,
                            &request,
                        )
                    }),
                ),
                __chirp::Method::new(
                    ResultsMethods::FAILS,
                    |service, request| __chirp::Box::pin(async move {
                        {
                            let mut arguments = __chirp::arguments::<__Codec>(&request);
                            let (__chirp::Some(())) = (arguments.end()) else {
                                return __chirp::refused(arguments);
                            };
                        }
                        __chirp::outcome(
                            <__T as Results>::fails(&*service).await,
                            <Point as __chirp::Wire<__Codec>>::payload,
                            <No as __chirp::Failure<__Codec>>::encode,
                            &request,
                        )
                    }),
                ),
                __chirp::Method::new(
                    ResultsMethods::FAILS_BY_ANOTHER_NAME,
                    |service, request| __chirp::Box::pin(async move {
                        {
                            let mut arguments = __chirp::arguments::<__Codec>(&request);
                            let (__chirp::Some(())) = (arguments.end()) else {
                                return __chirp::refused(arguments);
                            };
                        }
                        __chirp::outcome(
                            <io::Result<
                                Vec<u8>,
                            > as __chirp::Outcome>::into_result(
                                <__T as Results>::fails_by_another_name(&*service).await,
                            ),
                            <__chirp::Blob<
                                <io::Result<Vec<u8>> as __chirp::Outcome>::Ok,
                            > as __chirp::Returned<__Codec>>::payload,
                            <<io::Result<
                                Vec<u8>,
                            > as __chirp::Outcome>::Error as __chirp::Failure<
                                __Codec,
                            >>::encode,
                            &request,
                        )
                    }),
                ),
            ],
            contract: ResultsMethods::CONTRACT,
            ordered: false,
            reflection: <ResultsClient>::REFLECTION,
        };
    }
    impl<T: Results + 'static> __chirp::Service for ResultsServer<T> {
        fn register(
            self,
            router: &mut __chirp::Router,
        ) -> ::core::result::Result<(), __chirp::RouteError> {
            self.0.register(router, &Self::METHODS)
        }
    }
    impl<T> ::core::fmt::Debug for ResultsServer<T> {
        fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
            ::core::fmt::Debug::fmt(&self.0, f)
        }
    }
};
