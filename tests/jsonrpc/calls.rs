//! Calls in both directions.

use std::time::Duration;

use chirp::codec::Json;
use chirp::jsonrpc::JsonRpc;
use chirp::{CallContext, CallError, MethodError, Peer, PeerBuilder, ServiceError, Stream};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::program::Program;
use crate::support::{DropFlag, idle};

#[derive(Debug, PartialEq, thiserror::Error, ServiceError)]
pub(crate) enum TextError {
    #[error("no line {line}")]
    #[chirp(code = 17)]
    NoLine { line: u64 },
}

/// A service with another codec than JSON.
#[chirp::service]
pub(crate) trait Text {
    async fn add(&self, a: i64, b: i64) -> i64;
    async fn line(&self, line: u64) -> Result<String, TextError>;
    async fn nothing(&self);
    async fn repeat(&self, text: String, count: usize) -> String;
    async fn count(&self, to: u64) -> impl Stream<Item = u64>;
    async fn panics(&self);
    async fn hang(&self, cx: &CallContext);
    async fn wait(&self, milliseconds: u64);
    async fn time_left(&self, cx: &CallContext) -> u128;
    /// Calls the other side.
    async fn ask(&self, question: &str, cx: &CallContext) -> Result<String, CallError>;
    #[chirp(oneway)]
    async fn note(&self, text: String, cx: &CallContext);
}

pub(crate) struct Served;

pub(crate) type Notes = tokio::sync::mpsc::UnboundedSender<String>;
pub(crate) type Drops = tokio::sync::mpsc::UnboundedSender<()>;

#[chirp::service(codec = Json)]
pub(crate) trait Host {
    async fn answer(&self, question: &str) -> Result<String, TextError>;
    #[chirp(oneway)]
    async fn tell(&self, text: &str);
    async fn version(&self);
}

impl Text for Served {
    async fn add(&self, a: i64, b: i64) -> i64 {
        a + b
    }

    async fn line(&self, line: u64) -> Result<String, TextError> {
        match line {
            0 => Ok("first".to_owned()),
            line => Err(TextError::NoLine { line }),
        }
    }

    async fn nothing(&self) {}

    async fn repeat(&self, text: String, count: usize) -> String {
        text.repeat(count)
    }

    async fn count(&self, to: u64) -> impl Stream<Item = u64> {
        tokio_stream::iter(0..to)
    }

    async fn panics(&self) {
        panic!("on purpose");
    }

    async fn hang(&self, cx: &CallContext) {
        let drops = cx.extension::<Drops>();
        let _flag = drops.map(|drops| DropFlag(drops.clone()));
        std::future::pending::<()>().await;
    }

    async fn wait(&self, milliseconds: u64) {
        tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    }

    async fn time_left(&self, cx: &CallContext) -> u128 {
        let deadline = cx.deadline().expect("given");
        let left = deadline.duration_since(tokio::time::Instant::now().into());
        left.as_millis()
    }

    async fn ask(&self, question: &str, cx: &CallContext) -> Result<String, CallError> {
        let host = HostClient::new(&cx.caller()).with_json();
        match host.answer(question).await {
            Ok(answer) => Ok(answer),
            Err(MethodError::Handler(error)) => Ok(error.to_string()),
            Err(MethodError::Call(error)) => Err(error),
        }
    }

    async fn note(&self, text: String, cx: &CallContext) {
        let notes = cx.extension::<Notes>().expect("given");
        notes.send(text).unwrap();
    }
}

/// A peer that serves [`Text`].
pub(crate) fn text() -> PeerBuilder {
    PeerBuilder::new()
        .service(TextServer::new(Served))
        .reflect()
}

fn connected() -> (Peer, Program) {
    Program::connected(&text(), &JsonRpc::new())
}

