//! Captures: packets of connections in files that Wireshark reads.
//!
//! A [`CaptureWriter`] writes connections as TCP segments with made-up addresses, in the format pcapng. Each packet
//! begins at the start of a segment, and gaps are visible as missing segments. A [`CaptureReader`] reads such files,
//! and files that tcpdump or Wireshark has captured from live TCP connections, and returns their packets.

mod error;
mod event;
mod file_reader;
mod flow_table;
mod ip;
mod packet_assembler;
mod reader;
mod reassembly;
mod segment;
mod splitter;
mod writer;

pub use error::CaptureError;
pub use event::{CaptureEvent, CapturedPacket, Origin};
pub use reader::{CaptureReader, CaptureSummary};
pub use segment::{Segment, SegmentFlags};
pub use splitter::{PacketPiece, PacketSplitter};
pub use writer::CaptureWriter;
