use std::mem;

use bytes::buf::Limit;
use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::{Cancel, Header, PROTOCOL, PacketError, PacketType};

/// The initial read size, in bytes. A connection that fills its reads gets larger ones.
const SMALL_READ: usize = 128;
/// The maximum read size outside a large payload, in bytes.
const LARGE_READ: usize = 64 << 10;
/// The number of consecutive small reads after which a connection counts as quiet. A single small read says
/// little, since the last read of a large batch is small too.
const QUIET: u32 = 4;
/// The maximum read size where a very large payload is likely to begin, in bytes.
const BEFORE_LARGE: usize = 4 << 10;
/// Payloads up to this size are copied out of the read buffer, so that keeping one does not keep 64 KiB
/// alive. Larger payloads are read into their own memory.
const COPIED: usize = 4 << 10;
/// Payloads up to this size are copied into a chunk shared with neighbouring payloads: an allocation for each
/// would cost more than the copy.
const SHARED: usize = 512;
/// The initial size of a shared chunk, in bytes. Keeping one small payload can keep a whole chunk alive, and an idle
/// connection keeps one.
const SMALL_CHUNK: usize = 64;
/// The size of a shared chunk when many small payloads are kept at a time, in bytes.
const LARGE_CHUNK: usize = 2 << 10;
/// The initial allocation for a large payload, in bytes. The rest is allocated as bytes arrive.
const FIRST_PIECE: usize = 64 << 10;
/// The maximum initial allocation for a large payload when the previous payload was as large, in bytes.
/// Payloads of one size tend to follow each other, and a growing buffer is copied again and again.
const MOST_AT_ONCE: usize = 2 << 20;
/// Decodes a byte stream into packets.
///
/// Read bytes into [`buffer`](Self::buffer), then call [`decode`](Self::decode) until it returns `None`.
/// Payloads over the limit, and packets that the protocol requires to be discarded, are skipped without being
/// stored, whatever their length.
#[derive(Debug)]
pub struct PacketDecoder {
    limit: usize,
    read: BytesMut,
    read_size: usize,
    /// The number of bytes that the last call of `buffer` offered.
    offered: usize,
    /// The number of consecutive small reads.
    quiet: u32,
    /// Whether the read buffer is larger than necessary and is released once it is empty.
    shrinks: bool,
    /// The length of the packet at the front of the read buffer, if the packet is to be completed there.
    needed: usize,
    /// Whether the read buffer holds the packet at its front and nothing else.
    alone: bool,
    /// The chunk that the next small payloads are copied into.
    chunk: BytesMut,
    chunk_size: usize,
    /// Small requests and responses that have been moved out of the read buffer and are decoded next.
    copied: Bytes,
    /// `true` once call contexts are wanted, so that small ones are decoded like requests.
    wants_contexts: bool,
    /// The length of the most recent large payload.
    last_large: usize,
    state: DecoderState,
}

#[derive(Debug)]
enum DecoderState {
    /// At the start of a packet, or inside its header or small payload.
    Header,
    /// Inside a large payload, which is collected in its own buffer.
    Payload {
        kind: PacketType,
        payload: BytesMut,
        length: usize,
    },
    /// Before an oversized payload, whose leading request id is still to be read.
    Oversized { header: Header },
    /// Inside a payload that is discarded.
    Skip { left: u64 },
}

/// One result of decoding: a packet, or the header of a packet that is skipped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IncomingPacket {
    /// A complete packet: a Request, Response or Cancel, or a packet of a wanted type.
    Packet {
        /// The packet's type.
        kind: PacketType,
        /// The payload.
        payload: Bytes,
    },
    /// A packet over the payload limit. The decoder skips the payload.
    Oversized {
        /// The packet's header.
        header: Header,
        /// The request id at the start of the payload.
        id: u32,
    },
    /// A packet of another protocol or of an unhandled type. The decoder skips the payload.
    Discarded(Header),
}

