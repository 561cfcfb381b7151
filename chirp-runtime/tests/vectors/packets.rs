use bytes::{Buf, BufMut, Bytes};
use chirp_runtime::packet::{
    Cancel, ErrorData, Header, IncomingPacket, PacketDecoder, PacketError, PacketType,
    RequestPacket, ResponsePacket, ResultCode,
};
use serde_json::Value;

use crate::recording::{bytes, list, number, text, to_hex};

const LIMIT: usize = 16 << 20;

/// Encodes the packet that an entry describes.
fn encode(entry: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    match text(entry, "kind") {
        "packet" => {
            let payload = bytes(entry, "payload");
            let header = Header {
                protocol: number(entry, "protocol"),
                kind: PacketType(number(entry, "type")),
                length: u32::try_from(payload.len()).expect("it is short"),
            };
            out.extend_from_slice(&header.encode());
            out.extend_from_slice(&payload);
        }
        "request" => {
            let (method, data) = (bytes(entry, "method"), bytes(entry, "data"));
            RequestPacket::encode_head(&mut out, number(entry, "id"), &method, data.len());
            out.extend_from_slice(&data);
        }
        "response" => {
            let data = bytes(entry, "data");
            let code = ResultCode::from_u8(number(entry, "code")).expect("it exists");
            ResponsePacket::encode_head(&mut out, number(entry, "id"), code, data.len());
            out.extend_from_slice(&data);
        }
        "cancel" => Cancel {
            id: number(entry, "id"),
        }
        .encode(&mut out),
        "error_data" => out = error_data(entry).encode(),
        kind => panic!("{kind} is new"),
    }
    out
}

fn error_data(entry: &Value) -> ErrorData {
    ErrorData::new(number(entry, "code"), text(entry, "message")).with_data(bytes(entry, "data"))
}

/// Decodes the only packet in these bytes, if there is one.
fn decode_one(bytes: &[u8]) -> Result<Option<IncomingPacket>, PacketError> {
    let mut decoder = PacketDecoder::new(LIMIT);
    let mut bytes = bytes;
    let mut found = None;
    loop {
        if let Some(incoming) = decoder.decode()? {
            assert!(found.is_none(), "there are two packets");
            found = Some(incoming);
        } else if bytes.is_empty() {
            decoder.finish()?;
            return Ok(found);
        } else {
            let mut room = decoder.buffer();
            let piece = room.remaining_mut().min(bytes.len());
            room.put_slice(&bytes[..piece]);
            bytes.advance(piece);
        }
    }
}

fn payload_of(packet: &[u8]) -> Bytes {
    match decode_one(packet) {
        Ok(Some(IncomingPacket::Packet { payload, .. })) => payload,
        other => panic!("{other:?} is not a packet"),
    }
}

/// Decodes what was encoded.
fn check_reading(entry: &Value, written: &[u8]) {
    match text(entry, "kind") {
        "request" => {
            let request = RequestPacket::decode(payload_of(written)).expect("it is a request");
            assert_eq!(request.id(), number::<u32>(entry, "id"));
            assert_eq!(request.method(), bytes(entry, "method"));
            assert_eq!(request.params(), bytes(entry, "data"));
        }
        "response" => {
            let response = ResponsePacket::decode(payload_of(written)).expect("it is a response");
            assert_eq!(response.id, number::<u32>(entry, "id"));
            assert_eq!(response.code as u8, number::<u8>(entry, "code"));
            assert_eq!(response.data, bytes(entry, "data"));
        }
        "cancel" => {
            let cancel = Cancel::decode(&payload_of(written)).expect("it is a cancel");
            assert_eq!(cancel.id, number::<u32>(entry, "id"));
        }
        "error_data" => {
            let error = ErrorData::decode(Bytes::copy_from_slice(written)).expect("it is valid");
            assert_eq!(error, error_data(entry));
        }
        // The entry has only bytes and a header: most types are unknown.
        _ => {}
    }
}

#[test]
fn packets_of_the_reference_round_trip() {
    let entries = list("encode");
    let ours = entries.iter().filter(|entry| entry["kind"] != "vint30");
    let mut checked = 0;
    for entry in ours {
        let written = encode(entry);
        assert_eq!(to_hex(&written), text(entry, "hex"), "{entry}");
        check_reading(entry, &written);
        checked += 1;
    }
    assert_eq!(checked, 24);
}

