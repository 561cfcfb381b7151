use std::mem;

use bytes::buf::Limit;
use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::{Cancel, Header, PROTOCOL, PacketError, PacketType};

/// The first read of a connection; a connection that reads more gets more.
const SMALL_READ: usize = 256;
/// The most that is read at once, outside a large payload.
const LARGE_READ: usize = 64 << 10;
/// After so many small reads in a row a connection is not busy any more. One alone says little: what comes
/// last of a large batch is small too.
const QUIET: u32 = 4;
/// The most that is read at once where a very large payload is likely to begin.
const BEFORE_LARGE: usize = 4 << 10;
/// A payload up to this size is copied out of the read buffer, so that keeping it does not keep 64 KiB.
/// A larger one is read into memory of its own.
const COPIED: usize = 4 << 10;
/// A payload up to this size is copied into a chunk that it shares with its neighbours: taking and
/// giving back memory for each costs more than the copy.
const SHARED: usize = 512;
/// How much memory small payloads share at first, and when many of them are kept at a time. It is what keeping
/// the smallest of them may keep.
const SMALL_CHUNK: usize = 256;
const LARGE_CHUNK: usize = 2 << 10;
/// How much memory the announcement of a large payload takes at once. The rest is taken as bytes arrive.
const FIRST_PIECE: usize = 64 << 10;
/// At most this much is taken at once where as much has just come: payloads of one size follow each other, and
/// memory that grows is copied again and again.
const MOST_AT_ONCE: usize = 2 << 20;
/// Takes bytes as they come and gives packets.
///
/// Fill it through [`buffer`](Self::buffer), then take packets with [`decode`](Self::decode) until there
/// is none. A payload over the limit, and everything that the protocol says must be discarded, is
/// skipped without being stored, whatever its length.
#[derive(Debug)]
pub struct PacketDecoder {
    limit: usize,
    read: BytesMut,
    read_size: usize,
    /// How much of it was offered to be read into.
    offered: usize,
    /// How many reads in a row were small.
    quiet: u32,
    /// The read buffer is larger than it need be, and goes when it is empty.
    shrinks: bool,
    /// How many bytes the packet at the front of the read buffer has, if it is to be whole there.
    needed: usize,
    /// The read buffer is for the packet at its front and for nothing else.
    alone: bool,
    /// Where the next small payloads go.
    chunk: BytesMut,
    chunk_size: usize,
    /// How long the last large payload was, which came.
    last_large: usize,
    state: DecoderState,
}

#[derive(Debug)]
enum DecoderState {
    /// At the beginning of a packet, or inside its header or its small payload.
    Header,
    /// Inside a large payload, which is collected apart.
    Payload {
        kind: PacketType,
        payload: BytesMut,
        length: usize,
    },
    /// Before a payload that is too large: the request id it begins with is still to be read.
    Oversized { header: Header },
    /// Inside a payload that nobody wants.
    Skip { left: u64 },
}

/// What came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IncomingPacket {
    /// A Request, Response or Cancel, or a packet of a type that is wanted; whole.
    Packet {
        /// What the payload is.
        kind: PacketType,
        /// The payload.
        payload: Bytes,
    },
    /// A packet over the payload limit. Its payload is being skipped.
    Oversized {
        /// The packet's header.
        header: Header,
        /// The request id it begins with.
        id: u32,
    },
    /// A packet of another protocol, or of a type that nobody handles. Its payload is being skipped.
    Discarded(Header),
}

