//! Methods whose argument is all of the parameters (`params`), in each codec.
#![allow(clippy::unwrap_used, reason = "a test may")]

use std::future::ready;

use bytes::Bytes;
#[cfg(feature = "reflect")]
use chirp::RouteError;
use chirp::packet::{ErrorData, FrameworkError};
use chirp::{CallContext, CallError, Caller, Request, Router, Service};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct DidOpen {
    text_document: String,
    version: Option<u32>,
}

/// The same service, in one codec.
macro_rules! services {
    ($module:ident, $codec:ident) => {
        mod $module {
            use super::*;

            /// The option `named` is for the other methods.
            #[chirp::service(name = "", codec = chirp::codec::$codec, named)]
            pub(super) trait Editor {
                #[chirp(params, name = "textDocument/didOpen")]
                async fn did_open(&self, cx: &CallContext, params: DidOpen) -> String;
                #[chirp(params)]
                fn shutdown(&self, seconds: Option<u32>) -> String;
                #[chirp(params)]
                fn text(&self, text: &str) -> String;
                #[chirp(params)]
                fn bytes(&self, bytes: Vec<u8>) -> usize;
                fn other(&self, a: u8) -> u8;
            }

            impl Editor for Open {
                async fn did_open(&self, _: &CallContext, params: DidOpen) -> String {
                    format!("{} {:?}", params.text_document, params.version)
                }

                fn shutdown(&self, seconds: Option<u32>) -> String {
                    format!("{seconds:?}")
                }

                fn text(&self, text: &str) -> String {
                    text.to_uppercase()
                }

                fn bytes(&self, bytes: Vec<u8>) -> usize {
                    bytes.len()
                }

                fn other(&self, a: u8) -> u8 {
                    a
                }
            }

            /// Calls every method.
            #[tokio::test]
            async fn round_trip() {
                let client = EditorClient::local(Open);
                let open = || DidOpen {
                    text_document: "a".to_owned(),
                    version: Some(2),
                };
                assert_eq!(client.did_open(open()).await.unwrap(), "a Some(2)");
                assert_eq!(client.shutdown(None).await.unwrap(), "None");
                assert_eq!(client.shutdown(Some(5)).await.unwrap(), "Some(5)");
                assert_eq!(client.text("é").await.unwrap(), "É");
                assert_eq!(client.bytes(vec![1; 100_000]).await.unwrap(), 100_000);
                assert_eq!(client.other(3).await.unwrap(), 3);
            }
        }
    };
}

services!(bincode, Bincode);
services!(postcard, Postcard);
services!(json, Json);
services!(messagepack, MessagePack);

struct Open;

fn serve(service: impl Service) -> Caller {
    let mut router = Router::default();
    service.register(&mut router).expect("no duplicates");
    Caller::local(router)
}

/// A caller, and the methods and parameters of its calls.
fn capture() -> (Caller, mpsc::UnboundedReceiver<(String, Bytes)>) {
    let (sender, seen) = mpsc::unbounded_channel();
    let caller = Caller::local(move |request: Request| {
        let method = String::from_utf8_lossy(request.method()).into_owned();
        let _ = sender.send((method, request.into_params()));
        ready(Err::<Bytes, _>(ErrorData::new(1, "not answered")))
    });
    (caller, seen)
}

fn open() -> DidOpen {
    DidOpen {
        text_document: "a".to_owned(),
        version: None,
    }
}

#[tokio::test]
async fn json_is_the_value_alone() {
    let caller = serve(json::EditorServer::new(Open));
    assert_values_alone(&caller, "").await;
}

/// The same holds for services of other codecs that are called in JSON.
#[cfg(feature = "reflect")]
#[tokio::test]
async fn calls_in_json_have_the_value_alone() {
    let reflecting = |register: &dyn Fn(&mut Router) -> Result<(), RouteError>| {
        let mut router = Router::default();
        register(&mut router).unwrap();
        router.reflect();
        Caller::local(router)
    };
    for caller in [
        reflecting(&|router| bincode::EditorServer::new(Open).register(router)),
        reflecting(&|router| messagepack::EditorServer::new(Open).register(router)),
        reflecting(&|router| json::EditorServer::new(Open).register(router)),
    ] {
        assert_values_alone(&caller, ";json").await;
    }
    let client = postcard::EditorClient::local(Open).with_json();
    assert_eq!(client.did_open(open()).await.unwrap(), "a None");
    assert_eq!(client.other(7).await.unwrap(), 7);
}

