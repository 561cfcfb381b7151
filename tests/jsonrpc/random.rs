//! Random input: nothing makes the peer panic, and each request with an id has exactly one answer.

use std::collections::BTreeMap;

use chirp::jsonrpc::JsonRpc;
use proptest::prelude::*;
use serde_json::{Value, json};
use tokio::runtime::Builder;

use crate::calls::text;
use crate::program::Program;
use crate::support::{idle, in_time};

/// A request, by the number of its method, or something else.
#[derive(Clone, Debug)]
enum Input {
    Request(u8),
    Notification(u8),
    /// The cancel of one of the requests before.
    Cancel(usize),
    Response(Value),
    /// Credit for one of the requests before.
    Credit(usize, u64),
    /// Items for a call that this side has not made.
    Items(Value),
    Batch(Vec<Input>),
    Bytes(Vec<u8>),
    Json(Value),
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-z\\\\\"\u{0}-\u{ff}]{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        let name = prop_oneof![
            Just("jsonrpc"),
            Just("id"),
            Just("method"),
            Just("params"),
            Just("result"),
            Just("error"),
            Just("chirp"),
            Just("code"),
            Just("message"),
            Just("x"),
        ];
        let entries = prop::collection::vec((name, inner.clone()), 0..5);
        prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(Value::from),
            entries.prop_map(|entries| entries
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect()),
        ]
    })
}

fn input() -> impl Strategy<Value = Input> {
    let bytes = prop::collection::vec(
        any::<u8>().prop_filter("no line feed", |b| *b != b'\n'),
        1..40,
    );
    let leaf = prop_oneof![
        4 => (0..13_u8).prop_map(Input::Request),
        2 => (0..13_u8).prop_map(Input::Notification),
        2 => any::<prop::sample::Index>().prop_map(|index| Input::Cancel(index.index(1000))),
        1 => json_value().prop_map(Input::Response),
        1 => (any::<prop::sample::Index>(), prop_oneof![0..5_u64, Just(u64::MAX)])
            .prop_map(|(index, count)| Input::Credit(index.index(1000), count)),
        1 => json_value().prop_map(Input::Items),
        1 => bytes.prop_map(Input::Bytes),
        1 => json_value().prop_map(Input::Json),
    ];
    prop_oneof![
        4 => leaf.clone(),
        1 => prop::collection::vec(leaf, 0..6).prop_map(Input::Batch),
    ]
}

/// Writes an input, and notes the ids of its requests. Methods that never return have negative ids.
fn write(input: &Input, ids: &mut Vec<i64>) -> Vec<u8> {
    const METHODS: [(&str, &str, &str); 13] = [
        ("Text.nothing", "[]", ""),
        ("Text.add", "[1,2]", ""),
        ("Text.add", r#"{"a":1}"#, ""),
        ("Text.line", "[5]", ""),
        ("Text.missing", "{}", ""),
        ("Text.panics", "[]", ""),
        ("Text.repeat", r#"["x",100]"#, ""),
        ("Text.repeat", "7", ""),
        ("Text.count", "[3]", ""),
        ("Text.count", "[20]", r#","chirp":{"timeout_ms":60000}"#),
        ("Text.count", "[5]", r#","chirp":{"credit":100}"#),
        ("Text.count", "[50]", r#","chirp":{"credit":3}"#),
        ("Text.hang", "[]", ""),
    ];
    let text = match input {
        Input::Request(method) => {
            let number = i64::try_from(ids.len()).unwrap() + 1;
            let id = if *method >= 11 { -number } else { number };
            ids.push(id);
            let (method, params, more) = METHODS[usize::from(*method)];
            format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{params}{more}}}"#)
        }
        Input::Notification(method) => {
            // One that never returns would stay.
            let (method, params, more) = METHODS[usize::from(*method % 11)];
            format!(r#"{{"jsonrpc":"2.0","method":"{method}","params":{params}{more}}}"#)
        }
        Input::Cancel(of) => {
            let id = ids.get(of % ids.len().max(1)).copied().unwrap_or(7);
            format!(r#"{{"jsonrpc":"2.0","method":"$/cancelRequest","params":{{"id":{id}}}}}"#)
        }
        Input::Response(value) => json!({"jsonrpc": "2.0", "id": 1, "result": value}).to_string(),
        Input::Credit(of, count) => {
            let id = ids.get(of % ids.len().max(1)).copied().unwrap_or(7);
            let params = json!({"id": id, "count": count});
            json!({"jsonrpc": "2.0", "method": "chirp.credit", "params": params}).to_string()
        }
        Input::Items(value) => {
            let params = json!({"id": 1, "items": value});
            json!({"jsonrpc": "2.0", "method": "chirp.items", "params": params}).to_string()
        }
        Input::Batch(inputs) => {
            let entries: Vec<_> = inputs
                .iter()
                .filter(|input| !matches!(input, Input::Bytes(_)))
                .map(|input| String::from_utf8(write(input, ids)).unwrap())
                .collect();
            format!("[{}]", entries.join(","))
        }
        Input::Bytes(bytes) => return bytes.clone(),
        // A request by chance would need an answer.
        Input::Json(value) => {
            json!({"jsonrpc": "2.0", "result": value, "value": value}).to_string()
        }
    };
    text.into_bytes()
}

/// Counts the answers by their ids.
fn count(answer: Value, counts: &mut BTreeMap<i64, usize>) {
    match answer {
        Value::Array(answers) => answers.into_iter().for_each(|answer| count(answer, counts)),
        answer => {
            assert_eq!(answer["jsonrpc"], "2.0");
            if answer["method"] == "chirp.items" {
                return;
            }
            assert!(answer.get("result").is_some() != answer.get("error").is_some());
            if let Some(id) = answer["id"].as_i64() {
                *counts.entry(id).or_default() += 1;
            } else {
                assert_eq!(answer["id"], Value::Null);
            }
        }
    }
}

async fn run(inputs: Vec<Input>, size: usize) {
    let (peer, mut program) = Program::connected(&text(), &JsonRpc::new());
    let mut ids = Vec::new();
    let mut bytes = Vec::new();
    for input in &inputs {
        bytes.extend_from_slice(&write(input, &mut ids));
        bytes.push(b'\n');
    }
    for id in &ids {
        let cancel = json!({"jsonrpc": "2.0", "method": "$/cancelRequest", "params": {"id": id}});
        if *id < 0 {
            bytes.extend_from_slice(cancel.to_string().as_bytes());
            bytes.push(b'\n');
        }
    }
    for piece in bytes.chunks(size) {
        program.write(piece).await;
    }
    let mut counts = BTreeMap::new();
    while counts.len() < ids.len() {
        count(in_time(program.receive_json()).await, &mut counts);
    }
    program
        .send(r#"{"jsonrpc":"2.0","id":"last","method":"Text.nothing"}"#)
        .await;
    loop {
        let answer = in_time(program.receive_json()).await;
        if answer["id"] == "last" {
            break;
        }
        count(answer, &mut counts);
    }
    assert!(counts.values().all(|count| *count == 1), "{counts:?}");
    ids.sort_unstable();
    assert!(counts.keys().eq(&ids));
    idle(&peer).await;
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn every_request_has_one_answer(
        inputs in prop::collection::vec(input(), 0..30),
        size in 1..2000_usize,
    ) {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(run(inputs, size));
    }
}
