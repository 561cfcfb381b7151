//! The four stream packets (PROTOCOL.md, "Streams"): they open streams, carry items, grant credit, and end streams.
//!
//! An extension: these packets are sent only to a side that has declared support for them.

mod credit;
mod end;
mod id;
mod items;
mod open;
mod run;

pub use credit::StreamCredit;
pub use end::{EndReason, StreamEnd};
pub use id::StreamId;
pub use items::{Items, StreamItems};
pub use open::{StreamEntry, StreamOpen};
pub use run::ItemRun;
