//! Named arguments (`named`), in each codec, between an old and a new version of a service.

use chirp::packet::{ErrorData, FrameworkError};
use chirp::{CallError, Caller, Compatibility, Router, Service};

/// The old and the new version of a service, in one codec.
macro_rules! services {
    ($module:ident, $codec:ident) => {
        mod $module {
            #[chirp::service(name = "Search", codec = chirp::codec::$codec, named)]
            pub(crate) trait Old {
                fn find(&self, text: &str, limit: u32) -> String;
            }

            #[chirp::service(name = "Search", codec = chirp::codec::$codec)]
            pub(crate) trait Search {
                #[chirp(named)]
                #[expect(clippy::too_many_arguments, reason = "of every kind")]
                fn find(
                    &self,
                    cx: &chirp::CallContext,
                    text: &str,
                    #[serde(rename = "limit")] at_most: u32,
                    #[serde(default)] data: &[u8],
                    #[serde(default = "super::word")] word: &str,
                    #[serde(default = "super::nowhere")] within: Option<&str>,
                    #[serde(default, alias = "ids", alias = "numbers")] of: &[u64],
                    #[serde(default = "super::fifty")] percent: u8,
                    key: Option<[u8; 2]>,
                ) -> String;
                /// An ordinary method.
                fn plain(&self, text: &str) -> usize;
                #[chirp(named)]
                fn nothing(&self) -> u8;
            }

            pub(crate) struct Plain;

            impl Old for Plain {
                fn find(&self, text: &str, limit: u32) -> String {
                    format!("{text} {limit}")
                }
            }

            pub(crate) struct Index;

            impl Search for Index {
                fn find(
                    &self,
                    _: &chirp::CallContext,
                    text: &str,
                    at_most: u32,
                    data: &[u8],
                    word: &str,
                    within: Option<&str>,
                    of: &[u64],
                    percent: u8,
                    key: Option<[u8; 2]>,
                ) -> String {
                    format!("{text} {at_most} {data:?} {word} {within:?} {of:?} {percent} {key:?}")
                }

                fn plain(&self, text: &str) -> usize {
                    text.len()
                }

                fn nothing(&self) -> u8 {
                    7
                }
            }

            /// A client of the old version, and one of the new version.
            pub(crate) fn callers() -> [chirp::Caller; 2] {
                [
                    super::serve(OldServer::new(Plain)),
                    super::serve(SearchServer::new(Index)),
                ]
            }

            pub(crate) async fn the_same_age() {
                let [old, new] = callers();
                let found = OldClient::new(&old).find("a \"b\"", 3).await;
                assert_eq!(found.expect("an answer"), "a \"b\" 3");
                let new = SearchClient::new(&new);
                let found = new
                    .find("a", 3, &[1, 2], "w\n", Some("x"), &[4, 5], 60, Some([6, 7]))
                    .await;
                let expected = "a 3 [1, 2] w\n Some(\"x\") [4, 5] 60 Some([6, 7])";
                assert_eq!(found.expect("an answer"), expected);
                assert_eq!(new.plain("four").await.expect("an answer"), 4);
                assert_eq!(new.nothing().await.expect("an answer"), 7);
            }

            /// Added arguments have defaults and come last.
            pub(crate) async fn an_old_caller_and_a_new_server() {
                let [_, new] = callers();
                let found = OldClient::new(&new).find("a", 3).await;
                let expected = "a 3 [] word None [] 50 None";
                assert_eq!(found.expect("an answer"), expected);
            }

            /// Whether the old version understands a client of the new version.
            pub(crate) async fn a_new_caller_and_an_old_server() -> Result<String, chirp::CallError>
            {
                let [old, _] = callers();
                let new = SearchClient::new(&old);
                new.find("a", 3, &[1], "w", None, &[], 60, None).await
            }
        }
    };
}

services!(bincode, Bincode);
#[cfg(feature = "json")]
services!(json, Json);
#[cfg(feature = "postcard")]
services!(postcard, Postcard);
#[cfg(feature = "messagepack")]
services!(messagepack, MessagePack);

fn word() -> String {
    "word".to_owned()
}

fn nowhere() -> Option<String> {
    None
}

fn fifty() -> u8 {
    50
}

fn serve(service: impl Service) -> Caller {
    let mut router = Router::default();
    service.register(&mut router).expect("no duplicates");
    Caller::local(router)
}

fn assert_refused<T: std::fmt::Debug>(found: Result<T, CallError>, why: &str) {
    let Err(CallError::Rejected {
        reason, message, ..
    }) = found
    else {
        panic!("{found:?}");
    };
    assert_eq!(reason, FrameworkError::InvalidArguments);
    assert!(message.contains(why), "{message}");
}

#[tokio::test]
async fn through_bincode() {
    bincode::the_same_age().await;
    bincode::an_old_caller_and_a_new_server().await;
    assert_refused(bincode::a_new_caller_and_an_old_server().await, "left over");
}

#[cfg(feature = "postcard")]
#[tokio::test]
async fn through_postcard() {
    postcard::the_same_age().await;
    postcard::an_old_caller_and_a_new_server().await;
    assert_refused(
        postcard::a_new_caller_and_an_old_server().await,
        "left over",
    );
}

