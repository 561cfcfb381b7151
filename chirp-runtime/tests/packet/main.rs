//! Floor 0's packets from outside: what is written is read back, and what a peer may send that is not a
//! packet is told apart from one, in constant memory.

#[cfg(feature = "lz4")]
mod compressed;
mod contract;
mod decoder;
mod feed;
mod malformed;
mod memory;
mod oracle;
mod oversized;
mod record;
mod round_trips;
mod streams;
