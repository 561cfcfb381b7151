//! Arguments that JSON calls may leave out, as they are described and as they are called.
#![allow(clippy::unwrap_used, reason = "a test may")]

use chirp::PeerBuilder;
use chirp::reflect::JsonCaller;

use crate::call;
use crate::support::pair;

type Maybe = Option<u8>;

#[chirp::service]
trait Search {
    async fn find(
        &self,
        word: &str,
        limit: Option<u64>,
        prefix: Option<&str>,
        key: Option<Vec<u8>>,
    ) -> String;
    #[chirp(named)]
    async fn by_name(&self, limit: Option<u64>, #[serde(default)] page: u8) -> String;
    /// The macro cannot see that the type is optional.
    async fn alias(&self, limit: Maybe) -> String;
}

struct Index;

impl Search for Index {
    async fn find(
        &self,
        word: &str,
        limit: Option<u64>,
        prefix: Option<&str>,
        key: Option<Vec<u8>>,
    ) -> String {
        format!("{word} {limit:?} {prefix:?} {key:?}")
    }

    async fn by_name(&self, limit: Option<u64>, page: u8) -> String {
        format!("{limit:?} {page}")
    }

    async fn alias(&self, limit: Maybe) -> String {
        format!("{limit:?}")
    }
}

/// A valid value of each argument, in JSON.
const VALUES: [(&str, &str); 5] = [
    ("word", r#""a""#),
    ("limit", "1"),
    ("prefix", r#""b""#),
    ("key", r#""AQ==""#),
    ("page", "2"),
];

#[tokio::test]
async fn an_argument_that_is_described_as_optional_may_be_left_out() {
    let serving = PeerBuilder::new()
        .service(SearchServer::new(Index))
        .reflect();
    let (peer, _serving) = pair(&PeerBuilder::new(), &serving);
    let description = JsonCaller::new(&peer).describe().await.unwrap();
    let mut optional = Vec::new();
    for method in &description.services[0].methods {
        for left_out in &method.arguments {
            let others = method.arguments.iter().filter(|other| *other != left_out);
            let others = others.map(|other| {
                let value = VALUES.iter().find(|(name, _)| *name == other.name);
                format!("{:?}:{}", other.name, value.unwrap().1)
            });
            let params = format!("{{{}}}", others.collect::<Vec<_>>().join(","));
            let answer = call(&peer, &method.name, &params).await;
            assert_eq!(answer.is_err(), left_out.required, "{params}: {answer:?}");
            if !left_out.required {
                optional.push(format!("{} {}", method.name, left_out.name));
            }
        }
    }
    let expected = [
        "Search.find limit",
        "Search.find prefix",
        "Search.find key",
        "Search.by_name limit",
        "Search.by_name page",
    ];
    assert_eq!(optional, expected);
    let answer = call(&peer, "Search.find", r#"["a"]"#).await.unwrap();
    assert_eq!(answer, r#""a None None None""#);
}