#[tokio::test]
async fn clients_send_the_value_alone() {
    let (caller, mut seen) = capture();
    let mut params = async |method: &str| {
        let (name, params) = seen.recv().await.unwrap();
        assert_eq!(name, method);
        params
    };
    let native = json::EditorClient::new(&caller);
    native.did_open(open()).await.unwrap_err();
    let expected = r#"{"textDocument":"a","version":null}"#;
    assert_eq!(params("textDocument/didOpen").await, expected);
    native.shutdown(None).await.unwrap_err();
    assert_eq!(params("shutdown").await, "null");

    let in_json = bincode::EditorClient::new(&caller).with_json();
    in_json.did_open(open()).await.unwrap_err();
    assert_eq!(params("textDocument/didOpen;json").await, expected);
    in_json.text("t").await.unwrap_err();
    assert_eq!(params("text;json").await, r#""t""#);
    in_json.bytes(vec![1, 2, 3]).await.unwrap_err();
    assert_eq!(params("bytes;json").await, r#""AQID""#);

    let messagepack = messagepack::EditorClient::new(&caller);
    messagepack.shutdown(Some(5)).await.unwrap_err();
    assert_eq!(params("shutdown").await, [5][..]);
    messagepack.bytes(vec![1, 2]).await.unwrap_err();
    assert_eq!(params("bytes").await, [0xC4, 2, 1, 2][..]);

    // Without names, nothing is around one argument anyway.
    bincode::EditorClient::new(&caller)
        .text("t")
        .await
        .unwrap_err();
    assert_eq!(params("text").await, [1, b't'][..]);
}

#[tokio::test]
async fn messagepack_reads_no_bytes_as_nil() {
    let caller = serve(messagepack::EditorServer::new(Open));
    for (params, expected) in [(&[][..], "None"), (&[0xC0], "None"), (&[5], "Some(5)")] {
        let answer = caller.call("shutdown", params.to_vec()).await.unwrap();
        assert_eq!(answer[1..], *expected.as_bytes());
    }
    caller.call("shutdown", vec![0x91, 5]).await.unwrap_err();
    caller.call("shutdown", vec![5, 5]).await.unwrap_err();
}

/// As programs write it whose parameters are all optional.
#[tokio::test]
async fn no_bytes_are_a_struct_without_fields() {
    mod services {
        use super::{Deserialize, Serialize};

        #[derive(Serialize, Deserialize)]
        pub(super) struct Page {
            pub(super) cursor: Option<u8>,
        }

        #[chirp::service(name = "json", codec = chirp::codec::Json)]
        pub(super) trait Json {
            #[chirp(params)]
            fn list(&self, page: Page) -> Option<u8>;
        }

        #[chirp::service(name = "messagepack", codec = chirp::codec::MessagePack)]
        pub(super) trait MessagePack {
            #[chirp(params)]
            fn list(&self, page: Page) -> Option<u8>;
        }
    }
    use services::Page;

    impl services::Json for Open {
        fn list(&self, page: Page) -> Option<u8> {
            page.cursor
        }
    }

    impl services::MessagePack for Open {
        fn list(&self, page: Page) -> Option<u8> {
            page.cursor
        }
    }

    let caller = serve(services::JsonServer::new(Open));
    for params in ["", "null", "{}"] {
        assert_eq!(caller.call("json.list", params).await.unwrap(), "null");
    }
    let error = caller.call("json.list", "7").await.unwrap_err();
    assert!(
        error.to_string().contains("invalid type: integer"),
        "{error}"
    );
    let caller = serve(services::MessagePackServer::new(Open));
    for params in [&[][..], &[0xC0], &[0x80]] {
        let answer = caller.call("messagepack.list", params.to_vec()).await;
        assert_eq!(answer.unwrap(), [0xC0][..]);
    }
}

/// Only in codecs with names does the option change the signature, and then the argument's name does not count.
#[test]
fn signatures_tell_whether_the_option_matters() {
    mod plain {
        #[chirp::service(name = "")]
        pub(super) trait Bincode {
            fn text(&self, text: &str) -> String;
        }
        #[chirp::service(name = "", codec = chirp::codec::Json)]
        pub(super) trait Json {
            fn text(&self, text: &str) -> String;
        }
        #[chirp::service(name = "", codec = chirp::codec::Json)]
        pub(super) trait Renamed {
            #[chirp(params)]
            fn text(&self, line: &str) -> String;
        }
    }
    let signature = |contract: chirp::Contract| {
        let text = contract
            .methods()
            .iter()
            .find(|text| text.id().name() == "text");
        text.unwrap().fingerprint()
    };
    let [with, without] = [
        bincode::EditorMethods::CONTRACT,
        plain::BincodeMethods::CONTRACT,
    ];
    assert_eq!(signature(with), signature(without));
    let [with, without] = [json::EditorMethods::CONTRACT, plain::JsonMethods::CONTRACT];
    assert_ne!(signature(with), signature(without));
    assert_eq!(signature(with), signature(plain::RenamedMethods::CONTRACT));
}

/// Calls methods whose names have this suffix.
async fn assert_values_alone(caller: &Caller, suffix: &str) {
    for (method, params, expected) in [
        (
            "textDocument/didOpen",
            r#"{"textDocument":"a"}"#,
            r#""a None""#,
        ),
        (
            "textDocument/didOpen",
            " {\"version\":1, \"x\":[], \"textDocument\":\"a\"}\n",
            r#""a Some(1)""#,
        ),
        ("shutdown", "", r#""None""#),
        ("shutdown", " ", r#""None""#),
        ("shutdown", "null", r#""None""#),
        ("shutdown", "5", r#""Some(5)""#),
        ("text", r#""x""#, r#""X""#),
        ("bytes", r#""AQID""#, "3"),
        ("other", r#"{"a":7}"#, "7"),
    ] {
        let answer = caller.call(format!("{method}{suffix}"), params).await;
        assert_eq!(
            answer.as_deref(),
            Ok(expected.as_bytes()),
            "{method} {params}"
        );
    }
    for (method, params) in [
        ("textDocument/didOpen", ""),
        ("textDocument/didOpen", r#"{"params":{"textDocument":"a"}}"#),
        ("textDocument/didOpen", r#"{"textDocument":"a"} {}"#),
        ("textDocument/didOpen", r#"{"textDocument":"a""#),
        ("shutdown", "[5]"),
        ("shutdown", r#"{"seconds":5}"#),
        ("text", ""),
    ] {
        let error = caller
            .call(format!("{method}{suffix}"), params)
            .await
            .unwrap_err();
        let CallError::Rejected { reason, .. } = &error else {
            panic!("{method} {params}: {error}");
        };
        assert_eq!(*reason, FrameworkError::InvalidArguments);
    }
}
