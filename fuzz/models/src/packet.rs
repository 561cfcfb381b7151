//! The packets of the runtime.

pub(crate) use chirp_runtime::packet::{CallInfo, Payload, RequestPacket, ResultCode};

/// Items of a stream, by their numbers.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Items(pub(crate) Vec<u64>);
