//! Results that are streams, and progress.

use std::time::Duration;

use chirp::codec::Json;
use chirp::jsonrpc::JsonRpc;
use chirp::{
    CallContext, CallError, ItemError, MethodError, PeerBuilder, Receiver, Sender, ServiceError,
    Stream,
};
use serde_json::{Value, json};
use tokio_stream::StreamExt as _;

use crate::program::Program;
use crate::support::{DropFlag, idle};

#[derive(Debug, PartialEq, thiserror::Error, ServiceError)]
enum NumberError {
    #[error("no number {number}")]
    #[chirp(code = 17, jsonrpc = -32801)]
    None { number: u64 },
    #[error("too many")]
    #[chirp(jsonrpc = -32803)]
    TooMany,
}

#[chirp::service(name = "", codec = Json)]
trait Numbers {
    async fn count(&self, to: u64, cx: &CallContext) -> impl Stream<Item = u64>;
    #[chirp(name = "numbers/some")]
    async fn some(
        &self,
        to: u64,
    ) -> Result<impl Stream<Item = Result<String, NumberError>>, NumberError>;
    async fn total(&self, numbers: Receiver<u64>) -> u64;
    async fn send(&self, to: Sender<u64>);
    #[chirp(params)]
    async fn work(&self, params: Work, cx: &CallContext) -> String;
}

#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
struct Work {
    #[serde(rename = "workDoneToken")]
    token: Option<Value>,
    steps: u32,
}

#[derive(Debug, serde::Serialize, serde::Deserialize)]
struct Progress {
    token: Value,
    value: Value,
}

/// The other side of a work's caller.
#[chirp::service(name = "", codec = Json)]
trait Editor {
    #[chirp(name = "$/progress", oneway, params)]
    async fn progress(&self, params: Progress);
}

struct Counter;

impl Numbers for Counter {
    async fn count(&self, to: u64, cx: &CallContext) -> impl Stream<Item = u64> {
        let dropped = cx.extension::<tokio::sync::mpsc::UnboundedSender<()>>();
        let dropped = dropped.map(|sender| DropFlag(sender.clone()));
        tokio_stream::iter(0..to).map(move |number| {
            let _ = &dropped;
            number
        })
    }

    async fn some(
        &self,
        to: u64,
    ) -> Result<impl Stream<Item = Result<String, NumberError>>, NumberError> {
        if to == 0 {
            return Err(NumberError::TooMany);
        }
        Ok(tokio_stream::iter(0..to).map(|number| match number {
            3 => Err(NumberError::None { number }),
            number => Ok(number.to_string()),
        }))
    }

    async fn total(&self, _: Receiver<u64>) -> u64 {
        0
    }

    async fn send(&self, _: Sender<u64>) {}

    async fn work(&self, params: Work, cx: &CallContext) -> String {
        let editor = EditorClient::new(&cx.caller()).with_json();
        for step in 0..params.steps {
            let Some(token) = params.token.clone() else {
                continue;
            };
            let value = json!({"kind": "report", "percentage": step});
            editor.progress(Progress { token, value }).await.unwrap();
        }
        "done".to_owned()
    }
}

fn numbers() -> PeerBuilder {
    PeerBuilder::new()
        .service(NumbersServer::new(Counter))
        .reflect()
}

fn connected(settings: &JsonRpc) -> (chirp::Peer, Program) {
    Program::connected(&numbers(), settings)
}

/// Reads lines up to the response.
async fn read_all(program: &mut Program) -> (Vec<Value>, Value) {
    let mut notifications = Vec::new();
    loop {
        let line = program.receive_json().await;
        if line.get("method").is_none() {
            return (notifications, line);
        }
        notifications.push(line);
    }
}

/// The items of notifications, which are all about `id`.
fn items(notifications: &[Value], id: &Value) -> Vec<Value> {
    let mut items = Vec::new();
    for notification in notifications {
        assert_eq!(notification["method"], "chirp.items");
        assert_eq!(&notification["params"]["id"], id);
        items.extend_from_slice(notification["params"]["items"].as_array().unwrap());
    }
    items
}

