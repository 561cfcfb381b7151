//! Compares this implementation's bytes with those of the Go reference, release v0.4.12.
//!
//! `chirp-v0.json` was recorded elsewhere and is not edited. Only `vint30` is not tested, which is a helper
//! for applications and not part of the protocol.

mod packets;
mod recording;
mod sessions;
