use std::fmt;

use bytes::Bytes;
use lz4_flex::block::{CompressTable, compress_into_with_table, decompress_into};

use super::{Header, IncomingPacket, PacketError, PacketType};

/// A compressed packet (PROTOCOL.md, "Compressed packet").
///
/// An extension: sent only to a side that has declared support for it. A packet counts as compressed by its
/// type alone, never by the contents of its payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compressed {
    /// The type of the inner packet.
    pub kind: PacketType,
    /// The payload length of the inner packet, in bytes.
    pub length: u32,
    /// The payload of the inner packet as one LZ4 block.
    block: Bytes,
}

/// The length of the inner packet's type and length fields, in bytes.
const HEAD: usize = 6;
/// The highest compression ratio of an LZ4 block: one byte expands to at most 255.
const MOST_OF_A_BYTE: usize = 255;

impl Compressed {
    /// Returns whether packets of this type may be compressed. Only packets that carry values may.
    pub fn may_hold(kind: PacketType) -> bool {
        matches!(
            kind,
            PacketType::REQUEST
                | PacketType::RESPONSE
                | PacketType::STREAM_ITEMS
                | PacketType::ONE_WAY
        )
    }

    /// Decodes the payload of a Compressed packet without decompressing the block or allocating memory for
    /// the declared length.
    ///
    /// # Errors
    ///
    /// Returns [`PacketError::Compressed`] if the payload is truncated, if packets of the inner type may not
    /// be compressed, or if the declared length exceeds `limit` bytes or the most that the block can expand
    /// to.
    pub fn decode(mut payload: Bytes, limit: usize) -> Result<Self, PacketError> {
        let Some(&[t0, t1, l0, l1, l2, l3]) = payload.first_chunk::<HEAD>() else {
            return Err(PacketError::Compressed("truncated"));
        };
        let kind = PacketType(u16::from_be_bytes([t0, t1]));
        let length = u32::from_be_bytes([l0, l1, l2, l3]);
        let block = payload.split_off(HEAD);
        let claimed = usize::try_from(length).unwrap_or(usize::MAX);
        if !Self::may_hold(kind) {
            Err(PacketError::Compressed(
                "the inner packet type may not be compressed",
            ))
        } else if claimed > limit {
            let what = "the declared length exceeds the payload limit";
            Err(PacketError::Compressed(what))
        } else if claimed > block.len().saturating_mul(MOST_OF_A_BYTE) {
            let what = "the declared length exceeds what the block can expand to";
            Err(PacketError::Compressed(what))
        } else {
            Ok(Self {
                kind,
                length,
                block,
            })
        }
    }

    /// Decompresses the payload of the inner packet. Allocates as many bytes as the packet declares.
    ///
    /// # Errors
    ///
    /// Returns [`PacketError::Compressed`] if the block is corrupt or expands to a length other than the
    /// declared one.
    pub fn unpack(&self) -> Result<Bytes, PacketError> {
        let mut payload = vec![0; usize::try_from(self.length).unwrap_or(usize::MAX)];
        match decompress_into(&self.block, &mut payload) {
            Ok(length) if length == payload.len() => Ok(payload.into()),
            Ok(_) => Err(PacketError::Compressed(
                "the block does not have the declared length",
            )),
            Err(_) => Err(PacketError::Compressed("the block is corrupt")),
        }
    }
}

/// `Compressed Request of 73 bytes in 26`: the inner packet's type, its payload length, and the compressed
/// payload's length.
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
    /// Returns whether this is a complete compressed packet.
    pub fn is_compressed(&self) -> bool {
        matches!(
            self,
            Self::Packet {
                kind: PacketType::COMPRESSED,
                ..
            }
        )
    }

    /// Replaces a compressed packet with the packet inside. Returns any other value unchanged.
    ///
    /// An inner packet that is neither a Request nor a Response and is not `wanted` becomes
    /// [`IncomingPacket::Discarded`].
    ///
    /// # Errors
    ///
    /// Returns the errors of [`Compressed::decode`] and [`Compressed::unpack`].
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

/// Compresses packets, one after another, in reused buffers.
#[derive(Default)]
pub struct Compressor {
    table: CompressTable,
    /// The inner payload, joined if it came in two pieces.
    whole: Vec<u8>,
    /// The payload of the most recent compressed packet, followed by spare room.
    packed: Vec<u8>,
}

impl Compressor {
    /// Returns the payload of a Compressed packet around a packet of type `kind` with the payload `head`
    /// followed by `body`. Returns `None` if compression does not make the payload shorter.
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
