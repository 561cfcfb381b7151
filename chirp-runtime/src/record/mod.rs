//! Records: the packets of connections, written to a file that Wireshark reads.
//!
//! A [`Recorder`] writes what channels carry, without ever delaying them. Give it to
//! [`PeerBuilder::record`](crate::peer::PeerBuilder::record), or let it [relay](Recorder::relay) connections between two
//! other programs. [`CaptureReader`] reads records, and captures of live TCP connections.

mod queue;
mod recorded_connection;
mod recorder;
mod relay;
mod tap;

pub use recorder::{RecordStats, Recorder};

pub use crate::capture::{
    CaptureError, CaptureEvent, CaptureReader, CaptureSummary, CaptureWriter, CapturedPacket,
    Origin, PacketPiece, PacketSplitter, Segment, SegmentFlags,
};
