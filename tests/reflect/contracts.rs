//! `check_compatibility` with a side that describes its methods.
#![allow(clippy::unwrap_used, reason = "a test may")]
#![allow(dead_code, reason = "some services and types are only compared")]

use std::time::Duration;

use bytes::Bytes;
use chirp::{
    AccessPolicy, AsCaller as _, Caller, Compatibility, Mismatch, PeerBuilder, Reply, Request,
};

use crate::support::pair;

/// The version of the clients.
mod old {
    use chirp::codec::MessagePack;
    use serde::{Deserialize, Serialize};

    #[derive(Debug, Serialize, Deserialize)]
    pub(crate) struct Order {
        pub(crate) price: u32,
        pub(crate) lines: Vec<Line>,
    }

    #[derive(Debug, Serialize, Deserialize)]
    pub(crate) struct Line {
        pub(crate) width: u16,
        pub(crate) height: u16,
    }

    #[derive(Debug, Serialize, Deserialize)]
    pub(crate) enum State {
        Open,
        Paid(u8),
    }

    #[derive(Debug, Serialize, Deserialize)]
    pub(crate) struct Note {
        pub(crate) text: String,
    }

    #[derive(Debug, chirp::ServiceError, thiserror::Error)]
    pub(crate) enum ShopError {
        #[error("too few")]
        #[chirp(code = 9)]
        TooFew { left: u8 },
    }

    #[chirp::service]
    pub(crate) trait Shop {
        async fn order(&self, order: Order) -> State;
        async fn note(&self, note: Option<Note>);
        async fn plain(&self, a: &str, b: &[u8]) -> Result<Vec<u8>, ShopError>;
    }

    #[chirp::service(codec = MessagePack)]
    pub(crate) trait Notes {
        async fn put(&self, note: Note) -> Note;
        async fn line(&self, line: Line);
    }
}

/// A version with other signatures.
mod other {
    #[chirp::service]
    pub(crate) trait Shop {
        async fn order(&self, order: String);
        async fn gone(&self);
    }
}

/// The version of the servers.
mod new {
    use bytes::Bytes;
    use chirp::codec::MessagePack;
    use serde::{Deserialize, Serialize};

    #[derive(Debug, Serialize, Deserialize)]
    pub(crate) struct Order {
        pub(crate) price: u64,
        pub(crate) items: Vec<Line>,
    }

    #[derive(Debug, Serialize, Deserialize)]
    pub(crate) struct Line {
        pub(crate) height: u16,
        pub(crate) width: u16,
    }

    #[derive(Debug, Serialize, Deserialize)]
    pub(crate) enum State {
        Paid(u8),
        Open,
    }

    #[derive(Debug, Serialize, Deserialize)]
    pub(crate) struct Note {
        pub(crate) text: String,
        pub(crate) author: Option<String>,
    }

    #[derive(Debug, chirp::ServiceError, thiserror::Error)]
    pub(crate) enum ShopError {
        #[error("too few")]
        #[chirp(code = 9)]
        TooFew { left: u16 },
    }

    #[chirp::service]
    pub(crate) trait Shop {
        async fn order(&self, order: Order) -> State;
        async fn note(&self, note: Option<Note>);
        async fn plain(&self, a: String, b: Bytes) -> Result<Bytes, ShopError>;
    }

    #[chirp::service(codec = MessagePack)]
    pub(crate) trait Notes {
        async fn put(&self, note: Note) -> Note;
        async fn line(&self, line: Line);
    }

    pub(crate) struct Empty;

    impl Shop for Empty {
        async fn order(&self, _: Order) -> State {
            State::Open
        }

        async fn note(&self, _: Option<Note>) {}

        async fn plain(&self, _: String, _: Bytes) -> Result<Bytes, ShopError> {
            Ok(Bytes::new())
        }
    }

    impl Notes for Empty {
        async fn put(&self, note: Note) -> Note {
            note
        }

        async fn line(&self, _: Line) {}
    }
}