#[cfg(feature = "json")]
#[tokio::test]
async fn through_json() {
    json::the_same_age().await;
    json::an_old_caller_and_a_new_server().await;
    let found = json::a_new_caller_and_an_old_server().await;
    assert_eq!(found.expect("an answer"), "a 3");
}

#[cfg(feature = "messagepack")]
#[tokio::test]
async fn through_messagepack() {
    messagepack::the_same_age().await;
    messagepack::an_old_caller_and_a_new_server().await;
    let found = messagepack::a_new_caller_and_an_old_server().await;
    assert_eq!(found.expect("an answer"), "a 3");
}

/// With named arguments, optional arguments do not make contracts differ.
#[cfg(feature = "json")]
#[tokio::test]
async fn optional_arguments_keep_contracts_equal() {
    let [old, new] = json::callers();
    let old_and_new = json::OldClient::new(&new).check_compatibility().await;
    assert_eq!(old_and_new.expect("an answer"), Compatibility::Same);
    let new_and_old = json::SearchClient::new(&old).check_compatibility().await;
    let Compatibility::Differs(methods) = new_and_old.expect("an answer") else {
        panic!("two methods are missing");
    };
    assert_eq!(methods.len(), 2);
    let [_, new] = bincode::callers();
    let differs = bincode::OldClient::new(&new).check_compatibility().await;
    assert!(matches!(differs, Ok(Compatibility::Differs(_))));
}

/// Named arguments as handwritten JSON.
#[cfg(feature = "json")]
#[tokio::test]
async fn handwritten_json_is_accepted() {
    let [_, new] = json::callers();
    let accepted = [
        r#"{"text":"a","limit":3}"#,
        r#" { "limit" : 3 , "text" : "a" } "#,
        r#"{"unknown":{"deep":[1,{}]},"text":"a","more":null,"limit":3}"#,
        r#"{"te\u0078t":"a","limit":3,"within":null}"#,
        r#"["a",3]"#,
        r#"["a",3,""]"#,
    ];
    for params in accepted {
        let found = new.call("Search.find", params).await.expect(params);
        assert_eq!(found, r#""a 3 [] word None [] 50 None""#, "{params}");
    }
    let found = new
        .call("Search.find", r#"{"numbers":[1],"limit":3,"text":""}"#)
        .await
        .expect("an alias");
    assert_eq!(found, r#"" 3 [] word None [1] 50 None""#);
    let refused = [
        (r#"{"text":"a"}"#, "`limit` is missing"),
        (
            r#"{"limit":3,"text":4}"#,
            "argument `text` (Cow<str>): invalid type",
        ),
        (
            r#"{"text":"a","limit":3,"limit":4}"#,
            "`limit` occurs twice",
        ),
        (
            r#"{"text":"a","limit":3,"ids":[],"of":[]}"#,
            "`of` occurs twice",
        ),
        (r#"{"text":"a","limit":3"#, ""),
        (r#"{"text":"a","limit":3}}"#, "left over"),
        (r#"{"text":"a",}"#, ""),
        (r#"{"text" "a"}"#, "expected `:`"),
        (r#"{text:"a"}"#, ""),
        (r#"{"text":"a" "limit":3}"#, "found `\\\""),
        (r"{1:2}", ""),
        (r#"["a"]"#, "`limit` is missing"),
        (r#"["a",3,"",]"#, ""),
        (r#"["a",3"#, ""),
        ("", ""),
        ("3", ""),
    ];
    for (params, why) in refused {
        let found = new.call("Search.find", params).await;
        assert_refused(found, why);
    }
}

/// Skipping a deeply nested unknown argument uses no stack.
#[cfg(feature = "json")]
#[tokio::test]
async fn deeply_nested_unknown_arguments_are_skipped() {
    let [_, new] = json::callers();
    let deep = format!(
        r#"{{"x":{}{},"text":"a"}}"#,
        "[".repeat(1 << 20),
        "]".repeat(1 << 20)
    );
    assert_refused(new.call("Search.find", deep).await, "");
}

#[tokio::test]
async fn an_argument_may_have_any_name() {
    #[chirp::service(named)]
    trait Odd {
        fn odd(&self, r#type: u8, out: u8, arguments: u8, request: u8) -> u8;
        #[chirp(oneway)]
        fn gone(&self, service: u8);
        fn fails(&self, a: u8, b: Option<u8>) -> Result<u8, ErrorData>;
        #[chirp(blocking)]
        fn blocks(&self, #[serde(default)] out: Option<String>) -> bool;
    }

    struct Sum;

    impl Odd for Sum {
        fn odd(&self, r#type: u8, out: u8, arguments: u8, request: u8) -> u8 {
            r#type + out + arguments + request
        }

        fn gone(&self, _: u8) {}

        fn fails(&self, a: u8, b: Option<u8>) -> Result<u8, ErrorData> {
            b.map(|b| a + b).ok_or_else(|| "no b".into())
        }

        fn blocks(&self, out: Option<String>) -> bool {
            out.is_some()
        }
    }

    let odd = OddClient::local(Sum);
    assert_eq!(odd.odd(1, 2, 3, 4).await.expect("an answer"), 10);
    odd.gone(1).await.expect("gone");
    assert_eq!(odd.fails(1, Some(2)).await.expect("an answer"), 3);
    assert!(odd.fails(1, None).await.is_err());
    assert!(odd.blocks(Some("it".to_owned())).await.expect("an answer"));
}