#[tokio::test]
async fn items_are_notifications_before_the_response() {
    let (peer, mut program) = connected(&JsonRpc::new());
    for id in [json!(7), json!("seven"), json!(-1.5)] {
        for to in [0, 1, 20_000] {
            let request = json!({"jsonrpc": "2.0", "id": id, "method": "count", "params": [to]});
            program.send(request.to_string()).await;
            let (notifications, response) = read_all(&mut program).await;
            let numbers: Vec<_> = (0..to).map(Value::from).collect();
            assert_eq!(items(&notifications, &id), numbers);
            assert_eq!(
                response,
                json!({"jsonrpc": "2.0", "id": id, "result": null})
            );
        }
    }
    idle(&peer).await;
}

#[tokio::test]
async fn errors_of_streams_have_the_numbers_of_their_methods() {
    let (peer, mut program) = connected(&JsonRpc::new());
    let request = r#"{"jsonrpc":"2.0","id":1,"method":"numbers/some","params":{"to":5}}"#;
    program.send(request).await;
    let (notifications, response) = read_all(&mut program).await;
    assert_eq!(items(&notifications, &json!(1)), ["0", "1", "2"]);
    let error = json!({"code": -32801, "message": "no number 3", "data": {"number": 3}});
    assert_eq!(response["error"], error);
    let request = r#"{"jsonrpc":"2.0","id":1,"method":"numbers/some","params":{"to":0}}"#;
    program.send(request).await;
    let (notifications, response) = read_all(&mut program).await;
    assert_eq!(notifications.len(), 0);
    assert_eq!(
        response["error"],
        json!({"code": -32803, "message": "too many"})
    );
    idle(&peer).await;
}

