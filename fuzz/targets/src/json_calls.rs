//! Calls by JSON names, with any bytes as arguments.
//!
//! The first byte chooses the method, and the others are the arguments. A call has a result in JSON or an error, the
//! connection stays, and a value that `serde_json` reads comes back as it was.

use std::cell::RefCell;

use chirp::packet::FrameworkError;
use chirp::{CallError, Peer};
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::program::{self, Parcel, in_time};

const METHODS: &[&str] = &[
    "Depot.same;json",
    "Depot.add;json",
    "Depot.repeat;json",
    "Depot.reversed;json",
    "Depot.find;json",
    "Depot.count;json",
    "Depot.total;json",
    "Depot.nothing;json",
    "Depot.note;json",
    "Depot.missing;json",
    "chirp.reflect.describe;json",
    "chirp.reflect.describe",
    "chirp.reflect.stats",
    "chirp.health.check",
    "chirp.hello",
    "chirp.contract",
    "Depot.same",
    "Depot.reversed",
    "Depot.pieces;json",
    "Depot.length;json",
    "Depot.both;json",
    "Depot.evens;json",
    "Depot.file;json",
];

struct Connected {
    runtime: Runtime,
    client: Peer,
    _server: Peer,
}

thread_local! {
    static CONNECTED: RefCell<Option<Connected>> = const { RefCell::new(None) };
}

/// Runs the target.
pub fn run(data: &[u8]) {
    let Some((method, arguments)) = data.split_first() else {
        return;
    };
    let method = METHODS[usize::from(*method) % METHODS.len()];
    // A peer is not used again after a panic.
    let connected = CONNECTED.take().unwrap_or_else(connect);
    CONNECTED.set(Some(connected.called(method, arguments)));
}

fn connect() -> Connected {
    let runtime = program::runtime();
    let (client, server) = runtime.block_on(async { program::pair() });
    Connected {
        runtime,
        client,
        _server: server,
    }
}

impl Connected {
    fn called(self, method: &str, arguments: &[u8]) -> Self {
        let call = self.client.call(method.to_owned(), arguments.to_vec());
        let result = self.runtime.block_on(in_time(method, call));
        match result {
            Ok(result) => check_result(method, arguments, &result),
            Err(error) => check_error(method, arguments, &error),
        }
        self
    }
}

fn check_result(method: &str, arguments: &[u8], result: &[u8]) {
    // A one-way method has no result.
    if !method.ends_with(";json") || method == "Depot.note;json" {
        return;
    }
    let result: Value = serde_json::from_slice(result).expect("a result is JSON");
    if method == "Depot.same;json" {
        let parcel: Parcel = serde_json::from_value(result).expect("a parcel comes back");
        if let Some(sent) = sent(arguments) {
            assert_eq!(sent, parcel, "of {}", arguments.escape_ascii());
        }
    }
}

fn check_error(method: &str, arguments: &[u8], error: &CallError) {
    match error {
        CallError::ConnectionLost(_)
        | CallError::Rejected {
            reason: FrameworkError::Panicked { .. },
            ..
        } => {
            panic!("{method} of {}: {error}", arguments.escape_ascii());
        }
        _ => {}
    }
    if method == "Depot.same;json"
        && let Some(sent) = sent(arguments)
    {
        panic!("{sent:?} is refused: {error}: {}", arguments.escape_ascii());
    }
}

/// The argument as `serde_json` reads it: an array of it, or an object with its name.
fn sent(arguments: &[u8]) -> Option<Parcel> {
    #[derive(serde::Deserialize)]
    struct Named {
        parcel: Parcel,
    }
    serde_json::from_slice::<(Parcel,)>(arguments)
        .map(|(parcel,)| parcel)
        .or_else(|_| serde_json::from_slice(arguments).map(|Named { parcel }| parcel))
        .ok()
}
