//! Packets for this side's peer.

use chirp_runtime::packet::{ErrorData, Header, PacketType, ResponsePacket, ResultCode};

use super::translator::Translated;

pub(super) fn split_u32(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (number, rest) = bytes.split_first_chunk()?;
    Some((u32::from_be_bytes(*number), rest))
}

pub(super) fn put_packet(kind: PacketType, payload: &[u8], packets: &mut Vec<u8>) {
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    packets.extend_from_slice(&Header::new(kind, length).encode());
    packets.extend_from_slice(payload);
}

/// Answers a call of this side.
pub(super) fn respond(id: u32, code: ResultCode, data: &[u8], out: &mut Translated) {
    ResponsePacket::encode_head(&mut out.packets, id, code, data.len());
    out.packets.extend_from_slice(data);
}

pub(super) fn respond_error(id: u32, error: &ErrorData, out: &mut Translated) {
    respond(id, ResultCode::ServiceError, &error.encode(), out);
}