impl PacketDecoder {
    /// A decoder that accepts payloads of up to `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            read: BytesMut::new(),
            read_size: SMALL_READ,
            offered: 0,
            quiet: 0,
            shrinks: false,
            needed: 0,
            alone: false,
            chunk: BytesMut::new(),
            chunk_size: SMALL_CHUNK / 2,
            last_large: 0,
            state: DecoderState::Header,
        }
    }

    /// Where the next bytes are to be read into. Never without room.
    pub fn buffer(&mut self) -> Limit<&mut BytesMut> {
        if let DecoderState::Payload {
            payload, length, ..
        } = &mut self.state
        {
            // Exactly this payload and nothing of the next packet, in pieces that double.
            let missing = *length - payload.len();
            if payload.len() == payload.capacity() {
                payload.reserve(missing.min(payload.len().max(FIRST_PIECE)));
            }
            let piece = missing.min(payload.capacity() - payload.len());
            return payload.limit(piece);
        }
        if self.alone {
            self.offered = self.needed - self.read.len();
            return (&mut self.read).limit(self.offered);
        }
        if self.shrinks && self.read.is_empty() {
            self.read = BytesMut::new();
            self.shrinks = false;
        }
        // What is left of a packet moves to the front, and the rest of it fits behind.
        let missing = self.read_size.max(self.needed) - self.read.len().min(self.read_size / 2);
        self.read.reserve(missing);
        let size = self.read.capacity() - self.read.len();
        self.offered = size.min(missing);
        (&mut self.read).limit(self.offered)
    }

    /// Says how many bytes a read into [`buffer`](Self::buffer) gave, so that busy connections read in
    /// larger pieces and idle ones keep little memory.
    pub fn note_read(&mut self, bytes: usize) {
        if bytes >= SMALL_READ {
            self.quiet = 0;
        }
        if self.alone || matches!(self.state, DecoderState::Payload { .. }) {
            return;
        }
        if bytes >= self.offered {
            self.read_size = (self.read_size * 4).min(LARGE_READ);
            self.shrinks = false;
        } else if bytes < SMALL_READ && self.read_size > SMALL_READ {
            self.quiet += 1;
            if self.quiet >= QUIET {
                self.read_size = SMALL_READ;
                self.shrinks = true;
                self.quiet = 0;
            }
        }
    }

    /// The next packet, if it is whole.
    ///
    /// # Errors
    ///
    /// [`PacketError::Magic`], and [`PacketError::CancelLength`] for a Cancel that is too long to be
    /// one. Nothing may be decoded after an error.
    pub fn decode(&mut self) -> Result<Option<IncomingPacket>, PacketError> {
        self.decode_with(|_| false)
    }

    /// As [`decode`](Self::decode), with packets of the application's own types that are `wanted`. Such
    /// a packet over the limit comes as [`IncomingPacket::Oversized`] too, with nothing of meaning for an id.
    ///
    /// # Errors
    ///
    /// As [`decode`](Self::decode).
    pub fn decode_with(
        &mut self,
        wanted: impl Fn(PacketType) -> bool,
    ) -> Result<Option<IncomingPacket>, PacketError> {
        loop {
            match &mut self.state {
                DecoderState::Header => {
                    let Some(head) = self.read.first_chunk() else {
                        // What is no packet is not waited for: the rest of it may never come.
                        if let Some(&first) = self.read.first() {
                            Header::check_first(first)?;
                        }
                        return Ok(None);
                    };
                    let header = Header::decode(*head)?;
                    match self.begin(header, &wanted)? {
                        PacketStart::Whole(payload) => {
                            return Ok(Some(IncomingPacket::Packet {
                                kind: header.kind,
                                payload,
                            }));
                        }
                        PacketStart::Discarded => {
                            return Ok(Some(IncomingPacket::Discarded(header)));
                        }
                        PacketStart::Elsewhere => {}
                        PacketStart::Wait => return Ok(None),
                    }
                }
                DecoderState::Payload {
                    kind,
                    payload,
                    length,
                } => {
                    let missing = *length - payload.len();
                    let here = self.read.split_to(missing.min(self.read.len()));
                    payload.extend_from_slice(&here);
                    if payload.len() < *length {
                        return Ok(None);
                    }
                    self.last_large = *length;
                    let packet = IncomingPacket::Packet {
                        kind: *kind,
                        payload: mem::take(payload).freeze(),
                    };
                    self.state = DecoderState::Header;
                    return Ok(Some(packet));
                }
                DecoderState::Oversized { header } => {
                    let Some(id) = self.read.first_chunk() else {
                        return Ok(None);
                    };
                    let packet = IncomingPacket::Oversized {
                        header: *header,
                        id: u32::from_be_bytes(*id),
                    };
                    self.state = DecoderState::Skip {
                        left: header.length.into(),
                    };
                    return Ok(Some(packet));
                }
                DecoderState::Skip { left } => {
                    let here = usize::try_from(*left)
                        .unwrap_or(usize::MAX)
                        .min(self.read.len());
                    self.read.advance(here);
                    *left -= here as u64;
                    if *left > 0 {
                        return Ok(None);
                    }
                    self.state = DecoderState::Header;
                }
            }
        }
    }

    /// What came and is no part of a packet yet, of which a header is wanted.
    pub(crate) fn undecoded(&self) -> &[u8] {
        &self.read
    }

    /// Whether a packet has begun and is not whole.
    pub fn is_inside_packet(&self) -> bool {
        !matches!(self.state, DecoderState::Header) || !self.read.is_empty()
    }

    /// Says that the channel has ended.
    ///
    /// # Errors
    ///
    /// [`PacketError::ShortHeader`] or [`PacketError::ShortPayload`] unless it ended between packets, and
    /// [`PacketError::Magic`] when what there is was not the beginning of one.
    pub fn finish(&self) -> Result<(), PacketError> {
        let missing = match &self.state {
            DecoderState::Header => {
                match self.read.first_chunk().map(|head| Header::decode(*head)) {
                    None if self.read.is_empty() => return Ok(()),
                    None => {
                        Header::check_first(self.read[0])?;
                        return Err(PacketError::ShortHeader {
                            got: self.read.len(),
                        });
                    }
                    Some(header) => u64::from(header?.length)
                        .saturating_sub((self.read.len() - Header::LEN) as u64),
                }
            }
            DecoderState::Payload {
                payload, length, ..
            } => (*length - payload.len()) as u64,
            DecoderState::Oversized { header } => u64::from(header.length) - self.read.len() as u64,
            DecoderState::Skip { left: 0 } if self.read.is_empty() => return Ok(()),
            DecoderState::Skip { left } => *left,
        };
        Err(PacketError::ShortPayload { missing })
    }

    /// Decides what becomes of the packet whose header stands at the front of the read buffer.
    fn begin(
        &mut self,
        header: Header,
        wanted: &impl Fn(PacketType) -> bool,
    ) -> Result<PacketStart, PacketError> {
        self.alone = false;
        let known = matches!(
            header.kind,
            PacketType::REQUEST | PacketType::RESPONSE | PacketType::CANCEL
        ) || (header.kind.0 >= 128 && wanted(header.kind));
        if header.protocol != PROTOCOL || !known {
            self.read.advance(Header::LEN);
            self.state = DecoderState::Skip {
                left: header.length.into(),
            };
            return Ok(PacketStart::Discarded);
        }
        if header.kind == PacketType::CANCEL && header.length > Cancel::PAYLOAD_LEN {
            return Err(PacketError::CancelLength(header.length));
        }
        let length = usize::try_from(header.length).unwrap_or(usize::MAX);
        // A Cancel is as long as it has to be, and a payload too short for an id is refused as what it is.
        let may_be_oversized = header.kind != PacketType::CANCEL && length >= size_of::<u32>();
        if length > self.limit && may_be_oversized {
            self.read.advance(Header::LEN);
            self.state = DecoderState::Oversized { header };
            return Ok(PacketStart::Elsewhere);
        }
        if length > COPIED {
            if let Some(begun) = self.begin_alone(Header::LEN + length) {
                return Ok(begun);
            }
            self.read.advance(Header::LEN);
            let first = self.last_large.clamp(FIRST_PIECE, MOST_AT_ONCE);
            // It need not move for a few bytes.
            let first = if length <= first + first / 8 {
                length
            } else {
                first
            };
            let payload = BytesMut::with_capacity(first);
            self.expect(Header::LEN + length);
            self.state = DecoderState::Payload {
                kind: header.kind,
                payload,
                length,
            };
            return Ok(PacketStart::Elsewhere);
        }
        let Some(payload) = self.read.get(Header::LEN..Header::LEN + length) else {
            self.needed = Header::LEN + length;
            return Ok(PacketStart::Wait);
        };
        self.needed = 0;
        // Items are kept until somebody takes them, in their thousands, and a peer may choose their neighbours.
        let payload = if length <= SHARED && !header.kind.is_of_streams() {
            // The same memory again, when nobody keeps any of it.
            if self.chunk.capacity() < length && !self.chunk.try_reclaim(length) {
                self.chunk_size = (self.chunk_size * 2).min(LARGE_CHUNK);
                self.chunk = BytesMut::with_capacity(self.chunk_size.max(length));
            }
            self.chunk.extend_from_slice(payload);
            self.chunk.split().freeze()
        } else {
            Bytes::copy_from_slice(payload)
        };
        self.read.advance(Header::LEN + length);
        Ok(PacketStart::Whole(payload))
    }
}

