/// Greets people.
///
/// It is called with a [`GreeterClient`], and served by a [`GreeterServer`]. An implementation writes `async fn` where this shows `impl Future`.
pub trait Greeter: ::core::marker::Send + ::core::marker::Sync {
    /// A greeting.
    fn greet(
        &self,
        name: &str,
    ) -> impl ::core::future::Future<Output = String> + ::core::marker::Send;
}
/** Calls the methods of [`Greeter`] at the other side of a connection, or in this process (`local`).

 Each method encodes its arguments and gives a call, which is sent when it is awaited. Clones are cheap, and call through the same connection.*/
#[allow(dead_code)]
#[derive(::core::clone::Clone, ::core::fmt::Debug)]
pub struct GreeterClient(::chirp::__private::Client);
/// Answers calls of the methods of [`Greeter`] by an implementation: what a peer or a server is given to serve.
#[allow(dead_code)]
pub struct GreeterServer<T>(::chirp::__private::Implementation<T>);
/// The methods of [`Greeter`], by the names that travel.
#[allow(dead_code, clippy::exhaustive_structs)]
#[derive(::core::clone::Clone, ::core::marker::Copy, ::core::fmt::Debug)]
pub struct GreeterMethods;
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
    impl GreeterMethods {
        /// `Greeter.greet`: [`Greeter::greet`].
        pub const GREET: __chirp::MethodId = __chirp::MethodId::new("Greeter.greet");
        /// All of them, in the order of the trait.
        pub const ALL: &'static [__chirp::MethodId] = &[Self::GREET];
        /// What a client compares with the other side's.
        pub const CONTRACT: __chirp::Contract = __chirp::Contract::new(
            &[__chirp::Signature::new(Self::GREET, 3098419068046219553u64)],
        );
    }
    impl GreeterClient {
        /// A client that calls through `caller`: a peer, or `cx.caller()` inside a handler.
        pub fn new(caller: &(impl __chirp::AsCaller + ?::core::marker::Sized)) -> Self {
            Self(__chirp::Client::new(&caller))
        }
        /// A client of an implementation in this process. There is no connection; everything is encoded
        /// and decoded as on one.
        pub fn local(implementation: impl Greeter + 'static) -> Self {
            Self(__chirp::Client::local(GreeterServer::<_>::new(implementation)))
        }
        /// The same client, for an instance that was registered under this name in place of the
        /// service's own.
        #[must_use]
        pub fn named(self, name: &str) -> Self {
            Self(self.0.named("Greeter", name))
        }
        /// The same client, for an instance whose methods were registered with this prefix in place of the
        /// service's name and its dot.
        #[must_use]
        pub fn prefixed(self, prefix: &str) -> Self {
            Self(self.0.prefixed("Greeter", prefix))
        }
        /// Asks the other side whether it serves these methods, and as they are called here. It is
        /// advice: nothing else depends on it.
        ///
        /// # Errors
        ///
        /// Why the question had no answer. That the other side does not know the question is none.
        pub fn compare_contract(&self) -> __chirp::Comparing {
            self.0.compare(GreeterMethods::CONTRACT)
        }
        /// A greeting.
        ///
        /// Calls [`Greeter::greet`], which is `Greeter.greet` on the wire.
        pub fn greet(&self, name: &str) -> __chirp::Call<String> {
            let mut out = __chirp::Encoder::<__Codec>::new();
            <__chirp::Str>::put(&name, &mut out);
            self.0
                .call(
                    GreeterMethods::GREET,
                    out,
                    |answer| __chirp::value_of(
                        answer,
                        <String as __chirp::Wire<__Codec>>::from_packet,
                    ),
                )
        }
    }
    impl<T: Greeter + 'static> GreeterServer<T> {
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
            Self(self.0.named("Greeter", name))
        }
        /// The same, with this prefix before its methods' names in place of the service's name and its dot:
        /// with nothing between, as in names of programs in Go.
        #[must_use]
        pub fn prefixed(self, prefix: &str) -> Self {
            Self(self.0.prefixed("Greeter", prefix))
        }
    }
    #[doc(hidden)]
    impl<__T: Greeter + 'static> GreeterServer<__T> {
        const METHODS: __chirp::Methods<__T> = __chirp::Methods {
            owner: ::core::concat!(
                "`", ::core::module_path!(), "::", ::core::stringify!(Greeter), "`"
            ),
            methods: &[
                __chirp::Method::new(
                    GreeterMethods::GREET,
                    |service, request| __chirp::Box::pin(async move {
                        let (name,) = {
                            let mut arguments = __chirp::arguments::<__Codec>(&request);
                            let (__chirp::Some(name), __chirp::Some(())) = (
                                <__chirp::Str>::take(&mut arguments),
                                arguments.end(),
                            ) else {
                                return __chirp::refused(arguments);
                            };
                            (name,)
                        };
                        __chirp::value(
                            <__T as Greeter>::greet(&*service, &name).await,
                            <String as __chirp::Wire<__Codec>>::payload,
                        )
                    }),
                ),
            ],
            contract: GreeterMethods::CONTRACT,
            ordered: false,
        };
    }
    impl<T: Greeter + 'static> __chirp::Service for GreeterServer<T> {
        fn register(
            self,
            router: &mut __chirp::Router,
        ) -> ::core::result::Result<(), __chirp::DuplicateMethod> {
            self.0.register(router, &Self::METHODS)
        }
    }
    impl<T> ::core::fmt::Debug for GreeterServer<T> {
        fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
            ::core::fmt::Debug::fmt(&self.0, f)
        }
    }
};
