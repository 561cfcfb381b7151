//! Streams on connections: their halves, and what comes and goes with values.
//!
//! A [`Producer`](producer::Producer) and a [`Consumer`](consumer::Consumer) are the two halves of a stream, whose
//! items are bytes here; the other half is at the other side of a session, or in this process. Typed halves are one
//! floor up.

pub(crate) mod arrived;
pub(crate) mod consumer;
pub(crate) mod end;
pub(crate) mod error;
pub(crate) mod forward;
pub(crate) mod half;
pub(crate) mod mailbox;
pub(crate) mod of_call;
pub(crate) mod orphans;
pub(crate) mod producer;
pub(crate) mod table;
