//! Descriptions and JSON calls through proxies.

use chirp::reflect::{Description, JsonCaller};
use chirp::{AccessPolicy, AsCaller as _, CallError, Peer, PeerBuilder};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::call;
use crate::support::{echo, pair};

mod near {
    use super::{Deserialize, Serialize};

    #[derive(Serialize, Deserialize)]
    pub(super) struct Item {
        pub(super) near: u8,
    }
}

mod far {
    use super::{Deserialize, Serialize};

    #[derive(Serialize, Deserialize)]
    pub(super) struct Item {
        pub(super) far: String,
    }

    #[derive(Serialize, Deserialize)]
    pub(super) struct Secret {
        pub(super) item: Item,
    }
}

#[chirp::service]
trait Near {
    async fn near(&self, item: near::Item) -> u8;
}

#[chirp::service]
trait Far {
    async fn far(&self, item: far::Item) -> String;
    async fn secret(&self, secret: far::Secret) -> String;
    async fn other(&self) -> u8;
}

struct Both;

impl Near for Both {
    async fn near(&self, item: near::Item) -> u8 {
        item.near
    }
}

impl Far for Both {
    async fn far(&self, item: far::Item) -> String {
        item.far
    }

    async fn secret(&self, secret: far::Secret) -> String {
        secret.item.far
    }

    async fn other(&self) -> u8 {
        7
    }
}

fn far() -> PeerBuilder {
    let builder = PeerBuilder::new().service(FarServer::new(Both));
    builder.handle("plain", echo).reflect()
}

/// A caller of a proxy that forwards to `target` what it does not serve itself, and the peers.
fn through(proxy: PeerBuilder, target: &PeerBuilder) -> (Peer, [Peer; 3]) {
    let (to_target, end) = pair(&PeerBuilder::new(), target);
    let proxy = proxy.fallback(to_target.as_caller());
    let (peer, between) = pair(&PeerBuilder::new(), &proxy);
    (peer, [between, to_target, end])
}

fn names(description: &Description) -> Vec<String> {
    let methods = description.services.iter();
    let methods = methods.flat_map(|service| &service.methods);
    let names = methods.map(|method| method.name.clone());
    names.chain(description.others.iter().cloned()).collect()
}

fn types(description: &Description) -> Vec<&str> {
    let types = &description.types;
    assert!(types.readable.keys().eq(types.compact.keys()));
    types.readable.keys().map(String::as_str).collect()
}

