//! Inbound calls: routing them, starting their handlers, interrupting them.

pub(in crate::peer) mod access_policy;
pub(in crate::peer) mod blocking_pool;
pub(in crate::peer) mod completion;
pub(in crate::peer) mod context;
pub(in crate::peer) mod dispatch;
pub(in crate::peer) mod dispatch_batch;
mod dispatch_step;
pub(in crate::peer) mod dispatcher;
pub(in crate::peer) mod extensions;
pub(in crate::peer) mod handler;
pub(in crate::peer) mod handler_starter;
pub(in crate::peer) mod handler_stays;
pub(in crate::peer) mod handler_tasks;
pub(in crate::peer) mod in_place;
pub(in crate::peer) mod inbound_call;
#[cfg(feature = "reflect")]
pub(in crate::peer) mod json_form;
pub(in crate::peer) mod layer;
pub(crate) mod layer_chain;
pub(in crate::peer) mod packets;
pub(in crate::peer) mod reader_in_place;
#[cfg(feature = "reflect")]
pub(in crate::peer) mod reflected_service;
pub(in crate::peer) mod reply;
pub(in crate::peer) mod request;
mod reserved;
pub(in crate::peer) mod responder;
pub(in crate::peer) mod route_entry;
pub(in crate::peer) mod router;
pub(crate) mod service_order;
pub(in crate::peer) mod serving;
pub(in crate::peer) mod slow_methods;
#[cfg(feature = "reflect")]
pub(in crate::peer) mod stats_source;
pub(in crate::peer) mod task;
