//! Generated code needs no prelude, clashes with no user-defined names and passes strict lints.

#![deny(
    missing_docs,
    missing_debug_implementations,
    unsafe_code,
    warnings,
    clippy::pedantic
)]
#![allow(clippy::unwrap_used, reason = "a test may")]
#![allow(
    unreachable_pub,
    dead_code,
    reason = "nothing outside uses what a test has"
)]

extern crate chirp as rpc;

use std::pin::Pin;
use std::sync::Mutex;

use bare::{Chat, ChatClient, ChatMethods, Refused};

/// A module without the standard prelude.
pub mod bare {
    #![no_implicit_prelude]

    use super::rpc;
    use ::std::prelude::rust_2024::derive;
    use ::std::string::String;

    /// Names that careless generated code would clash with.
    #[derive(Debug)]
    pub struct T;
    /// See [`T`].
    #[derive(Debug)]
    pub struct Client;
    /// See [`T`].
    #[derive(Debug)]
    pub struct Result;
    /// See [`T`].
    #[derive(Debug)]
    pub struct Some;

    /// An error with a crate of another name.
    #[derive(Debug, ::thiserror::Error, rpc::ServiceError)]
    #[error("refused: {reason}")]
    #[chirp(crate = rpc, code = 3)]
    pub struct Refused {
        /// Why.
        pub reason: String,
        /// Named like a variable of generated code.
        pub codec: u8,
    }

    /// A service in a crate that requires documentation.
    #[rpc::service(crate = rpc, name = "chat")]
    pub trait Chat {
        /// Says something.
        async fn say(&self, text: &str, _to: u8) -> ::std::result::Result<u64, Refused>;

        /// Says something to one person.
        #[deprecated = "say it"]
        fn whisper(&self, text: &str) -> String {
            ::std::format!("({text})")
        }

        /// Does not wait.
        #[must_use]
        async fn shout(&self, text: String) -> String {
            text
        }
    }
}

struct Echo;

impl Chat for Echo {
    async fn say(&self, text: &str, _: u8) -> Result<u64, Refused> {
        Err(Refused {
            reason: text.to_owned(),
            codec: 7,
        })
    }

    #[allow(refining_impl_trait, clippy::manual_async_fn)]
    fn shout(&self, text: String) -> std::future::Ready<String> {
        std::future::ready(text)
    }
}

#[tokio::test]
async fn no_prelude_and_another_crate_name() {
    let chat = ChatClient::local(Echo);
    let refused = chat.say("hi", 1).await;
    assert!(matches!(
        refused,
        Err(rpc::MethodError::Handler(Refused { codec: 7, .. }))
    ));
    #[expect(deprecated)]
    let whisper = chat.whisper("psst").await;
    assert_eq!(whisper.unwrap(), "(psst)");
    assert_eq!(chat.shout("HEY".to_owned()).await.unwrap(), "HEY");
    assert_eq!(ChatMethods::SAY.name(), "chat.say");
}

mod inner {
    use super::rpc;

    #[rpc::service(crate = ::chirp)]
    pub(crate) trait Narrow {
        fn name(&self) -> String;
    }

    #[rpc::service(crate = super::rpc)]
    pub(super) trait Other {
        fn name(&self);
    }

    #[derive(Debug)]
    pub(crate) struct Named;

    impl Narrow for Named {
        fn name(&self) -> String {
            "inner".to_owned()
        }
    }

    impl Other for Named {
        fn name(&self) {}
    }
}

#[tokio::test]
async fn in_modules_and_in_functions() {
    #[rpc::service(crate = rpc)]
    trait Local {
        fn double(&self, a: u8) -> u8;
    }

    impl Local for Echo {
        fn double(&self, a: u8) -> u8 {
            a * 2
        }
    }

    assert_eq!(LocalClient::local(Echo).double(4).await.unwrap(), 8);
    let narrow = inner::NarrowClient::local(inner::Named);
    assert_eq!(narrow.name().await.unwrap(), "inner");
    inner::OtherClient::local(inner::Named)
        .name()
        .await
        .unwrap();
}

static DROPPED: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Says when it is dropped.
#[derive(serde::Serialize, serde::Deserialize)]
struct Noted(String);

impl Noted {
    fn new(name: &str) -> Self {
        Self(name.to_owned())
    }
}

impl Drop for Noted {
    fn drop(&mut self) {
        note(&self.0);
    }
}

fn note(what: &str) {
    DROPPED.lock().unwrap().push(what.to_owned());
}

fn noted() -> Vec<String> {
    std::mem::take(&mut *DROPPED.lock().unwrap())
}

#[rpc::service(crate = rpc)]
trait Drops {
    async fn run(&self, first: Noted, _unused: Noted, last: Noted) {
        let moved = last;
        tokio::task::yield_now().await;
        note(&format!("body of {} and {}", first.0, moved.0));
    }
}

impl Drops for Echo {}

/// The method above, written without the attribute.
async fn run(first: Noted, _unused: Noted, last: Noted) {
    let moved = last;
    tokio::task::yield_now().await;
    note(&format!("body of {} and {}", first.0, moved.0));
}

#[tokio::test]
async fn a_default_body_drops_its_arguments_when_an_async_fn_does() {
    let [a, b, c] = ["a", "b", "c"].map(Noted::new);
    run(a, b, c).await;
    let expected = noted();
    assert_eq!(expected, ["body of a and c", "c", "b", "a"]);

    let [a, b, c] = ["a", "b", "c"].map(Noted::new);
    let call = DropsClient::local(Echo).run(a, b, c);
    // Arguments are encoded and dropped when the call is made.
    assert_eq!(noted().len(), 3);
    call.await.unwrap();
    assert_eq!(noted(), expected);
}

/// Types that an implementation may return for an `async fn` of the trait.
#[rpc::service(crate = rpc)]
trait Futures {
    async fn opaque(&self, number: u32) -> u32;
    async fn ready(&self) -> u32;
    async fn boxed(&self, text: &str) -> u32;
    async fn captures_nothing(&self, text: &str) -> u32;
}

impl Futures for Echo {
    fn opaque(&self, number: u32) -> impl Future<Output = u32> + Send {
        std::future::ready(number)
    }

    // A named type is more specific than the trait's signature, which the compiler lints. The macro cannot suppress
    // that lint for the implementation.
    #[expect(refining_impl_trait)]
    fn ready(&self) -> std::future::Ready<u32> {
        std::future::ready(2)
    }

    #[expect(refining_impl_trait)]
    fn boxed(&self, text: &str) -> Pin<Box<dyn Future<Output = u32> + Send>> {
        let text = text.to_owned();
        Box::pin(async move { u32::try_from(text.len()).unwrap() })
    }

    #[expect(refining_impl_trait)]
    fn captures_nothing(&self, _: &str) -> impl Future<Output = u32> + Send + use<> {
        std::future::ready(4)
    }
}

#[tokio::test]
async fn an_implementation_may_return_a_future_of_its_own() {
    let futures = FuturesClient::local(Echo);
    assert_eq!(futures.opaque(1).await.unwrap(), 1);
    assert_eq!(futures.ready().await.unwrap(), 2);
    assert_eq!(futures.boxed("abc").await.unwrap(), 3);
    assert_eq!(futures.captures_nothing("").await.unwrap(), 4);
}
