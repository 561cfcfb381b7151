#[diagnostic::on_unimplemented(
    note = "if it is an `Arc` of an implementation: `SearchServer::from_arc(..)`, `SearchClient::local_from_arc(..)`",
    note = "if it is a client: take `&SearchClient` instead of `impl Search`; `SearchClient::local(..)` wraps an implementation"
)]
pub trait Search: ::core::marker::Send + ::core::marker::Sync {
    fn find(
        &self,
        text: &str,
        at_most: u32,
        of: &[u64],
        within: Option<&str>,
    ) -> Vec<String>;
    fn open(&self, params: Vec<String>) -> u64;
    #[doc(hidden)]
    #[allow(non_snake_case, clippy::all, clippy::pedantic, clippy::restriction)]
    fn __use_SearchClient_instead_of_dyn_Search(&self) -> impl ::core::marker::Sized {}
}
/** Calls the methods of [`Search`] on the other side of a connection, or in this process (`local`).

 Each method encodes its arguments and returns a call, which is sent when it is awaited. Clones are cheap and share the connection.*/
#[allow(dead_code)]
#[derive(::core::clone::Clone, ::core::fmt::Debug)]
pub struct SearchClient(::chirp::__private::Client);
/// Serves an implementation of [`Search`] on a peer or a server.
#[allow(dead_code)]
pub struct SearchServer<T>(::chirp::__private::Implementation<T>);
/// The method ids of [`Search`].
#[allow(dead_code, clippy::exhaustive_structs)]
#[derive(::core::clone::Clone, ::core::marker::Copy, ::core::fmt::Debug)]
pub struct SearchMethods;
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
    impl SearchMethods {
        /// `Search.find`: [`Search::find`].
        pub const FIND: __chirp::MethodId = __chirp::MethodId::new("Search.find");
        /// `Search.open`: [`Search::open`].
        pub const OPEN: __chirp::MethodId = __chirp::MethodId::new("Search.open");
        /// All method ids, in declaration order.
        pub const ALL: &'static [__chirp::MethodId] = &[Self::FIND, Self::OPEN];
        /// The signatures that `check_compatibility` compares with the other side's.
        pub const CONTRACT: __chirp::Contract = __chirp::Contract::new(
            &[
                __chirp::Signature::new(Self::FIND, 8185048416480259416u64),
                __chirp::Signature::new(Self::OPEN, 14267305443847568491u64),
            ],
        );
    }
    #[doc(hidden)]
    impl SearchClient {
        const REFLECTION: ::core::option::Option<&'static __chirp::ServiceTable> = __chirp::reflected! {
            __chirp::ServiceTable { name : "Search", documentation : "", codec : <
            __Codec as __chirp::Codec > ::ID, ordered : false, methods : &
            [__chirp::MethodTable { documentation : "", arguments :
            __chirp::ArgumentTable { names : & [& ["text"], & ["limit", "most"], &
            ["of"], & ["within"]], optional : & [false, true, true, true], }, values : &
            [__chirp::ValueTable { type_name : "&str", shape : __chirp::shape_of:: <
            __chirp::Str >, stream : false, schema : ::core::option::Option::None, },
            __chirp::ValueTable { type_name : "u32", shape : < u32 as __chirp::Wire <
            __Codec >> ::shape, stream : false, schema : ::core::option::Option::None, },
            __chirp::ValueTable { type_name : "&[u64]", shape : < u64 as
            __chirp::WireBorrowed < __Codec >> ::slice_shape, stream : false, schema :
            ::core::option::Option::None, }, __chirp::ValueTable { type_name :
            "Option<&str>", shape : __chirp::shape_of:: < __chirp::Opt < __chirp::Str >
            >, stream : false, schema : ::core::option::Option::None, }], result :
            __chirp::Some(__chirp::ValueTable { type_name : "Vec<String>", shape : < Vec
            < String > as __chirp::Wire < __Codec >> ::shape, stream : false, schema :
            ::core::option::Option::None, }), items : ::core::option::Option::None,
            errors : & [], named : true, params : false, deadline :
            ::core::option::Option::None, deprecated : ::core::option::Option::None, },
            __chirp::MethodTable { documentation : "", arguments : __chirp::ArgumentTable
            { names : & [& ["params"]], optional : & [false], }, values : &
            [__chirp::ValueTable { type_name : "Vec<String>", shape : < Vec < String > as
            __chirp::Wire < __Codec >> ::shape, stream : false, schema :
            ::core::option::Option::None, }], result : __chirp::Some(__chirp::ValueTable
            { type_name : "u64", shape : < u64 as __chirp::Wire < __Codec >> ::shape,
            stream : false, schema : ::core::option::Option::None, }), items :
            ::core::option::Option::None, errors : & [], named : false, params : true,
            deadline : ::core::option::Option::None, deprecated :
            ::core::option::Option::None, }], }
        };
    }
    impl SearchClient {
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
        pub fn local(implementation: impl Search + 'static) -> Self {
            Self(__chirp::Client::local(SearchServer::<_>::new(implementation)))
        }
        /// Creates a client of an implementation in this process whose handlers call back through `caller`:
        /// `cx.caller()` is this caller.
        pub fn local_with(
            implementation: impl Search + 'static,
            caller: &(impl __chirp::AsCaller + ?::core::marker::Sized),
        ) -> Self {
            Self(
                __chirp::Client::local_with(
                    SearchServer::<_>::new(implementation),
                    &caller,
                ),
            )
        }
        /// Creates a client of a shared implementation in this process: see `local`.
        pub fn local_from_arc(
            implementation: __chirp::Arc<impl Search + 'static>,
        ) -> Self {
            Self(__chirp::Client::local(SearchServer::<_>::from_arc(implementation)))
        }
        /// Calls an instance that is registered under `name` instead of the service's own name.
        #[must_use]
        pub fn named(self, name: &str) -> Self {
            Self(self.0.named("Search", name))
        }
        /// Calls an instance whose methods are registered with `prefix` instead of the service's name and
        /// its dot.
        #[must_use]
        pub fn prefixed(self, prefix: &str) -> Self {
            Self(self.0.prefixed("Search", prefix))
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
            self.0.compare(SearchMethods::CONTRACT, Self::REFLECTION)
        }
        /// Calls [`Search::find`] (`Search.find` on the wire).
        pub fn find(
            &self,
            text: &str,
            at_most: u32,
            of: &[u64],
            within: Option<&str>,
        ) -> __chirp::Call<Vec<String>> {
            let mut out = self.0.by_name::<__Codec>(&["text", "limit", "of", "within"]);
            <__chirp::Str>::put(&text, &mut out);
            <u32 as __chirp::Wire<__Codec>>::put(&at_most, &mut out);
            <u64 as __chirp::WireBorrowed<__Codec>>::put_slice(of, &mut out);
            <__chirp::Opt<__chirp::Str>>::put(&within, &mut out);
            self.0
                .call(
                    SearchMethods::FIND,
                    out,
                    |answer, method| __chirp::value_of(
                        answer,
                        method,
                        <Vec<String> as __chirp::Wire<__Codec>>::from_response,
                    ),
                )
        }
        /// Calls [`Search::open`] (`Search.open` on the wire).
        pub fn open(&self, params: Vec<String>) -> __chirp::Call<u64> {
            let mut out = self.0.params::<__Codec>();
            <Vec<String> as __chirp::Wire<__Codec>>::put(&params, &mut out);
            self.0
                .call(
                    SearchMethods::OPEN,
                    out,
                    |answer, method| __chirp::value_of(
                        answer,
                        method,
                        <u64 as __chirp::Wire<__Codec>>::from_response,
                    ),
                )
        }
    }
    impl<T: Search + 'static> SearchServer<T> {
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
            Self(self.0.named("Search", name))
        }
        /// Registers the methods with `prefix` instead of the service's name and its dot, as Go programs name
        /// them.
        #[must_use]
        pub fn prefixed(self, prefix: &str) -> Self {
            Self(self.0.prefixed("Search", prefix))
        }
        /// Adds a layer around the methods of this service, inside of the layers that were added before and of the
        /// layers of the peer or server.
        #[must_use]
        pub fn layer(self, layer: impl __chirp::Layer) -> Self {
            Self(self.0.layer(layer))
        }
    }
    #[doc(hidden)]
    impl<__T: Search + 'static> SearchServer<__T> {
        const METHODS: __chirp::Methods<__T> = __chirp::Methods {
            owner: ::core::concat!(
                "`", ::core::module_path!(), "::", ::core::stringify!(Search), "`"
            ),
            methods: &[
                __chirp::Method::new(
                    SearchMethods::FIND,
                    |service, request| __chirp::Box::pin(async move {
                        let (text, at_most, of, within) = {
                            let mut arguments = __chirp::named_arguments::<
                                __Codec,
                            >(
                                &request,
                                &[&["text"], &["limit", "most"], &["of"], &["within"]],
                            );
                            let (
                                __chirp::Some(text),
                                __chirp::Some(at_most),
                                __chirp::Some(of),
                                __chirp::Some(within),
                                __chirp::Some(()),
                            ) = (
                                {
                                    arguments.require(0usize);
                                    <__chirp::Str>::take(&mut arguments)
                                },
                                if arguments.find(1usize) {
                                    <u32 as __chirp::Wire<__Codec>>::take(&mut arguments)
                                } else {
                                    __chirp::Some({
                                        let default: fn() -> u32 = ten;
                                        default()
                                    })
                                },
                                if arguments.find(2usize) {
                                    <u64 as __chirp::WireBorrowed<
                                        __Codec,
                                    >>::take_slice(&mut arguments)
                                } else {
                                    __chirp::Some(::core::default::Default::default())
                                },
                                if arguments.find(3usize) {
                                    <__chirp::Opt<__chirp::Str>>::take(&mut arguments)
                                } else {
                                    __chirp::Some(::core::option::Option::None)
                                },
                                arguments.end(),
                            ) else {
                                return __chirp::refused(arguments);
                            };
                            (text, at_most, of, within)
                        };
                        __chirp::value(
                            <__T as Search>::find(
                                &*service,
                                &text,
                                at_most,
                                &of,
                                within.as_deref(),
                            ),
                            <Vec<String> as __chirp::Wire<__Codec>>::payload,
                            &request,
                        )
                    }),
                ),
                __chirp::Method::new(
                    SearchMethods::OPEN,
                    |service, request| __chirp::Box::pin(async move {
                        let (params,) = {
                            let mut arguments = __chirp::params::<__Codec>(&request);
                            let (__chirp::Some(params), __chirp::Some(())) = (
                                <Vec<
                                    String,
                                > as __chirp::Wire<__Codec>>::take(&mut arguments),
                                arguments.end(),
                            ) else {
                                return __chirp::refused(arguments);
                            };
                            (params,)
                        };
                        __chirp::value(
                            <__T as Search>::open(&*service, params),
                            <u64 as __chirp::Wire<__Codec>>::payload,
                            &request,
                        )
                    }),
                ),
            ],
            contract: SearchMethods::CONTRACT,
            ordered: false,
            reflection: <SearchClient>::REFLECTION,
        };
    }
    impl<T: Search + 'static> __chirp::Service for SearchServer<T> {
        fn register(
            self,
            router: &mut __chirp::Router,
        ) -> ::core::result::Result<(), __chirp::RouteError> {
            self.0.register(router, &Self::METHODS)
        }
    }
    impl<T> ::core::fmt::Debug for SearchServer<T> {
        fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
            ::core::fmt::Debug::fmt(&self.0, f)
        }
    }
};
