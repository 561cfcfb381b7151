pub trait Search: ::core::marker::Send + ::core::marker::Sync {
    fn find(
        &self,
        text: &str,
        at_most: u32,
        of: &[u64],
        within: Option<&str>,
    ) -> Vec<String>;
}
/** Calls the methods of [`Search`] at the other side of a connection, or in this process (`local`).

 Each method encodes its arguments and gives a call, which is sent when it is awaited. Clones are cheap, and call through the same connection.*/
#[allow(dead_code)]
#[derive(::core::clone::Clone, ::core::fmt::Debug)]
pub struct SearchClient(::chirp::__private::Client);
/// Answers calls of the methods of [`Search`] by an implementation: what a peer or a server is given to serve.
#[allow(dead_code)]
pub struct SearchServer<T>(::chirp::__private::Implementation<T>);
/// The methods of [`Search`], by the names that travel.
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
        /// All of them, in the order of the trait.
        pub const ALL: &'static [__chirp::MethodId] = &[Self::FIND];
        /// What a client compares with the other side's.
        pub const CONTRACT: __chirp::Contract = __chirp::Contract::new(
            &[__chirp::Signature::new(Self::FIND, 8185048416480259416u64)],
        );
    }
    impl SearchClient {
        /// A client that calls through `caller`: a peer, or `cx.caller()` inside a handler.
        pub fn new(caller: &(impl __chirp::AsCaller + ?::core::marker::Sized)) -> Self {
            Self(__chirp::Client::new(&caller))
        }
        /// A client of an implementation in this process. There is no connection; everything is encoded
        /// and decoded as on one.
        pub fn local(implementation: impl Search + 'static) -> Self {
            Self(__chirp::Client::local(SearchServer::<_>::new(implementation)))
        }
        /// The same client, for an instance that was registered under this name in place of the
        /// service's own.
        #[must_use]
        pub fn named(self, name: &str) -> Self {
            Self(self.0.named("Search", name))
        }
        /// The same client, for an instance whose methods were registered with this prefix in place of the
        /// service's name and its dot.
        #[must_use]
        pub fn prefixed(self, prefix: &str) -> Self {
            Self(self.0.prefixed("Search", prefix))
        }
        /// Asks the other side whether it serves these methods, and as they are called here. It is
        /// advice: nothing else depends on it.
        ///
        /// # Errors
        ///
        /// Why the question had no answer. That the other side does not know the question is none.
        pub fn compare_contract(&self) -> __chirp::Comparing {
            self.0.compare(SearchMethods::CONTRACT)
        }
        /// Calls [`Search::find`], which is `Search.find` on the wire.
        pub fn find(
            &self,
            text: &str,
            at_most: u32,
            of: &[u64],
            within: Option<&str>,
        ) -> __chirp::Call<Vec<String>> {
            let mut out = __chirp::Encoder::<__Codec>::named();
            out.name("text");
            <__chirp::Str>::put(&text, &mut out);
            out.name("limit");
            <u32 as __chirp::Wire<_>>::put(&at_most, &mut out);
            out.name("of");
            <u64 as __chirp::WireBorrowed<_>>::put_slice(of, &mut out);
            out.name("within");
            <__chirp::Opt<__chirp::Str>>::put(&within, &mut out);
            self.0
                .call(
                    SearchMethods::FIND,
                    out,
                    |answer| __chirp::value_of(
                        answer,
                        <Vec<String> as __chirp::Wire<__Codec>>::from_packet,
                    ),
                )
        }
    }
    impl<T: Search + 'static> SearchServer<T> {
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
            Self(self.0.named("Search", name))
        }
        /// The same, with this prefix before its methods' names in place of the service's name and its dot:
        /// with nothing between, as in names of programs in Go.
        #[must_use]
        pub fn prefixed(self, prefix: &str) -> Self {
            Self(self.0.prefixed("Search", prefix))
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
                                    <u32 as __chirp::Wire<_>>::take(&mut arguments)
                                } else {
                                    __chirp::Some({
                                        let default: fn() -> u32 = ten;
                                        default()
                                    })
                                },
                                if arguments.find(2usize) {
                                    <u64 as __chirp::WireBorrowed<
                                        _,
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
                        )
                    }),
                ),
            ],
            contract: SearchMethods::CONTRACT,
            ordered: false,
        };
    }
    impl<T: Search + 'static> __chirp::Service for SearchServer<T> {
        fn register(
            self,
            router: &mut __chirp::Router,
        ) -> ::core::result::Result<(), __chirp::DuplicateMethod> {
            self.0.register(router, &Self::METHODS)
        }
    }
    impl<T> ::core::fmt::Debug for SearchServer<T> {
        fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
            ::core::fmt::Debug::fmt(&self.0, f)
        }
    }
};