/// The differences of `Shop`, each with whether it breaks native calls and JSON calls.
const DIFFERENCES: [(&str, bool, bool); 8] = [
    (
        "order → argument 1 (order) → Order.price: type changed from u32 to u64",
        false,
        false,
    ),
    (
        "order → argument 1 (order) → Order.lines: renamed to items",
        false,
        true,
    ),
    (
        "order → argument 1 (order) → Order.lines[].width: moved",
        true,
        false,
    ),
    (
        "order → argument 1 (order) → Order.lines[].height: moved",
        true,
        false,
    ),
    ("order → result → State.Open: moved", true, false),
    ("order → result → State.Paid: moved", true, false),
    (
        "note → argument 1 (note) → Note?.author: optional field added",
        true,
        false,
    ),
    (
        "plain → error 9 (TooFew) → left: type changed from u8 to u16",
        true,
        true,
    ),
];

/// The texts of [`DIFFERENCES`] for an instance.
fn differences(prefix: &str, is_json: bool) -> Vec<String> {
    let texts = DIFFERENCES.iter().map(|&(text, native, json)| {
        let breaks = if is_json { json } else { native };
        let breaks = if breaks { " (breaks calls)" } else { "" };
        format!("{prefix}{text}{breaks}")
    });
    texts.collect()
}

fn serving() -> PeerBuilder {
    PeerBuilder::new()
        .service(new::ShopServer::new(new::Empty))
        .service(new::NotesServer::new(new::Empty))
        .service(new::ShopServer::new(new::Empty).named("Second"))
        .service(new::ShopServer::new(new::Empty).prefixed("third_"))
}

fn texts(found: &Compatibility) -> Vec<String> {
    match found {
        Compatibility::Differs(found) => found.iter().map(Mismatch::to_string).collect(),
        Compatibility::Same | Compatibility::Unknown => panic!("{found}"),
    }
}

#[tokio::test]
async fn differences_inside_of_types_are_found() {
    let (direct, _serving) = pair(&PeerBuilder::new(), &serving().reflect());
    let proxy = PeerBuilder::new().fallback(direct.as_caller());
    let (proxied, _proxy) = pair(&PeerBuilder::new(), &proxy);
    for peer in [direct, proxied] {
        let shop = old::ShopClient::new(&peer);
        let second = shop.clone().named("Second");
        let third = shop.clone().prefixed("third_");
        for (client, prefix) in [(shop, "Shop."), (second, "Second."), (third, "third_")] {
            let found = client.check_compatibility().await.unwrap();
            assert_eq!(texts(&found), differences(prefix, false));
            let found = client.with_json().check_compatibility().await.unwrap();
            assert_eq!(texts(&found), differences(prefix, true));
        }
        let same = new::ShopClient::new(&peer).check_compatibility().await;
        assert_eq!(same.unwrap(), Compatibility::Same);
    }
}

#[tokio::test]
async fn a_difference_may_break_no_calls() {
    let (peer, _serving) = pair(&PeerBuilder::new(), &serving().reflect());
    let found = old::NotesClient::new(&peer).check_compatibility().await;
    let expected = [
        "Notes.put → argument 1 (note) → Note.author: optional field added",
        "Notes.put → result → Note.author: optional field added",
    ];
    assert_eq!(texts(&found.unwrap())[..2], expected);
}

#[tokio::test]
async fn without_a_description_signatures_are_compared() {
    let (peer, _serving) = pair(&PeerBuilder::new(), &serving());
    let found = old::ShopClient::new(&peer).check_compatibility().await;
    assert_eq!(found.unwrap(), Compatibility::Same);
    let found = other::ShopClient::new(&peer).check_compatibility().await;
    assert_eq!(
        texts(&found.unwrap()),
        [
            "`Shop.order` has another signature",
            "`Shop.gone` is missing"
        ]
    );
}

#[tokio::test]
async fn parts_are_compared_where_signatures_differ() {
    let (peer, _serving) = pair(&PeerBuilder::new(), &serving().reflect());
    let found = other::ShopClient::new(&peer).check_compatibility().await;
    assert_eq!(
        texts(&found.unwrap()),
        [
            "`Shop.order` has another signature",
            "`Shop.gone` is missing",
            "Shop.order → argument 1 (order): type changed from string to { price: u64, items: [Line] } (breaks calls)",
            "Shop.order → result: type changed from () to Paid(u8) | Open (breaks calls)",
        ]
    );
}

