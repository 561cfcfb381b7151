//! Arguments and results of every form, by name and by position.
#![allow(clippy::unwrap_used, reason = "a test may")]
#![allow(
    clippy::many_single_char_names,
    reason = "the arguments have no meaning"
)]

use std::borrow::Cow;
use std::collections::BTreeMap;

use bytes::Bytes;
use chirp::packet::FrameworkError;
use chirp::reflect::JsonCaller;
use chirp::{CallContext, CallError, MethodError, Peer, PeerBuilder};
use futures_core::Stream;
use serde::{Deserialize, Serialize};

use crate::call;
use crate::support::pair;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Point {
    x: i32,
    y: i32,
}

#[derive(Debug, Serialize, Deserialize)]
enum Shape {
    Empty,
    Circle { center: Point, radius: f64 },
    Line(Point, Point),
}

#[derive(Debug, thiserror::Error, chirp::ServiceError)]
enum Wrong {
    #[error("{value} at {at:?}")]
    #[chirp(code = 1)]
    Value {
        value: f64,
        at: Vec<f32>,
        name: String,
    },
    #[error("{0} {1}")]
    #[chirp(code = 2)]
    Pair(f64, u8),
}

type Maybe<T> = Option<T>;

#[chirp::service]
trait Forms {
    fn nothing(&self);
    fn text(&self, a: &str, b: Option<&str>, c: Cow<'_, str>, d: String) -> String;
    async fn bytes(&self, a: &[u8], b: Option<&[u8]>, c: Vec<u8>, d: Bytes, e: [u8; 2]) -> Vec<u8>;
    async fn values(
        &self,
        a: Point,
        b: &Point,
        c: Option<&Point>,
        d: &[Point],
        e: Vec<Point>,
    ) -> i32;
    async fn options(&self, a: Option<u8>, b: u8, c: Option<Vec<u8>>, d: Option<String>) -> String;
    async fn alias(&self, a: Maybe<u8>, cx: &CallContext) -> Maybe<u8>;
    async fn shape(&self, shape: Shape) -> Shape;
    async fn map(&self, map: BTreeMap<u8, Option<Point>>) -> BTreeMap<u8, Option<Point>>;
    async fn wide(&self, a: u64, b: i128) -> (u64, i128);
    async fn floats(&self) -> (f64, f32, Option<f64>);
    async fn wrong(&self, pair: bool) -> Result<(), Wrong>;
    async fn samples(&self) -> impl Stream<Item = (f64, u8)>;
    async fn nested(&self) -> Vec<Option<Option<u8>>>;
    async fn r#type(&self, r#fn: u8) -> u8;
    #[chirp(named)]
    async fn by_name(
        &self,
        #[serde(alias = "word")] text: &str,
        #[serde(default)] times: u8,
        #[serde(default = "comma", rename = "sep")] separator: &str,
    ) -> String;
}

fn comma() -> String {
    ",".to_owned()
}

struct Served;

impl Forms for Served {
    fn nothing(&self) {}

    fn text(&self, a: &str, b: Option<&str>, c: Cow<'_, str>, d: String) -> String {
        format!("{a}|{b:?}|{c}|{d}")
    }

    async fn bytes(&self, a: &[u8], b: Option<&[u8]>, c: Vec<u8>, d: Bytes, e: [u8; 2]) -> Vec<u8> {
        [a, b.unwrap_or(b"-"), &c, &d, &e].concat()
    }

    async fn values(
        &self,
        a: Point,
        b: &Point,
        c: Option<&Point>,
        d: &[Point],
        e: Vec<Point>,
    ) -> i32 {
        let all = [&a, b].into_iter().chain(c).chain(d).chain(&e);
        all.map(|point| 10 * point.x + point.y).sum()
    }

    async fn options(&self, a: Option<u8>, b: u8, c: Option<Vec<u8>>, d: Option<String>) -> String {
        format!("{a:?} {b} {c:?} {d:?}")
    }

    async fn alias(&self, a: Maybe<u8>, _: &CallContext) -> Maybe<u8> {
        a
    }

    async fn shape(&self, shape: Shape) -> Shape {
        shape
    }

    async fn map(&self, map: BTreeMap<u8, Option<Point>>) -> BTreeMap<u8, Option<Point>> {
        map
    }

    async fn wide(&self, a: u64, b: i128) -> (u64, i128) {
        (a, b)
    }

    async fn floats(&self) -> (f64, f32, Option<f64>) {
        (f64::NAN, f32::INFINITY, Some(0.5))
    }

