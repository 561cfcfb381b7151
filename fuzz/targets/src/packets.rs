//! Bytes of a peer through the packet decoder, and the decoders of payloads.
//!
//! Whatever the pieces in which bytes arrive, the packets and the error are the same, also those of a second implementation of
//! the rules, and a payload that is accepted is
//! encoded to the same value again. A packet is shown in one line of limited length. The first four bytes of an input choose
//! the limit on payloads, the custom types and the length of pieces.
//!
//! The bytes are also read as the text of a trace context, and as a record of fields of all kinds.

use bytes::{BufMut, Bytes};
use chirp_runtime::packet::{
    CallInfo, Cancel, Compressed, ErrorData, FrameworkError, GoingAway, Header, Hello,
    IncomingPacket, Metadata, OneWayPacket, PacketDecoder, PacketError, PacketType, RecordBuilder,
    RecordError, RecordScanner, RequestPacket, ResponsePacket, ServedMethod, StreamCredit,
    StreamEnd, StreamItems, StreamOpen, TraceContext,
};

#[path = "../../../chirp-runtime/tests/packet/oracle.rs"]
mod oracle;

type Decoded = (Vec<IncomingPacket>, Result<(), PacketError>);

/// The longest line that shows a packet, in bytes. Most of it is the message of an error, which is escaped.
const LONGEST_LINE: usize = 4096;

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
        check_line(&packet);
        if packet.is_compressed()
            && let Ok(inner) = packet.clone().unpack(1 << 16, wanted)
        {
            check_line(&inner);
        }
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
    check_trace(&String::from_utf8_lossy(&bytes));
    check_record(&bytes);
}

/// Shows a packet as logs and captures do.
fn check_line(packet: &IncomingPacket) {
    let line = packet.to_string();
    assert!(!line.contains(char::is_control), "{line:?} is one line");
    assert!(line.len() <= LONGEST_LINE, "{} bytes", line.len());
}

/// Reads a `traceparent`, and a text as its `tracestate`.
fn check_trace(text: &str) {
    let (parent, state) = text.split_once('\n').unwrap_or((text, ""));
    let Ok(trace) = TraceContext::parse(parent) else {
        return;
    };
    assert_eq!(trace.to_string().parse(), Ok(trace.clone()));
    if let Ok(trace) = trace.with_state(state) {
        assert_eq!(trace.state(), state);
    }
}

/// Reads fields of all kinds in turn. The record that is built of them is read as the same record.
fn check_record(bytes: &[u8]) {
    let (fields, built) = rebuilt(bytes, usize::MAX);
    assert_eq!(rebuilt(&built, fields), (fields, built));
}

/// The number of fields that could be read, at most `most`, and a record of them.
fn rebuilt(bytes: &[u8], most: usize) -> (usize, Vec<u8>) {
    let mut scanner = RecordScanner::new(bytes);
    let mut builder = RecordBuilder::new();
    let mut fields = 0;
    while fields < most && !scanner.is_empty() {
        let before = scanner.offset();
        if let Err(error) = copy_field(fields, &mut scanner, &mut builder) {
            assert_eq!(scanner.offset(), before, "{error}: nothing is taken");
            break;
        }
        fields += 1;
    }
    assert_eq!(scanner.offset() + scanner.rest().len(), bytes.len());
    (fields, builder.finish())
}

fn copy_field(
    kind: usize,
    from: &mut RecordScanner<'_>,
    to: &mut RecordBuilder,
) -> Result<(), RecordError> {
    match kind % 7 {
        0 => to.vint30(from.vint30()?),
        1 => to.prefixed(from.prefixed()?).expect("it has been read"),
        2 => to
            .prefixed_str(from.prefixed_str()?)
            .expect("it has been read"),
        3 => to.bool(from.bool()?),
        4 => to.u8(from.u8()?),
        5 => to.u16(from.u16()?),
        _ => to.u32(from.u32()?),
    };
    Ok(())
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

#[expect(clippy::too_many_lines, reason = "a case for each packet")]
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
            check_questions(&params);
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
            check_answers(&response.data);
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
                let mut metadata = Metadata::new();
                for (key, value) in &info.metadata {
                    metadata.append(key, value).expect("it has been sent");
                }
                assert_eq!(metadata, info.metadata);
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
        PacketType::STREAM_OPEN => {
            if let Ok(entries) = StreamOpen::decode(payload) {
                let mut bytes = Vec::new();
                StreamOpen::encode(&mut bytes, &entries);
                assert_eq!(bytes[Header::LEN..], payload[..]);
            }
        }
        PacketType::STREAM_ITEMS => {
            if let Ok(items) = StreamItems::decode(payload.clone()) {
                let lens: Vec<_> = items.items.lens().collect();
                let total = lens.iter().sum();
                let mut bytes = Vec::new();
                let count = u16::try_from(lens.len()).expect("the count has 16 bits");
                StreamItems::encode_head(&mut bytes, items.id, count, total);
                for item in items.items {
                    StreamItems::encode_item_head(&mut bytes, item.len());
                    bytes.extend_from_slice(&item);
                }
                assert_eq!(bytes[Header::LEN..], payload[..]);
            }
        }
        PacketType::STREAM_CREDIT => {
            if let Ok(credit) = StreamCredit::decode(payload.clone()) {
                let mut bytes = Vec::new();
                StreamCredit::encode(&mut bytes, &credit.entries().collect::<Vec<_>>());
                assert_eq!(bytes[Header::LEN..], payload[..]);
            }
        }
        PacketType::STREAM_END => {
            if let Ok(end) = StreamEnd::decode(payload.clone()) {
                let mut bytes = Vec::new();
                end.encode(&mut bytes);
                let again = StreamEnd::decode(Bytes::from(bytes.split_off(Header::LEN)));
                assert_eq!(again, Ok(end));
            }
        }
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

/// Questions that are asked by calls of reserved methods.
fn check_questions(params: &[u8]) {
    if let Some((nonce, hello)) = Hello::decode_question(params) {
        // A later revision may append fields.
        assert!(params.starts_with(&hello.encode_question(nonce)));
    }
    if let Some(methods) = ServedMethod::decode_question(params) {
        assert_eq!(ServedMethod::encode_question(methods), params);
    }
}

/// Answers to such questions: to one about a single method, and to one with the nonce 0.
fn check_answers(data: &[u8]) {
    if let Some(hello) = Hello::decode_answer(data, 0) {
        assert!(data.starts_with(&hello.encode_answer(0)));
    }
    if let Some(served) = ServedMethod::decode_answer(data, 1) {
        assert_eq!(ServedMethod::encode_answer(served), data);
    }
}

fn decode_error(data: &Bytes) {
    if let Ok(error) = ErrorData::decode(data.clone()) {
        if let Some(reason) = FrameworkError::from_error_data(&error) {
            let again = FrameworkError::from_error_data(&reason.to_error_data("why"));
            assert_eq!(again, Some(reason));
        }
        assert_eq!(ErrorData::decode_lossy(data.clone()).as_ref(), Ok(&error));
        assert!(error.encode() == *data || data[..] == [0; 4]);
    } else {
        let _ = ErrorData::decode_lossy(data.clone());
    }
}
