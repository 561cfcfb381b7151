use std::net::SocketAddr;
use std::sync::MutexGuard;
use std::time::Duration;

use bytes::Bytes;

use super::recorder::Recorder;
use crate::capture::{Origin, PacketPiece, PacketSplitter, Segment, SegmentFlags};
use crate::sync::Mutex;

/// Bytes of one side after which the other side is made to acknowledge them, so that they stay within its window.
const UNACKNOWLEDGED: u64 = 256 << 20;

/// A connection that is being recorded.
///
/// Bytes are divided into packets and queued. What does not fit into the queue is left out, whole packets at a time.
#[derive(Debug)]
pub(super) struct RecordedConnection {
    recorder: Recorder,
    record: Mutex<ConnectionRecord>,
}

#[derive(Debug)]
struct ConnectionRecord {
    /// The addresses of the client and the server.
    ends: [SocketAddr; 2],
    directions: [RecordedDirection; 2],
    /// Reused for the pieces of one call.
    pieces: Vec<PacketPiece>,
}

#[derive(Debug, Default)]
struct RecordedDirection {
    splitter: PacketSplitter,
    /// The sequence number of the next byte.
    sequence: u32,
    /// Bytes since the other side has sent a segment.
    unacknowledged: u64,
    /// The rest of the present packet is left out.
    is_skipping: bool,
    /// Packets and bytes that were left out since the last segment.
    lost: (u64, u64),
    has_ended: bool,
}

/// The exclusive right to record.
pub(super) struct RecordGuard<'a> {
    recorder: &'a Recorder,
    record: MutexGuard<'a, ConnectionRecord>,
}

impl RecordedConnection {
    pub(super) fn new(
        recorder: Recorder,
        client: SocketAddr,
        server: SocketAddr,
        comment: &str,
    ) -> Self {
        let connection = Self {
            recorder,
            record: Mutex::new(ConnectionRecord {
                ends: [client, server],
                directions: Default::default(),
                pieces: Vec::new(),
            }),
        };
        let (syn, ack) = (SegmentFlags::SYN, SegmentFlags::ACK);
        let mut guard = connection.lock();
        guard.control(Origin::Client, syn, comment.to_owned());
        guard.control(Origin::Server, syn.and(ack), String::new());
        guard.control(Origin::Client, ack, String::new());
        drop(guard);
        connection
    }

    /// Locks the record. While the guard exists nothing else is recorded, so that the answer to bytes that are sent
    /// meanwhile comes later in the record.
    pub(super) fn lock(&self) -> RecordGuard<'_> {
        RecordGuard {
            recorder: &self.recorder,
            record: self.record.lock(),
        }
    }
}

impl Drop for RecordedConnection {
    fn drop(&mut self) {
        let mut guard = self.lock();
        guard.end(Origin::Client, false);
        guard.end(Origin::Server, false);
    }
}

impl RecordGuard<'_> {
    /// Records bytes of one side.
    pub(super) fn record(&mut self, origin: Origin, bytes: &[u8]) {
        let mut pieces = std::mem::take(&mut self.record.pieces);
        let direction = &mut self.record.directions[at(origin)];
        direction.splitter.push(bytes, |piece| pieces.push(piece));
        self.queue(origin, &mut pieces);
        self.record.pieces = pieces;
    }

    /// Records the end of one side, if that has not been recorded.
    pub(super) fn end(&mut self, origin: Origin, is_reset: bool) {
        let mut pieces = Vec::new();
        let direction = &mut self.record.directions[at(origin)];
        if std::mem::replace(&mut direction.has_ended, true) {
            return;
        }
        direction.splitter.finish(|piece| pieces.push(piece));
        self.queue(origin, &mut pieces);
        let flag = if is_reset {
            SegmentFlags::RST
        } else {
            SegmentFlags::FIN
        };
        self.control(origin, flag.and(SegmentFlags::ACK), String::new());
    }

    /// Queues pieces, and counts those that do not fit.
    fn queue(&mut self, origin: Origin, pieces: &mut Vec<PacketPiece>) {
        let flags = SegmentFlags::PSH.and(SegmentFlags::ACK);
        let time = self.recorder.now();
        for piece in pieces.drain(..) {
            let length = piece.data.len();
            let direction = &mut self.record.directions[at(origin)];
            if direction.is_skipping && !piece.is_first {
                // The packet is counted already.
                self.leave_out(origin, length, 0);
            } else {
                let segment = self.record.segment(origin, flags, piece.data, time);
                if self.recorder.queue().push(segment, piece.is_last, false) {
                    self.record.directions[at(origin)].lost = (0, 0);
                } else {
                    self.leave_out(origin, length, 1);
                    self.record.directions[at(origin)].is_skipping = !piece.is_last;
                }
            }
            let direction = &mut self.record.directions[at(origin)];
            direction.is_skipping &= !piece.is_last;
            let length32 = u32::try_from(length).unwrap_or_default();
            direction.sequence = direction.sequence.wrapping_add(length32);
            direction.unacknowledged += length as u64;
            let is_late = direction.unacknowledged > UNACKNOWLEDGED;
            self.record.directions[at(origin.other())].unacknowledged = 0;
            if is_late {
                self.record.directions[at(origin)].unacknowledged = 0;
                self.control(origin.other(), SegmentFlags::ACK, String::new());
            }
        }
    }

    /// Notes that a piece does not get into the record.
    fn leave_out(&mut self, origin: Origin, bytes: usize, packets: u64) {
        let lost = &mut self.record.directions[at(origin)].lost;
        lost.0 += packets;
        lost.1 += bytes as u64;
        self.recorder.queue().lose(packets, bytes as u64);
    }

    /// Records a segment without data.
    fn control(&mut self, origin: Origin, flags: SegmentFlags, comment: String) {
        let time = self.recorder.now();
        let mut segment = self.record.segment(origin, flags, Bytes::new(), time);
        if !comment.is_empty() {
            segment.comment = comment;
        }
        let is_queued = self.recorder.queue().push(segment, false, true);
        let direction = &mut self.record.directions[at(origin)];
        if is_queued {
            direction.lost = (0, 0);
        }
        let counts = flags.has(SegmentFlags::SYN) || flags.has(SegmentFlags::FIN);
        direction.sequence = direction.sequence.wrapping_add(counts.into());
    }
}

impl ConnectionRecord {
    /// Returns a segment of one side. If packets were left out before it, it says so.
    fn segment(&self, origin: Origin, flags: SegmentFlags, data: Bytes, time: Duration) -> Segment {
        let direction = &self.directions[at(origin)];
        let acknowledgment = if flags.has(SegmentFlags::ACK) {
            self.directions[at(origin.other())].sequence
        } else {
            0
        };
        let (lost, bytes) = direction.lost;
        let comment = if lost > 0 {
            format!(
                "{lost} packets ({bytes} bytes) before this one were not recorded: writing was too slow"
            )
        } else {
            String::new()
        };
        Segment {
            time,
            source: self.ends[at(origin)],
            destination: self.ends[at(origin.other())],
            sequence: direction.sequence,
            acknowledgment,
            flags,
            data,
            lost,
            comment,
        }
    }
}

fn at(origin: Origin) -> usize {
    match origin {
        Origin::Client => 0,
        Origin::Server => 1,
    }
}