    async fn wrong(&self, pair: bool) -> Result<(), Wrong> {
        if pair {
            return Err(Wrong::Pair(f64::NEG_INFINITY, 7));
        }
        Err(Wrong::Value {
            value: f64::NAN,
            at: vec![0.5, f32::INFINITY],
            name: "x".to_owned(),
        })
    }

    async fn samples(&self) -> impl Stream<Item = (f64, u8)> {
        tokio_stream::iter([(0.5, 1), (f64::NAN, 2), (f64::INFINITY, 3), (1.0, 4)])
    }

    async fn nested(&self) -> Vec<Option<Option<u8>>> {
        vec![None, Some(None), Some(Some(1))]
    }

    async fn r#type(&self, r#fn: u8) -> u8 {
        r#fn
    }

    async fn by_name(&self, text: &str, times: u8, separator: &str) -> String {
        vec![text; times.into()].join(separator)
    }
}

fn served() -> Peer {
    let serving = PeerBuilder::new()
        .service(FormsServer::new(Served))
        .reflect();
    let (_, peer) = pair(&serving, &PeerBuilder::new());
    peer
}

async fn refused(peer: &Peer, method: &str, params: &str) -> String {
    match call(peer, method, params).await {
        Err(CallError::Rejected {
            reason: FrameworkError::InvalidArguments,
            message,
            ..
        }) => message,
        other => panic!("{method} {params}: {other:?}"),
    }
}

