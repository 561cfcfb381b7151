//! Sources of the runtime, and what they use.

#[path = "../../../../../chirp-runtime/src/peer/stream/demand.rs"]
pub(in crate::peer) mod demand;
pub(in crate::peer) mod inbound_streams;
#[path = "../../../../../chirp-runtime/src/peer/stream/mailbox.rs"]
pub(in crate::peer) mod mailbox;
