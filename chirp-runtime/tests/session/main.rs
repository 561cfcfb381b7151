//! Floor 1 from outside: the protocol of one connection, as scripts of packets in and packets out.
//!
//! `script.rs` says how they read.

mod cancel;
#[cfg(feature = "lz4")]
mod compressed;
mod extremes;
mod fatal;
mod free_streams;
mod hello;
mod ids;
mod inbound;
mod pauses;
mod payloads;
mod room;
mod script;
mod stream_attacks;
mod stream_credit;
mod stream_properties;
mod stream_script;
mod stream_words;
mod streams;
mod too_large;
mod transmit;
mod words;