impl PacketDecoder {
    /// What comes next is likely to be like the large packet of this length: it is read in one piece, into memory
    /// that becomes its own. Of a very large one, what is read before it is known is copied.
    fn expect(&mut self, length: usize) {
        let size = if length <= LARGE_READ {
            length
        } else {
            self.read_size.min(BEFORE_LARGE)
        };
        self.shrinks |= self.read_size != size;
        self.read_size = size;
    }

    /// A large packet of this length stands at the front of the read buffer. It stays there, if nothing is behind it
    /// and the buffer is about as large as it.
    fn begin_alone(&mut self, length: usize) -> Option<PacketStart> {
        let capacity = self.read.capacity();
        if self.read.len() > length || capacity < length || capacity > length + length / 8 {
            return None;
        }
        if self.read.len() < length {
            self.alone = true;
            self.needed = length;
            return Some(PacketStart::Wait);
        }
        self.needed = 0;
        self.expect(length);
        let mut packet = mem::take(&mut self.read);
        packet.advance(Header::LEN);
        Some(PacketStart::Whole(packet.freeze()))
    }
}

enum PacketStart {
    /// The payload was there and is small.
    Whole(Bytes),
    /// Nobody wants it.
    Discarded,
    /// The state now says where the payload goes.
    Elsewhere,
    /// The payload is small and not all there.
    Wait,
}
