//! The other side's calls: who answers them, what begins their handlers, and what interrupts them.

pub(in crate::peer) mod access;
pub(in crate::peer) mod blocking;
pub(in crate::peer) mod completion;
pub(in crate::peer) mod context;
pub(in crate::peer) mod dispatch;
pub(in crate::peer) mod dispatcher;
pub(in crate::peer) mod handler;
pub(in crate::peer) mod lane;
pub(in crate::peer) mod packets;
pub(in crate::peer) mod reply;
pub(in crate::peer) mod request;
pub(in crate::peer) mod responder;
pub(in crate::peer) mod router;
pub(in crate::peer) mod runs;
pub(in crate::peer) mod serving;
pub(in crate::peer) mod slow;
pub(in crate::peer) mod task;
pub(crate) mod turns;
pub(in crate::peer) mod values;
