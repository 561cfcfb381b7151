//! Streams of a connection: their halves, and the values that carry them.
//!
//! A [`Producer`](producer::Producer) and a [`Consumer`](consumer::Consumer) are the two halves of a stream of encoded
//! items. The other half is at the peer, or in this process. Typed halves are one layer up.

pub(crate) mod call_stream;
pub(crate) mod consumer;
pub(crate) mod demand;
pub(crate) mod endpoint;
pub(crate) mod error;
pub(crate) mod forward;
pub(crate) mod half;
pub(crate) mod inbound_streams;
pub(crate) mod mailbox;
pub(crate) mod orphans;
pub(crate) mod producer;
pub(crate) mod table;