#[tokio::test]
async fn a_caller_may_limit_the_items() {
    let (peer, mut program) = connected(&JsonRpc::new());
    let request = r#"{"jsonrpc":"2.0","id":1,"method":"count","params":[10],"chirp":{"credit":2}}"#;
    program.send(request).await;
    let first = program.receive_json().await;
    assert_eq!(items(&[first], &json!(1)), [0, 1]);
    // Other calls go on meanwhile, and credit for others changes nothing.
    program
        .send(r#"{"jsonrpc":"2.0","method":"chirp.credit","params":{"id":2,"count":9}}"#)
        .await;
    let answer = program
        .exchange(r#"{"jsonrpc":"2.0","id":2,"method":"x"}"#)
        .await;
    assert!(answer.contains("-32601"), "{answer}");
    let credit = |count| {
        format!(
            r#"{{"jsonrpc":"2.0","method":"chirp.credit","params":{{"id":1,"count":{count}}}}}"#
        )
    };
    program.send(credit(3)).await;
    let next = program.receive_json().await;
    assert_eq!(items(&[next], &json!(1)), [2, 3, 4]);
    program.send(credit(u64::MAX)).await;
    program.send(credit(u64::MAX)).await;
    let (notifications, response) = read_all(&mut program).await;
    assert_eq!(items(&notifications, &json!(1)), [5, 6, 7, 8, 9]);
    assert_eq!(response["result"], Value::Null);
    idle(&peer).await;
}

#[tokio::test]
async fn a_stream_without_credit_is_cancelled() {
    let (sender, mut dropped) = tokio::sync::mpsc::unbounded_channel::<()>();
    let builder = numbers().extension(sender);
    for (settings, cancel) in [
        (
            JsonRpc::new(),
            r#""method":"$/cancelRequest","params":{"id":1}"#,
        ),
        (
            JsonRpc::mcp(),
            r#""method":"notifications/cancelled","params":{"requestId":1}"#,
        ),
        (
            JsonRpc::acp(),
            r#""method":"$/cancel_request","params":{"requestId":1}"#,
        ),
    ] {
        let answers = !cancel.contains("cancelled");
        let (peer, mut program) = Program::connected(&builder, &settings);
        let request = r#"{"jsonrpc":"2.0","id":1,"method":"count","params":[1000000000],"chirp":{"credit":1}}"#;
        program.send(request).await;
        let first = program.receive_json().await;
        assert_eq!(items(&[first], &json!(1)), [0]);
        program
            .send(format!(r#"{{"jsonrpc":"2.0",{cancel}}}"#))
            .await;
        dropped.recv().await.unwrap();
        if answers {
            let response = program.receive_json().await;
            assert_eq!(response["error"]["code"], -32800);
        }
        // The id is free.
        let answer = program
            .exchange(r#"{"jsonrpc":"2.0","id":1,"method":"x"}"#)
            .await;
        assert!(answer.contains("-32601"), "{answer}");
        idle(&peer).await;
    }
}

#[tokio::test]
async fn streams_in_a_batch_are_notifications_of_their_own() {
    let (peer, mut program) = connected(&JsonRpc::new());
    let batch = r#"[{"jsonrpc":"2.0","id":1,"method":"count","params":[2]},{"jsonrpc":"2.0","id":2,"method":"x"},{"jsonrpc":"2.0","id":3,"method":"count","params":[1]}]"#;
    for _ in 0..2 {
        program.send(batch).await;
        let (notifications, response) = read_all(&mut program).await;
        let of = |id| {
            let found = notifications.iter();
            let found = found.filter(|notification| notification["params"]["id"] == id);
            found.cloned().collect::<Vec<_>>()
        };
        assert_eq!(items(&of(1), &json!(1)), [0, 1]);
        assert_eq!(items(&of(3), &json!(3)), [0]);
        assert_eq!(response.as_array().unwrap().len(), 3);
    }
    idle(&peer).await;
}

#[tokio::test]
async fn lsp_has_partial_results_or_a_list() {
    let settings = JsonRpc::lsp().framing(chirp::jsonrpc::Framing::Lines);
    let (peer, mut program) = connected(&settings);
    let request = r#"{"jsonrpc":"2.0","id":1,"method":"count","params":{"to":3}}"#;
    let answer = program.exchange(request).await;
    assert_eq!(answer, r#"{"jsonrpc":"2.0","id":1,"result":[0,1,2]}"#);
    let request =
        r#"{"jsonrpc":"2.0","id":2,"method":"count","params":{"to":2,"partialResultToken":"t"}}"#;
    let answer = program.exchange(request).await;
    let progress =
        r#"{"jsonrpc":"2.0","method":"$/progress","params":{"token":"t","value":[0,1]}}"#;
    assert_eq!(answer, progress);
    assert_eq!(
        program.receive().await,
        r#"{"jsonrpc":"2.0","id":2,"result":[]}"#
    );
    // A number that is the first argument is no token, and a long token is not kept.
    let long = "x".repeat(1023);
    for params in [
        "[2]",
        &format!(r#"{{"to":2,"partialResultToken":"{long}"}}"#),
    ] {
        let request = format!(r#"{{"jsonrpc":"2.0","id":3,"method":"count","params":{params}}}"#);
        let answer = program.exchange(&request).await;
        assert_eq!(answer, r#"{"jsonrpc":"2.0","id":3,"result":[0,1]}"#);
    }
    idle(&peer).await;
}

#[tokio::test]
async fn a_list_that_is_longer_than_a_message_fails() {
    let settings = JsonRpc::lsp()
        .framing(chirp::jsonrpc::Framing::Lines)
        .max_message(100_000);
    let (peer, mut program) = connected(&settings);
    for id in [1, 2] {
        let request = format!(
            r#"{{"jsonrpc":"2.0","id":{id},"method":"count","params":{{"to":1000000000}}}}"#
        );
        program.send(request).await;
        let response = program.receive_json().await;
        assert_eq!(response["id"], id);
        assert_eq!(response["error"]["data"]["limit"], 100_000, "{response}");
    }
    idle(&peer).await;
}

#[tokio::test]
async fn progress_comes_before_the_response() {
    let (peer, mut program) = connected(&JsonRpc::new());
    let request =
        r#"{"jsonrpc":"2.0","id":1,"method":"work","params":{"steps":100,"workDoneToken":5}}"#;
    for _ in 0..20 {
        program.send(request).await;
        let (notifications, response) = read_all(&mut program).await;
        assert_eq!(response["result"], "done");
        let steps = notifications.iter().map(|notification| {
            assert_eq!(notification["method"], "$/progress");
            assert_eq!(notification["params"]["token"], 5);
            notification["params"]["value"]["percentage"]
                .as_u64()
                .unwrap()
        });
        assert_eq!(steps.collect::<Vec<_>>(), (0..100).collect::<Vec<_>>());
    }
    idle(&peer).await;
}

#[tokio::test]
async fn a_program_sends_items() {
    let (peer, mut program) = connected(&JsonRpc::new());
    let client = NumbersClient::new(&peer).with_json();
    let call = tokio::spawn(client.some(9).into_future());
    let request = program.receive_json().await;
    assert_eq!(request["method"], "numbers/some");
    assert_eq!(request["params"], json!({"to": 9}));
    assert_eq!(request["chirp"], json!({"credit": 64}));
    let id = &request["id"];
    let send = |items: Value| {
        let params = json!({"id": id, "items": items});
        json!({"jsonrpc": "2.0", "method": "chirp.items", "params": params}).to_string()
    };
    program.send(send(json!(["a", "b"]))).await;
    let mut texts = call.await.unwrap().unwrap();
    assert_eq!(texts.recv().await, Some(Ok("a".to_owned())));
    assert_eq!(texts.recv().await, Some(Ok("b".to_owned())));
    // Half of the credit is given again.
    program.send(send(json!(vec!["c"; 30]))).await;
    let credit = program.receive_json().await;
    let expected =
        json!({"jsonrpc": "2.0", "method": "chirp.credit", "params": {"id": id, "count": 32}});
    assert_eq!(credit, expected);
    let error = json!({"code": -32801, "message": "no number 3", "data": {"number": 3}});
    let response = json!({"jsonrpc": "2.0", "id": id, "error": error});
    program.send(response.to_string()).await;
    for _ in 0..30 {
        assert_eq!(texts.recv().await, Some(Ok("c".to_owned())));
    }
    let error = ItemError::Handler(NumberError::None { number: 3 });
    assert_eq!(texts.recv().await, Some(Err(error)));
    assert_eq!(texts.recv().await, None);
    idle(&peer).await;
}

#[tokio::test]
async fn a_program_without_streams_answers_with_a_list() {
    for settings in [JsonRpc::new(), JsonRpc::mcp()] {
        let (peer, mut program) = connected(&settings);
        let client = NumbersClient::new(&peer).with_json();
        let call = tokio::spawn(client.count(9).into_future());
        let request = program.receive_json().await;
        let list: Vec<_> = (0..100_000).collect();
        let response = json!({"jsonrpc": "2.0", "id": request["id"], "result": list});
        program.send(response.to_string()).await;
        let numbers = call.await.unwrap().unwrap();
        let numbers: Result<Vec<_>, _> = numbers.collect().await;
        assert_eq!(numbers.unwrap(), list);
        idle(&peer).await;
    }
}

#[tokio::test]
async fn a_dropped_stream_is_cancelled() {
    let (peer, mut program) = connected(&JsonRpc::acp());
    let client = NumbersClient::new(&peer).with_json();
    let call = tokio::spawn(client.count(9).into_future());
    let request = program.receive_json().await;
    assert_eq!(request.get("chirp"), None);
    let id = &request["id"];
    let items = json!({"id": id, "items": [1]});
    let items = json!({"jsonrpc": "2.0", "method": "chirp.items", "params": items});
    program.send(items.to_string()).await;
    let mut numbers = call.await.unwrap().unwrap();
    assert_eq!(numbers.recv().await, Some(Ok(1)));
    drop(numbers);
    let cancel = program.receive_json().await;
    assert_eq!(cancel["method"], "$/cancel_request");
    assert_eq!(cancel["params"], json!({"requestId": id}));
    let response = json!({"jsonrpc": "2.0", "id": id, "result": null});
    program.send(response.to_string()).await;
    idle(&peer).await;
}

#[tokio::test]
async fn items_beyond_the_limit_fail_the_call() {
    let (peer, mut program) = connected(&JsonRpc::new().max_message(200_000));
    let client = NumbersClient::new(&peer).with_json();
    let call = tokio::spawn(client.some(9).into_future());
    let request = program.receive_json().await;
    let item = "x".repeat(50_000);
    let items = json!({"id": request["id"], "items": [item]});
    let items = json!({"jsonrpc": "2.0", "method": "chirp.items", "params": items}).to_string();
    program.send(&items).await;
    let mut texts = call.await.unwrap().unwrap();
    for _ in 0..10 {
        program.send(&items).await;
    }
    let cancel = program.receive_json().await;
    assert_eq!(cancel["method"], "$/cancelRequest");
    let error = loop {
        match texts.recv().await {
            Some(Ok(_)) => {}
            Some(Err(error)) => break error.to_string(),
            None => panic!("the stream ended"),
        }
    };
    assert!(error.contains("faster than they are taken"), "{error}");
    let late = json!({"jsonrpc": "2.0", "id": request["id"], "result": null});
    program.send(late.to_string()).await;
    idle(&peer).await;
}

#[tokio::test]
async fn streams_as_arguments_are_refused() {
    let (peer, mut program) = connected(&JsonRpc::new());
    let client = NumbersClient::new(&peer).with_json();
    let error = client.total(tokio_stream::iter(0..9)).await.unwrap_err();
    let expected = "streams as arguments cannot be sent to a JSON-RPC peer";
    assert!(error.to_string().contains(expected), "{error}");
    let (sender, mut receiver) = chirp::stream::channel();
    let error = client.send(sender).await.unwrap_err();
    assert!(error.to_string().contains(expected), "{error}");
    assert!(matches!(receiver.recv().await, Some(Err(_))));
    // A client in another codec has no stream of JSON.
    let request = r#"{"jsonrpc":"2.0","id":1,"method":"total","params":[0]}"#;
    let answer = program.exchange(request).await;
    assert!(answer.contains("error"), "{answer}");
    idle(&peer).await;
}

#[tokio::test]
async fn the_end_of_the_input_ends_streams() {
    let (peer, mut program) = connected(&JsonRpc::new());
    let client = NumbersClient::new(&peer).with_json();
    let call = tokio::spawn(client.count(9).into_future());
    let request = program.receive_json().await;
    let items = json!({"id": request["id"], "items": [1]});
    let items = json!({"jsonrpc": "2.0", "method": "chirp.items", "params": items});
    program.send(items.to_string()).await;
    let mut numbers = call.await.unwrap().unwrap();
    assert_eq!(numbers.recv().await, Some(Ok(1)));
    drop(program);
    let ended = tokio::time::timeout(Duration::from_mins(1), numbers.recv()).await;
    assert!(matches!(ended.unwrap(), Some(Err(_))));
}

#[tokio::test]
async fn typed_errors_come_back_by_their_numbers() {
    let (peer, mut program) = connected(&JsonRpc::new());
    let client = NumbersClient::new(&peer).with_json();
    for (code, expected) in [(-32803, Some(NumberError::TooMany)), (-32804, None)] {
        let call = tokio::spawn(client.some(9).into_future());
        let request = program.receive_json().await;
        let error = json!({"code": code, "message": "too many"});
        let response = json!({"jsonrpc": "2.0", "id": request["id"], "error": error});
        program.send(response.to_string()).await;
        let Err(error) = call.await.unwrap() else {
            panic!("{code} is no error");
        };
        match expected {
            Some(expected) => assert_eq!(error, MethodError::Handler(expected)),
            None => assert!(matches!(error, MethodError::Call(CallError::Remote(_)))),
        }
    }
}
