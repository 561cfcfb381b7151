//! The protocol of one connection, tested with scripts of packets.
//!
//! `script.rs` describes the scripts.

mod cancel;
#[cfg(feature = "lz4")]
mod compressed;
mod contexts;
mod extremes;
mod fatal;
mod free_streams;
mod going_away;
mod hello;
mod ids;
mod inbound;
mod pauses;
mod payloads;
mod script;
mod send_backlog;
mod stream_attacks;
mod stream_credit;
mod stream_properties;
mod stream_script;
mod stream_words;
mod streams;
mod too_large;
mod transmit;
mod words;
