//! Tests of the program as a process: its output, its errors and its exit codes.

mod bench;
mod calls;
mod gateway;
mod hostile;
mod identities;
mod jsonrpc;
mod listing;
mod program;
mod raw_peer;
mod records;
mod scratch;
mod streams;
mod terminal;
mod tools;
mod top;
mod usage;
mod web;
