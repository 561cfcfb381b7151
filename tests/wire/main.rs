//! Bytes: conformance to PROTOCOL.md, peers in other languages, codecs and compression.

mod codec_support;
mod compression;
mod conformance;
mod interop;
#[path = "../support/mod.rs"]
mod support;
