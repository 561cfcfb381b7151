//! Floods, oversized messages, large batches, programs that do not read, and the ends of connections.

use std::time::Duration;

use chirp::channel::Channel;
use chirp::jsonrpc::{Framing, JsonRpc};
use chirp::{ConnectionError, Limits, PeerState};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::calls::{HostClient, text};
use crate::program::Program;
use crate::support::{idle, in_time};

fn request(id: usize, method: &str, params: &Value) -> String {
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}).to_string()
}

#[tokio::test]
async fn a_message_over_the_limit_is_skipped() {
    for (size, is_skipped) in [(1000, false), (1001, true), (100_000, true)] {
        let (peer, mut program) = Program::connected(&text(), &JsonRpc::new().max_message(1000));
        let padding = "x".repeat(size - request(1, "Text.nothing", &json!([""])).len());
        let message = request(1, "Text.nothing", &json!([padding]));
        assert_eq!(message.len(), size);
        program.send(message).await;
        let answer = program.receive_json().await;
        assert_eq!(answer["id"], 1);
        if is_skipped {
            assert_eq!(answer["error"]["code"], -14587);
            assert_eq!(
                answer["error"]["data"],
                json!({"chirp": "too_large", "limit": 1000})
            );
        } else {
            assert_eq!(answer["result"], Value::Null);
        }
        let answer = program
            .exchange(&request(2, "Text.nothing", &json!([])))
            .await;
        assert_eq!(answer, r#"{"jsonrpc":"2.0","id":2,"result":null}"#);
        idle(&peer).await;
    }
}

#[tokio::test]
async fn an_id_over_the_limit_is_refused() {
    let (peer, mut program) = Program::connected(&text(), &JsonRpc::new());
    let string = |len: usize| format!("\"{}\"", "x".repeat(len - 2));
    for (id, is_refused) in [
        (string(1024), false),
        ("1".repeat(1024), false),
        (string(1025), true),
        ("1".repeat(1025), true),
    ] {
        let single = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"Text.nothing"}}"#);
        let refused = r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"the id is longer than 1024 bytes"}}"#;
        let answer = if is_refused {
            refused.to_owned()
        } else {
            format!(r#"{{"jsonrpc":"2.0","id":{id},"result":null}}"#)
        };
        assert_eq!(program.exchange(&single).await, answer);
        let batch = program.exchange(&format!("[{single}]")).await;
        assert_eq!(batch, format!("[{answer}]"));
        if is_refused {
            let without_method = format!(r#"{{"jsonrpc":"2.0","id":{id}}}"#);
            assert_eq!(program.exchange(&without_method).await, refused);
        }
    }
    idle(&peer).await;
}

#[tokio::test]
async fn a_response_over_the_limit_fails_its_call_alone() {
    let (peer, mut program) = Program::connected(&text(), &JsonRpc::new().max_message(1000));
    let host = HostClient::new(&peer).with_json();
    let calls = [host.answer("why?").start(), host.answer("how?").start()];
    let mut ids = Vec::new();
    for _ in &calls {
        ids.push(program.receive_json().await["id"].clone());
    }
    let answer = json!({"jsonrpc": "2.0", "id": ids[0], "result": "x".repeat(1000)});
    program.send(answer.to_string()).await;
    let answer = json!({"jsonrpc": "2.0", "id": ids[1], "result": "so"});
    program.send(answer.to_string()).await;
    let [first, second] = calls;
    let error = in_time(first).await.unwrap_err();
    assert!(error.to_string().contains("1000 bytes"), "{error}");
    assert_eq!(in_time(second).await.unwrap(), "so");
    idle(&peer).await;
}

#[tokio::test]
async fn a_message_over_the_limit_ends_the_connection_if_a_call_may_wait_for_it() {
    let (peer, mut program) = Program::connected(&text(), &JsonRpc::new().max_message(1000));
    let host = HostClient::new(&peer).with_json();
    let call = host.answer("why?").start();
    let id = program.receive_json().await["id"].clone();
    let answer = format!(
        r#"{{"result":"{}","id":{id},"jsonrpc":"2.0"}}"#,
        "x".repeat(1000)
    );
    program.send(answer).await;
    let error = in_time(call).await.unwrap_err();
    assert!(error.to_string().contains("1000 bytes"), "{error}");
    idle(&peer).await;
}

#[tokio::test]
async fn an_answer_over_the_limit_is_an_error() {
    let (peer, mut program) = Program::connected(&text(), &JsonRpc::new().max_message(4096));
    program
        .send(request(1, "Text.repeat", &json!(["x", 10_000])))
        .await;
    let answer = program.receive_json().await;
    assert_eq!(answer["error"]["code"], -32603);
    assert_eq!(answer["error"]["data"]["chirp"], "invalid_result");
    idle(&peer).await;
}

