//! Streams in calls, end to end.

mod bytes;
mod counts;
mod dropped;
mod ends;
mod forwarded;
mod memory;
mod odd;
mod one_way;
mod pace;
mod packet_limits;
mod plain;
mod proxied;
mod streaming;
mod streaming_shapes;
#[path = "../support/mod.rs"]
mod support;
mod times;
mod unclaimed;
mod unstarted_calls;
mod values;
