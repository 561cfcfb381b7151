//! The sources of the runtime.

#[path = "../../../../../chirp-runtime/src/peer/client/pending_call.rs"]
pub(crate) mod pending_call;
#[path = "../../../../../chirp-runtime/src/peer/client/submit_queue.rs"]
pub(crate) mod submit_queue;
