//! Generated code minds nobody's business but its own: it needs no prelude, no name of the user's, no lint
//! turned off.

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

use std::sync::Mutex;

use bare::{Chat, ChatClient, ChatMethods, Refused};

/// A module that has nothing but what it names.
pub mod bare {
    #![no_implicit_prelude]

    use super::rpc;
    use ::std::prelude::rust_2024::derive;
    use ::std::string::String;

    /// Names that generated code might have used, had it not known better.
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
        /// Called like what generated code has.
        pub codec: u8,
    }

    /// A service in a crate that documents everything.
    #[rpc::service(crate = rpc, name = "chat")]
    pub trait Chat {
        /// Says something.
        async fn say(&self, text: &str, _to: u8) -> ::std::result::Result<u64, Refused>;

        /// Says something to one.
        #[deprecated = "say it"]
        fn whisper(&self, text: &str) -> String {
            ::std::format!("({text})")
        }

        /// Waits for nobody.
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

static DROPPED: Mutex<Vec<&str>> = Mutex::new(Vec::new());

struct Noted(&'static str);

impl Drop for Noted {
    fn drop(&mut self) {
        DROPPED.lock().unwrap().push(self.0);
    }
}

/// A stand-in for what a derive would give.
mod serde_of_noted {
    use super::Noted;

    impl serde::Serialize for Noted {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_unit()
        }
    }

    impl<'de> serde::Deserialize<'de> for Noted {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            <() as serde::Deserialize>::deserialize(deserializer)?;
            Ok(Noted("argument"))
        }
    }
}

#[rpc::service(crate = rpc)]
trait Drops {
    async fn run(&self, _unused: Noted) {
        DROPPED.lock().unwrap().push("body");
    }
}

impl Drops for Echo {}

#[tokio::test]
async fn an_unused_argument_outlives_the_body() {
    let drops = DropsClient::local(Echo);
    let call = drops.run(Noted("sent"));
    assert_eq!(DROPPED.lock().unwrap().as_slice(), ["sent"]);
    call.await.unwrap();
    assert_eq!(
        DROPPED.lock().unwrap().as_slice(),
        ["sent", "body", "argument"]
    );
}
