//! One connection: its state behind a lock, and the tasks that read and write.

pub(in crate::peer) mod compression;
mod connection_core;
pub(in crate::peer) mod draining;
pub(in crate::peer) mod effects;
mod hello;
mod last_writes;
mod lingering;
mod origin;
mod rare_parts;
pub(in crate::peer) mod reader;
pub(in crate::peer) mod sending;
pub(in crate::peer) mod state;
pub(in crate::peer) mod state_guard;
mod write_end;
pub(in crate::peer) mod writer;

pub(in crate::peer) use connection_core::{ConnectionCore, recycle};
pub(in crate::peer) use hello::random_nonce;
pub(in crate::peer) use origin::Origin;
