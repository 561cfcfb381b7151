//! Errors that have a number of their own for JSON-RPC peers.

#![allow(clippy::unwrap_used, reason = "a test may")]

use chirp::codec::{Bincode, Codec, Json};
use chirp::packet::ErrorData;
use chirp::reflect::Description;
use chirp::{MethodError, PeerBuilder, ServiceError};

use crate::support::pair;

const ENCODED: u16 = 32_734;

#[derive(Clone, Debug, PartialEq, thiserror::Error, ServiceError)]
enum LanguageError {
    #[error("the document has changed")]
    #[chirp(code = 17, jsonrpc = -32801)]
    ContentModified { version: i64 },
    #[error("cancelled")]
    #[chirp(jsonrpc = -32800)]
    Cancelled,
    #[error("no such document: {uri}")]
    #[chirp(jsonrpc = -1)]
    Missing {
        #[chirp(data)]
        uri: String,
    },
    #[error("the server cancelled")]
    #[chirp(code = ENCODED)]
    ServerCancelled,
}

#[derive(Debug, PartialEq, thiserror::Error, ServiceError)]
#[error("not found")]
#[chirp(code = 404, jsonrpc = -32002)]
struct NotFound;

fn all() -> [(LanguageError, u16, u16, Option<i32>); 4] {
    use LanguageError::{Cancelled, ContentModified, Missing, ServerCancelled};
    [
        (ContentModified { version: 3 }, 17, 32_735, Some(-32_801)),
        (Cancelled, 32_736, 32_736, Some(-32_800)),
        (Missing { uri: "a".into() }, 65_535, 65_535, Some(-1)),
        (ServerCancelled, 32_734, 32_734, None),
    ]
}

#[test]
fn an_error_is_recognised_by_its_code_and_by_its_number() {
    for codec in [Bincode::ID, Json::ID] {
        for (error, code, of_number, _) in all() {
            let sent = error.to_error_data(codec);
            assert_eq!(sent.code, code, "{error:?}");
            let received = LanguageError::from_error_data(&sent, codec);
            assert_eq!(received.as_ref(), Some(&error));
            let from_jsonrpc = ErrorData::new(of_number, sent.message.clone()).with_data(sent.data);
            let received = LanguageError::from_error_data(&from_jsonrpc, codec);
            assert_eq!(received.as_ref(), Some(&error), "{of_number}");
        }
    }
    let not_found = ErrorData::new(33_534, "not found");
    assert_eq!(
        NotFound::from_error_data(&not_found, Json::ID),
        Some(NotFound)
    );
    assert_eq!(NotFound.to_error_data(Json::ID).code, 404);
}

#[chirp::service]
trait Language {
    async fn fail(&self, index: usize) -> Result<(), LanguageError>;
}

struct Fails;

impl Language for Fails {
    async fn fail(&self, index: usize) -> Result<(), LanguageError> {
        Err(all()[index].0.clone())
    }
}

#[tokio::test]
async fn the_number_is_in_the_description() {
    let serving = PeerBuilder::new()
        .service(LanguageServer::new(Fails))
        .reflect();
    let (peer, _serving) = pair(&PeerBuilder::new(), &serving);
    let json = peer
        .call("chirp.reflect.describe", "Language.fail")
        .await
        .unwrap();
    let description = Description::from_json(&json).unwrap();
    let method = description.method("Language.fail").unwrap();
    let described = method
        .errors
        .iter()
        .map(|error| (error.code, error.jsonrpc));
    let expected = all().map(|(_, code, _, number)| (code, number));
    assert_eq!(described.collect::<Vec<_>>(), expected);

    // Both kinds of clients still decode the errors of Chirp peers by their codes.
    let client = LanguageClient::new(&peer);
    let json = client.clone().with_json();
    for (index, (error, ..)) in all().into_iter().enumerate() {
        for client in [&client, &json] {
            let failed = client.fail(index).await.unwrap_err();
            assert!(matches!(failed, MethodError::Handler(failed) if failed == error));
        }
    }
}
