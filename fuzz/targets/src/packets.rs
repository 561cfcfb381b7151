//! Bytes of a peer through the packet decoder, and the decoders of payloads.
//!
//! Whatever the pieces in which bytes arrive, the packets and the error are the same, also those of a second implementation of
//! the rules, and a payload that is accepted is
//! encoded to the same value again. The first four bytes of an input choose the limit on payloads, the custom types and the
//! length of pieces.

use bytes::{BufMut, Bytes};
use chirp_runtime::packet::{
    CallInfo, Cancel, Compressed, ErrorData, FrameworkError, GoingAway, Header, Hello,
    IncomingPacket, OneWayPacket, PacketDecoder, PacketError, PacketType, RequestPacket,
    ResponsePacket, ServedMethod, StreamCredit, StreamEnd, StreamItems, StreamOpen,
};

#[path = "../../../chirp-runtime/tests/packet/oracle.rs"]
mod oracle;

type Decoded = (Vec<IncomingPacket>, Result<(), PacketError>);

/// Runs the target.
pub fn run(data: &[u8]) {
    let Some((head, bytes)) = data.split_first_chunk() else {
        return;
    };
    let [high, low, wanted, piece] = *head;
    let limit = usize::from(u16::from_be_bytes([high, low]));
    let plain = decode(bytes, limit, 1 + usize::from(piece), |_| false);
    assert_eq!(
        plain,
        oracle::decode(bytes, limit),
        "the second implementation"
    );
    let wanted = |kind: PacketType| kind.0 % 2 == u16::from(wanted % 2);
    let whole = decode(bytes, limit, usize::MAX, wanted);
    let pieces = decode(bytes, limit, 1 + usize::from(piece), wanted);
    assert_eq!(whole, pieces, "pieces of {piece} bytes");
    for packet in whole.0 {
        if let IncomingPacket::Packet { kind, payload } = packet {
            assert!(
                payload.len() <= limit.max(4),
                "{} over {limit}",
                payload.len()
            );
            decode_payload(kind, &payload);
        }
    }
    // A payload of any type, also without a header.
    let bytes = Bytes::copy_from_slice(bytes);
    for kind in [
        PacketType::REQUEST,
        PacketType::RESPONSE,
        PacketType::CANCEL,
        PacketType::CALL_CONTEXT,
        PacketType::GOING_AWAY,
        PacketType::STREAM_OPEN,
        PacketType::STREAM_ITEMS,
        PacketType::STREAM_CREDIT,
        PacketType::STREAM_END,
    ] {
        decode_payload(kind, &bytes);
    }
}

/// Feeds a decoder like the reader of a connection.
fn decode(
    mut bytes: &[u8],
    limit: usize,
    piece: usize,
    wanted: impl Fn(PacketType) -> bool,
) -> Decoded {
    let mut decoder = PacketDecoder::new(limit);
    let mut packets = Vec::new();
    loop {
        match decoder.decode_with(&wanted) {
            Ok(Some(packet)) => packets.push(packet),
            Ok(None) if bytes.is_empty() => return (packets, decoder.finish()),
            Ok(None) => {
                let mut room = decoder.buffer();
                assert!(
                    room.has_remaining_mut(),
                    "no room reads as the end of the channel"
                );
                let piece = piece.min(room.remaining_mut()).min(bytes.len());
                room.put_slice(&bytes[..piece]);
                bytes = &bytes[piece..];
                decoder.note_read(piece);
            }
            Err(error) => return (packets, Err(error)),
        }
    }
}

fn decode_payload(kind: PacketType, payload: &Bytes) {
    match kind {
        PacketType::REQUEST => {
            let Ok(request) = RequestPacket::decode(payload.clone()) else {
                return;
            };
            let mut bytes = Vec::new();
            RequestPacket::encode_head(
                &mut bytes,
                request.id(),
                request.method(),
                request.params().len(),
            );
            bytes.extend_from_slice(request.params());
            assert_eq!(bytes[Header::LEN..], payload[..]);
            let params = request.into_params();
            let _ = Hello::decode_question(&params);
            let _ = Hello::decode_answer(&params, 0);
            let _ = ServedMethod::decode_question(&params);
            let _ = ServedMethod::decode_answer(&params, 3);
        }
        PacketType::RESPONSE => {
            let Ok(response) = ResponsePacket::decode(payload.clone()) else {
                return;
            };
            let mut bytes = Vec::new();
            ResponsePacket::encode_head(
                &mut bytes,
                response.id,
                response.code,
                response.data.len(),
            );
            bytes.extend_from_slice(&response.data);
            assert_eq!(bytes[Header::LEN..], payload[..]);
            decode_error(&response.data);
        }
        PacketType::CANCEL => {
            let _ = Cancel::decode(payload);
        }
        PacketType::CALL_CONTEXT => {
            // Fields that this side does not know are not kept.
            if let Ok(info) = CallInfo::decode(payload)
                && !info.unsupported
            {
                let mut bytes = Vec::new();
                info.encode(&mut bytes);
                let again = CallInfo::decode(&Bytes::from(bytes.split_off(Header::LEN)));
                assert_eq!(
                    format!("{:?}", again.as_ref()),
                    format!("{:?}", Ok::<_, &PacketError>(&info))
                );
            }
        }
        PacketType::GOING_AWAY => {
            if let Ok(away) = GoingAway::decode(payload.clone()) {
                let again = GoingAway::decode(away.encode().into());
                assert_eq!(
                    format!("{again:?}"),
                    format!("{:?}", Ok::<_, PacketError>(away))
                );
            }
        }
        PacketType::STREAM_OPEN => drop(StreamOpen::decode(payload)),
        PacketType::STREAM_ITEMS => {
            if let Ok(items) = StreamItems::decode(payload.clone()) {
                let total: usize = items.items.map(|item| item.len()).sum();
                assert!(total <= payload.len());
            }
        }
        PacketType::STREAM_CREDIT => drop(StreamCredit::decode(payload.clone())),
        PacketType::STREAM_END => drop(StreamEnd::decode(payload.clone())),
        _ => {
            let _ = OneWayPacket::decode(payload);
        }
    }
    if let Ok(compressed) = Compressed::decode(payload.clone(), 1 << 16)
        && let Ok(bytes) = compressed.unpack()
    {
        assert!(bytes.len() <= 1 << 16);
    }
}

fn decode_error(data: &Bytes) {
    if let Ok(error) = ErrorData::decode(data.clone()) {
        let _ = FrameworkError::from_error_data(&error);
        assert_eq!(ErrorData::decode_lossy(data.clone()).as_ref(), Ok(&error));
        assert!(error.encode() == *data || data[..] == [0; 4]);
    } else {
        let _ = ErrorData::decode_lossy(data.clone());
    }
}
