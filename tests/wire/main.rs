//! Bytes: conformance to PROTOCOL.md, codecs and compression.

mod codec_support;
mod compression;
mod conformance;
#[path = "../support/mod.rs"]
mod support;
