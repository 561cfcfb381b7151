//! A value that a codec cannot carry is an error of the call, with the reason.

#![allow(clippy::unwrap_used, reason = "a test may")]

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Untagged {
    Number(u64),
}

#[derive(Debug, Serialize, Deserialize)]
struct Flattened {
    #[serde(flatten)]
    rest: BTreeMap<String, u64>,
}

#[chirp::service]
trait Values {
    async fn untagged(&self, value: &Untagged);
    async fn flattened(&self, value: &Flattened);
    async fn back(&self) -> Flattened;
}

impl Values for () {
    async fn untagged(&self, _: &Untagged) {}
    async fn flattened(&self, _: &Flattened) {}
    async fn back(&self) -> Flattened {
        let rest = BTreeMap::new();
        Flattened { rest }
    }
}

#[tokio::test]
async fn a_codec_explains_what_it_cannot_encode() {
    let values = ValuesClient::local(());
    let untagged = values.untagged(&Untagged::Number(1)).await;
    assert_eq!(
        untagged.unwrap_err().to_string(),
        "\"Values.untagged\": the arguments could not be decoded: argument 1 (Untagged): bincode is not \
         self-describing, which this type requires: choose another codec"
    );
    let rest = BTreeMap::new();
    let flattened = values.flattened(&Flattened { rest }).await;
    assert_eq!(
        flattened.unwrap_err().to_string(),
        "the arguments could not be encoded: bincode requires the length of a list or a map in advance, which \
         this type does not know: choose another codec"
    );
    let back = values.back().await.err();
    assert_eq!(
        back.unwrap().to_string(),
        "\"Values.back\": the result could not be encoded: bincode requires the length of a list or a map in \
         advance, which this type does not know: choose another codec"
    );
}
