//! JSON Schemas in descriptions of services with the option `schema`.

use bytes::Bytes;
use chirp::reflect::JsonCaller;
use chirp::{PeerBuilder, Receiver};
use futures_core::Stream;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::support::pair;

/// A position.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Place {
    /// Degrees to the north.
    #[schemars(range(min = -90, max = 90))]
    lat_degrees: f64,
    #[serde(default)]
    label: Option<String>,
}

#[chirp::service(schema)]
trait Maps {
    fn find(
        &self,
        text: &str,
        near: Option<&Place>,
        all: &[Place],
        data: &[u8],
        limit: u8,
    ) -> Vec<Place>;
    fn store(&self, image: Option<Bytes>) -> Result<Vec<u8>, String>;
    fn walk(&self, steps: Receiver<Place>) -> impl Stream<Item = Place>;
    #[chirp(oneway)]
    fn note(&self, text: String);
}

struct Atlas;

impl Maps for Atlas {
    fn find(&self, _: &str, _: Option<&Place>, _: &[Place], _: &[u8], _: u8) -> Vec<Place> {
        Vec::new()
    }

    fn store(&self, image: Option<Bytes>) -> Result<Vec<u8>, String> {
        image.map(Vec::from).ok_or_else(|| "no image".to_owned())
    }

    fn walk(&self, _: Receiver<Place>) -> impl Stream<Item = Place> {
        tokio_stream::empty()
    }

    fn note(&self, _: String) {}
}

fn parse(schema: Option<&String>) -> Value {
    serde_json::from_str(schema.expect("a schema")).expect("JSON")
}

#[tokio::test]
async fn descriptions_have_schemas() {
    let serves = PeerBuilder::new().reflect().service(MapsServer::new(Atlas));
    let (peer, _serving) = pair(&PeerBuilder::new(), &serves);
    let description = JsonCaller::new(&peer)
        .describe()
        .await
        .expect("a description");
    let method = |name| description.method(name).expect("a method");

    let find = method("Maps.find");
    let schemas: Vec<_> = find
        .arguments
        .iter()
        .map(|argument| parse(argument.value.schema.as_ref()))
        .collect();
    assert_eq!(schemas[0]["type"], "string");
    assert_eq!(schemas[1]["anyOf"][0]["$ref"], "#/$defs/Place");
    let place = &schemas[1]["$defs"]["Place"];
    assert_eq!(place["description"], "A position.");
    assert_eq!(place["required"], json!(["latDegrees"]));
    let degrees = &place["properties"]["latDegrees"];
    assert_eq!(degrees["description"], "Degrees to the north.");
    assert_eq!(degrees["maximum"], 90);
    assert_eq!(schemas[2]["items"]["$ref"], "#/$defs/Place");
    // Bytes are text in JSON.
    assert_eq!(schemas[3]["type"], "string");
    assert_eq!(schemas[3]["contentEncoding"], "base64");
    assert_eq!(schemas[4]["maximum"], 255);
    // A result always has the fields that an argument may leave out.
    let result = parse(
        find.result
            .as_ref()
            .and_then(|result| result.schema.as_ref()),
    );
    assert_eq!(
        result["$defs"]["Place"]["required"],
        json!(["latDegrees", "label"])
    );

    let store = method("Maps.store");
    let image = parse(store.arguments[0].value.schema.as_ref());
    assert!(
        image.to_string().contains("base64") && image.to_string().contains("null"),
        "{image}"
    );
    let result = parse(
        store
            .result
            .as_ref()
            .and_then(|result| result.schema.as_ref()),
    );
    assert_eq!(result["contentEncoding"], "base64");

    let walk = method("Maps.walk");
    assert_eq!(
        parse(walk.arguments[0].value.schema.as_ref())["title"],
        "Place"
    );
    let items = walk.items.as_ref().and_then(|items| items.schema.as_ref());
    assert_eq!(parse(items)["title"], "Place");
}
