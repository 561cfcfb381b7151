pub trait Names: ::core::marker::Send + ::core::marker::Sync {
    fn first_of_all(
        &self,
    ) -> impl ::core::future::Future<Output = u8> + ::core::marker::Send;
    fn sumDiff(&self);
    fn all(&self);
}
/** Calls the methods of [`Names`] at the other side of a connection, or in this process (`local`).

 Each method encodes its arguments and gives a call, which is sent when it is awaited. Clones are cheap, and call through the same connection.*/
#[allow(dead_code)]
#[derive(::core::clone::Clone, ::core::fmt::Debug)]
pub struct NamesClient(::chirp::__private::Client);
/// Answers calls of the methods of [`Names`] by an implementation: what a peer or a server is given to serve.
#[allow(dead_code)]
pub struct NamesServer<T>(::chirp::__private::Implementation<T>);
/// The methods of [`Names`], by the names that travel.
#[allow(dead_code, clippy::exhaustive_structs)]
#[derive(::core::clone::Clone, ::core::marker::Copy, ::core::fmt::Debug)]
pub struct NamesMethods;
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
    impl NamesMethods {
        /// `svc.first`: [`Names::first_of_all`].
        pub const FIRST_OF_ALL: __chirp::MethodId = __chirp::MethodId::new("svc.first");
        /// `svc.sumDiff`: [`Names::sumDiff`].
        pub const SUM_DIFF: __chirp::MethodId = __chirp::MethodId::new("svc.sumDiff");
        /// `svc.all`: [`Names::all`].
        pub const ALL_: __chirp::MethodId = __chirp::MethodId::new("svc.all");
        /// All of them, in the order of the trait.
        pub const ALL: &'static [__chirp::MethodId] = &[
            Self::FIRST_OF_ALL,
            Self::SUM_DIFF,
            Self::ALL_,
        ];
        /// What a client compares with the other side's.
        pub const CONTRACT: __chirp::Contract = __chirp::Contract::new(
            &[
                __chirp::Signature::new(Self::FIRST_OF_ALL, 15896232605556757150u64),
                __chirp::Signature::new(Self::SUM_DIFF, 15855116368227943480u64),
                __chirp::Signature::new(Self::ALL_, 15855116368227943480u64),
            ],
        );
    }
    impl NamesClient {
        /// A client that calls through `caller`: a peer, or `cx.caller()` inside a handler.
        pub fn new(caller: &(impl __chirp::AsCaller + ?::core::marker::Sized)) -> Self {
            Self(__chirp::Client::new(&caller))
        }
        /// A client of an implementation in this process. There is no connection; everything is encoded
        /// and decoded as on one.
        pub fn local(implementation: impl Names + 'static) -> Self {
            Self(__chirp::Client::local(NamesServer::<_>::new(implementation)))
        }
        /// The same client, for an instance that was registered under this name in place of the
        /// service's own.
        #[must_use]
        pub fn named(self, name: &str) -> Self {
            Self(self.0.named("svc", name))
        }
        /// The same client, for an instance whose methods were registered with this prefix in place of the
        /// service's name and its dot.
        #[must_use]
        pub fn prefixed(self, prefix: &str) -> Self {
            Self(self.0.prefixed("svc", prefix))
        }
        /// Asks the other side whether it serves these methods, and as they are called here. It is
        /// advice: nothing else depends on it.
        ///
        /// # Errors
        ///
        /// Why the question had no answer. That the other side does not know the question is none.
        pub fn compare_contract(&self) -> __chirp::Comparing {
            self.0.compare(NamesMethods::CONTRACT)
        }
        /// Calls [`Names::first_of_all`], which is `svc.first` on the wire.
        pub fn first_of_all(&self) -> __chirp::Call<u8> {
            let out = __chirp::Encoder::<__Codec>::new();
            self.0
                .call(
                    NamesMethods::FIRST_OF_ALL,
                    out,
                    |answer| __chirp::value_of(
                        answer,
                        <u8 as __chirp::Wire<__Codec>>::from_packet,
                    ),
                )
        }
        /// Calls [`Names::sumDiff`], which is `svc.sumDiff` on the wire.
        pub fn sumDiff(&self) -> __chirp::Call<()> {
            let out = __chirp::Encoder::<__Codec>::new();
            self.0
                .call(
                    NamesMethods::SUM_DIFF,
                    out,
                    |answer| __chirp::value_of(
                        answer,
                        <() as __chirp::Wire<__Codec>>::from_packet,
                    ),
                )
        }
        /// Calls [`Names::all`], which is `svc.all` on the wire.
        pub fn all(&self) -> __chirp::Call<()> {
            let out = __chirp::Encoder::<__Codec>::new();
            self.0
                .call(
                    NamesMethods::ALL_,
                    out,
                    |answer| __chirp::value_of(
                        answer,
                        <() as __chirp::Wire<__Codec>>::from_packet,
                    ),
                )
        }
    }
    impl<T: Names + 'static> NamesServer<T> {
        /// Answers by `implementation`.
        pub fn new(implementation: T) -> Self {
            Self::from_arc(__chirp::Arc::new(implementation))
        }
        /// Answers by an implementation that others hold, too.
        pub fn from_arc(implementation: __chirp::Arc<T>) -> Self {
            Self(__chirp::Implementation::new(implementation))
        }
        /// The same, registered under this name in place of the service's own.
        #[must_use]
        pub fn named(self, name: &str) -> Self {
            Self(self.0.named("svc", name))
        }
        /// The same, with this prefix before its methods' names in place of the service's name and its dot:
        /// with nothing between, as in names of programs in Go.
        #[must_use]
        pub fn prefixed(self, prefix: &str) -> Self {
            Self(self.0.prefixed("svc", prefix))
        }
    }
    #[doc(hidden)]
    impl<__T: Names + 'static> NamesServer<__T> {
        const METHODS: __chirp::Methods<__T> = __chirp::Methods {
            owner: ::core::concat!(
                "`", ::core::module_path!(), "::", ::core::stringify!(Names), "`"
            ),
            methods: &[
                __chirp::Method::new(
                        NamesMethods::FIRST_OF_ALL,
                        |service, request| __chirp::Box::pin(async move {
                            {
                                let mut arguments = __chirp::arguments::<__Codec>(&request);
                                let (__chirp::Some(())) = (arguments.end()) else {
                                    return __chirp::refused(arguments);
                                };
                            }
                            __chirp::value(
                                <__T as Names>::first_of_all(&*service).await,
                                <u8 as __chirp::Wire<__Codec>>::payload,
                            )
                        }),
                    )
                    .or(
                        &[
                            __chirp::MethodId::new("svc.one"),
                            __chirp::MethodId::new("svc.1"),
                        ],
                    ),
                __chirp::Method::new(
                    NamesMethods::SUM_DIFF,
                    |service, request| __chirp::Box::pin(async move {
                        {
                            let mut arguments = __chirp::arguments::<__Codec>(&request);
                            let (__chirp::Some(())) = (arguments.end()) else {
                                return __chirp::refused(arguments);
                            };
                        }
                        __chirp::value(
                            <__T as Names>::sumDiff(&*service),
                            <() as __chirp::Wire<__Codec>>::payload,
                        )
                    }),
                ),
                __chirp::Method::new(
                    NamesMethods::ALL_,
                    |service, request| __chirp::Box::pin(async move {
                        {
                            let mut arguments = __chirp::arguments::<__Codec>(&request);
                            let (__chirp::Some(())) = (arguments.end()) else {
                                return __chirp::refused(arguments);
                            };
                        }
                        __chirp::value(
                            <__T as Names>::all(&*service),
                            <() as __chirp::Wire<__Codec>>::payload,
                        )
                    }),
                ),
            ],
            contract: NamesMethods::CONTRACT,
            ordered: false,
        };
    }
    impl<T: Names + 'static> __chirp::Service for NamesServer<T> {
        fn register(
            self,
            router: &mut __chirp::Router,
        ) -> ::core::result::Result<(), __chirp::DuplicateMethod> {
            self.0.register(router, &Self::METHODS)
        }
    }
    impl<T> ::core::fmt::Debug for NamesServer<T> {
        fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
            ::core::fmt::Debug::fmt(&self.0, f)
        }
    }
};
