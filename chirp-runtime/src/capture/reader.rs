use std::collections::VecDeque;
use std::io::Read;

use super::error::CaptureError;
use super::event::CaptureEvent;
use super::file_reader::FileReader;
use super::flow_table::FlowTable;
use super::ip;

/// Reads the packets of a capture: a file of [`CaptureWriter`](super::CaptureWriter), or TCP connections that another
/// program has captured, in the formats pcapng and pcap.
///
/// Segments may be repeated, out of order or missing. Connections that carry other protocols are only counted. Memory is
/// bounded, whatever the file contains: payloads are kept up to 64 MiB each, and 256 MiB in all.
#[derive(Debug)]
pub struct CaptureReader<R> {
    file: FileReader<R>,
    flows: FlowTable,
    events: VecDeque<CaptureEvent>,
    summary: CaptureSummary,
    is_over: bool,
}

/// A summary of the data that a [`CaptureReader`] has read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CaptureSummary {
    /// The number of connections that carried packets.
    pub connections: u64,
    /// The number of connections that have carried data and no packets, as those of other protocols. They are known at
    /// the end of the capture.
    pub other_connections: u64,
    /// The number of frames.
    pub frames: u64,
    /// The number of frames without a TCP segment.
    pub other_frames: u64,
    /// The number of frames that were lost, as far as the file says so.
    pub lost_frames: u64,
    /// Whether the file ends in the middle of a block, as if its writer had been stopped.
    pub is_truncated: bool,
}

impl<R: Read> CaptureReader<R> {
    /// Creates a reader. A file should be read through a [`BufReader`](std::io::BufReader).
    pub fn new(input: R) -> Self {
        Self {
            file: FileReader::new(input),
            flows: FlowTable::new(),
            events: VecDeque::new(),
            summary: CaptureSummary::default(),
            is_over: false,
        }
    }

    /// Returns what has been read so far.
    pub fn summary(&self) -> CaptureSummary {
        CaptureSummary {
            connections: self.flows.counts.with_packets,
            other_connections: self.flows.counts.others,
            is_truncated: self.file.is_truncated,
            ..self.summary
        }
    }

    /// Returns the next event, and `None` at the end of the file.
    ///
    /// # Errors
    ///
    /// [`CaptureError`] if the file cannot be read or is damaged. Later calls return `None`.
    pub fn next_event(&mut self) -> Result<Option<CaptureEvent>, CaptureError> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Ok(Some(event));
            }
            if self.is_over {
                return Ok(None);
            }
            match self.file.next() {
                Ok(Some(frame)) => {
                    self.summary.frames += 1;
                    self.summary.lost_frames = self.summary.lost_frames.saturating_add(frame.lost);
                    match ip::decode(frame.link, &frame.data, frame.time) {
                        Some(mut segment) => {
                            segment.lost = frame.lost;
                            segment.comment = frame.comment;
                            self.flows.push(segment, &mut self.events);
                        }
                        None => self.summary.other_frames += 1,
                    }
                }
                Ok(None) => {
                    self.is_over = true;
                    self.flows.finish(&mut self.events);
                }
                Err(error) => {
                    self.is_over = true;
                    return Err(error);
                }
            }
        }
    }
}

impl<R: Read> Iterator for CaptureReader<R> {
    type Item = Result<CaptureEvent, CaptureError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_event().transpose()
    }
}
