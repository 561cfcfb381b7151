//! This side's calls: making them, waiting for their answers, letting go of them.

pub(in crate::peer) mod answer;
mod await_hint;
pub(in crate::peer) mod call;
pub(in crate::peer) mod caller;
pub(in crate::peer) mod cast;
pub(in crate::peer) mod limit;
pub(in crate::peer) mod local;
pub(in crate::peer) mod outbox;
pub(in crate::peer) mod outgoing;
pub(in crate::peer) mod queued;
pub(in crate::peer) mod route;
pub(in crate::peer) mod send;
pub(in crate::peer) mod slot;
pub(in crate::peer) mod waiters;
