//! Methods that are called in JSON by their JSON names, and descriptions of services.

mod calls;
mod contracts;
mod describe;
mod optional_arguments;
mod proxies;
#[cfg(feature = "schema")]
mod schema;
mod serde_types;
mod statistics;
#[path = "../support/mod.rs"]
mod support;
mod values;

use chirp::{CallError, Peer};

/// Calls a method by its JSON name, and returns the JSON of its result.
async fn call(peer: &Peer, method: &str, params: &str) -> Result<String, CallError> {
    let answer = peer
        .call(format!("{method};json"), params.to_owned())
        .await?;
    Ok(String::from_utf8(answer.to_vec()).expect("JSON is UTF-8"))
}
