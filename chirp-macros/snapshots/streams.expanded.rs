#[diagnostic::on_unimplemented(
    note = "if it is an `Arc` of an implementation: `StreamsServer::from_arc(..)`, `StreamsClient::local_from_arc(..)`",
    note = "if it is a client: take `&StreamsClient` instead of `impl Streams`; `StreamsClient::local(..)` wraps an implementation"
)]
pub trait Streams: ::core::marker::Send + ::core::marker::Sync {
    fn out(
        &self,
        text: &str,
    ) -> impl ::core::future::Future<
        Output = impl Stream<Item = u64> + ::core::marker::Send,
    > + ::core::marker::Send;
    fn fails(
        &self,
    ) -> Result<impl Stream<Item = Result<u64, No>> + ::core::marker::Send, No>;
    fn fails_by_another_name(
        &self,
    ) -> impl ::core::future::Future<
        Output = io::Result<
            impl Stream<Item = io::Result<Vec<u8>>> + ::core::marker::Send,
        >,
    > + ::core::marker::Send;
    fn both(
        &self,
        left: Receiver<u64>,
        right: Receiver<u8>,
    ) -> impl ::core::future::Future<
        Output = impl Stream<Item = ()> + Send,
    > + ::core::marker::Send;
    fn body(
        &self,
        items: Receiver<u64>,
    ) -> impl Stream<Item = u64> + ::core::marker::Send {
        drop(items);
        tokio_stream::empty()
    }
    #[doc(hidden)]
    #[allow(non_snake_case, clippy::all, clippy::pedantic, clippy::restriction)]
    fn __use_StreamsClient_instead_of_dyn_Streams(&self) -> impl ::core::marker::Sized {}
}
/** Calls the methods of [`Streams`] on the other side of a connection, or in this process (`local`).

 Each method encodes its arguments and returns a call, which is sent when it is awaited. Clones are cheap and share the connection.*/
