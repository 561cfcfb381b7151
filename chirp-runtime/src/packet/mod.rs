//! The packet format of Chirp v0: conversion between bytes and packets.
//!
//! A packet is an eight-byte [`Header`] followed by a payload. The protocol has three packet types:
//! [`RequestPacket`] calls a method, [`ResponsePacket`] answers a call, and [`Cancel`] cancels one.
//! [`ErrorData`] is the data of a `ResponsePacket` whose method failed.
//!
//! [`RecordBuilder`] and [`RecordScanner`] help services whose parameters are laid out by hand, as in Go programs.
//!
//! This module does no I/O and knows nothing of connections. [`PacketDecoder`] accepts bytes in pieces of any
//! size, and never allocates memory merely because a peer announced a length.

mod call_context;
mod cancel;
#[cfg(feature = "lz4")]
mod compressed;
mod contract;
mod decoder;
mod display;
mod error;
mod error_data;
pub(crate) mod foreign;
mod framework_error;
mod going_away;
mod header;
mod hello;
mod metadata;
mod one_way;
mod payload;
mod record;
mod request;
mod reserved;
mod response;
mod stream;
mod trace_context;

pub use call_context::{CallFields, CallInfo};
pub use cancel::Cancel;
#[cfg(feature = "lz4")]
pub use compressed::{Compressed, Compressor};
pub use contract::{CONTRACT_METHOD, ServedMethod};
pub use decoder::{IncomingPacket, PacketDecoder};
pub use error::PacketError;
pub use error_data::ErrorData;
pub use framework_error::{FRAMEWORK_ERROR_CODES, FrameworkError};
pub use going_away::GoingAway;
pub use header::{Header, PROTOCOL, PacketType};
pub use hello::{ExtensionFlags, HELLO_METHOD, Hello};
pub use metadata::{Metadata, MetadataError, MetadataIter};
pub use one_way::OneWayPacket;
pub use payload::{AttachedStream, Attachment, Attachments, Payload};
pub use record::{RecordBuilder, RecordError, RecordScanner, Vint30, Vint30Error};
pub use request::{MAX_METHOD_LEN, RequestPacket};
pub use reserved::{
    DESCRIBE_METHOD, HEALTH_CHECK_METHOD, HEALTH_WATCH_METHOD, JSON_SUFFIX, NODE_JOIN_METHOD,
    NODE_LEAVE_METHOD, RESERVED_PREFIX, STATS_METHOD,
};
pub(crate) use reserved::{
    ReservedRoute, is_reserved, is_uncallable, reserved_route, strip_json_suffix,
};
pub use response::{ResponsePacket, ResultCode};
pub use stream::{
    EndReason, ItemRun, Items, StreamCredit, StreamEnd, StreamEntry, StreamId, StreamItems,
    StreamOpen,
};
pub use trace_context::{TraceContext, TraceContextError};