#[tokio::test]
async fn a_program_calls_methods() {
    let (peer, mut program) = connected();
    for (request, response) in [
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"Text.add","params":{"b":2,"a":1}}"#,
            r#"{"jsonrpc":"2.0","id":1,"result":3}"#,
        ),
        (
            r#"{"jsonrpc":"2.0","id":"x","method":"Text.add","params":[1,2]}"#,
            r#"{"jsonrpc":"2.0","id":"x","result":3}"#,
        ),
        (
            r#"{"jsonrpc":"2.0","id":2,"method":"Text.line","params":[7]}"#,
            r#"{"jsonrpc":"2.0","id":2,"error":{"code":17,"message":"no line 7","data":{"line":7}}}"#,
        ),
        (
            r#"{"jsonrpc":"2.0","id":3,"method":"Text.nothing"}"#,
            r#"{"jsonrpc":"2.0","id":3,"result":null}"#,
        ),
    ] {
        assert_eq!(program.exchange(request).await, response);
    }
    idle(&peer).await;
}

#[tokio::test]
async fn a_notification_is_a_one_way_call() {
    let (sender, mut notes) = tokio::sync::mpsc::unbounded_channel::<String>();
    let (peer, mut program) = Program::connected(&text().extension(sender), &JsonRpc::new());
    program
        .send(r#"{"jsonrpc":"2.0","method":"Text.note","params":["hi"]}"#)
        .await;
    assert_eq!(notes.recv().await.as_deref(), Some("hi"));
    idle(&peer).await;
    // Nothing was answered.
    let response = program
        .exchange(r#"{"jsonrpc":"2.0","id":1,"method":"Text.nothing"}"#)
        .await;
    assert_eq!(response, r#"{"jsonrpc":"2.0","id":1,"result":null}"#);
}

#[tokio::test]
async fn a_peer_calls_methods_of_a_program() {
    let (peer, mut program) = connected();
    let host = HostClient::new(&peer).with_json();
    let answers = async {
        assert_eq!(host.answer("why?").await, Ok("because".to_owned()));
        let error = host.answer("how?").await.unwrap_err();
        assert!(matches!(
            error,
            MethodError::Handler(TextError::NoLine { line: 3 })
        ));
        let error = host.version().await.unwrap_err();
        assert!(
            matches!(error, CallError::UnknownMethod { .. }),
            "{error:?}"
        );
    };
    let program = async {
        let request = program.receive_json().await;
        assert_eq!(request["method"], "Host.answer");
        assert_eq!(request["params"], json!({"question": "why?"}));
        let response = json!({"jsonrpc": "2.0", "id": request["id"], "result": "because"});
        program.send(response.to_string()).await;
        let request = program.receive_json().await;
        let error = json!({"code": 17, "message": "no", "data": {"line": 3}});
        let response = json!({"jsonrpc": "2.0", "id": request["id"], "error": error});
        program.send(response.to_string()).await;
        let request = program.receive_json().await;
        // No arguments are no parameters.
        assert_eq!(request.get("params"), None);
        let error = json!({"code": -32601, "message": "no such method"});
        let response = json!({"jsonrpc": "2.0", "id": request["id"], "error": error});
        program.send(response.to_string()).await;
    };
    tokio::join!(answers, program);
    idle(&peer).await;
}

#[tokio::test]
async fn a_one_way_call_is_a_notification() {
    let (peer, mut program) = connected();
    HostClient::new(&peer)
        .with_json()
        .tell("news")
        .await
        .unwrap();
    assert_eq!(
        program.receive().await,
        r#"{"jsonrpc":"2.0","method":"Host.tell","params":{"text":"news"}}"#
    );
    idle(&peer).await;
}

#[tokio::test]
async fn a_handler_calls_its_caller() {
    let (peer, mut program) = connected();
    program
        .send(r#"{"jsonrpc":"2.0","id":1,"method":"Text.ask","params":["why?"]}"#)
        .await;
    let question = program.receive_json().await;
    assert_eq!(question["params"]["question"], "why?");
    // The ids of the two sides have nothing to do with each other.
    assert_eq!(question["id"], 1);
    let answer = json!({"jsonrpc": "2.0", "id": 1, "result": "because"});
    let response = program.exchange(&answer.to_string()).await;
    assert_eq!(response, r#"{"jsonrpc":"2.0","id":1,"result":"because"}"#);
    idle(&peer).await;
}

#[tokio::test]
async fn a_call_that_is_not_in_json_is_refused() {
    let (peer, _program) = connected();
    let error = HostClient::new(&peer).answer("why?").await.unwrap_err();
    assert!(error.to_string().contains("with_json()"), "{error}");
    idle(&peer).await;
}

#[tokio::test]
async fn a_dropped_call_is_cancelled() {
    let (peer, mut program) = connected();
    let host = HostClient::new(&peer).with_json();
    let call = tokio::spawn(async move { host.answer("why?").await });
    let request = program.receive_json().await;
    call.abort();
    let cancel = program.receive_json().await;
    assert_eq!(cancel["method"], "$/cancelRequest");
    assert_eq!(cancel["params"], json!({"id": request["id"]}));
    let error = json!({"code": -32800, "message": "cancelled"});
    let response = json!({"jsonrpc": "2.0", "id": request["id"], "error": error});
    program.send(response.to_string()).await;
    idle(&peer).await;
}

#[tokio::test]
async fn a_program_cancels_a_call() {
    let (sender, mut drops) = tokio::sync::mpsc::unbounded_channel::<()>();
    let (peer, mut program) = Program::connected(&text().extension(sender), &JsonRpc::new());
    for id in ["1", "\"one\"", "-1.50"] {
        program
            .send(format!(
                r#"{{"jsonrpc":"2.0","id":{id},"method":"Text.hang"}}"#
            ))
            .await;
        let cancel =
            format!(r#"{{"jsonrpc":"2.0","method":"$/cancelRequest","params":{{"id":{id}}}}}"#);
        let response = program.exchange(&cancel).await;
        let expected = format!(
            r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":-32800,"message":"the request was cancelled"}}}}"#
        );
        assert_eq!(response, expected);
    }
    idle(&peer).await;
    drop(program);
    drop(peer);
    while drops.recv().await.is_some() {}
}

#[tokio::test]
async fn deadlines_are_sent_and_received() {
    let (peer, mut program) = connected();
    let request =
        r#"{"jsonrpc":"2.0","id":1,"method":"Text.time_left","chirp":{"timeout_ms":60000}}"#;
    let response: serde_json::Value =
        serde_json::from_str(&program.exchange(request).await).unwrap();
    assert!((50_000..=60_000).contains(&response["result"].as_u64().unwrap()));
    let request = r#"{"jsonrpc":"2.0","id":1,"method":"Text.hang","chirp":{"timeout_ms":1}}"#;
    assert_eq!(
        program.exchange(request).await,
        r#"{"jsonrpc":"2.0","id":1,"error":{"code":-14589,"message":"deadline exceeded","data":{"chirp":"deadline_exceeded"}}}"#
    );
    let host = HostClient::new(&peer).with_json();
    let call = tokio::spawn(async move {
        let call = host.answer("why?").timeout(Duration::from_mins(1));
        call.await
    });
    let request = program.receive_json().await;
    let left = request["chirp"]["timeout_ms"].as_u64().unwrap();
    assert!((50_000..=60_000).contains(&left));
    let error = json!({"code": -14589, "message": "late", "data": {"chirp": "deadline_exceeded"}});
    let response = json!({"jsonrpc": "2.0", "id": request["id"], "error": error});
    program.send(response.to_string()).await;
    let error = call.await.unwrap().unwrap_err();
    assert!(
        matches!(error, MethodError::Call(CallError::DeadlineExceeded { .. })),
        "{error:?}"
    );
    idle(&peer).await;
}

#[tokio::test]
async fn results_may_be_missing() {
    let (peer, mut program) = connected();
    let host = HostClient::new(&peer).with_json();
    for response in [
        json!({"jsonrpc": "2.0"}),
        json!({"jsonrpc": "2.0", "result": null}),
        json!({"jsonrpc": "2.0", "result": null, "error": null}),
        json!({"jsonrpc": "2.0", "result": {}}),
        json!({}),
    ] {
        let program = async {
            let id = &program.receive_json().await["id"];
            let mut response = response.clone();
            response["id"] = id.clone();
            program.send(response.to_string()).await;
        };
        let (result, ()) = tokio::join!(host.version(), program);
        result.unwrap();
    }
    idle(&peer).await;
    // Nothing was answered.
    let nothing = r#"{"jsonrpc":"2.0","id":"x","method":"Text.nothing"}"#;
    let done = r#"{"jsonrpc":"2.0","id":"x","result":null}"#;
    assert_eq!(program.exchange(nothing).await, done);
}

#[tokio::test]
async fn a_late_response_without_result_ends_no_request() {
    let (peer, mut program) = connected();
    program
        .send(r#"{"jsonrpc":"2.0","id":1,"method":"Text.hang"}"#)
        .await;
    program.send(r#"{"jsonrpc":"2.0","id":1}"#).await;
    let cancelled =
        r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32800,"message":"the request was cancelled"}}"#;
    let cancel = r#"{"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":1}}"#;
    assert_eq!(program.exchange(cancel).await, cancelled);
    idle(&peer).await;
}

#[tokio::test]
async fn ids_of_responses_may_be_printed_in_another_way() {
    let (peer, mut program) = connected();
    let host = HostClient::new(&peer).with_json();
    for form in ["#", "#.0", "#e0", "\"#\""] {
        let program = async {
            let id = program.receive_json().await["id"].to_string();
            let id = form.replace('#', &id);
            let response = format!(r#"{{"jsonrpc":"2.0","id":{id},"result":null}}"#);
            program.send(response).await;
        };
        let (result, ()) = tokio::join!(host.version(), program);
        result.unwrap();
    }
    idle(&peer).await;
}

#[tokio::test]
async fn a_result_of_mcp_and_acp_is_an_object() {
    for settings in [JsonRpc::mcp(), JsonRpc::acp()] {
        let (peer, mut program) = Program::connected(&text(), &settings);
        let request = r#"{"jsonrpc":"2.0","id":1,"method":"Text.nothing"}"#;
        let response = r#"{"jsonrpc":"2.0","id":1,"result":{}}"#;
        assert_eq!(program.exchange(request).await, response);
        idle(&peer).await;
    }
}

#[derive(Serialize, Deserialize)]
struct ListParams {
    cursor: Option<String>,
}

#[chirp::service(name = "")]
trait Tools {
    #[chirp(name = "tools/list", params)]
    async fn list(&self, params: ListParams) -> Option<String>;
    #[chirp(name = "tools/any", params)]
    async fn any(&self, params: serde_json::Value) -> serde_json::Value;
}

struct NoTools;

impl Tools for NoTools {
    async fn list(&self, params: ListParams) -> Option<String> {
        params.cursor
    }

    async fn any(&self, params: serde_json::Value) -> serde_json::Value {
        params
    }
}

#[tokio::test]
async fn params_without_required_members_may_be_left_out() {
    let builder = PeerBuilder::new()
        .service(ToolsServer::new(NoTools))
        .reflect();
    let (peer, mut program) = Program::connected(&builder, &JsonRpc::new());
    for params in ["", r#","params":null"#, r#","params":{}"#] {
        let request = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/list"{params}}}"#);
        let response = r#"{"jsonrpc":"2.0","id":1,"result":null}"#;
        assert_eq!(program.exchange(&request).await, response, "{params}");
    }
    let request = r#"{"jsonrpc":"2.0","id":1,"method":"tools/any"}"#;
    let response = r#"{"jsonrpc":"2.0","id":1,"result":null}"#;
    assert_eq!(program.exchange(request).await, response);
    idle(&peer).await;
}

#[tokio::test]
async fn errors_with_unusual_codes_keep_their_messages() {
    let (peer, mut program) = connected();
    let host = HostClient::new(&peer).with_json();
    for (code, expected) in [
        ("17.0", 17),
        ("-32000.0", 33_536),
        ("1e99", 0),
        ("123456789012345678901234567890", 0),
        ("\"ENOENT\"", 0),
    ] {
        let program = async {
            let id = &program.receive_json().await["id"];
            let error = format!(r#"{{"code":{code},"message":"no such file"}}"#);
            let response = format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{error}}}"#);
            program.send(response).await;
        };
        let (result, ()) = tokio::join!(host.version(), program);
        let error = match result.unwrap_err() {
            CallError::Remote(error) => error,
            other => panic!("{code}: {other:?}"),
        };
        let message = match expected {
            0 => format!("no such file (JSON-RPC code {code})"),
            _ => "no such file".to_owned(),
        };
        assert_eq!((error.code, &*error.message), (expected, &*message));
    }
    idle(&peer).await;
}
