use bytes::{Bytes, BytesMut};

use super::segment::Segment;
use crate::packet::Header;

/// The size of the chunks that small pieces share, in bytes.
const CHUNK: usize = 16 << 10;

/// Divides the bytes of one direction of a connection into pieces for segments, so that each packet begins at the start
/// of a piece.
///
/// Holds at most [`Segment::MAX_DATA`] bytes. Bytes that are no packets are divided at any place.
#[derive(Debug, Default)]
pub struct PacketSplitter {
    pending: BytesMut,
    /// The number of payload bytes of the present packet that are still to come. `None` inside of a header.
    left: Option<u64>,
    /// Whether a piece of the present packet has been returned.
    has_begun: bool,
    /// Whether something other than packets was sent.
    is_foreign: bool,
}

/// A packet, or a part of a large packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PacketPiece {
    /// The bytes, at most [`Segment::MAX_DATA`].
    pub data: Bytes,
    /// Whether a packet begins with this piece.
    pub is_first: bool,
    /// Whether a packet ends with this piece.
    pub is_last: bool,
}

impl PacketSplitter {
    /// Accepts the next bytes, and passes the pieces that are complete to `emit`.
    pub fn push(&mut self, mut bytes: &[u8], mut emit: impl FnMut(PacketPiece)) {
        while !bytes.is_empty() {
            let missing = match self.left {
                _ if self.is_foreign => u64::MAX,
                None => (Header::LEN - self.pending.len()) as u64,
                Some(left) => left,
            };
            let room = Segment::MAX_DATA - self.pending.len();
            let taken = usize::try_from(missing)
                .unwrap_or(usize::MAX)
                .min(room)
                .min(bytes.len());
            if self.pending.capacity() - self.pending.len() < taken {
                self.pending.reserve(taken.max(CHUNK));
            }
            self.pending.extend_from_slice(&bytes[..taken]);
            bytes = &bytes[taken..];
            match &mut self.left {
                _ if self.is_foreign => {}
                None => {
                    let first = self.pending.first_chunk();
                    match first.map(|head| Header::decode(*head)) {
                        None => {}
                        Some(Ok(header)) => self.left = Some(header.length.into()),
                        Some(Err(_)) => self.is_foreign = true,
                    }
                }
                Some(left) => *left -= taken as u64,
            }
            if self.left == Some(0) {
                self.left = None;
                self.flush(true, &mut emit);
            } else if self.pending.len() == Segment::MAX_DATA || self.is_foreign {
                self.flush(self.is_foreign, &mut emit);
            }
        }
    }

    /// Passes the bytes of an incomplete packet to `emit`, at the end of the direction.
    pub fn finish(&mut self, mut emit: impl FnMut(PacketPiece)) {
        if !self.pending.is_empty() {
            self.flush(true, &mut emit);
        }
    }

    fn flush(&mut self, is_last: bool, emit: &mut impl FnMut(PacketPiece)) {
        let data = self.pending.split().freeze();
        let is_first = !self.has_begun;
        self.has_begun = !is_last;
        emit(PacketPiece {
            data,
            is_first,
            is_last,
        });
    }
}
