//! Outgoing calls: sending them, waiting for their responses, cancelling them.

pub(in crate::peer) mod answer;
mod await_hint;
pub(in crate::peer) mod call;
pub(in crate::peer) mod call_core;
pub(in crate::peer) mod call_options;
pub(in crate::peer) mod caller;
pub(in crate::peer) mod connection_source;
pub(in crate::peer) mod indirect;
pub(in crate::peer) mod layer;
pub(in crate::peer) mod layer_chain;
pub(in crate::peer) mod lazy_call;
pub(in crate::peer) mod limit;
pub(in crate::peer) mod local;
pub(in crate::peer) mod one_way_call;
pub(in crate::peer) mod outgoing;
pub(in crate::peer) mod pending_call;
pub(in crate::peer) mod pending_calls;
pub(in crate::peer) mod pending_send;
pub(in crate::peer) mod retry_budget;
pub(in crate::peer) mod retry_policy;
pub(in crate::peer) mod retrying;
pub(in crate::peer) mod send;
pub(in crate::peer) mod submit_queue;
