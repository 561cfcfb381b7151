#!/usr/bin/env bash
# Rust's serde_bencode 0.2.4 writes values that it cannot read: booleans, characters and integers from 2^63 on. A list loses the
# elements that are None.
# Guess: what is written without an error can be read.
source "$(dirname "$(realpath "$0")")/lib.sh"

cargo_run 'serde = "1"' 'serde_bencode = "=0.2.4"' <<'RS' |
use serde::{de::DeserializeOwned, Serialize};
use std::fmt::Debug;

fn pass_on<T: Serialize + DeserializeOwned + Debug>(value: T) {
    let bytes = serde_bencode::to_bytes(&value).unwrap();
    let read = serde_bencode::from_bytes::<T>(&bytes);
    println!("{value:?}: {} -> {}", String::from_utf8_lossy(&bytes), read.map_or("error".to_owned(), |read| format!("{read:?}")));
}

fn main() {
    pass_on(true);
    pass_on('x');
    pass_on(u64::MAX);
    pass_on(vec![Some(1), None, Some(2)]);
}
RS
    expect "true: i1e -> error
'x': 1:x -> error
18446744073709551615: i18446744073709551615e -> error
[Some(1), None, Some(2)]: li1ei2ee -> [Some(1), Some(2)]"