#[tokio::test]
async fn a_batch_over_the_limit_runs_nothing() {
    let (sender, mut notes) = tokio::sync::mpsc::unbounded_channel::<String>();
    let (peer, mut program) = Program::connected(&text().extension(sender), &JsonRpc::new());
    for (entries, runs) in [(1000, true), (1001, false), (100_000, false)] {
        let note = r#"{"jsonrpc":"2.0","method":"Text.note","params":["x"]}"#;
        let batch = format!("[{}]", vec![note; entries].join(","));
        program.send(batch).await;
        if runs {
            for _ in 0..entries {
                notes.recv().await.unwrap();
            }
        } else {
            let answer = program.receive_json().await;
            assert_eq!(answer["error"]["code"], -32600);
            assert_eq!(
                answer["error"]["message"],
                "the batch has more than 1000 entries"
            );
        }
    }
    idle(&peer).await;
    assert!(notes.try_recv().is_err());
}

#[tokio::test]
async fn the_responses_of_batches_have_a_limit() {
    let (peer, mut program) = Program::connected(&text(), &JsonRpc::new().max_message(10_000));
    let mut calls: Vec<_> = (0..5)
        .map(|id| request(id, "Text.repeat", &json!(["x", 4000])))
        .collect();
    calls.push(request(9, "Text.hang", &json!([])));
    program.send(format!("[{}]", calls.join(","))).await;
    // The batch waits for its last call.
    let answer = program
        .exchange(&request(10, "Text.nothing", &json!([])))
        .await;
    assert_eq!(answer, r#"{"jsonrpc":"2.0","id":10,"result":null}"#);
    program
        .send(r#"{"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":9}}"#)
        .await;
    let batch = program.receive_json().await;
    let answers = batch.as_array().unwrap();
    assert_eq!(answers.len(), 6);
    let whole = answers.iter().filter(|answer| answer["result"].is_string());
    assert_eq!(whole.count(), 2);
    let refused = answers
        .iter()
        .filter(|answer| answer["error"]["data"]["chirp"] == "too_large");
    assert_eq!(refused.count(), 3);
    idle(&peer).await;
}

#[tokio::test]
async fn a_batch_of_calls_that_wait_is_answered_when_all_are() {
    let (peer, mut program) = Program::connected(&text(), &JsonRpc::new());
    let calls: Vec<_> = (0..1000)
        .map(|id| request(id, "Text.hang", &json!([])))
        .collect();
    program.send(format!("[{}]", calls.join(","))).await;
    for id in 0..1000 {
        let cancel = json!({"jsonrpc": "2.0", "method": "$/cancelRequest", "params": {"id": id}});
        program.send(cancel.to_string()).await;
    }
    let batch = program.receive_json().await;
    assert_eq!(batch.as_array().unwrap().len(), 1000);
    idle(&peer).await;
}

#[tokio::test]
async fn more_calls_than_may_run_are_refused_as_overloaded() {
    let limits = Limits::default().max_concurrent_handlers(10);
    let (peer, mut program) = Program::connected(&text().limits(limits), &JsonRpc::new());
    for id in 0..20 {
        program.send(request(id, "Text.hang", &json!([]))).await;
    }
    for _ in 10..20 {
        let answer = in_time(program.receive_json()).await;
        assert_eq!(answer["error"]["code"], -14592);
        assert_eq!(answer["error"]["data"]["chirp"], "overloaded");
    }
    for id in 0..20 {
        let cancel = json!({"jsonrpc": "2.0", "method": "$/cancelRequest", "params": {"id": id}});
        program.send(cancel.to_string()).await;
    }
    for _ in 0..10 {
        assert_eq!(program.receive_json().await["error"]["code"], -32800);
    }
    idle(&peer).await;
}

/// Sends a message until the peer takes no more of them, and returns how many bytes it took.
async fn flood(program: &mut Program, message: &str) -> usize {
    let mut bytes = 0;
    let message = format!("{message}\n").repeat(100);
    while let Ok(()) =
        tokio::time::timeout(Duration::from_secs(20), program.write(message.as_bytes())).await
    {
        bytes += message.len();
        assert!(bytes < 64 << 20, "reads forever");
    }
    bytes
}

#[tokio::test(start_paused = true)]
async fn a_program_that_floods_and_does_not_read_is_stopped_and_disconnected() {
    for message in [
        // Answered by the peer, and by the adapter alone.
        &request(1, "Text.repeat", &json!(["x", 1000])),
        "invalid",
        "[1,2,3]",
    ] {
        let (peer, mut program) = Program::connected(&text(), &JsonRpc::new());
        flood(&mut program, message).await;
        let reason = in_time(peer.closed()).await;
        let text = format!("{reason:?}");
        assert!(
            matches!(reason, ConnectionError::Stalled { .. }) || text.contains("progress"),
            "{message}: {text}"
        );
        idle(&peer).await;
    }
}

#[tokio::test(start_paused = true)]
async fn half_a_message_has_a_time_limit() {
    for (framing, start) in [
        (Framing::Lines, "{\"jsonrpc\":"),
        (Framing::ContentLength, "Content-Le"),
        (Framing::ContentLength, "Content-Length: 100\r\n\r\n"),
        (Framing::ContentLength, "Content-Length: 100\r\n\r\n{"),
    ] {
        let settings = JsonRpc::new().framing(framing);
        let (peer, mut program) = Program::connected(&text(), &settings);
        // A program that sends nothing at all may take its time.
        tokio::time::sleep(Duration::from_hours(1)).await;
        assert!(matches!(*peer.watch().borrow(), PeerState::Open));
        program.write(start.as_bytes()).await;
        let reason = in_time(peer.closed()).await;
        assert!(reason.to_string().contains("progress"), "{start}: {reason}");
    }
}

#[tokio::test]
async fn floods_of_messages_without_an_answer_take_no_memory() {
    let (peer, mut program) = Program::connected(&text(), &JsonRpc::new());
    let messages = [
        r#"{"jsonrpc":"2.0","id":7,"result":3}"#,
        r#"{"jsonrpc":"2.0","method":"Text.missing"}"#,
        r#"{"jsonrpc":"2.0","method":"$/cancelRequest","params":{"id":7}}"#,
    ];
    let messages = format!("{}\n", messages.join("\n")).repeat(1000);
    for _ in 0..20 {
        program.write(messages.as_bytes()).await;
    }
    let answer = program
        .exchange(&request(1, "Text.nothing", &json!([])))
        .await;
    assert_eq!(answer, r#"{"jsonrpc":"2.0","id":1,"result":null}"#);
    idle(&peer).await;
}

#[tokio::test]
async fn large_values_pass_in_both_directions() {
    let (peer, mut program) = Program::connected(&text(), &JsonRpc::new());
    let large = "ä\n".repeat(1 << 20);
    program
        .send(request(1, "Text.repeat", &json!([large, 2])))
        .await;
    let answer = program.receive_json().await;
    assert_eq!(answer["result"].as_str().unwrap().len(), 2 * large.len());
    let host = HostClient::new(&peer).with_json();
    let (answer, ()) = tokio::join!(host.answer(&large), async {
        let question = program.receive_json().await;
        assert_eq!(question["params"]["question"], large);
        let answer = json!({"jsonrpc": "2.0", "id": question["id"], "result": large});
        program.send(answer.to_string()).await;
    });
    assert_eq!(answer.unwrap(), large);
    idle(&peer).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_before_the_end_of_the_input_are_answered() {
    for _ in 0..50 {
        let (peer, mut program) = Program::connected(&text(), &JsonRpc::new());
        for id in 0..4 {
            // Some take longer than it takes to see the end of the input.
            let milliseconds = id % 2 * 5;
            let request = request(id, "Text.wait", &json!([milliseconds]));
            program.send(request).await;
        }
        assert_eq!(in_time(program.finish()).await.len(), 4);
        idle(&peer).await;
    }
}

#[tokio::test]
async fn the_end_of_input_ends_calls_and_the_connection() {
    let (sender, mut drops) = tokio::sync::mpsc::unbounded_channel::<()>();
    let (peer, mut program) = Program::connected(&text().extension(sender), &JsonRpc::new());
    program.send(request(1, "Text.hang", &json!([]))).await;
    program.send(request(2, "Text.nothing", &json!([]))).await;
    // The last line has no end.
    program
        .write(request(3, "Text.add", &json!([1, 2])).as_bytes())
        .await;
    let lines = in_time(program.finish()).await;
    assert_eq!(
        lines,
        [
            r#"{"jsonrpc":"2.0","id":2,"result":null}"#,
            r#"{"jsonrpc":"2.0","id":3,"result":3}"#
        ]
    );
    drops.recv().await.unwrap();
    let host = HostClient::new(&peer).with_json();
    host.answer("why?").await.unwrap_err();
    idle(&peer).await;
}

#[tokio::test]
async fn a_peer_that_shuts_down_answers_what_runs_and_refuses_the_rest() {
    let (peer, mut program) = Program::connected(&text(), &JsonRpc::new());
    program.send(request(1, "Text.ask", &json!(["why?"]))).await;
    let question = program.receive_json().await;
    let shutdown = tokio::spawn({
        let peer = peer.clone();
        async move { peer.shutdown(Duration::from_mins(1)).await }
    });
    peer.draining().await;
    program.send(request(2, "Text.nothing", &json!([]))).await;
    let refused = in_time(program.receive_json()).await;
    assert_eq!(refused["id"], 2);
    assert_eq!(refused["error"]["code"], -14591);
    assert_eq!(refused["error"]["data"]["chirp"], "shutting_down");
    let answer = json!({"jsonrpc": "2.0", "id": question["id"], "result": "because"});
    program.send(answer.to_string()).await;
    let answer = in_time(program.receive_json()).await;
    assert_eq!(
        answer,
        json!({"jsonrpc": "2.0", "id": 1, "result": "because"})
    );
    assert_eq!(in_time(program.finish()).await, Vec::<String>::new());
    in_time(shutdown).await.unwrap();
}

#[tokio::test]
async fn a_peer_that_closes_ends_the_connection() {
    let (peer, mut program) = Program::connected(&text(), &JsonRpc::new());
    program.send(request(1, "Text.hang", &json!([]))).await;
    let host = HostClient::new(&peer).with_json();
    let call = tokio::spawn(async move { host.answer("why?").await });
    program.receive_json().await;
    peer.close();
    in_time(call).await.unwrap().unwrap_err();
    assert_eq!(in_time(program.finish()).await, Vec::<String>::new());
    idle(&peer).await;
}

#[tokio::test(start_paused = true)]
async fn a_large_message_passes_a_slow_link() {
    // 1.5 MiB at 400 KB/s: longer than the time limit of progress, which there is all the time.
    let limits = Limits::default().progress_timeout(Duration::from_secs(1));
    let (near, mut far) = tokio::io::duplex(64 << 10);
    let channel = JsonRpc::new().channel(Channel::io(near));
    let peer = text().limits(limits).start(channel).unwrap();
    let call = request(1, "Text.repeat", &json!(["0123456789abcdef", 3 << 15]));
    far.write_all(call.as_bytes()).await.unwrap();
    far.write_all(b"\n").await.unwrap();
    let mut answer = Vec::new();
    while answer.last() != Some(&b'\n') {
        let mut piece = [0; 4000];
        let count = far.read(&mut piece).await.unwrap();
        assert_ne!(count, 0, "{}", peer.closed().await);
        answer.extend_from_slice(&piece[..count]);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(answer.len() > 3 << 19);
    idle(&peer).await;
}

#[tokio::test]
async fn values_of_any_depth_are_read() {
    let (peer, mut program) = Program::connected(&text(), &JsonRpc::new());
    let deep = |open: &str, close: &str| open.repeat(1 << 16) + "1" + &close.repeat(1 << 16);
    let array = deep("[", "]");
    let object = deep("{\"a\":", "}");
    // Members of `chirp` that are not known are ignored.
    for (value, wrong_member) in [(&array, Some(-32600)), (&object, None)] {
        for (message, code) in [
            // Ignored, and then refused by the codec's own limit.
            (
                format!(r#"{{"jsonrpc":"2.0","id":1,"method":"Text.nothing","x":{value}}}"#),
                None,
            ),
            (
                format!(r#"{{"jsonrpc":"2.0","id":1,"method":"Text.add","params":[{value},1]}}"#),
                Some(-32602),
            ),
            (
                format!(r#"{{"jsonrpc":"2.0","id":{value},"method":"Text.nothing"}}"#),
                Some(-32600),
            ),
            (
                format!(r#"{{"jsonrpc":"2.0","id":1,"method":{value}}}"#),
                Some(-32600),
            ),
            (
                format!(r#"{{"jsonrpc":"2.0","id":1,"method":"Text.nothing","chirp":{value}}}"#),
                wrong_member,
            ),
        ] {
            program.send(&message).await;
            let answer = program.receive_json().await;
            assert_eq!(answer["error"]["code"].as_i64(), code, "{}", &message[..60]);
        }
        program
            .send(format!(r#"{{"jsonrpc":"2.0","id":1,"error":{value}}}"#))
            .await;
        let cancel =
            format!(r#"{{"jsonrpc":"2.0","method":"$/cancelRequest","params":{{"id":{value}}}}}"#);
        program.send(cancel).await;
    }
    for message in [array.as_str(), &array[..1 << 16], &object[..1 << 16]] {
        program.send(message).await;
        let answer = program.receive_json().await;
        let first = answer.get(0).unwrap_or(&answer);
        assert!(first["error"]["code"].is_i64());
    }
    idle(&peer).await;
}

/// Found by the fuzz target `json_rpc`: the decoder was used again after its error, and panicked.
#[tokio::test]
async fn invalid_header_fields_behind_a_call_end_the_connection_with_their_error() {
    let settings = JsonRpc::new().framing(Framing::ContentLength);
    let (peer, mut program) = Program::connected(&text(), &settings);
    let call = "{}";
    let fields = "Content-Type: application/json\r\n\r\n";
    let input = format!("Content-Length: {}\r\n\r\n{call}{fields}", call.len());
    program.write(input.as_bytes()).await;
    let ended = in_time(peer.closed()).await.to_string();
    assert!(ended.contains("Content-Length"), "{ended}");
}