#[tokio::test]
async fn hidden_methods_are_not_compared() {
    let access = AccessPolicy::new().allow(["Shop.plain"], |_| true);
    let (peer, _serving) = pair(&PeerBuilder::new(), &serving().reflect().access(access));
    let found = old::ShopClient::new(&peer).check_compatibility().await;
    let mut expected = vec![
        "`Shop.order` is missing".to_owned(),
        "`Shop.note` is missing".to_owned(),
    ];
    expected.push(differences("Shop.", false).pop().unwrap());
    assert_eq!(texts(&found.unwrap()), expected);
}

/// A peer that answers the request for a description with these bytes.
fn lying(answer: impl Into<Bytes>) -> Caller {
    let answer = answer.into();
    Caller::local(move |request: Request| {
        std::future::ready(if request.method() == b"chirp.reflect.describe" {
            Reply::Value(answer.clone().into())
        } else {
            Reply::UnknownMethod
        })
    })
}

async fn checked(caller: &Caller) -> Compatibility {
    let check = old::ShopClient::new(caller).check_compatibility();
    let limit = Duration::from_mins(1);
    tokio::time::timeout(limit, check).await.unwrap().unwrap()
}

#[tokio::test]
async fn an_answer_that_is_no_description_is_ignored() {
    let method = r#"{"name":"Shop.order","result":1}"#;
    let padding = " ".repeat(4 << 20);
    for answer in [
        String::new(),
        "[]".to_owned(),
        "[".repeat(1 << 20),
        r#"{"version":2,"services":[]}"#.to_owned(),
        r#"{"version":1,"services":[]}"#.to_owned(),
        format!(r#"{{"version":1,"services":[{{"codec":"","methods":[{method}]}}]}}"#),
        r#"{"version":1,"services":[{"codec":"","methods":[{"name":"Shop.order"}]}]}"#.to_owned()
            + &padding,
        r#"{"version":1,"services":[],"types":{"readable":{"A":{"alias":7}}}}"#.to_owned(),
    ] {
        assert_eq!(checked(&lying(answer)).await, Compatibility::Unknown);
    }
}

#[tokio::test]
async fn a_description_that_lies_is_compared_within_limits() {
    // Methods that nobody asks for, and one that is described often.
    let others = r#"{"name":""},"#.repeat(300_000);
    let often = r#"{"name":"Shop.note"},"#.repeat(10_000);
    let services = format!(
        r#"{{"version":1,"services":[{{"codec":"Bincode","methods":[{others}{often}{{"name":""}}]}}]}}"#
    );
    let found = checked(&lying(services)).await;
    let expected = ["Shop.note → argument 1 (note): optional argument removed (breaks calls)"];
    assert_eq!(texts(&found), expected);
    // Types that contain themselves, and a type with many fields.
    let fields: Vec<_> = (0..50_000)
        .map(|index| format!(r#"{{"name":"f{index}","shape":{{"named":"O"}},"required":true}}"#))
        .collect();
    let value = r#"{"type":"","readable":{"named":"A"},"compact":{"named":"O"}}"#;
    let argument = r#"{"name":"order","required":true,"type":"","readable":{"named":"A"},"compact":{"named":"O"}}"#;
    let types = format!(
        r#"{{"readable":{{"A":{{"alias":{{"named":"A"}}}}}},"compact":{{"O":{{"struct":[{}]}}}}}}"#,
        fields.join(",")
    );
    let cyclic = format!(
        r#"{{"version":1,"types":{types},"services":[{{"codec":"Bincode","methods":[
            {{"name":"Shop.order","arguments":[{argument}],"result":{value}}}]}}]}}"#
    );
    let found = checked(&lying(cyclic)).await;
    let found = texts(&found);
    assert!(found.len() > 2 && found.len() <= 10_000, "{}", found.len());
}

#[tokio::test]
async fn a_description_that_does_not_come_ends_with_the_clients_timeout() {
    tokio::time::pause();
    let silent = Caller::local(|request: Request| async move {
        if request.method() == b"chirp.reflect.describe" {
            std::future::pending::<()>().await;
        }
        Reply::UnknownMethod
    });
    let client = old::ShopClient::new(&silent).with_timeout(Duration::from_secs(5));
    let found = client.check_compatibility().await.unwrap();
    assert_eq!(found, Compatibility::Unknown);
}
