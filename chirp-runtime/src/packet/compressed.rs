use std::fmt;

use bytes::Bytes;
use lz4_flex::block::{CompressTable, compress_into_with_table, decompress_into};

use super::{Header, IncomingPacket, PacketError, PacketType};

/// A packet that travels compressed (PROTOCOL.md, "Compressed packet"): an extension, sent only to a side that has
/// declared that it accepts it.
///
/// Only the packet's type says that it is one: nothing is guessed from what a payload begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compressed {
    /// The type of the packet inside.
    pub kind: PacketType,
    /// How long the payload of the packet inside is.
    pub length: u32,
    /// That payload as one LZ4 block.
    block: Bytes,
}

/// The type and the length of the packet inside.
const HEAD: usize = 6;
/// A byte of an LZ4 block stands for so many bytes at the most.
const MOST_OF_A_BYTE: usize = 255;

impl Compressed {
    /// Whether packets of a type may travel compressed: those that carry values.
    pub fn may_hold(kind: PacketType) -> bool {
        matches!(
            kind,
            PacketType::REQUEST
                | PacketType::RESPONSE
                | PacketType::STREAM_ITEMS
                | PacketType::ONE_WAY
        )
    }

    /// Reads the payload of the packet. No memory is taken for what it claims to hold.
    ///
    /// # Errors
    ///
    /// [`PacketError::Compressed`] when it is cut short, holds what may not be compressed, or claims to hold more than
    /// `limit` bytes or than a block of its length can.
    pub fn decode(mut payload: Bytes, limit: usize) -> Result<Self, PacketError> {
        let Some(&[t0, t1, l0, l1, l2, l3]) = payload.first_chunk::<HEAD>() else {
            return Err(PacketError::Compressed("it is truncated"));
        };
        let kind = PacketType(u16::from_be_bytes([t0, t1]));
        let length = u32::from_be_bytes([l0, l1, l2, l3]);
        let block = payload.split_off(HEAD);
        let claimed = usize::try_from(length).unwrap_or(usize::MAX);
        if !Self::may_hold(kind) {
            Err(PacketError::Compressed("what it holds is no carrier"))
        } else if claimed > limit {
            let what = "it claims to hold more than the payload limit";
            Err(PacketError::Compressed(what))
        } else if claimed > block.len().saturating_mul(MOST_OF_A_BYTE) {
            let what = "it claims to hold more than its block can";
            Err(PacketError::Compressed(what))
        } else {
            Ok(Self {
                kind,
                length,
                block,
            })
        }
    }

    /// The payload of the packet inside. It takes as much memory as was claimed.
    ///
    /// # Errors
    ///
    /// [`PacketError::Compressed`] when the block is corrupt, or gives another length than was claimed.
    pub fn unpack(&self) -> Result<Bytes, PacketError> {
        let mut payload = vec![0; usize::try_from(self.length).unwrap_or(usize::MAX)];
        match decompress_into(&self.block, &mut payload) {
            Ok(length) if length == payload.len() => Ok(payload.into()),
            Ok(_) => Err(PacketError::Compressed("its block gives another length")),
            Err(_) => Err(PacketError::Compressed("its block is corrupt")),
        }
    }
}

/// `Compressed Request of 73 bytes in 26`: the type of the packet inside, how long its payload is, and this one's.
impl fmt::Display for Compressed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            kind,
            length,
            block,
        } = self;
        let packed = HEAD + block.len();
        write!(f, "Compressed {kind} of {length} bytes in {packed}")
    }
}

impl IncomingPacket {
    /// Whether a compressed packet has come, whole.
    pub fn is_compressed(&self) -> bool {
        matches!(
            self,
            Self::Packet {
                kind: PacketType::COMPRESSED,
                ..
            }
        )
    }

    /// What has come, and the packet inside in place of one that is compressed. As any packet that is inside, it is
    /// discarded when it is neither of Chirp v0 nor `wanted`.
    ///
    /// # Errors
    ///
    /// As those of [`Compressed::decode`] and [`Compressed::unpack`].
    pub fn unpack(
        self,
        limit: usize,
        wanted: impl FnOnce(PacketType) -> bool,
    ) -> Result<Self, PacketError> {
        let Self::Packet {
            kind: PacketType::COMPRESSED,
            payload,
        } = self
        else {
            return Ok(self);
        };
        let compressed = Compressed::decode(payload, limit)?;
        let payload = compressed.unpack()?;
        let Compressed { kind, length, .. } = compressed;
        if matches!(kind, PacketType::REQUEST | PacketType::RESPONSE) || wanted(kind) {
            Ok(Self::Packet { kind, payload })
        } else {
            Ok(Self::Discarded(Header::new(kind, length)))
        }
    }
}

/// Makes compressed packets, one after another, in the same memory.
#[derive(Default)]
pub struct Compressor {
    table: CompressTable,
    /// The packet inside, where it is in two pieces.
    whole: Vec<u8>,
    /// The packet that was made last: its payload, and room.
    packed: Vec<u8>,
}

impl Compressor {
    /// The payload of a compressed packet that holds one of this type, whose payload is `head` and then `body`; nothing
    /// unless it is shorter than that.
    pub fn pack(&mut self, kind: PacketType, head: &[u8], body: &[u8]) -> Option<&[u8]> {
        let Self {
            table,
            whole,
            packed,
        } = self;
        let payload = if body.is_empty() {
            head
        } else {
            whole.clear();
            whole.extend_from_slice(head);
            whole.extend_from_slice(body);
            whole
        };
        let length = u32::try_from(payload.len()).ok()?;
        let room = HEAD + lz4_flex::block::get_maximum_output_size(payload.len());
        if packed.len() < room {
            packed.resize(room, 0);
        }
        let (head, block) = packed.split_first_chunk_mut::<HEAD>()?;
        let block = compress_into_with_table(payload, block, table).ok()?;
        let [t0, t1] = kind.0.to_be_bytes();
        let [l0, l1, l2, l3] = length.to_be_bytes();
        *head = [t0, t1, l0, l1, l2, l3];
        let packed = packed.get(..HEAD + block)?;
        (packed.len() < payload.len()).then_some(packed)
    }
}

impl fmt::Debug for Compressor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compressor").finish_non_exhaustive()
    }
}
