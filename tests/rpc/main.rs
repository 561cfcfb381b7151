//! Calls between two peers: calls and cancels, deadlines, errors, handlers, routes, contracts and observers.

mod access;
mod blocking;
mod calls;
mod cancel_safety;
mod cancels;
mod concurrent_callers;
mod contracts;
mod conveniences;
mod deadlines;
mod dispatch;
mod error_messages;
mod errors;
mod gather;
mod handlers;
mod in_place;
#[cfg(feature = "reflect")]
mod json_caller;
mod metadata;
mod metrics_facade;
mod negotiation;
mod observing;
mod order;
mod packets;
mod proxies;
mod routes;
#[cfg(all(unix, feature = "tls"))]
mod stalls;
#[path = "../support/mod.rs"]
mod support;
mod traces;
