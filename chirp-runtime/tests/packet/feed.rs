use bytes::{Buf, BufMut};
use chirp_runtime::packet::{Header, PacketDecoder, PacketType};

use crate::oracle::Decoded;

/// Memory that a decoder may hold in addition to the bytes that have arrived: its read buffer and the first piece of
/// a payload.
const BUFFERS: usize = 128 << 10;

/// Feeds these bytes to a decoder in pieces of the given sizes, repeated, and ends the channel. Calls the
/// decoder like the reader task of a connection.
pub(crate) fn feed(bytes: &[u8], limit: usize, pieces: &[usize]) -> Decoded {
    let mut decoder = PacketDecoder::new(limit);
    let mut left = bytes;
    let mut pieces = pieces.iter().cycle();
    let mut packets = Vec::new();
    loop {
        match decoder.decode() {
            Ok(Some(incoming)) => packets.push(incoming),
            Ok(None) if left.is_empty() => return (packets, decoder.finish()),
            Ok(None) => {
                let piece = *pieces.next().expect("there are pieces");
                let arrived = bytes.len() - left.len();
                let held = read(&mut decoder, &mut left, piece);
                // Memory grows as bytes arrive, and at most doubles.
                assert!(held <= 2 * arrived + BUFFERS, "{held} for {arrived}");
            }
            Err(error) => return (packets, Err(error)),
        }
    }
}

/// Reads what has arrived and fits, at least one byte. Returns the size of the memory block that it reads
/// into.
pub(crate) fn read(decoder: &mut PacketDecoder, left: &mut &[u8], piece: usize) -> usize {
    let mut room = decoder.buffer();
    let held = room.get_ref().capacity();
    assert!(
        room.has_remaining_mut(),
        "no room reads as the channel's end"
    );
    let piece = piece.max(1).min(room.remaining_mut()).min(left.len());
    room.put_slice(&left[..piece]);
    left.advance(piece);
    decoder.note_read(piece);
    held
}

/// A packet of this protocol.
pub(crate) fn packet(kind: PacketType, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("it is short");
    [&Header::new(kind, length).encode(), payload].concat()
}

/// A header without its payload.
pub(crate) fn header(kind: PacketType, length: u32) -> Vec<u8> {
    Header::new(kind, length).encode().to_vec()
}