/// Both implementations accept the same packets, and reject others for the same reason, with the exception of
/// [`is_stricter_here`].
#[test]
fn the_reference_and_this_crate_accept_the_same_packets() {
    // The reference's errors, and the corresponding ones here.
    let reasons = [
        ("offset 0: error code", "length is truncated"),
        ("offset 2: message length", "length is truncated"),
        ("error message: value truncated", "message is truncated"),
        ("not valid UTF-8", "not UTF-8"),
        ("invalid result code", "result code"),
        ("invalid cancel payload", "invalid Cancel packet"),
        ("invalid protocol magic", "invalid protocol magic"),
        ("short packet header", "short packet header"),
        ("short payload", "short payload"),
        ("value truncated", "truncated"),
        ("unexpected EOF", "truncated"),
    ];
    let entries = list("decode");
    for entry in entries.iter().filter(|entry| !is_stricter_here(entry)) {
        let decoded = decode(entry);
        if entry["ok"] == true {
            assert!(decoded.is_ok(), "{entry}: {decoded:?}");
            continue;
        }
        let theirs = text(entry, "error");
        let ours = decoded.expect_err(theirs).to_string();
        let (_, reason) = reasons
            .iter()
            .find(|(said, _)| theirs.contains(said))
            .expect("the reason is known");
        assert!(ours.contains(reason), "{theirs}: {ours}");
    }
    assert_eq!(entries.len(), 31);
}

fn decode(entry: &Value) -> Result<(), PacketError> {
    let bytes = Bytes::from(bytes(entry, "hex"));
    match text(entry, "kind") {
        "request" => RequestPacket::decode(bytes).map(drop),
        "response" => ResponsePacket::decode(bytes).map(drop),
        "cancel" => Cancel::decode(&bytes).map(drop),
        "error_data" => ErrorData::decode(bytes).map(drop),
        // No bytes are no packet, although a channel may end like this.
        "packet" => decode_one(&bytes)?
            .map(drop)
            .ok_or(PacketError::ShortHeader { got: 0 }),
        kind => panic!("{kind} is new"),
    }
}

/// Whether this is a Response with malformed error data, which the reference accepts.
fn is_stricter_here(entry: &Value) -> bool {
    entry["kind"] == "response" && text(entry, "hex") == "000000010400010004616263"
}

/// The specification: an invalid payload of a known type MUST be protocol fatal.
#[test]
fn malformed_error_data_in_a_response_is_fatal_here_and_tolerated_by_the_reference() {
    let entries = list("decode");
    let [entry] = &entries
        .iter()
        .filter(|entry| is_stricter_here(entry))
        .collect::<Vec<_>>()[..]
    else {
        panic!("there is one such entry");
    };
    assert_eq!(entry["ok"], true);
    assert_eq!(
        decode(entry),
        Err(PacketError::ErrorData("the message is truncated"))
    );
}

#[test]
fn long_messages_are_cut_where_the_reference_cuts_them() {
    let entries = list("error_data_long");
    for entry in &entries {
        let head = text(entry, "message_head");
        let tail = String::from_utf8(bytes(entry, "message_tail")).expect("it is text");
        let filler = head.chars().next().expect("there is one").to_string();
        let missing = number::<usize>(entry, "message_len") - head.len() - tail.len();
        let message = format!("{head}{}{tail}", filler.repeat(missing));
        let error = ErrorData::new(number(entry, "code"), message).with_data(bytes(entry, "data"));
        let encoded = error.encode();
        assert_eq!(encoded.len(), number::<usize>(entry, "encoded_len"));
        assert!(
            encoded.starts_with(&bytes(entry, "encoded_prefix")),
            "{entry}"
        );
        assert!(
            encoded.ends_with(&bytes(entry, "encoded_suffix")),
            "{entry}"
        );
        let decoded = ErrorData::decode(encoded.into()).expect("the cut is at a character");
        assert!(error.message.starts_with(&decoded.message));
        assert_eq!(decoded.data, error.data);
    }
    assert_eq!(entries.len(), 3);
}
