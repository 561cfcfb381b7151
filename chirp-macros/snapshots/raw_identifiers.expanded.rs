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
}
/** Calls the methods of [`RawIdentifiers`] at the other side of a connection, or in this process (`local`).

 Each method encodes its arguments and gives a call, which is sent when it is awaited. Clones are cheap, and call through the same connection.*/
#[allow(dead_code)]
#[derive(::core::clone::Clone, ::core::fmt::Debug)]
struct RawIdentifiersClient(::chirp::__private::Client);
/// Answers calls of the methods of [`RawIdentifiers`] by an implementation: what a peer or a server is given to serve.
#[allow(dead_code)]
struct RawIdentifiersServer<T>(::chirp::__private::Implementation<T>);
/// The methods of [`RawIdentifiers`], by the names that travel.
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
        /// All of them, in the order of the trait.
        const ALL: &'static [__chirp::MethodId] = &[Self::MATCH, Self::ASYNC];
        /// What a client compares with the other side's.
        const CONTRACT: __chirp::Contract = __chirp::Contract::new(
            &[
                __chirp::Signature::new(Self::MATCH, 2379876915424839181u64),
                __chirp::Signature::new(Self::ASYNC, 7346685011973329851u64),
            ],
        );
    }
    impl RawIdentifiersClient {
        /// A client that calls through `caller`: a peer, or `cx.caller()` inside a handler.
        fn new(caller: &(impl __chirp::AsCaller + ?::core::marker::Sized)) -> Self {
            Self(__chirp::Client::new(&caller))
        }
        /// A client of an implementation in this process. There is no connection; everything is encoded
        /// and decoded as on one.
        fn local(implementation: impl RawIdentifiers + 'static) -> Self {
            Self(__chirp::Client::local(RawIdentifiersServer::<_>::new(implementation)))
        }
        /// The same client, for an instance that was registered under this name in place of the
        /// service's own.
        #[must_use]
        fn named(self, name: &str) -> Self {
            Self(self.0.named("RawIdentifiers", name))
        }
        /// The same client, for an instance whose methods were registered with this prefix in place of the
        /// service's name and its dot.
        #[must_use]
        fn prefixed(self, prefix: &str) -> Self {
            Self(self.0.prefixed("RawIdentifiers", prefix))
        }
        /// Asks the other side whether it serves these methods, and as they are called here. It is
        /// advice: nothing else depends on it.
        ///
        /// # Errors
        ///
        /// Why the question had no answer. That the other side does not know the question is none.
        fn compare_contract(&self) -> __chirp::Comparing {
            self.0.compare(RawIdentifiersMethods::CONTRACT)
        }
        /// Calls [`RawIdentifiers::match`], which is `RawIdentifiers.match` on the wire.
        fn r#match(&self, r#type: u8) -> __chirp::Call<u8> {
            let mut out = __chirp::Encoder::<__Codec>::new();
            <u8 as __chirp::Wire<_>>::put(&r#type, &mut out);
            self.0
                .call(
                    RawIdentifiersMethods::MATCH,
                    out,
                    |answer| __chirp::value_of(
                        answer,
                        <u8 as __chirp::Wire<__Codec>>::from_packet,
                    ),
                )
        }
        /// Calls [`RawIdentifiers::async`], which is `RawIdentifiers.async` on the wire.
        fn r#async(&self, r#fn: &str) -> __chirp::Call<()> {
            let mut out = __chirp::Encoder::<__Codec>::new();
            <__chirp::Str>::put(&r#fn, &mut out);
            self.0
                .call(
                    RawIdentifiersMethods::ASYNC,
                    out,
                    |answer| __chirp::value_of(
                        answer,
                        <() as __chirp::Wire<__Codec>>::from_packet,
                    ),
                )
        }
    }
    impl<T: RawIdentifiers + 'static> RawIdentifiersServer<T> {
        /// Answers by `implementation`.
        fn new(implementation: T) -> Self {
            Self::from_arc(__chirp::Arc::new(implementation))
        }
        /// Answers by an implementation that others hold, too.
        fn from_arc(implementation: __chirp::Arc<T>) -> Self {
            Self(__chirp::Implementation::new(implementation))
        }
        /// The same, registered under this name in place of the service's own.
        #[must_use]
        fn named(self, name: &str) -> Self {
            Self(self.0.named("RawIdentifiers", name))
        }
        /// The same, with this prefix before its methods' names in place of the service's name and its dot:
        /// with nothing between, as in names of programs in Go.
        #[must_use]
        fn prefixed(self, prefix: &str) -> Self {
            Self(self.0.prefixed("RawIdentifiers", prefix))
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
                                <u8 as __chirp::Wire<_>>::take(&mut arguments),
                                arguments.end(),
                            ) else {
                                return __chirp::refused(arguments);
                            };
                            (r#type,)
                        };
                        __chirp::value(
                            <__T as RawIdentifiers>::r#match(&*service, r#type),
                            <u8 as __chirp::Wire<__Codec>>::payload,
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
                        )
                    }),
                ),
            ],
            contract: RawIdentifiersMethods::CONTRACT,
            ordered: false,
        };
    }
    impl<T: RawIdentifiers + 'static> __chirp::Service for RawIdentifiersServer<T> {
        fn register(
            self,
            router: &mut __chirp::Router,
        ) -> ::core::result::Result<(), __chirp::DuplicateMethod> {
            self.0.register(router, &Self::METHODS)
        }
    }
    impl<T> ::core::fmt::Debug for RawIdentifiersServer<T> {
        fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
            ::core::fmt::Debug::fmt(&self.0, f)
        }
    }
};
