use bytes::Bytes;
use chirp_runtime::packet::{Cancel, Header, IncomingPacket, PROTOCOL, PacketError, PacketType};

/// The packets in a stream of bytes, and how the stream ended.
pub(crate) type Decoded = (Vec<IncomingPacket>, Result<(), PacketError>);

/// The expected result for a channel that carried these bytes and then ended: a second implementation of the
/// rules, which has all bytes at hand.
pub(crate) fn decode(mut bytes: &[u8], limit: usize) -> Decoded {
    let mut packets = Vec::new();
    let end = loop {
        match next(bytes, limit, &mut packets) {
            Ok(Some(rest)) => bytes = rest,
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    (packets, end)
}

/// Takes a packet off the front, and returns it with the rest. `None` at the end.
fn next<'a>(
    bytes: &'a [u8],
    limit: usize,
    packets: &mut Vec<IncomingPacket>,
) -> Result<Option<&'a [u8]>, PacketError> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let Some((head, rest)) = bytes.split_first_chunk() else {
        // Bytes that cannot begin a packet are refused however few have come.
        return Err(match bytes[0] {
            0xC7 => PacketError::ShortHeader { got: bytes.len() },
            other => PacketError::Magic(other),
        });
    };
    let header = Header::decode(*head)?;
    let length = header.length as usize;
    let missing = length.saturating_sub(rest.len());
    let ours = header.protocol == PROTOCOL
        && [
            PacketType::REQUEST,
            PacketType::RESPONSE,
            PacketType::CANCEL,
        ]
        .contains(&header.kind);
    let is_cancel = header.kind == PacketType::CANCEL;
    if !ours {
        packets.push(IncomingPacket::Discarded(header));
    } else if is_cancel && header.length > Cancel::PAYLOAD_LEN {
        return Err(PacketError::CancelLength(header.length));
    } else if length > limit && length >= 4 && !is_cancel {
        if let Some(id) = rest.first_chunk() {
            let id = u32::from_be_bytes(*id);
            packets.push(IncomingPacket::Oversized { header, id });
        }
    } else if missing == 0 {
        packets.push(IncomingPacket::Packet {
            kind: header.kind,
            payload: Bytes::copy_from_slice(&rest[..length]),
        });
    }
    if missing > 0 {
        return Err(PacketError::ShortPayload {
            missing: missing as u64,
        });
    }
    Ok(Some(&rest[length..]))
}
