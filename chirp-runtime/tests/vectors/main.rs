//! Bytes that the Go reference wrote or read, release v0.4.12, against ours.
//!
//! `chirp-v0.json` is data from outside and is not edited. Of it only `vint30` is left out, which is a
//! helper for applications and not part of the protocol.

mod packets;
mod recording;
mod sessions;
