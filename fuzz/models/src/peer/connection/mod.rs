//! Sources of the runtime, and the parts of a connection that they use.

mod compression;
mod connection_core;
#[path = "../../../../../chirp-runtime/src/peer/connection/effects.rs"]
pub(in crate::peer) mod effects;
#[path = "../../../../../chirp-runtime/src/peer/connection/last_writes.rs"]
mod last_writes;
pub(in crate::peer) mod reader;
#[path = "../../../../../chirp-runtime/src/peer/connection/sending.rs"]
pub(in crate::peer) mod sending;
pub(in crate::peer) mod state;
#[path = "../../../../../chirp-runtime/src/peer/connection/state_guard.rs"]
pub(in crate::peer) mod state_guard;
#[path = "../../../../../chirp-runtime/src/peer/connection/write_end.rs"]
mod write_end;
#[path = "../../../../../chirp-runtime/src/peer/connection/writer.rs"]
pub(in crate::peer) mod writer;

pub(in crate::peer) use connection_core::{ConnectionCore, HandlerStep};