impl PacketDecoder {
    /// Creates a decoder that accepts payloads of up to `limit` bytes.
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
            copied: Bytes::new(),
            wants_contexts: false,
            last_large: 0,
            state: DecoderState::Header,
        }
    }

    /// Returns the buffer to read the next bytes into. The buffer always has room for at least one byte.
    pub fn buffer(&mut self) -> Limit<&mut BytesMut> {
        if let DecoderState::Payload {
            payload, length, ..
        } = &mut self.state
        {
            // Only this payload and no byte of the next packet, in pieces that double in size.
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
        // `reserve` moves the unread part of a packet to the front, so that the rest fits behind.
        let missing = self.read_size.max(self.needed) - self.read.len().min(self.read_size / 2);
        self.read.reserve(missing);
        let size = self.read.capacity() - self.read.len();
        self.offered = size.min(missing);
        (&mut self.read).limit(self.offered)
    }

    /// Records how many bytes a read into [`buffer`](Self::buffer) returned. Busy connections then read in
    /// larger pieces, and idle connections keep little memory.
    pub fn note_read(&mut self, bytes: usize) {
        if bytes >= SMALL_READ {
            self.quiet = 0;
        }
        if self.alone || matches!(self.state, DecoderState::Payload { .. }) {
            return;
        }
        if bytes >= self.offered {
            let larger = if self.read_size == SMALL_READ { 2 } else { 4 };
            self.read_size = (self.read_size * larger).min(LARGE_READ);
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

    /// Decodes the next packet. Returns `None` if more bytes are needed.
    ///
    /// # Errors
    ///
    /// Returns [`PacketError::Magic`] for a packet that does not begin with `c7`, and
    /// [`PacketError::CancelLength`] for a Cancel with a payload of more than four bytes. Do not call
    /// `decode` again after an error.
    pub fn decode(&mut self) -> Result<Option<IncomingPacket>, PacketError> {
        self.decode_with(|_| false)
    }

    /// Decodes the next packet like [`decode`](Self::decode), and accepts packets of custom types for which
    /// `wanted` returns `true`.
    ///
    /// A wanted packet over the limit is returned as [`IncomingPacket::Oversized`]; its `id` then has no meaning.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`decode`](Self::decode).
    pub fn decode_with(
        &mut self,
        wanted: impl Fn(PacketType) -> bool,
    ) -> Result<Option<IncomingPacket>, PacketError> {
        if let Some((kind, payload)) = self.decode_small() {
            return Ok(Some(IncomingPacket::Packet { kind, payload }));
        }
        loop {
            match &mut self.state {
                DecoderState::Header => {
                    let Some(head) = self.read.first_chunk() else {
                        // A wrong first byte is reported at once: the other seven bytes may never come.
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

    /// Decodes the next packet if it is complete, small, and a request or response, as most are.
    #[inline]
    pub(crate) fn decode_small(&mut self) -> Option<(PacketType, Bytes)> {
        if !self.copied.is_empty() {
            return self.next_copied();
        }
        let DecoderState::Header = self.state else {
            return None;
        };
        let (kind, length) = self.small_packet(&self.read)?;
        self.alone = false;
        self.needed = 0;
        if length < self.read.len() {
            self.copy_small(length);
            return self.next_copied();
        }
        self.reserve_chunk(length - Header::LEN);
        self.chunk.extend_from_slice(&self.read[Header::LEN..]);
        self.consume(length);
        Some((kind, self.chunk.split().freeze()))
    }

    /// Moves the packet of the length `first` at the front of the read buffer into a chunk, and those of its kind behind it
    /// for which the chunk has room: dividing one copy costs less than a copy for each.
    #[inline(never)]
    fn copy_small(&mut self, first: usize) {
        self.reserve_chunk(first);
        let room = self.chunk.capacity();
        let mut end = first;
        while let Some((_, length)) = self.small_packet(&self.read[end..])
            && end + length <= room
        {
            end += length;
        }
        self.chunk.extend_from_slice(&self.read[..end]);
        self.consume(end);
        self.copied = self.chunk.split().freeze();
    }

    /// Returns the next of the packets that [`copy_small`](Self::copy_small) has moved.
    #[inline(never)]
    fn next_copied(&mut self) -> Option<(PacketType, Bytes)> {
        let (kind, length) = self.small_packet(&self.copied)?;
        let mut payload = self.copied.split_to(length);
        payload.advance(Header::LEN);
        Some((kind, payload))
    }

    /// Removes bytes from the front of the read buffer.
    fn consume(&mut self, length: usize) {
        if length == self.read.len() {
            // Leaves all of the buffer to the next read.
            self.read.clear();
        } else {
            self.read.advance(length);
        }
    }

    /// Returns the type and the length of the packet that `bytes` begin with, if it is complete, small, and a request or
    /// response.
    #[inline]
    fn small_packet(&self, bytes: &[u8]) -> Option<(PacketType, usize)> {
        let header = Header::decode(*bytes.first_chunk()?).ok()?;
        let length = usize::try_from(header.length).ok()?;
        let is_known = matches!(header.kind, PacketType::REQUEST | PacketType::RESPONSE)
            || (self.wants_contexts && header.kind == PacketType::CALL_CONTEXT);
        let is_small = length <= SHARED.min(self.limit) && length <= bytes.len() - Header::LEN;
        (header.protocol == PROTOCOL && is_known && is_small)
            .then_some((header.kind, Header::LEN + length))
    }

    /// Returns `true` if no bytes are left, or small requests and responses alone, of which the last may be incomplete: then
    /// [`decode_small`](Self::decode_small) decodes all that can be decoded.
    #[inline]
    pub(crate) fn has_only_small(&self) -> bool {
        // Those that have been copied are small.
        self.read.is_empty() || self.reads_only_small()
    }

    #[inline(never)]
    fn reads_only_small(&self) -> bool {
        let DecoderState::Header = self.state else {
            return false;
        };
        let mut rest = &self.read[..];
        while let Some((_, length)) = self.small_packet(rest) {
            rest = &rest[length..];
        }
        let Some(&first) = rest.first() else {
            return true;
        };
        let Some(head) = rest.first_chunk() else {
            return Header::check_first(first).is_ok();
        };
        let Ok(header) = Header::decode(*head) else {
            return false;
        };
        let is_known = matches!(header.kind, PacketType::REQUEST | PacketType::RESPONSE);
        let length = usize::try_from(header.length).unwrap_or(usize::MAX);
        // One that is complete would have been found to be small.
        let is_incomplete = length > rest.len() - Header::LEN;
        header.protocol == PROTOCOL && is_known && is_incomplete && length <= SHARED.min(self.limit)
    }

    /// Notes that call contexts are wanted from now on.
    pub(crate) fn want_contexts(&mut self) {
        self.wants_contexts = true;
    }

    /// Makes room in the chunk. Reuses its memory if no payload in it is still referenced.
    fn reserve_chunk(&mut self, length: usize) {
        if self.chunk.capacity() < length && !self.chunk.try_reclaim(length) {
            self.chunk_size = (self.chunk_size * 2).min(LARGE_CHUNK);
            self.chunk = BytesMut::with_capacity(self.chunk_size.max(length));
        }
    }

    /// Returns the bytes that were read and not decoded yet.
    pub(crate) fn undecoded(&self) -> &[u8] {
        &self.read
    }

    /// Returns whether a packet has begun and is incomplete.
    pub fn is_inside_packet(&self) -> bool {
        !matches!(self.state, DecoderState::Header)
            || !self.read.is_empty()
            || !self.copied.is_empty()
    }

    /// Checks that the channel ended between packets.
    ///
    /// # Errors
    ///
    /// Returns [`PacketError::ShortHeader`] or [`PacketError::ShortPayload`] if the channel ended inside a
    /// packet, and [`PacketError::Magic`] if the remaining bytes do not begin with `c7`.
    pub fn finish(&self) -> Result<(), PacketError> {
        if !self.copied.is_empty() {
            return Err(PacketError::ShortPayload { missing: 0 });
        }
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

    /// Decides how to read the packet whose header is at the front of the read buffer.
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
        // An oversized Cancel was refused above. A payload too short for an id is left to the packet's own decoder.
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
            // A slightly larger allocation avoids moving the payload for its last few bytes.
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
        // Stream items are not put into shared chunks: thousands may be queued, and a peer could choose their
        // neighbours so that each keeps a whole chunk alive.
        let payload = if length <= SHARED && !header.kind.is_of_streams() {
            let end = Header::LEN + length;
            self.reserve_chunk(length);
            self.chunk.extend_from_slice(&self.read[Header::LEN..end]);
            self.chunk.split().freeze()
        } else {
            Bytes::copy_from_slice(payload)
        };
        self.consume(Header::LEN + length);
        Ok(PacketStart::Whole(payload))
    }
}

impl PacketDecoder {
    /// Prepares for another packet of about this length, since packets of one size tend to follow each other.
    /// The next such packet is read in one piece into a buffer that becomes its payload. For a very large
    /// packet, the bytes read before its header is known are copied.
    fn expect(&mut self, length: usize) {
        let size = if length <= LARGE_READ {
            length
        } else {
            self.read_size.min(BEFORE_LARGE)
        };
        self.shrinks |= self.read_size != size;
        self.read_size = size;
    }

    /// Reads a large packet of `length` bytes in place, if no other packet follows in the read buffer and the
    /// buffer is about as large as the packet.
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
    /// The small payload is complete.
    Whole(Bytes),
    /// The packet is of no interest and is skipped.
    Discarded,
    /// The decoder's state has been set to receive the payload.
    Elsewhere,
    /// The small payload is incomplete.
    Wait,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(kind: PacketType, length: usize) -> Vec<u8> {
        let head = Header::new(kind, u32::try_from(length).expect("it is small"));
        [&head.encode()[..], &vec![0; length]].concat()
    }

    fn put(decoder: &mut PacketDecoder, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let mut buffer = decoder.buffer();
            let piece = bytes.len().min(buffer.remaining_mut());
            buffer.put_slice(&bytes[..piece]);
            decoder.note_read(piece);
            bytes = &bytes[piece..];
        }
    }

    #[test]
    fn small_packets_alone_need_no_other_decoder() {
        let first = packet(PacketType::REQUEST, 20);
        let nexts = [
            (packet(PacketType::REQUEST, 30), true),
            (packet(PacketType::RESPONSE, SHARED), true),
            (packet(PacketType::REQUEST, SHARED + 1), false),
            (packet(PacketType::REQUEST, 2 * COPIED), false),
            (packet(PacketType::CANCEL, 4), false),
            (packet(PacketType(200), 4), false),
            (packet(PacketType::STREAM_ITEMS, 4), false),
            (vec![b'x'; 12], false),
        ];
        for (next, is_small) in nexts {
            for length in 0..=next.len() {
                let mut decoder = PacketDecoder::new(1 << 20);
                put(&mut decoder, &[&first, &next[..length]].concat());
                assert!(decoder.decode_small().is_some());
                let has_only_small = decoder.has_only_small();
                if is_small || length >= Header::LEN {
                    assert_eq!(has_only_small, is_small, "{length} bytes of {next:?}");
                }
                if has_only_small {
                    let is_complete = length == next.len();
                    assert_eq!(decoder.decode_small().is_some(), is_complete);
                    assert_eq!(decoder.decode(), Ok(None), "{length} bytes of {next:?}");
                }
            }
        }
    }
}
