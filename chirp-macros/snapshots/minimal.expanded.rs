/// Greets people.
///
/// Call it with [`GreeterClient`] and serve it with [`GreeterServer`]. Implementations write `async fn` where this shows `impl Future`.
#[diagnostic::on_unimplemented(
    note = "if it is an `Arc` of an implementation: `GreeterServer::from_arc(..)`, `GreeterClient::local_from_arc(..)`",
    note = "if it is a client: take `&GreeterClient` instead of `impl Greeter`; `GreeterClient::local(..)` wraps an implementation"
)]
pub trait Greeter: ::core::marker::Send + ::core::marker::Sync {
    /// A greeting.
    fn greet(
        &self,
        name: &str,
    ) -> impl ::core::future::Future<Output = String> + ::core::marker::Send;
    #[doc(hidden)]
    #[allow(non_snake_case, clippy::all, clippy::pedantic, clippy::restriction)]
    fn __use_GreeterClient_instead_of_dyn_Greeter(&self) -> impl ::core::marker::Sized {}
}
/** Calls the methods of [`Greeter`] on the other side of a connection, or in this process (`local`).

 Each method encodes its arguments and returns a call, which is sent when it is awaited. Clones are cheap and share the connection.*/
#[allow(dead_code)]
#[derive(::core::clone::Clone, ::core::fmt::Debug)]
pub struct GreeterClient(::chirp::__private::Client);
/// Serves an implementation of [`Greeter`] on a peer or a server.
#[allow(dead_code)]
pub struct GreeterServer<T>(::chirp::__private::Implementation<T>);
/// The method ids of [`Greeter`].
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
        /// All method ids, in declaration order.
        pub const ALL: &'static [__chirp::MethodId] = &[Self::GREET];
        /// The signatures that `check_compatibility` compares with the other side's.
        pub const CONTRACT: __chirp::Contract = __chirp::Contract::new(
            &[__chirp::Signature::new(Self::GREET, 9618249471983701662u64)],
        );
    }
    #[doc(hidden)]
    impl GreeterClient {
        const REFLECTION: ::core::option::Option<&'static __chirp::ServiceTable> = __chirp::reflected! {
            __chirp::ServiceTable { name : "Greeter", documentation :
            ::core::concat!(" Greets people.", "\n"), codec : < __Codec as __chirp::Codec
            > ::ID, ordered : false, methods : & [__chirp::MethodTable { documentation :
            ::core::concat!(" A greeting.", "\n"), arguments : __chirp::ArgumentTable {
            names : & [& ["name"]], optional : & [false], }, values : &
            [__chirp::ValueTable { type_name : "&str", shape : __chirp::shape_of:: <
            __chirp::Str >, stream : false, schema : ::core::option::Option::None, }],
            result : __chirp::Some(__chirp::ValueTable { type_name : "String", shape : <
            String as __chirp::Wire < __Codec >> ::shape, stream : false, schema :
            ::core::option::Option::None, }), items : ::core::option::Option::None,
            errors : & [], named : false, params : false, deadline :
            ::core::option::Option::None, deprecated : ::core::option::Option::None, }],
            }
        };
    }
    impl GreeterClient {
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
        pub fn local(implementation: impl Greeter + 'static) -> Self {
            Self(__chirp::Client::local(GreeterServer::<_>::new(implementation)))
        }
        /// Creates a client of an implementation in this process whose handlers call back through `caller`:
        /// `cx.caller()` is this caller.
        pub fn local_with(
            implementation: impl Greeter + 'static,
            caller: &(impl __chirp::AsCaller + ?::core::marker::Sized),
        ) -> Self {
            Self(
                __chirp::Client::local_with(
                    GreeterServer::<_>::new(implementation),
                    &caller,
                ),
            )
        }
        /// Creates a client of a shared implementation in this process: see `local`.
        pub fn local_from_arc(
            implementation: __chirp::Arc<impl Greeter + 'static>,
        ) -> Self {
            Self(__chirp::Client::local(GreeterServer::<_>::from_arc(implementation)))
        }
        /// Calls an instance that is registered under `name` instead of the service's own name.
        #[must_use]
        pub fn named(self, name: &str) -> Self {
            Self(self.0.named("Greeter", name))
        }
        /// Calls an instance whose methods are registered with `prefix` instead of the service's name and
        /// its dot.
        #[must_use]
        pub fn prefixed(self, prefix: &str) -> Self {
            Self(self.0.prefixed("Greeter", prefix))
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
            self.0.compare(GreeterMethods::CONTRACT, Self::REFLECTION)
        }
        /// A greeting.
        ///
        /// Calls [`Greeter::greet`] (`Greeter.greet` on the wire).
        pub fn greet(&self, name: &str) -> __chirp::Call<String> {
            let mut out = self.0.by_position::<__Codec>(&["name"]);
            <__chirp::Str>::put(&name, &mut out);
            self.0
                .call(
                    GreeterMethods::GREET,
                    out,
                    |answer, method| __chirp::value_of(
                        answer,
                        method,
                        <String as __chirp::Wire<__Codec>>::from_response,
                    ),
                )
        }
    }
    impl<T: Greeter + 'static> GreeterServer<T> {
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
            Self(self.0.named("Greeter", name))
        }
        /// Registers the methods with `prefix` instead of the service's name and its dot, as Go programs name
        /// them.
        #[must_use]
        pub fn prefixed(self, prefix: &str) -> Self {
            Self(self.0.prefixed("Greeter", prefix))
        }
        /// Adds a layer around the methods of this service, inside of the layers that were added before and of the
        /// layers of the peer or server.
        #[must_use]
        pub fn layer(self, layer: impl __chirp::Layer) -> Self {
            Self(self.0.layer(layer))
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
                            &request,
                        )
                    }),
                ),
            ],
            contract: GreeterMethods::CONTRACT,
            ordered: false,
            reflection: <GreeterClient>::REFLECTION,
        };
    }
    impl<T: Greeter + 'static> __chirp::Service for GreeterServer<T> {
        fn register(
            self,
            router: &mut __chirp::Router,
        ) -> ::core::result::Result<(), __chirp::RouteError> {
            self.0.register(router, &Self::METHODS)
        }
    }
    impl<T> ::core::fmt::Debug for GreeterServer<T> {
        fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
            ::core::fmt::Debug::fmt(&self.0, f)
        }
    }
};
