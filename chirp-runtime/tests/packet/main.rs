//! Packets: they round-trip, and invalid bytes from a peer are recognized in constant memory.

#[cfg(feature = "lz4")]
mod compressed;
mod contract;
mod decoder;
mod feed;
mod malformed;
mod memory;
mod metadata;
mod oracle;
mod oversized;
mod record;
mod round_trips;
mod streams;
