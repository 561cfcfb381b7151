//! The four packets of streams (PROTOCOL.md, "Streams"): they open them, carry their items, give credit for
//! more, and end them. An extension, sent only to a side that has declared that it accepts it.

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