#[tokio::test]
async fn a_proxy_adds_the_description_of_its_target() {
    let own = || PeerBuilder::new().service(NearServer::new(Both));
    let (peer, _peers) = through(own().reflect(), &far());
    let json = JsonCaller::new(&peer);
    let all = json.describe().await.expect("described");
    let expected = ["Far.far", "Far.secret", "Far.other", "Near.near", "plain"];
    assert_eq!(names(&all), expected);
    // Types of one name stay apart.
    assert_eq!(types(&all), ["Item", "Item 2", "Secret"]);
    let method = all.method("Far.far").expect("described");
    assert_eq!(method.arguments[0].value.readable.to_string(), "Item 2");
    let method = all.method("Near.near").expect("described");
    assert_eq!(method.arguments[0].value.readable.to_string(), "Item");
    let one = json.describe_of("Far.other").await.expect("described");
    assert_eq!(names(&one), ["Far.other"]);
    assert!(types(&one).is_empty());
    let none = json.describe_of("None").await.expect("described");
    assert!(names(&none).is_empty());
    // Calls reach both.
    let near = call(&peer, "Near.near", r#"{"item":{"near":3}}"#).await;
    assert_eq!(near.expect("returned"), "3");
    let far_called = call(&peer, "Far.far", r#"{"item":{"far":"x"}}"#).await;
    assert_eq!(far_called.expect("returned"), r#""x""#);
    // A proxy that does not reflect forwards, without what it serves itself.
    let hides = own().handle("Far.other", echo);
    let (peer, _peers) = through(hides, &far());
    let all = JsonCaller::new(&peer).describe().await.expect("described");
    assert_eq!(names(&all), ["Far.far", "Far.secret", "plain"]);
    let error = call(&peer, "Far.other", "").await.expect_err("not its own");
    assert!(
        matches!(error, CallError::UnknownMethod { .. }),
        "{error:?}"
    );
    // Only the proxy reflects, or neither does.
    let (peer, _peers) = through(own().reflect(), &PeerBuilder::new());
    let all = JsonCaller::new(&peer).describe().await.expect("described");
    assert_eq!(names(&all), ["Near.near"]);
    let (peer, _peers) = through(own(), &PeerBuilder::new());
    let error = JsonCaller::new(&peer).describe().await.expect_err("off");
    assert!(
        matches!(error, CallError::UnknownMethod { .. }),
        "{error:?}"
    );
}

/// Who may not call a method at the proxy sees neither the method nor its types.
#[tokio::test]
async fn a_proxy_hides_what_it_denies() {
    let access = AccessPolicy::new()
        .allow(["Far.secret", "plain"], |_| false)
        .default_rule(|_| true);
    for proxy in [PeerBuilder::new(), PeerBuilder::new().reflect()] {
        let (peer, _peers) = through(proxy.access(access.clone()), &far());
        let all = JsonCaller::new(&peer).describe().await.expect("described");
        assert_eq!(names(&all), ["Far.far", "Far.other"]);
        assert_eq!(types(&all), ["Item"]);
    }
}

/// A target may answer with anything.
#[tokio::test]
async fn a_target_without_a_description_is_left_out() {
    for answer in [
        "",
        "{}",
        r#"{"version":2}"#,
        r#"{"version":1,"services":5}"#,
    ] {
        let answer = move |_: chirp::Request| async move { Ok::<_, String>(answer) };
        let target = chirp::Caller::local(answer);
        let own = PeerBuilder::new().service(NearServer::new(Both)).reflect();
        let (peer, _other) = pair(&PeerBuilder::new(), &own.fallback(target.clone()));
        let all = JsonCaller::new(&peer).describe().await.expect("described");
        assert_eq!(names(&all), ["Near.near"]);
        let builder = PeerBuilder::new().fallback(target);
        let (peer, _other) = pair(&PeerBuilder::new(), &builder);
        let error = JsonCaller::new(&peer).describe().await.expect_err("none");
        assert!(matches!(error, CallError::Rejected { .. }), "{error:?}");
    }
}

#[test]
fn descriptions_are_merged_by_name() {
    let description = |methods: serde_json::Value, types: serde_json::Value| {
        let text = json!({
            "version": 1,
            "services": [{"name": "S", "codec": "Bincode", "methods": methods}],
            "others": ["z", "a"],
            "types": {"readable": types.clone(), "compact": types},
        });
        Description::from_json(text.to_string().as_bytes()).expect("valid")
    };
    let method = |name: &str, aliases: &[&str], argument: &str| {
        let shape = json!({"named": argument});
        json!({"name": name, "aliases": aliases, "arguments": [{
            "name": "x", "type": argument, "readable": shape, "compact": shape, "required": true,
        }]})
    };
    // The type `List` has itself inside; `Wrap` is the same on both sides but for the `List` inside.
    let wrap = json!({"newtype": {"named": "List"}});
    let list = |scalar: &str| json!({"tuple": [scalar, {"optional": {"named": "List"}}]});
    let mut own = description(
        json!([method("S.a", &["S.b"], "Wrap")]),
        json!({"Wrap": wrap, "List": list("u8")}),
    );
    let theirs = description(
        json!([
            method("S.a", &[], "Wrap"),
            method("S.b", &["S.c"], "Wrap"),
            method("S.d", &[], "Same")
        ]),
        json!({"Wrap": wrap, "List": list("u16"), "Same": "unit"}),
    );
    own.merge(theirs);
    // An alias goes on as the name of its method.
    assert_eq!(names(&own), ["S.a", "S.c", "S.d", "a", "z"]);
    assert_eq!(types(&own), ["List", "List 2", "Same", "Wrap", "Wrap 2"]);
    let shapes = serde_json::to_value(&own.types.readable).expect("JSON");
    assert_eq!(shapes["Wrap 2"], json!({"newtype": {"named": "List 2"}}));
    assert_eq!(
        shapes["List 2"]["tuple"][1],
        json!({"optional": {"named": "List 2"}})
    );
    assert_eq!(shapes["List"], list("u8"));
    own.retain(|name| name == "S.d");
    assert_eq!(names(&own), ["S.d"]);
    assert_eq!(types(&own), ["Same"]);
}