#[tokio::test]
async fn arguments_of_every_form_are_read_by_name_and_by_position() {
    let peer = served();
    let p = r#"{"x":1,"y":2}"#;
    for (method, params, result) in [
        ("nothing", "", "null"),
        ("nothing", " \n", "null"),
        ("nothing", "[]", "null"),
        ("nothing", "{}", "null"),
        ("nothing", r#"{"unknown":[1]}"#, "null"),
        ("text", r#"{"a":"1","c":"3","d":"4"}"#, r#""1|None|3|4""#),
        (
            "text",
            r#"{"d":"\n","b":null,"c":"\u00e9","a":"1"}"#,
            "\"1|None|é|\\n\"",
        ),
        ("text", r#"["1","2","3","4"]"#, r#""1|Some(\"2\")|3|4""#),
        (
            "bytes",
            r#"{"a":"YQ==","c":"Yw==","d":"","e":"ZTE="}"#,
            r#""YS1jZTE=""#,
        ),
        (
            "bytes",
            r#"["YQ==","Yg==","Yw==","ZA==","ZTE="]"#,
            r#""YWJjZGUx""#,
        ),
        (
            "values",
            &format!(r#"{{"a":{p},"b":{p},"d":[{p},{p}],"e":[]}}"#),
            "48",
        ),
        ("values", &format!("[{p},[1,2],{p},[],[{p}]]"), "48"),
        ("options", r#"{"b":1}"#, r#""None 1 None None""#),
        (
            "options",
            r#"{"a":7,"b":1,"c":"AA==","d":"x"}"#,
            r#""Some(7) 1 Some([0]) Some(\"x\")""#,
        ),
        ("options", "[null,1]", r#""None 1 None None""#),
        (
            "options",
            " [ null , 1 , \"AA==\" ] ",
            r#""None 1 Some([0]) None""#,
        ),
        ("alias", r#"{"a":null}"#, "null"),
        ("alias", "[3]", "3"),
        ("shape", r#"{"shape":"Empty"}"#, r#""Empty""#),
        (
            "shape",
            r#"[{"Circle":{"center":{"y":0,"x":-1},"radius":1}}]"#,
            r#"{"Circle":{"center":{"x":-1,"y":0},"radius":1.0}}"#,
        ),
        (
            "shape",
            &format!(r#"[{{"Line":[{p},{p}]}}]"#),
            &format!(r#"{{"Line":[{p},{p}]}}"#),
        ),
        (
            "map",
            r#"{"map":{"1":null,"200":{"x":0,"y":0}}}"#,
            r#"{"1":null,"200":{"x":0,"y":0}}"#,
        ),
        (
            "wide",
            "[18446744073709551615,-170141183460469231731687303715884105728]",
            "[18446744073709551615,-170141183460469231731687303715884105728]",
        ),
        ("wide", r#"{"a":1e3,"b":2.0}"#, "[1000,2]"),
        ("floats", "", "[null,null,0.5]"),
        ("nested", "", "[null,null,1]"),
        ("type", r#"{"fn":5}"#, "5"),
        ("by_name", r#"{"text":"a","times":2}"#, r#""a,a""#),
        ("by_name", r#"{"word":"a","times":2,"sep":"-"}"#, r#""a-a""#),
        ("by_name", r#"["a",3]"#, r#""a,a,a""#),
        ("by_name", r#"["a"]"#, r#""""#),
    ] {
        let answer = call(&peer, &format!("Forms.{method}"), params).await;
        assert_eq!(answer.as_deref(), Ok(result), "{method} {params}");
    }
}

#[tokio::test]
async fn wrong_arguments_are_refused_with_their_names() {
    let peer = served();
    for (method, params, message) in [
        ("nothing", "null", "expected `[`"),
        ("nothing", "[1]", "expected `]` after 0 arguments"),
        ("nothing", "{} x", "left over"),
        ("type", "", "argument `fn` is missing"),
        ("type", "[]", "argument `fn` is missing"),
        ("type", "{}", "argument `fn` is missing"),
        ("type", r#"{"r#fn":1}"#, "argument `fn` is missing"),
        ("type", r#"{"fn":null}"#, "argument `fn` (u8)"),
        ("type", r#"{"fn":256}"#, "argument `fn` (u8)"),
        ("type", r#"{"fn":1,"fn":2}"#, "argument `fn` occurs twice"),
        ("type", "[1,2]", "expected `]` after 1 arguments"),
        ("type", "[1] 2", "left over"),
        ("type", "[1", "expected `]`"),
        ("options", "[null]", "argument `b` is missing"),
        ("text", r#"["1","2","3"]"#, "argument `d` is missing"),
        ("bytes", r#"{"a":"!","c":"","d":"","e":""}"#, "argument `a`"),
        (
            "bytes",
            r#"{"a":"","c":"","d":"","e":"AA=="}"#,
            "expected 2 bytes, got 1",
        ),
        ("by_name", "{}", "argument `text` is missing"),
        (
            "by_name",
            r#"{"text":"a","word":"b"}"#,
            "argument `text` occurs twice",
        ),
    ] {
        let refusal = refused(&peer, &format!("Forms.{method}"), params).await;
        assert!(refusal.contains(message), "{method} {params}: {refusal}");
    }
    let deep = "[".repeat(100_000);
    refused(&peer, "Forms.shape", &deep).await;
    refused(&peer, "Forms.shape", &format!(r#"{{"shape":{deep}"#)).await;
    refused(&peer, "Forms.nothing", "\u{0}\u{ff}").await;
}

/// As in results, a float that JSON cannot hold is `null` in items and in the data of errors: the rest is not lost.
#[tokio::test]
async fn floats_that_json_cannot_hold_are_null_in_items_and_errors() {
    let peer = served();
    for (params, code, data) in [
        ("[false]", 1, r#"{"value":null,"at":[0.5,null],"name":"x"}"#),
        ("[true]", 2, "[null,7]"),
    ] {
        match call(&peer, "Forms.wrong", params).await {
            Err(CallError::Remote(error)) => {
                let found = str::from_utf8(&error.data).unwrap();
                assert_eq!((error.code, found), (code, data));
            }
            other => panic!("{other:?}"),
        }
    }
    let json = JsonCaller::new(&peer);
    let mut samples = json.stream("Forms.samples", "").await.unwrap();
    let mut items = Vec::new();
    while let Some(item) = samples.recv().await {
        items.push(item.unwrap().to_string());
    }
    assert_eq!(items, ["[0.5,1]", "[null,2]", "[null,3]", "[1.0,4]"]);
    // Native calls have the numbers.
    let native = FormsClient::new(&peer);
    match native.wrong(false).await {
        Err(MethodError::Handler(Wrong::Value { value, .. })) => assert!(value.is_nan()),
        other => panic!("{other:?}"),
    }
    let mut samples = native.samples().await.unwrap();
    assert_eq!(samples.recv().await.unwrap().unwrap(), (0.5, 1));
    assert!(samples.recv().await.unwrap().unwrap().0.is_nan());
}

#[tokio::test]
async fn native_calls_are_as_before() {
    let peer = served();
    let client = FormsClient::new(&peer);
    assert_eq!(client.wide(1, -1).await.unwrap(), (1, -1));
    assert_eq!(client.by_name("a", 2, "+").await.unwrap(), "a+a");
    assert!(client.floats().await.unwrap().0.is_nan());
}

#[tokio::test]
async fn json_names_are_unknown_unless_turned_on() {
    let (_, peer) = pair(
        &PeerBuilder::new().service(FormsServer::new(Served)),
        &PeerBuilder::new(),
    );
    let answer = call(&peer, "Forms.nothing", "").await;
    assert!(
        matches!(answer, Err(CallError::UnknownMethod { .. })),
        "{answer:?}"
    );
}
