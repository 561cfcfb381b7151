//! What runs underneath the [`chirp`](https://docs.rs/chirp) crate.
//!
//! Programs depend on `chirp`, which re-exports what they need from here; this crate is the house
//! that stands behind that door. Its folders are layers: each may use those below it and never one
//! above, and `tests/architecture.rs` of the workspace holds them to it.
//!
//! | layer | module | what lives there |
//! |---|---|---|
//! | 0 | [`packet`] | bytes to packets and back |
//! | 0 | [`codec`] | values to bytes and back |
//! | 1 | [`session`] | the protocol of one connection, as a value |
//! | 2 | [`channel`] | how bytes travel |
//! | 3 | [`peer`] | the asynchronous shell around a session |
//! | 4 | [`stream`] | streams with types |
//! | 5 | [`service`] | what `#[chirp::service]` generates code against |
//! | 6 | [`server`] | accepting connections |
//! | 7 | [`node`] | connections that come back |

#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod packet;

pub mod codec;

pub mod session;

pub mod channel;

pub mod peer;

pub mod stream;

pub mod service;

pub mod server;

pub mod node;

/// What generated code names, and nothing else does: no part of the public interface.
#[doc(hidden)]
pub mod __private;
