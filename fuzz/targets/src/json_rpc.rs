//! A peer whose other side speaks JSON-RPC 2.0, or sends anything else.
//!
//! The first byte chooses the framing, the dialect, whether the peer makes calls itself, and the length of pieces; the others
//! are what the other side sends, once it has the calls. Everything that comes back is a message, no request has two answers,
//! and after its input the peer ends, and so do its calls.

use std::collections::HashMap;

use chirp::Peer;
use chirp::channel::memory;
use chirp::jsonrpc::{Dialect, Framing, JsonRpc};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinSet;

use crate::program::{self, DepotClient, in_time};

/// The limit of a message, in bytes.
const MAX_MESSAGE: usize = 2048;

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
    let dialect = match settings >> 1 & 3 {
        0 => Dialect::Plain,
        1 => Dialect::Lsp,
        2 => Dialect::Mcp,
        _ => Dialect::Acp,
    };
    let makes_calls = settings >> 3 & 1 == 1;
    let piece = 1 + usize::from(settings >> 4) * 16;
    let rules = JsonRpc::new()
        .framing(framing)
        .dialect(dialect)
        .max_message(MAX_MESSAGE)
        .max_batch(8);
    program::runtime().block_on(async {
        let (near, far) = memory();
        let peer = program::builder()
            .start(rules.channel(near))
            .expect("a peer");
        let (mut reader, mut writer) = far.into_split();
        let mut output = Vec::new();
        let mut calls = JoinSet::new();
        if makes_calls {
            let begun = begin_calls(&peer, &mut calls, &mut reader, &mut output);
            in_time("the beginning of calls", begun).await;
        }
        let send = async {
            for piece in bytes.chunks(piece) {
                // The peer closes the channel on bytes that are no messages.
                if writer.write_all(piece).await.is_err() {
                    break;
                }
            }
            let _ = writer.shutdown().await;
        };
        let receive = reader.read_to_end(&mut output);
        let ((), received) = in_time("the end of the connection", async {
            tokio::join!(send, receive)
        })
        .await;
        received.expect("the channel ends in order");
        in_time("the end of the peer", peer.closed()).await;
        in_time("the end of calls", calls.join_all()).await;
        check(framing, bytes, &output);
    });
}

/// Makes calls of every kind, one of which is cancelled. Returns once the other side has them all.
async fn begin_calls(
    peer: &Peer,
    calls: &mut JoinSet<()>,
    reader: &mut (impl AsyncRead + Unpin),
    output: &mut Vec<u8>,
) {
    let client = DepotClient::new(peer).with_json();
    let (add, evens) = (client.add(1, 2), client.evens(vec![2, 4]));
    let note = client.note("n".to_owned());
    calls.spawn(async move { drop(add.await) });
    calls.spawn(async move {
        if let Ok(mut numbers) = evens.await {
            while numbers.recv().await.is_some() {}
        }
    });
    calls.spawn(async move { drop(note.await) });
    let nothing = client.nothing();
    let cancelled = tokio::spawn(async move { drop(nothing.await) });
    let has = |output: &[u8], name: &str| {
        let mut parts = output.windows(name.len());
        parts.any(|part| part == name.as_bytes())
    };
    let names = ["Depot.add", "Depot.evens", "Depot.note", "Depot.nothing"];
    while !names.iter().all(|name| has(output, name)) {
        let read = reader.read_buf(output).await.expect("a channel");
        assert!(read > 0, "the peer does not end by itself");
    }
    cancelled.abort();
}

/// Checks that everything is a message, and that each request has one answer at most.
fn check(framing: Framing, input: &[u8], output: &[u8]) {
    let mut owed = Owed::default();
    for message in messages(framing, input) {
        match serde_json::from_slice::<Value>(message.bytes) {
            Ok(value) if message.length <= MAX_MESSAGE => note_requests(&value, &mut owed),
            // The peer may read the id of a message that has a mistake elsewhere, or the first id of one over the limit.
            _ => {
                owed.unread += message
                    .bytes
                    .windows(4)
                    .filter(|bytes| bytes == b"\"id\"")
                    .count();
            }
        }
    }
    for answer in messages(framing, output) {
        if !answer.bytes.is_empty() {
            check_answer(read(answer.bytes), &mut owed, input);
        }
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

fn check_answer(text: &RawValue, owed: &mut Owed, input: &[u8]) {
    if text.get().starts_with('[') {
        for entry in read::<Vec<&RawValue>>(text.get().as_bytes()) {
            check_answer(entry, owed, input);
        }
        return;
    }
    let mut members: HashMap<&str, &RawValue> = read(text.get().as_bytes());
    // An answer repeats the id of its request as it was sent: `8e400` is valid JSON, though few readers have a number for it.
    let id = members.remove("id");
    for value in members.values() {
        read::<Value>(value.get().as_bytes());
    }
    let version = members.get("jsonrpc").map(|version| version.get());
    assert_eq!(version, Some("\"2.0\""), "{text}");
    if members.contains_key("method") {
        return;
    }
    assert!(
        members.contains_key("result") != members.contains_key("error"),
        "{text}"
    );
    // An answer to a message whose id cannot be read has none.
    if let Some(id) = id.filter(|id| id.get() != "null") {
        let id = serde_json::from_str::<Value>(id.get())
            .map_or_else(|_| id.get().to_owned(), |id| id.to_string());
        let left = owed.by_id.entry(id).or_default();
        let left = if *left == 0 { &mut owed.unread } else { left };
        assert!(
            *left > 0,
            "{text} is more than one answer to {}",
            input.escape_ascii()
        );
        *left -= 1;
    }
}

fn read<'a, T: Deserialize<'a>>(text: &'a [u8]) -> T {
    serde_json::from_slice(text).unwrap_or_else(|error| {
        panic!("{error}: {}", text.escape_ascii());
    })
}

/// A message as it was sent.
struct Sent<'a> {
    bytes: &'a [u8],
    /// The length that the sender said, in bytes. More than there are if the input ends before.
    length: usize,
}

fn messages(framing: Framing, bytes: &[u8]) -> Vec<Sent<'_>> {
    match framing {
        Framing::Lines => bytes
            .split(|byte| *byte == b'\n')
            .map(|bytes| Sent {
                bytes,
                length: bytes.len(),
            })
            .collect(),
        _ => framed(bytes),
    }
}

/// The contents of messages with a length before each.
fn framed(mut bytes: &[u8]) -> Vec<Sent<'_>> {
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
        // A message over the limit is answered before its end.
        let content = &bytes[..length.min(bytes.len())];
        messages.push(Sent {
            bytes: content,
            length,
        });
        bytes = &bytes[content.len()..];
    }
    messages
}
