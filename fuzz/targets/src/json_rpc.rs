//! A peer whose other side speaks JSON-RPC 2.0, or sends anything else.
//!
//! The first byte chooses the framing and the length of pieces; the others are what the other side sends. Everything that
//! comes back is a message, no request has two answers, and the peer ends after its input.

use std::collections::HashMap;

use chirp::channel::memory;
use chirp::jsonrpc::{Framing, JsonRpc};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::program::{self, in_time};

/// Runs the target.
pub fn run(data: &[u8]) {
    let Some((settings, bytes)) = data.split_first() else {
        return;
    };
    let framing = if settings & 1 == 0 {
        Framing::Lines
    } else {
        Framing::ContentLength
    };
    let piece = 1 + usize::from(settings >> 1) * 8;
    let rules = JsonRpc::new()
        .framing(framing)
        .max_message(4096)
        .max_batch(8);
    program::runtime().block_on(async {
        let (near, far) = memory();
        let peer = program::builder()
            .start(rules.channel(near))
            .expect("a peer");
        let (mut reader, mut writer) = far.into_split();
        let send = async {
            for piece in bytes.chunks(piece) {
                // The peer closes the channel on bytes that are no messages.
                if writer.write_all(piece).await.is_err() {
                    break;
                }
            }
            let _ = writer.shutdown().await;
        };
        let mut output = Vec::new();
        let receive = reader.read_to_end(&mut output);
        let ((), received) = in_time("the end of the connection", async {
            tokio::join!(send, receive)
        })
        .await;
        received.expect("the channel ends in order");
        in_time("the end of the peer", peer.closed()).await;
        check(framing, bytes, &output);
    });
}

/// Checks that everything is a message, and that each request has one answer at most.
fn check(framing: Framing, input: &[u8], output: &[u8]) {
    let mut owed = Owed::default();
    let messages = match framing {
        Framing::Lines => input
            .split(|byte| *byte == b'\n')
            .map(<[u8]>::to_vec)
            .collect(),
        _ => framed(input),
    };
    for message in messages {
        match serde_json::from_slice::<Value>(&message) {
            Ok(value) => note_requests(&value, &mut owed),
            // The peer may read the id of a message that has a mistake elsewhere.
            Err(_) => {
                owed.unread += message
                    .windows(4)
                    .filter(|bytes| bytes == b"\"id\"")
                    .count();
            }
        }
    }
    let answers = match framing {
        Framing::Lines => output
            .split(|byte| *byte == b'\n')
            .map(<[u8]>::to_vec)
            .collect(),
        _ => framed(output),
    };
    for answer in answers.into_iter().filter(|answer| !answer.is_empty()) {
        let value = serde_json::from_slice(&answer).unwrap_or_else(|error| {
            panic!("{error}: {}", answer.escape_ascii());
        });
        check_answer(value, &mut owed, input);
    }
}

/// The answers that may come.
#[derive(Default)]
struct Owed {
    by_id: HashMap<String, usize>,
    /// Those to messages that are not JSON as a whole.
    unread: usize,
}

fn note_requests(value: &Value, owed: &mut Owed) {
    match value {
        Value::Array(values) => values.iter().for_each(|value| note_requests(value, owed)),
        Value::Object(members) => {
            if let Some(id) = members.get("id") {
                *owed.by_id.entry(id.to_string()).or_default() += 1;
            }
        }
        _ => {}
    }
}

fn check_answer(value: Value, owed: &mut Owed, input: &[u8]) {
    match value {
        Value::Array(values) => values
            .into_iter()
            .for_each(|value| check_answer(value, owed, input)),
        value => {
            assert_eq!(value["jsonrpc"], "2.0", "{value}");
            if value.get("method").is_some() {
                return;
            }
            assert!(
                value.get("result").is_some() != value.get("error").is_some(),
                "{value}"
            );
            // An answer to a message whose id cannot be read has none.
            if !value["id"].is_null() {
                let left = owed.by_id.entry(value["id"].to_string()).or_default();
                let left = if *left == 0 { &mut owed.unread } else { left };
                assert!(
                    *left > 0,
                    "{value} is more than one answer to {}",
                    input.escape_ascii()
                );
                *left -= 1;
            }
        }
    }
}

/// The contents of messages with a length before each.
fn framed(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut messages = Vec::new();
    let mut length = None;
    // Lines may end without a carriage return, and empty lines may come before a message.
    while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
        let line = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
        bytes = &bytes[end + 1..];
        if !line.trim_end_matches('\r').is_empty() {
            let (name, value) = line.split_once(':').unwrap_or_default();
            if name.trim() == "content-length" {
                length = value.trim().parse::<usize>().ok();
            }
            continue;
        }
        let Some(length) = length.take() else {
            continue;
        };
        if length > bytes.len() {
            break;
        }
        messages.push(bytes[..length].to_vec());
        bytes = &bytes[length..];
    }
    messages
}
