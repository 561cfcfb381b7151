//! Two peers of Chirp that speak JSON-RPC with each other.

use std::pin::pin;
use std::time::Duration;

use chirp::channel::memory;
use chirp::jsonrpc::JsonRpc;
use chirp::{
    AccessPolicy, CallError, ConnectionError, Identity, Limits, MethodError, Peer, PeerBuilder,
};
use tokio::sync::mpsc;

use crate::calls::{Host, HostClient, HostServer, Notes, TextClient, TextError, text};
use crate::support::{idle, in_time, is_pending};

const SETTINGS: [fn() -> JsonRpc; 4] = [JsonRpc::new, JsonRpc::lsp, JsonRpc::mcp, JsonRpc::acp];

/// Answers with the question.
struct Mirror;

impl Host for Mirror {
    async fn answer(&self, question: &str) -> Result<String, TextError> {
        match question.len() {
            0 => Err(TextError::NoLine { line: 1 }),
            _ => Ok(question.to_owned()),
        }
    }

    async fn tell(&self, _: &str) {}

    async fn version(&self) {}
}

/// Two peers: the first serves [`Host`], the second serves [`Text`](crate::calls::Text).
fn connected(settings: &JsonRpc, second: &PeerBuilder) -> (Peer, Peer) {
    let (near, far) = memory();
    let first = PeerBuilder::new()
        .service(HostServer::new(Mirror))
        .reflect();
    let first = first.start(settings.channel(near)).unwrap();
    (first, second.start(settings.channel(far)).unwrap())
}

#[tokio::test]
async fn two_peers_call_each_other() {
    for settings in SETTINGS {
        let (sender, mut notes) = mpsc::unbounded_channel::<String>();
        let (first, second) = connected(&settings(), &text().extension::<Notes>(sender));
        let client = TextClient::new(&first).with_json();
        assert_eq!(client.add(1, 2).await.unwrap(), 3);
        assert_eq!(client.line(0).await.unwrap(), "first");
        let error = client.line(7).await.unwrap_err();
        assert!(matches!(
            error,
            MethodError::Handler(TextError::NoLine { line: 7 })
        ));
        client.nothing().await.unwrap();
        assert_eq!(client.ask("why?").await.unwrap(), "why?");
        assert_eq!(client.ask("").await.unwrap(), "no line 1");
        client.note("hi".to_owned()).await.unwrap();
        assert_eq!(notes.recv().await.unwrap(), "hi");
        let back = HostClient::new(&second).with_json();
        assert_eq!(back.answer("how?").await.unwrap(), "how?");
        idle(&first).await;
        idle(&second).await;
    }
}

#[tokio::test]
async fn framework_errors_arrive_as_they_are() {
    for settings in SETTINGS {
        let limits = Limits::default().max_concurrent_handlers(1);
        let access = AccessPolicy::new()
            .allow(["Text.line"], |_: &Identity| false)
            .default_rule(|_: &Identity| true);
        let builder = text().limits(limits).access(access);
        let (first, second) = connected(&settings(), &builder);
        let client = TextClient::new(&first).with_json();
        let error = client.panics().await.unwrap_err();
        assert!(
            error.to_string().contains("panicked (reference "),
            "{error}"
        );
        let error = client.line(0).await.unwrap_err().to_string();
        assert!(error.contains("not allowed"), "{error}");
        let host = HostClient::new(&first).with_json();
        let error = host.version().await.unwrap_err();
        assert!(
            matches!(error, CallError::UnknownMethod { .. }),
            "{error:?}"
        );
        let error = first.call("Text.add;json", r#"{"a":1}"#).await.unwrap_err();
        let message = error.to_string();
        assert!(message.contains("argument `b` is missing"), "{message}");
        let hang = tokio::spawn({
            let client = client.clone();
            async move { client.hang().await }
        });
        while second.stats().running == 0 {
            tokio::task::yield_now().await;
        }
        let error = client.nothing().await.unwrap_err();
        assert!(error.is_safe_to_retry(), "{error:?}");
        hang.abort();
        idle(&first).await;
        idle(&second).await;
    }
}

#[tokio::test]
async fn calls_dropped_anywhere_leave_nothing() {
    for settings in SETTINGS {
        let (first, second) = connected(&settings(), &text());
        let client = TextClient::new(&first).with_json();
        for polls in 0..20 {
            for hangs in [false, true] {
                let ask = async {
                    if hangs {
                        client.hang().await.map(|()| String::new())
                    } else {
                        client.ask("why?").await.map_err(|_| CallError::Cancelled)
                    }
                };
                let mut call = pin!(ask);
                for _ in 0..polls {
                    if !is_pending(call.as_mut()).await {
                        break;
                    }
                    tokio::task::yield_now().await;
                }
            }
        }
        idle(&first).await;
        idle(&second).await;
        assert_eq!(client.add(1, 2).await.unwrap(), 3);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_callers_call_in_both_directions() {
    let (first, second) = connected(&JsonRpc::new(), &text());
    let mut calls = tokio::task::JoinSet::new();
    for caller in 0..64 {
        let client = TextClient::new(&first).with_json();
        let back = HostClient::new(&second).with_json();
        calls.spawn(async move {
            for number in 0..50 {
                assert_eq!(client.add(caller, number).await.unwrap(), caller + number);
                let text = format!("{caller} {number}");
                assert_eq!(client.ask(&text).await.unwrap(), text);
                assert_eq!(back.answer(&text).await.unwrap(), text);
            }
        });
    }
    while let Some(done) = in_time(calls.join_next()).await {
        done.unwrap();
    }
    idle(&first).await;
    idle(&second).await;
}

#[tokio::test]
async fn the_end_of_one_peer_is_the_end_of_the_other() {
    let (first, second) = connected(&JsonRpc::new(), &text());
    let client = TextClient::new(&first).with_json();
    let call = tokio::spawn(async move { client.hang().await });
    while second.stats().running == 0 {
        tokio::task::yield_now().await;
    }
    second.close();
    let error = in_time(call).await.unwrap().unwrap_err();
    assert!(matches!(error, CallError::ConnectionLost(_)), "{error:?}");
    assert!(matches!(
        in_time(first.closed()).await,
        ConnectionError::ClosedByPeer
    ));
    let (first, second) = connected(&JsonRpc::new(), &text());
    let reason = in_time(first.shutdown(Duration::from_mins(1))).await;
    assert!(matches!(reason, ConnectionError::ClosedHere), "{reason:?}");
    in_time(second.closed()).await;
}

#[tokio::test]
async fn metadata_that_is_required_fails_a_call() {
    for settings in SETTINGS {
        let (first, second) = connected(&settings(), &text());
        let client = TextClient::new(&first).with_json();
        let error = client.add(1, 2).metadata("k", "v").await.unwrap_err();
        assert!(error.to_string().contains("metadata"), "{error}");
        idle(&first).await;
        idle(&second).await;
    }
    for settings in [JsonRpc::lsp, JsonRpc::mcp, JsonRpc::acp] {
        let (first, _second) = connected(&settings(), &text());
        let client = TextClient::new(&first).with_json();
        let sum = client.add(1, 2).metadata_optional("k", "v").await;
        assert_eq!(sum.unwrap(), 3);
    }
}
