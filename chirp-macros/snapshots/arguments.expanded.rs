#[diagnostic::on_unimplemented(
    note = "if it is an `Arc` of an implementation: `ArgumentsServer::from_arc(..)`, `ArgumentsClient::local_from_arc(..)`",
    note = "if it is a client: take `&ArgumentsClient` instead of `impl Arguments`; `ArgumentsClient::local(..)` wraps an implementation"
)]
pub trait Arguments: ::core::marker::Send + ::core::marker::Sync {
    fn none(&self);
    fn text(&self, a: &str, b: Option<&str>, c: Cow<'_, str>, d: String);
    fn bytes(&self, a: &[u8], b: Option<&[u8]>, c: Vec<u8>, d: Bytes, e: [u8; 4]);
    fn values(
        &self,
        a: Point,
        b: &Point,
        c: Option<&Point>,
        d: &[Point],
        e: Vec<Point>,
    ) -> impl ::core::future::Future<Output = ()> + ::core::marker::Send;
    fn unused(
        &self,
        _a: u8,
    ) -> impl ::core::future::Future<Output = ()> + ::core::marker::Send;
    #[doc(hidden)]
    #[allow(non_snake_case, clippy::all, clippy::pedantic, clippy::restriction)]
    fn __use_ArgumentsClient_instead_of_dyn_Arguments(
        &self,
    ) -> impl ::core::marker::Sized {}
}
/** Calls the methods of [`Arguments`] on the other side of a connection, or in this process (`local`).

 Each method encodes its arguments and returns a call, which is sent when it is awaited. Clones are cheap and share the connection.*/
#[allow(dead_code)]
#[derive(::core::clone::Clone, ::core::fmt::Debug)]
pub struct ArgumentsClient(::chirp::__private::Client);
/// Serves an implementation of [`Arguments`] on a peer or a server.
#[allow(dead_code)]
pub struct ArgumentsServer<T>(::chirp::__private::Implementation<T>);
/// The method ids of [`Arguments`].
#[allow(dead_code, clippy::exhaustive_structs)]
#[derive(::core::clone::Clone, ::core::marker::Copy, ::core::fmt::Debug)]
pub struct ArgumentsMethods;
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
    impl ArgumentsMethods {
        /// `Arguments.none`: [`Arguments::none`].
        pub const NONE: __chirp::MethodId = __chirp::MethodId::new("Arguments.none");
        /// `Arguments.text`: [`Arguments::text`].
        pub const TEXT: __chirp::MethodId = __chirp::MethodId::new("Arguments.text");
        /// `Arguments.bytes`: [`Arguments::bytes`].
        pub const BYTES: __chirp::MethodId = __chirp::MethodId::new("Arguments.bytes");
        /// `Arguments.values`: [`Arguments::values`].
        pub const VALUES: __chirp::MethodId = __chirp::MethodId::new("Arguments.values");
        /// `Arguments.unused`: [`Arguments::unused`].
        pub const UNUSED: __chirp::MethodId = __chirp::MethodId::new("Arguments.unused");
        /// All method ids, in declaration order.
        pub const ALL: &'static [__chirp::MethodId] = &[
            Self::NONE,
            Self::TEXT,
            Self::BYTES,
            Self::VALUES,
            Self::UNUSED,
        ];
        /// The signatures that `check_compatibility` compares with the other side's.
        pub const CONTRACT: __chirp::Contract = __chirp::Contract::new(
            &[
                __chirp::Signature::new(Self::NONE, 15855116368227943480u64),
                __chirp::Signature::new(Self::TEXT, 17039743549677906789u64),
                __chirp::Signature::new(Self::BYTES, 11184950259380769148u64),
                __chirp::Signature::new(Self::VALUES, 4421523274251948646u64),
                __chirp::Signature::new(Self::UNUSED, 4720738809829241131u64),
            ],
        );
    }
    #[doc(hidden)]
    impl ArgumentsClient {
        const REFLECTION: ::core::option::Option<&'static __chirp::ServiceTable> = __chirp::reflected! {
            __chirp::ServiceTable { name : "Arguments", documentation : "", codec : <
            __Codec as __chirp::Codec > ::ID, ordered : false, methods : &
            [__chirp::MethodTable { documentation : "", arguments :
            __chirp::ArgumentTable { names : & [], optional : & [], }, values : & [],
            result : __chirp::Some(__chirp::ValueTable { type_name : "()", shape : < ()
            as __chirp::Wire < __Codec >> ::shape, stream : false, schema :
            ::core::option::Option::None, }), items : ::core::option::Option::None,
            errors : & [], named : false, params : false, deadline :
            ::core::option::Option::None, deprecated : ::core::option::Option::None, },
            __chirp::MethodTable { documentation : "", arguments : __chirp::ArgumentTable
            { names : & [& ["a"], & ["b"], & ["c"], & ["d"]], optional : & [false, true,
            false, false], }, values : & [__chirp::ValueTable { type_name : "&str", shape
            : __chirp::shape_of:: < __chirp::Str >, stream : false, schema :
            ::core::option::Option::None, }, __chirp::ValueTable { type_name :
            "Option<&str>", shape : __chirp::shape_of:: < __chirp::Opt < __chirp::Str >
            >, stream : false, schema : ::core::option::Option::None, },
            __chirp::ValueTable { type_name : "Cow<'_, str>", shape : __chirp::shape_of::
            < __chirp::CowStr >, stream : false, schema : ::core::option::Option::None,
            }, __chirp::ValueTable { type_name : "String", shape : < String as
            __chirp::Wire < __Codec >> ::shape, stream : false, schema :
            ::core::option::Option::None, }], result : __chirp::Some(__chirp::ValueTable
            { type_name : "()", shape : < () as __chirp::Wire < __Codec >> ::shape,
            stream : false, schema : ::core::option::Option::None, }), items :
            ::core::option::Option::None, errors : & [], named : false, params : false,
            deadline : ::core::option::Option::None, deprecated :
            ::core::option::Option::None, }, __chirp::MethodTable { documentation : "",
            arguments : __chirp::ArgumentTable { names : & [& ["a"], & ["b"], & ["c"], &
            ["d"], & ["e"]], optional : & [false, true, false, false, false], }, values :
            & [__chirp::ValueTable { type_name : "&[u8]", shape : __chirp::shape_of:: <
            __chirp::Slice8 >, stream : false, schema : ::core::option::Option::None, },
            __chirp::ValueTable { type_name : "Option<&[u8]>", shape :
            __chirp::shape_of:: < __chirp::Opt < __chirp::Slice8 > >, stream : false,
            schema : ::core::option::Option::None, }, __chirp::ValueTable { type_name :
            "Vec<u8>", shape : __chirp::shape_of:: < __chirp::Blob < Vec < u8 > > >,
            stream : false, schema : ::core::option::Option::None, }, __chirp::ValueTable
            { type_name : "Bytes", shape : __chirp::shape_of:: < __chirp::Blob < Bytes >
            >, stream : false, schema : ::core::option::Option::None, },
            __chirp::ValueTable { type_name : "[u8; 4]", shape : __chirp::shape_of:: <
            __chirp::Blob < [u8; 4] > >, stream : false, schema :
            ::core::option::Option::None, }], result : __chirp::Some(__chirp::ValueTable
            { type_name : "()", shape : < () as __chirp::Wire < __Codec >> ::shape,
            stream : false, schema : ::core::option::Option::None, }), items :
            ::core::option::Option::None, errors : & [], named : false, params : false,
            deadline : ::core::option::Option::None, deprecated :
            ::core::option::Option::None, }, __chirp::MethodTable { documentation : "",
            arguments : __chirp::ArgumentTable { names : & [& ["a"], & ["b"], & ["c"], &
            ["d"], & ["e"]], optional : & [false, false, true, false, false], }, values :
            & [__chirp::ValueTable { type_name : "Point", shape : < Point as
            __chirp::Wire < __Codec >> ::shape, stream : false, schema :
            ::core::option::Option::None, }, __chirp::ValueTable { type_name : "&Point",
            shape : < Point as __chirp::Wire < __Codec >> ::shape, stream : false, schema
            : ::core::option::Option::None, }, __chirp::ValueTable { type_name :
            "Option<&Point>", shape : < Point as __chirp::WireBorrowed < __Codec >>
            ::option_shape, stream : false, schema : ::core::option::Option::None, },
            __chirp::ValueTable { type_name : "&[Point]", shape : < Point as
            __chirp::WireBorrowed < __Codec >> ::slice_shape, stream : false, schema :
            ::core::option::Option::None, }, __chirp::ValueTable { type_name :
            "Vec<Point>", shape : < Vec < Point > as __chirp::Wire < __Codec >> ::shape,
            stream : false, schema : ::core::option::Option::None, }], result :
            __chirp::Some(__chirp::ValueTable { type_name : "()", shape : < () as
            __chirp::Wire < __Codec >> ::shape, stream : false, schema :
            ::core::option::Option::None, }), items : ::core::option::Option::None,
            errors : & [], named : false, params : false, deadline :
            ::core::option::Option::None, deprecated : ::core::option::Option::None, },
            __chirp::MethodTable { documentation : "", arguments : __chirp::ArgumentTable
            { names : & [& ["_a"]], optional : & [false], }, values : &
            [__chirp::ValueTable { type_name : "u8", shape : < u8 as __chirp::Wire <
            __Codec >> ::shape, stream : false, schema : ::core::option::Option::None,
            }], result : __chirp::Some(__chirp::ValueTable { type_name : "()", shape : <
            () as __chirp::Wire < __Codec >> ::shape, stream : false, schema :
            ::core::option::Option::None, }), items : ::core::option::Option::None,
            errors : & [], named : false, params : false, deadline :
            ::core::option::Option::None, deprecated : ::core::option::Option::None, }],
            }
        };
    }
    impl ArgumentsClient {
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
        pub fn local(implementation: impl Arguments + 'static) -> Self {
            Self(__chirp::Client::local(ArgumentsServer::<_>::new(implementation)))
        }
        /// Creates a client of an implementation in this process whose handlers call back through `caller`:
        /// `cx.caller()` is this caller.
        pub fn local_with(
            implementation: impl Arguments + 'static,
            caller: &(impl __chirp::AsCaller + ?::core::marker::Sized),
        ) -> Self {
            Self(
                __chirp::Client::local_with(
                    ArgumentsServer::<_>::new(implementation),
                    &caller,
                ),
            )
        }
        /// Creates a client of a shared implementation in this process: see `local`.
        pub fn local_from_arc(
            implementation: __chirp::Arc<impl Arguments + 'static>,
        ) -> Self {
            Self(__chirp::Client::local(ArgumentsServer::<_>::from_arc(implementation)))
        }
        /// Calls an instance that is registered under `name` instead of the service's own name.
        #[must_use]
        pub fn named(self, name: &str) -> Self {
            Self(self.0.named("Arguments", name))
        }
        /// Calls an instance whose methods are registered with `prefix` instead of the service's name and
        /// its dot.
        #[must_use]
        pub fn prefixed(self, prefix: &str) -> Self {
            Self(self.0.prefixed("Arguments", prefix))
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
            self.0.compare(ArgumentsMethods::CONTRACT, Self::REFLECTION)
        }
        /// Calls [`Arguments::none`] (`Arguments.none` on the wire).
        pub fn none(&self) -> __chirp::Call<()> {
            let out = self.0.by_position::<__Codec>(&[]);
            self.0
                .call(
                    ArgumentsMethods::NONE,
                    out,
                    |answer, method| __chirp::value_of(
                        answer,
                        method,
                        <() as __chirp::Wire<__Codec>>::from_response,
                    ),
                )
        }
        /// Calls [`Arguments::text`] (`Arguments.text` on the wire).
        pub fn text(
            &self,
            a: &str,
            b: Option<&str>,
            c: Cow<'_, str>,
            d: String,
        ) -> __chirp::Call<()> {
            let mut out = self.0.by_position::<__Codec>(&["a", "b", "c", "d"]);
            <__chirp::Str>::put(&a, &mut out);
            <__chirp::Opt<__chirp::Str>>::put(&b, &mut out);
            <__chirp::CowStr>::put(&c, &mut out);
            <String as __chirp::Wire<__Codec>>::put(&d, &mut out);
            self.0
                .call(
                    ArgumentsMethods::TEXT,
                    out,
                    |answer, method| __chirp::value_of(
                        answer,
                        method,
                        <() as __chirp::Wire<__Codec>>::from_response,
                    ),
                )
        }
        /// Calls [`Arguments::bytes`] (`Arguments.bytes` on the wire).
        pub fn bytes(
            &self,
            a: &[u8],
            b: Option<&[u8]>,
            c: Vec<u8>,
            d: Bytes,
            e: [u8; 4],
        ) -> __chirp::Call<()> {
            let mut out = self.0.by_position::<__Codec>(&["a", "b", "c", "d", "e"]);
            <__chirp::Slice8>::put(&a, &mut out);
            <__chirp::Opt<__chirp::Slice8>>::put(&b, &mut out);
            <__chirp::Blob<Vec<u8>>>::give(c, &mut out);
            <__chirp::Blob<Bytes>>::give(d, &mut out);
            <__chirp::Blob<[u8; 4]>>::give(e, &mut out);
            self.0
                .call(
                    ArgumentsMethods::BYTES,
                    out,
                    |answer, method| __chirp::value_of(
                        answer,
                        method,
                        <() as __chirp::Wire<__Codec>>::from_response,
                    ),
                )
        }
        /// Calls [`Arguments::values`] (`Arguments.values` on the wire).
        pub fn values(
            &self,
            a: Point,
            b: &Point,
            c: Option<&Point>,
            d: &[Point],
            e: Vec<Point>,
        ) -> __chirp::Call<()> {
            let mut out = self.0.by_position::<__Codec>(&["a", "b", "c", "d", "e"]);
            <Point as __chirp::Wire<__Codec>>::put(&a, &mut out);
            <Point as __chirp::Wire<__Codec>>::put(b, &mut out);
            <Point as __chirp::WireBorrowed<__Codec>>::put_option(c, &mut out);
            <Point as __chirp::WireBorrowed<__Codec>>::put_slice(d, &mut out);
            <Vec<Point> as __chirp::Wire<__Codec>>::put(&e, &mut out);
            self.0
                .call(
                    ArgumentsMethods::VALUES,
                    out,
                    |answer, method| __chirp::value_of(
                        answer,
                        method,
                        <() as __chirp::Wire<__Codec>>::from_response,
                    ),
                )
        }
        /// Calls [`Arguments::unused`] (`Arguments.unused` on the wire).
        pub fn unused(&self, _a: u8) -> __chirp::Call<()> {
            let mut out = self.0.by_position::<__Codec>(&["_a"]);
            <u8 as __chirp::Wire<__Codec>>::put(&_a, &mut out);
            self.0
                .call(
                    ArgumentsMethods::UNUSED,
                    out,
                    |answer, method| __chirp::value_of(
                        answer,
                        method,
                        <() as __chirp::Wire<__Codec>>::from_response,
                    ),
                )
        }
    }
    impl<T: Arguments + 'static> ArgumentsServer<T> {
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
            Self(self.0.named("Arguments", name))
        }
        /// Registers the methods with `prefix` instead of the service's name and its dot, as Go programs name
        /// them.
        #[must_use]
        pub fn prefixed(self, prefix: &str) -> Self {
            Self(self.0.prefixed("Arguments", prefix))
        }
        /// Adds a layer around the methods of this service, inside of the layers that were added before and of the
        /// layers of the peer or server.
        #[must_use]
        pub fn layer(self, layer: impl __chirp::Layer) -> Self {
            Self(self.0.layer(layer))
        }
    }
    #[doc(hidden)]
    impl<__T: Arguments + 'static> ArgumentsServer<__T> {
        const METHODS: __chirp::Methods<__T> = __chirp::Methods {
            owner: ::core::concat!(
                "`", ::core::module_path!(), "::", ::core::stringify!(Arguments), "`"
            ),
            methods: &[
                __chirp::Method::new(
                    ArgumentsMethods::NONE,
                    |service, request| __chirp::Box::pin(async move {
                        {
                            let mut arguments = __chirp::arguments::<__Codec>(&request);
                            let (__chirp::Some(())) = (arguments.end()) else {
                                return __chirp::refused(arguments);
                            };
                        }
                        __chirp::value(
                            <__T as Arguments>::none(&*service),
                            <() as __chirp::Wire<__Codec>>::payload,
                            &request,
                        )
                    }),
                ),
                __chirp::Method::new(
                    ArgumentsMethods::TEXT,
                    |service, request| __chirp::Box::pin(async move {
                        let (a, b, c, d) = {
                            let mut arguments = __chirp::arguments::<__Codec>(&request);
                            let (
                                __chirp::Some(a),
                                __chirp::Some(b),
                                __chirp::Some(c),
                                __chirp::Some(d),
                                __chirp::Some(()),
                            ) = (
                                <__chirp::Str>::take(&mut arguments),
                                <__chirp::Opt<__chirp::Str>>::take(&mut arguments),
                                <__chirp::CowStr>::take(&mut arguments),
                                <String as __chirp::Wire<__Codec>>::take(&mut arguments),
                                arguments.end(),
                            ) else {
                                return __chirp::refused(arguments);
                            };
                            (a, b, c, d)
                        };
                        __chirp::value(
                            <__T as Arguments>::text(&*service, &a, b.as_deref(), c, d),
                            <() as __chirp::Wire<__Codec>>::payload,
                            &request,
                        )
                    }),
                ),
                __chirp::Method::new(
                    ArgumentsMethods::BYTES,
                    |service, request| __chirp::Box::pin(async move {
                        let (a, b, c, d, e) = {
                            let mut arguments = __chirp::arguments::<__Codec>(&request);
                            let (
                                __chirp::Some(a),
                                __chirp::Some(b),
                                __chirp::Some(c),
                                __chirp::Some(d),
                                __chirp::Some(e),
                                __chirp::Some(()),
                            ) = (
                                <__chirp::Slice8>::take(&mut arguments),
                                <__chirp::Opt<__chirp::Slice8>>::take(&mut arguments),
                                <__chirp::Blob<Vec<u8>>>::take(&mut arguments),
                                <__chirp::Blob<Bytes>>::take(&mut arguments),
                                <__chirp::Blob<[u8; 4]>>::take(&mut arguments),
                                arguments.end(),
                            ) else {
                                return __chirp::refused(arguments);
                            };
                            (a, b, c, d, e)
                        };
                        __chirp::value(
                            <__T as Arguments>::bytes(
                                &*service,
                                &a,
                                b.as_deref(),
                                c,
                                d,
                                e,
                            ),
                            <() as __chirp::Wire<__Codec>>::payload,
                            &request,
                        )
                    }),
                ),
                __chirp::Method::new(
                    ArgumentsMethods::VALUES,
                    |service, request| __chirp::Box::pin(async move {
                        let (a, b, c, d, e) = {
                            let mut arguments = __chirp::arguments::<__Codec>(&request);
                            let (
                                __chirp::Some(a),
                                __chirp::Some(b),
                                __chirp::Some(c),
                                __chirp::Some(d),
                                __chirp::Some(e),
                                __chirp::Some(()),
                            ) = (
                                <Point as __chirp::Wire<__Codec>>::take(&mut arguments),
                                <Point as __chirp::Wire<__Codec>>::take(&mut arguments),
                                <Point as __chirp::WireBorrowed<
                                    __Codec,
                                >>::take_option(&mut arguments),
                                <Point as __chirp::WireBorrowed<
                                    __Codec,
                                >>::take_slice(&mut arguments),
                                <Vec<
                                    Point,
                                > as __chirp::Wire<__Codec>>::take(&mut arguments),
                                arguments.end(),
                            ) else {
                                return __chirp::refused(arguments);
                            };
                            (a, b, c, d, e)
                        };
                        __chirp::value(
                            <__T as Arguments>::values(
                                    &*service,
                                    a,
                                    &b,
                                    c.as_ref(),
                                    &d,
                                    e,
                                )
                                .await,
                            <() as __chirp::Wire<__Codec>>::payload,
                            &request,
                        )
                    }),
                ),
                __chirp::Method::new(
                    ArgumentsMethods::UNUSED,
                    |service, request| __chirp::Box::pin(async move {
                        let (_a,) = {
                            let mut arguments = __chirp::arguments::<__Codec>(&request);
                            let (__chirp::Some(_a), __chirp::Some(())) = (
                                <u8 as __chirp::Wire<__Codec>>::take(&mut arguments),
                                arguments.end(),
                            ) else {
                                return __chirp::refused(arguments);
                            };
                            (_a,)
                        };
                        __chirp::value(
                            <__T as Arguments>::unused(&*service, _a).await,
                            <() as __chirp::Wire<__Codec>>::payload,
                            &request,
                        )
                    }),
                ),
            ],
            contract: ArgumentsMethods::CONTRACT,
            ordered: false,
            reflection: <ArgumentsClient>::REFLECTION,
        };
    }
    impl<T: Arguments + 'static> __chirp::Service for ArgumentsServer<T> {
        fn register(
            self,
            router: &mut __chirp::Router,
        ) -> ::core::result::Result<(), __chirp::RouteError> {
            self.0.register(router, &Self::METHODS)
        }
    }
    impl<T> ::core::fmt::Debug for ArgumentsServer<T> {
        fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
            ::core::fmt::Debug::fmt(&self.0, f)
        }
    }
};
