//! Sources of the runtime, and what they use.

#[path = "../../../../../chirp-runtime/src/peer/server/dispatch.rs"]
pub(in crate::peer) mod dispatch;
#[path = "../../../../../chirp-runtime/src/peer/server/dispatch_batch.rs"]
pub(in crate::peer) mod dispatch_batch;
#[path = "../../../../../chirp-runtime/src/peer/server/dispatch_step.rs"]
pub(in crate::peer) mod dispatch_step;
pub(in crate::peer) mod dispatcher;
#[path = "../../../../../chirp-runtime/src/peer/server/handler_stays.rs"]
pub(in crate::peer) mod handler_stays;
#[cfg(test)]
mod handler_stays_model;
pub(in crate::peer) mod in_place;
#[path = "../../../../../chirp-runtime/src/peer/server/inbound_call.rs"]
pub(in crate::peer) mod inbound_call;
#[path = "../../../../../chirp-runtime/src/peer/server/reader_in_place.rs"]
pub(in crate::peer) mod reader_in_place;
#[cfg(test)]
mod reader_in_place_model;
pub(in crate::peer) mod serving;
#[path = "../../../../../chirp-runtime/src/peer/server/slow_methods.rs"]
pub(in crate::peer) mod slow_methods;
pub(in crate::peer) mod task;