#[allow(dead_code)]
#[derive(::core::clone::Clone, ::core::fmt::Debug)]
pub struct StreamsClient(::chirp::__private::Client);
/// Serves an implementation of [`Streams`] on a peer or a server.
#[allow(dead_code)]
pub struct StreamsServer<T>(::chirp::__private::Implementation<T>);
/// The method ids of [`Streams`].
#[allow(dead_code, clippy::exhaustive_structs)]
#[derive(::core::clone::Clone, ::core::marker::Copy, ::core::fmt::Debug)]
pub struct StreamsMethods;
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
    impl StreamsMethods {
        /// `Streams.out`: [`Streams::out`].
        pub const OUT: __chirp::MethodId = __chirp::MethodId::new("Streams.out");
        /// `Streams.fails`: [`Streams::fails`].
        pub const FAILS: __chirp::MethodId = __chirp::MethodId::new("Streams.fails");
        /// `Streams.fails_by_another_name`: [`Streams::fails_by_another_name`].
        pub const FAILS_BY_ANOTHER_NAME: __chirp::MethodId = __chirp::MethodId::new(
            "Streams.fails_by_another_name",
        );
        /// `Streams.both`: [`Streams::both`].
        pub const BOTH: __chirp::MethodId = __chirp::MethodId::new("Streams.both");
        /// `Streams.body`: [`Streams::body`].
        pub const BODY: __chirp::MethodId = __chirp::MethodId::new("Streams.body");
        /// All method ids, in declaration order.
        pub const ALL: &'static [__chirp::MethodId] = &[
            Self::OUT,
            Self::FAILS,
            Self::FAILS_BY_ANOTHER_NAME,
            Self::BOTH,
            Self::BODY,
        ];
        /// The signatures that `check_compatibility` compares with the other side's.
        pub const CONTRACT: __chirp::Contract = __chirp::Contract::new(
            &[
                __chirp::Signature::new(Self::OUT, 9760992739162737686u64),
                __chirp::Signature::new(Self::FAILS, 238939922920597612u64),
                __chirp::Signature::new(
                    Self::FAILS_BY_ANOTHER_NAME,
                    11764400715147345800u64,
                ),
                __chirp::Signature::new(Self::BOTH, 14888622833120046679u64),
                __chirp::Signature::new(Self::BODY, 7035971942379536485u64),
            ],
        );
    }
    #[doc(hidden)]
    impl StreamsClient {
        const REFLECTION: ::core::option::Option<&'static __chirp::ServiceTable> = __chirp::reflected! {
            __chirp::ServiceTable { name : "Streams", documentation : "", codec : <
            __Codec as __chirp::Codec > ::ID, ordered : false, methods : &
            [__chirp::MethodTable { documentation : "", arguments :
            __chirp::ArgumentTable { names : & [& ["text"]], optional : & [false], },
            values : & [__chirp::ValueTable { type_name : "&str", shape :
            __chirp::shape_of:: < __chirp::Str >, stream : false, schema :
            ::core::option::Option::None, }], result : ::core::option::Option::None,
            items : __chirp::Some(__chirp::ValueTable { type_name : "u64", shape : < u64
            as __chirp::Streamed < __Codec >> ::shape, stream : true, schema :
            ::core::option::Option::None, }), errors : & [], named : false, params :
            false, deadline : ::core::option::Option::None, deprecated :
            ::core::option::Option::None, }, __chirp::MethodTable { documentation : "",
            arguments : __chirp::ArgumentTable { names : & [], optional : & [], }, values
            : & [], result : ::core::option::Option::None, items :
            __chirp::Some(__chirp::ValueTable { type_name : "u64", shape : < u64 as
            __chirp::Streamed < __Codec >> ::shape, stream : true, schema :
            ::core::option::Option::None, }), errors : & [| errors | < No as
            __chirp::Failure < __Codec >> ::describe(errors), | errors | < No as
            __chirp::Failure < __Codec >> ::describe(errors)], named : false, params :
            false, deadline : ::core::option::Option::None, deprecated :
            ::core::option::Option::None, }, __chirp::MethodTable { documentation : "",
            arguments : __chirp::ArgumentTable { names : & [], optional : & [], }, values
            : & [], result : ::core::option::Option::None, items :
            __chirp::Some(__chirp::ValueTable { type_name : "Vec<u8>", shape : < <
            io::Result < Vec < u8 > > as __chirp::Outcome > ::Ok as __chirp::Streamed <
            __Codec >> ::shape, stream : true, schema : ::core::option::Option::None, }),
            errors : & [| errors | < < io::Result < () > as __chirp::Outcome > ::Error as
            __chirp::Failure < __Codec >> ::describe(errors), | errors | < < io::Result <
            Vec < u8 > > as __chirp::Outcome > ::Error as __chirp::Failure < __Codec >>
            ::describe(errors)], named : false, params : false, deadline :
            ::core::option::Option::None, deprecated : ::core::option::Option::None, },
            __chirp::MethodTable { documentation : "", arguments : __chirp::ArgumentTable
            { names : & [& ["left"], & ["right"]], optional : & [false, false], }, values
            : & [__chirp::ValueTable { type_name : "u64", shape : < u64 as
            __chirp::Streamed < __Codec >> ::shape, stream : true, schema :
            ::core::option::Option::None, }, __chirp::ValueTable { type_name : "u8",
            shape : < u8 as __chirp::Streamed < __Codec >> ::shape, stream : true, schema
            : ::core::option::Option::None, }], result : ::core::option::Option::None,
            items : __chirp::Some(__chirp::ValueTable { type_name : "()", shape : < () as
            __chirp::Streamed < __Codec >> ::shape, stream : true, schema :
            ::core::option::Option::None, }), errors : & [], named : false, params :
            false, deadline : ::core::option::Option::None, deprecated :
            ::core::option::Option::None, }, __chirp::MethodTable { documentation : "",
            arguments : __chirp::ArgumentTable { names : & [& ["items"]], optional : &
            [false], }, values : & [__chirp::ValueTable { type_name : "u64", shape : <
            u64 as __chirp::Streamed < __Codec >> ::shape, stream : true, schema :
            ::core::option::Option::None, }], result : ::core::option::Option::None,
            items : __chirp::Some(__chirp::ValueTable { type_name : "u64", shape : < u64
            as __chirp::Streamed < __Codec >> ::shape, stream : true, schema :
            ::core::option::Option::None, }), errors : & [], named : true, params :
            false, deadline : ::core::option::Option::None, deprecated :
            ::core::option::Option::None, }], }
        };
    }
    impl StreamsClient {
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
        pub fn local(implementation: impl Streams + 'static) -> Self {
            Self(__chirp::Client::local(StreamsServer::<_>::new(implementation)))
        }
        /// Creates a client of an implementation in this process whose handlers call back through `caller`:
        /// `cx.caller()` is this caller.
        pub fn local_with(
            implementation: impl Streams + 'static,
            caller: &(impl __chirp::AsCaller + ?::core::marker::Sized),
        ) -> Self {
            Self(
                __chirp::Client::local_with(
                    StreamsServer::<_>::new(implementation),
                    &caller,
                ),
            )
        }
        /// Creates a client of a shared implementation in this process: see `local`.
        pub fn local_from_arc(
            implementation: __chirp::Arc<impl Streams + 'static>,
        ) -> Self {
            Self(__chirp::Client::local(StreamsServer::<_>::from_arc(implementation)))
        }
        /// Calls an instance that is registered under `name` instead of the service's own name.
        #[must_use]
        pub fn named(self, name: &str) -> Self {
            Self(self.0.named("Streams", name))
        }
        /// Calls an instance whose methods are registered with `prefix` instead of the service's name and
        /// its dot.
        #[must_use]
        pub fn prefixed(self, prefix: &str) -> Self {
            Self(self.0.prefixed("Streams", prefix))
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
            self.0.compare(StreamsMethods::CONTRACT, Self::REFLECTION)
        }
        /// Calls [`Streams::out`] (`Streams.out` on the wire).
        pub fn out(&self, text: &str) -> __chirp::Call<__chirp::Receiver<u64>> {
            let mut out = self.0.by_position::<__Codec>(&["text"]);
            <__chirp::Str>::put(&text, &mut out);
            self.0
                .stream(
                    StreamsMethods::OUT,
                    out,
                    |answer, method| <u64 as __chirp::Streamed<
                        __Codec,
                    >>::receive(answer, method, |error, _| error),
                )
        }
        /// Calls [`Streams::fails`] (`Streams.fails` on the wire).
        pub fn fails(
            &self,
        ) -> __chirp::Call<
            __chirp::Receiver<u64, __chirp::ItemError<No>>,
            __chirp::MethodError<No>,
        > {
            let out = self.0.by_position::<__Codec>(&[]);
            self.0
                .stream(
                    StreamsMethods::FAILS,
                    out,
                    |answer, method| __chirp::stream_outcome(
                        <u64 as __chirp::Streamed<
                            __Codec,
                        >>::receive(
                            answer,
                            method,
                            |error, json| __chirp::item_error(
                                error,
                                json,
                                <No as __chirp::Failure<__Codec>>::decode,
                            ),
                        ),
                        method,
                        <No as __chirp::Failure<__Codec>>::decode,
                    ),
                )
        }
        /// Calls [`Streams::fails_by_another_name`] (`Streams.fails_by_another_name` on the wire).
        pub fn fails_by_another_name(
            &self,
        ) -> __chirp::Call<
            __chirp::Receiver<
                <io::Result<Vec<u8>> as __chirp::Outcome>::Ok,
                __chirp::ItemError<<io::Result<Vec<u8>> as __chirp::Outcome>::Error>,
            >,
            __chirp::MethodError<<io::Result<()> as __chirp::Outcome>::Error>,
        > {
            let out = self.0.by_position::<__Codec>(&[]);
            self.0
                .stream(
                    StreamsMethods::FAILS_BY_ANOTHER_NAME,
                    out,
                    |answer, method| __chirp::stream_outcome(
                        <<io::Result<
                            Vec<u8>,
                        > as __chirp::Outcome>::Ok as __chirp::Streamed<
                            __Codec,
                        >>::receive(
                            answer,
                            method,
                            |error, json| __chirp::item_error(
                                error,
                                json,
                                <<io::Result<
                                    Vec<u8>,
                                > as __chirp::Outcome>::Error as __chirp::Failure<
                                    __Codec,
                                >>::decode,
                            ),
                        ),
                        method,
                        <<io::Result<
                            (),
                        > as __chirp::Outcome>::Error as __chirp::Failure<
                            __Codec,
                        >>::decode,
                    ),
                )
        }
        /// Calls [`Streams::both`] (`Streams.both` on the wire).
        pub fn both(
            &self,
            left: impl __chirp::IntoReceiver<u64>,
            right: impl __chirp::IntoReceiver<u8>,
        ) -> __chirp::Call<__chirp::Receiver<()>> {
            let mut out = self.0.by_position::<__Codec>(&["left", "right"]);
            <u64 as __chirp::Streamed<__Codec>>::put(left, &mut out);
            <u8 as __chirp::Streamed<__Codec>>::put(right, &mut out);
            self.0
                .stream(
                    StreamsMethods::BOTH,
                    out,
                    |answer, method| <() as __chirp::Streamed<
                        __Codec,
                    >>::receive(answer, method, |error, _| error),
                )
        }
        /// Calls [`Streams::body`] (`Streams.body` on the wire).
        pub fn body(
            &self,
            items: impl __chirp::IntoReceiver<u64>,
        ) -> __chirp::Call<__chirp::Receiver<u64>> {
            let mut out = self.0.by_name::<__Codec>(&["items"]);
            <u64 as __chirp::Streamed<__Codec>>::put(items, &mut out);
            self.0
                .stream(
                    StreamsMethods::BODY,
                    out,
                    |answer, method| <u64 as __chirp::Streamed<
                        __Codec,
                    >>::receive(answer, method, |error, _| error),
                )
        }
    }
    impl<T: Streams + 'static> StreamsServer<T> {
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
            Self(self.0.named("Streams", name))
        }
        /// Registers the methods with `prefix` instead of the service's name and its dot, as Go programs name
        /// them.
        #[must_use]
        pub fn prefixed(self, prefix: &str) -> Self {
            Self(self.0.prefixed("Streams", prefix))
        }
        /// Adds a layer around the methods of this service, inside of the layers that were added before and of the
        /// layers of the peer or server.
        #[must_use]
        pub fn layer(self, layer: impl __chirp::Layer) -> Self {
            Self(self.0.layer(layer))
        }
    }
    #[doc(hidden)]
    impl<__T: Streams + 'static> StreamsServer<__T> {
        const METHODS: __chirp::Methods<__T> = __chirp::Methods {
            owner: ::core::concat!(
                "`", ::core::module_path!(), "::", ::core::stringify!(Streams), "`"
            ),
            methods: &[
                __chirp::Method::new(
                    StreamsMethods::OUT,
                    |service, request| __chirp::Box::pin(async move {
                        let __chirp::Some(results) = __chirp::results::<
                            __Codec,
                        >(&request) else {
                            return __chirp::not_wanted();
                        };
                        let (text,) = {
                            let mut arguments = __chirp::arguments::<__Codec>(&request);
                            let (__chirp::Some(text), __chirp::Some(())) = (
                                <__chirp::Str>::take(&mut arguments),
                                arguments.end(),
                            ) else {
                                return __chirp::refused(arguments);
                            };
                            (text,)
                        };
                        <u64 as __chirp::Streamed<
                            __Codec,
                        >>::send(results, <__T as Streams>::out(&*service, &text).await)
                            .await
                    }),
                ),
                __chirp::Method::new(
                    StreamsMethods::FAILS,
                    |service, request| __chirp::Box::pin(async move {
                        let __chirp::Some(results) = __chirp::results::<
                            __Codec,
                        >(&request) else {
                            return __chirp::not_wanted();
                        };
                        {
                            let mut arguments = __chirp::arguments::<__Codec>(&request);
                            let (__chirp::Some(())) = (arguments.end()) else {
                                return __chirp::refused(arguments);
                            };
                        }
                        let outcome = __chirp::Outcome::into_result(
                            <__T as Streams>::fails(&*service),
                        );
                        match outcome {
                            ::core::result::Result::Ok(stream) => {
                                <u64 as __chirp::Streamed<
                                    __Codec,
                                >>::send_results(
                                        results,
                                        stream,
                                        <No as __chirp::Failure<__Codec>>::encode,
                                    )
                                    .await
                            }
                            ::core::result::Result::Err(error) => {
                                __chirp::failure(
                                    &error,
                                    <No as __chirp::Failure<__Codec>>::encode,
                                    &request,
                                )
                            }
                        }
                    }),
                ),
                __chirp::Method::new(
                    StreamsMethods::FAILS_BY_ANOTHER_NAME,
                    |service, request| __chirp::Box::pin(async move {
                        let __chirp::Some(results) = __chirp::results::<
                            __Codec,
                        >(&request) else {
                            return __chirp::not_wanted();
                        };
                        {
                            let mut arguments = __chirp::arguments::<__Codec>(&request);
                            let (__chirp::Some(())) = (arguments.end()) else {
                                return __chirp::refused(arguments);
                            };
                        }
                        let outcome = __chirp::Outcome::into_result(
                            <__T as Streams>::fails_by_another_name(&*service).await,
                        );
                        match outcome {
                            ::core::result::Result::Ok(stream) => {
                                <<io::Result<
                                    Vec<u8>,
                                > as __chirp::Outcome>::Ok as __chirp::Streamed<
                                    __Codec,
                                >>::send_results(
                                        results,
                                        stream,
                                        <<io::Result<
                                            Vec<u8>,
                                        > as __chirp::Outcome>::Error as __chirp::Failure<
                                            __Codec,
                                        >>::encode,
                                    )
                                    .await
                            }
                            ::core::result::Result::Err(error) => {
                                __chirp::failure(
                                    &error,
                                    <<io::Result<
                                        (),
                                    > as __chirp::Outcome>::Error as __chirp::Failure<
                                        __Codec,
                                    >>::encode,
                                    &request,
                                )
                            }
                        }
                    }),
                ),
                __chirp::Method::new(
                    StreamsMethods::BOTH,
                    |service, request| __chirp::Box::pin(async move {
                        let __chirp::Some(results) = __chirp::results::<
                            __Codec,
                        >(&request) else {
                            return __chirp::not_wanted();
                        };
                        let (left, right) = {
                            let mut arguments = __chirp::arguments::<__Codec>(&request);
                            let (
                                __chirp::Some(left),
                                __chirp::Some(right),
                                __chirp::Some(()),
                            ) = (
                                <u64 as __chirp::Streamed<__Codec>>::take(&mut arguments),
                                <u8 as __chirp::Streamed<__Codec>>::take(&mut arguments),
                                arguments.end(),
                            ) else {
                                return __chirp::refused(arguments);
                            };
                            (left, right)
                        };
                        <() as __chirp::Streamed<
                            __Codec,
                        >>::send(
                                results,
                                <__T as Streams>::both(&*service, left, right).await,
                            )
                            .await
                    }),
                ),
                __chirp::Method::new(
                    StreamsMethods::BODY,
                    |service, request| __chirp::Box::pin(async move {
                        let __chirp::Some(results) = __chirp::results::<
                            __Codec,
                        >(&request) else {
                            return __chirp::not_wanted();
                        };
                        let (items,) = {
                            let mut arguments = __chirp::named_arguments::<
                                __Codec,
                            >(&request, &[&["items"]]);
                            let (__chirp::Some(items), __chirp::Some(())) = (
                                {
                                    arguments.require(0usize);
                                    <u64 as __chirp::Streamed<__Codec>>::take(&mut arguments)
                                },
                                arguments.end(),
                            ) else {
                                return __chirp::refused(arguments);
                            };
                            (items,)
                        };
                        <u64 as __chirp::Streamed<
                            __Codec,
                        >>::send(results, <__T as Streams>::body(&*service, items))
                            .await
                    }),
                ),
            ],
            contract: StreamsMethods::CONTRACT,
            ordered: false,
            reflection: <StreamsClient>::REFLECTION,
        };
    }
    impl<T: Streams + 'static> __chirp::Service for StreamsServer<T> {
        fn register(
            self,
            router: &mut __chirp::Router,
        ) -> ::core::result::Result<(), __chirp::RouteError> {
            self.0.register(router, &Self::METHODS)
        }
    }
    impl<T> ::core::fmt::Debug for StreamsServer<T> {
        fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
            ::core::fmt::Debug::fmt(&self.0, f)
        }
    }
};
