//! Messages and their answers: valid and invalid requests, notifications, batches and responses.

use chirp::jsonrpc::JsonRpc;

use crate::calls::{HostClient, text};
use crate::program::Program;
use crate::support::idle;

/// Messages, each with the lines of its answer.
const CASES: &[(&str, &[&str])] = &[
    // Ids come back as they are written.
    (
        r#"{"jsonrpc":"2.0","id":0,"method":"Text.nothing"}"#,
        &[r#"{"jsonrpc":"2.0","id":0,"result":null}"#],
    ),
    (
        r#"{"jsonrpc":"2.0","id":-7.50e+3,"method":"Text.nothing"}"#,
        &[r#"{"jsonrpc":"2.0","id":-7.50e+3,"result":null}"#],
    ),
    (
        r#"{"jsonrpc":"2.0","id":123456789012345678901234567890,"method":"Text.nothing"}"#,
        &[r#"{"jsonrpc":"2.0","id":123456789012345678901234567890,"result":null}"#],
    ),
    (
        r#"{"jsonrpc":"2.0","id":"","method":"Text.nothing"}"#,
        &[r#"{"jsonrpc":"2.0","id":"","result":null}"#],
    ),
    (
        r#"{"jsonrpc":"2.0","id":"\u00e4\"ä","method":"Text.nothing"}"#,
        &[r#"{"jsonrpc":"2.0","id":"\u00e4\"ä","result":null}"#],
    ),
    (
        r#"{"jsonrpc":"2.0","id":null,"method":"Text.nothing"}"#,
        &[r#"{"jsonrpc":"2.0","id":null,"result":null}"#],
    ),
    // Members may have any order, other members are ignored, and names may be escaped.
    (
        r#" { "x" : [ {} ] , "params" : [ 1 , 2 ] , "m\u0065thod" : "Text.\u0061dd" , "id" : 5 , "jsonrpc" : "2.0" } "#,
        &[r#"{"jsonrpc":"2.0","id":5,"result":3}"#],
    ),
    // Parameters by name and by position, and none.
    (
        r#"{"jsonrpc":"2.0","id":1,"method":"Text.add","params":{"b":2,"a":1,"c":null}}"#,
        &[r#"{"jsonrpc":"2.0","id":1,"result":3}"#],
    ),
    (
        r#"{"jsonrpc":"2.0","id":1,"method":"Text.nothing","params":null}"#,
        &[r#"{"jsonrpc":"2.0","id":1,"result":null}"#],
    ),
    (
        r#"{"jsonrpc":"2.0","id":1,"method":"Text.nothing","params":[]}"#,
        &[r#"{"jsonrpc":"2.0","id":1,"result":null}"#],
    ),
    (
        r#"{"jsonrpc":"2.0","id":1,"method":"Text.nothing","params":{}}"#,
        &[r#"{"jsonrpc":"2.0","id":1,"result":null}"#],
    ),
    (
        r#"{"jsonrpc":"2.0","id":1,"method":"Text.nothing","params":7}"#,
        &[
            r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32600,"message":"expected params that are an object or an array"}}"#,
        ],
    ),
    (
        r#"{"jsonrpc":"2.0","id":1,"method":"Text.add","params":[1]}"#,
        &[
            r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"the arguments could not be decoded: argument `b` is missing; the two sides probably define the method differently","data":{"chirp":"invalid_arguments"}}}"#,
        ],
    ),
    // Errors.
    (
        r#"{"jsonrpc":"2.0","id":1,"method":"Text.line","params":[7]}"#,
        &[
            r#"{"jsonrpc":"2.0","id":1,"error":{"code":17,"message":"no line 7","data":{"line":7}}}"#,
        ],
    ),
    (
        r#"{"jsonrpc":"2.0","id":1,"method":"Text.missing"}"#,
        &[r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"method not found"}}"#],
    ),
    (
        r#"{"jsonrpc":"2.0","id":1,"method":""}"#,
        &[r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"method not found"}}"#],
    ),
    (
        r#"{"jsonrpc":"2.0","id":1,"method":"chirp.hello"}"#,
        &[r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"method not found"}}"#],
    ),
    // Input that is not JSON.
    (
        r#"{"jsonrpc":"2.0","id":1,"method"#,
        &[
            r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"invalid JSON: EOF while parsing a string at line 1 column 31"}}"#,
        ],
    ),
    (
        r#"{"jsonrpc":"2.0","id":1,"method":"Text.nothing"}}"#,
        &[
            r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"invalid JSON: trailing characters at line 1 column 49"}}"#,
        ],
    ),
    (
        "hello",
        &[
            r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"invalid JSON: expected value at line 1 column 1"}}"#,
        ],
    ),
    // JSON that is no request.
    (
        "7",
        &[
            r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"expected an object or a batch"}}"#,
        ],
    ),
    (
        "{}",
        &[
            r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"expected \"jsonrpc\": \"2.0\""}}"#,
        ],
    ),
    (
        r#"{"id":1,"method":"Text.nothing"}"#,
        &[
            r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32600,"message":"expected \"jsonrpc\": \"2.0\""}}"#,
        ],
    ),
    (
        r#"{"jsonrpc":"1.0","id":1,"method":"Text.nothing"}"#,
        &[
            r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32600,"message":"expected \"jsonrpc\": \"2.0\""}}"#,
        ],
    ),
    (
        r#"{"jsonrpc":"2.0","id":1}"#,
        &[r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32600,"message":"expected a method"}}"#],
    ),
    (
        r#"{"jsonrpc":"2.0","method":1,"params":"bar"}"#,
        &[
            r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"expected a method that is a string"}}"#,
        ],
    ),
    (
        r#"{"jsonrpc":"2.0","id":[1],"method":"Text.nothing"}"#,
        &[
            r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"expected an id that is a string, a number or null"}}"#,
        ],
    ),
    (
        r#"{"jsonrpc":"2.0","id":true,"method":"Text.nothing"}"#,
        &[
            r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"expected an id that is a string, a number or null"}}"#,
        ],
    ),
    (
        r#"{"jsonrpc":"2.0","id":1,"id":2,"method":"Text.nothing"}"#,
        &[
            r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"the member \"id\" occurs twice"}}"#,
        ],
    ),
    (
        r#"{"jsonrpc":"2.0","id":1,"method":"Text.add","params":[1,2],"params":[3,4]}"#,
        &[
            r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"the member \"params\" occurs twice"}}"#,
        ],
    ),
    (
        r#"{"jsonrpc":"2.0","id":1,"method":"Text.nothing","result":1}"#,
        &[
            r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32600,"message":"a request has neither a result nor an error"}}"#,
        ],
    ),
    (
        r#"{"jsonrpc":"2.0","id":1,"method":"Text.nothing","chirp":{"timeout_ms":"1"}}"#,
        &[
            r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32600,"message":"expected \"chirp\": {\"timeout_ms\": NUMBER, \"credit\": NUMBER}"}}"#,
        ],
    ),
    // Notifications, which have no answer even if they fail.
    (r#"{"jsonrpc":"2.0","method":"Text.nothing"}"#, &[]),
    (r#"{"jsonrpc":"2.0","method":"Text.missing"}"#, &[]),
    (
        r#"{"jsonrpc":"2.0","method":"Text.add","params":["x"]}"#,
        &[],
    ),
    (r#"{"jsonrpc":"2.0","method":"Text.panics"}"#, &[]),
    (
        r#"{"jsonrpc":"2.0","method":"$/setTrace","params":{"value":"off"}}"#,
        &[],
    ),
    (r#"{"jsonrpc":"2.0","method":"$/cancelRequest"}"#, &[]),
    (
        r#"{"jsonrpc":"2.0","method":"$/cancelRequest","params":[1]}"#,
        &[],
    ),
    (
        r#"{"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":1}}"#,
        &[],
    ),
    (
        r#"{"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":{}}}"#,
        &[],
    ),
    // Responses to nothing, valid and invalid.
    (r#"{"jsonrpc":"2.0","id":1,"result":3}"#, &[]),
    (r#"{"jsonrpc":"2.0","id":"x","result":3}"#, &[]),
    (
        r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"?"}}"#,
        &[],
    ),
    (r#"{"jsonrpc":"2.0","result":3}"#, &[]),
    (
        r#"{"jsonrpc":"2.0","id":1,"result":3,"error":{"code":1,"message":""}}"#,
        &[],
    ),
    (r#"{"jsonrpc":"2.0","id":1,"error":"broken"}"#, &[]),
    (r#"{"id":1,"error":7}"#, &[]),
    // Batches.
    (
        "[]",
        &[r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"the batch is empty"}}"#],
    ),
    (
        "[1,[]]",
        &[
            r#"[{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"expected an object"}},{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"expected an object"}}]"#,
        ],
    ),
    (
        r#"[{"jsonrpc":"2.0","method":"Text.nothing"},{"jsonrpc":"2.0","id":1,"result":3}]"#,
        &[],
    ),
    (
        r#"[{"jsonrpc":"2.0","id":1,"method":"Text.add","params":[1,2]}]"#,
        &[r#"[{"jsonrpc":"2.0","id":1,"result":3}]"#],
    ),
    (
        r#"[{"jsonrpc":"2.0","id":1,"method":"Text.add","params":[1,2]},{"jsonrpc":"2.0","method":"Text.nothing"},{"jsonrpc":"2.0","id":"2","method":"Text.nothing"}]"#,
        &[r#"[{"jsonrpc":"2.0","id":1,"result":3},{"jsonrpc":"2.0","id":"2","result":null}]"#],
    ),
    (
        r#"[{"jsonrpc":"2.0","id":1,"method":"Text.nothing"},{"jsonrpc":"2.0","method""#,
        &[
            r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"invalid JSON: EOF while parsing an object at line 1 column 75"}}"#,
        ],
    ),
];

const NOTHING: &str = r#"{"jsonrpc":"2.0","id":99,"method":"Text.nothing"}"#;
const DONE: &str = r#"{"jsonrpc":"2.0","id":99,"result":null}"#;

#[tokio::test]
async fn messages_have_a_defined_answer() {
    for (message, answers) in CASES {
        let (peer, mut program) = Program::connected(&text(), &JsonRpc::new());
        program.send(message).await;
        for answer in *answers {
            assert_eq!(program.receive().await, *answer, "{message}");
        }
        // The connection goes on, and nothing else was answered.
        assert_eq!(program.exchange(NOTHING).await, DONE, "{message}");
        idle(&peer).await;
    }
}

#[tokio::test]
async fn messages_may_arrive_in_any_pieces() {
    let mut input = Vec::new();
    let mut expected = Vec::new();
    for (number, (message, answers)) in CASES.iter().enumerate() {
        // Requests that are in progress at a time have different ids.
        let id = format!("\"id\":{}", 100 + number);
        let renumbered = |text: &str| {
            if text.contains("-32700") {
                text.to_owned()
            } else {
                text.replace("\"id\":1", &id)
            }
        };
        if answers.iter().any(|answer| answer.contains("-32700")) {
            input.extend_from_slice(message.as_bytes());
        } else {
            input.extend_from_slice(renumbered(message).as_bytes());
        }
        input.extend_from_slice(b"\r\n");
        expected.extend(answers.iter().map(|answer| renumbered(answer)));
    }
    expected.sort_unstable();
    for size in [1, 7, 1000] {
        let (peer, mut program) = Program::connected(&text(), &JsonRpc::new());
        for piece in input.chunks(size) {
            program.write(piece).await;
        }
        let mut answers = Vec::new();
        for _ in &expected {
            answers.push(program.receive().await);
        }
        // Answers to invalid messages do not wait for calls.
        answers.sort_unstable();
        assert_eq!(answers, expected);
        idle(&peer).await;
    }
}

#[tokio::test]
async fn the_version_may_be_left_out_if_the_program_says_so() {
    let (peer, mut program) = Program::connected(&text(), &JsonRpc::new().version_optional());
    for (message, answer) in [
        (
            r#"{"id":1,"method":"Text.add","params":[1,2]}"#,
            r#"{"jsonrpc":"2.0","id":1,"result":3}"#,
        ),
        (
            r#"[{"id":1,"method":"Text.add","params":[1,2]}]"#,
            r#"[{"jsonrpc":"2.0","id":1,"result":3}]"#,
        ),
        (
            r#"{"jsonrpc":"1.0","id":1,"method":"Text.nothing"}"#,
            r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32600,"message":"expected \"jsonrpc\": \"2.0\""}}"#,
        ),
        (NOTHING, DONE),
    ] {
        assert_eq!(program.exchange(message).await, answer);
    }
    // Responses may leave the version out, too.
    let host = HostClient::new(&peer).with_json();
    let request = async {
        let request = program.receive_json().await;
        let id = &request["id"];
        program
            .send(format!(r#"{{"id":{id},"result":"because"}}"#))
            .await;
    };
    let (answer, ()) = tokio::join!(host.answer("why?"), request);
    assert_eq!(answer, Ok("because".to_owned()));
    idle(&peer).await;
}

#[tokio::test]
async fn text_that_is_not_utf8_is_not_json() {
    let (peer, mut program) = Program::connected(&text(), &JsonRpc::new());
    program
        .send(b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xFF\"}")
        .await;
    let answer = program.receive_json().await;
    assert_eq!(answer["error"]["code"], -32700);
    assert_eq!(program.exchange(NOTHING).await, DONE);
    idle(&peer).await;
}

#[tokio::test]
async fn a_panic_is_an_internal_error() {
    let (peer, mut program) = Program::connected(&text(), &JsonRpc::new());
    program
        .send(r#"{"jsonrpc":"2.0","id":1,"method":"Text.panics"}"#)
        .await;
    let answer = program.receive_json().await;
    assert_eq!(answer["error"]["code"], -32603);
    assert_eq!(answer["error"]["data"]["chirp"], "panicked");
    assert_eq!(answer["id"], 1);
    idle(&peer).await;
}

#[tokio::test]
async fn an_id_in_use_is_refused_and_may_be_used_again() {
    let (peer, mut program) = Program::connected(&text(), &JsonRpc::new());
    let hang = r#"{"jsonrpc":"2.0","id":1,"method":"Text.hang"}"#;
    program.send(hang).await;
    let refused = r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32600,"message":"a request with this id is in progress"}}"#;
    assert_eq!(program.exchange(hang).await, refused);
    // The first goes on.
    let cancel = r#"{"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":1}}"#;
    let cancelled =
        r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32800,"message":"the request was cancelled"}}"#;
    assert_eq!(program.exchange(cancel).await, cancelled);
    program.send(hang).await;
    assert_eq!(program.exchange(cancel).await, cancelled);
    // Ids that are `null` cannot be told apart.
    let null = r#"{"jsonrpc":"2.0","id":null,"method":"Text.hang"}"#;
    program.send(null).await;
    program.send(null).await;
    assert_eq!(program.exchange(NOTHING).await, DONE);
    drop(program);
    peer.closed().await;
}
