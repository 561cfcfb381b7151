//! The calls of a record.

mod calls;
mod file;
mod values;

pub(crate) use calls::{CallTracker, PacketContents, RecordedCall, RecordedPacket, RecordedStream};
pub(crate) use file::RecordFile;
pub(crate) use values::Descriptions;
