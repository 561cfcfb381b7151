use std::time::Duration;

use bytes::Bytes;
use chirp_runtime::packet::{
    Cancel, ErrorData, ExtensionFlags, FRAMEWORK_ERROR_CODES, FrameworkError, GoingAway, Header,
    Hello, IncomingPacket, PacketType, RequestPacket, ResponsePacket, ResultCode,
};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::feed::feed;

const LIMIT: usize = 1 << 20;

/// The payload of the one packet in these bytes.
fn payload_of(bytes: &[u8], kind: PacketType) -> Bytes {
    match feed(bytes, LIMIT, &[usize::MAX]) {
        (packets, Ok(())) => match &packets[..] {
            [IncomingPacket::Packet { kind: is, payload }] if *is == kind => payload.clone(),
            other => panic!("{other:?} is not one {kind}"),
        },
        (_, Err(error)) => panic!("{error}"),
    }
}

fn result_code() -> impl Strategy<Value = ResultCode> {
    (0_u8..=4).prop_map(|code| ResultCode::from_u8(code).expect("it exists"))
}

fn error_data() -> impl Strategy<Value = ErrorData> {
    let fields = (1..4_u16, any::<String>(), vec(any::<u8>(), 0..40));
    fields.prop_map(|(code, message, data)| ErrorData::new(code, message).with_data(data))
}

fn hello() -> impl Strategy<Value = Hello> {
    let fields = (1..4_u16, any::<u64>(), any::<u32>(), any::<u32>());
    fields.prop_map(|(revision, bits, payload_limit, running_limit)| Hello {
        revision,
        extensions: ExtensionFlags(bits),
        payload_limit,
        running_limit,
    })
}

/// Errors of a later version keep their codes.
fn later_framework_error() -> impl Strategy<Value = FrameworkError> {
    let first = FrameworkError::MetadataTooLarge { limit: 0 }.code() + 1;
    (first..=*FRAMEWORK_ERROR_CODES.end()).prop_map(|code| FrameworkError::Other { code })
}

fn framework_error() -> impl Strategy<Value = FrameworkError> {
    any::<u64>().prop_flat_map(|number| {
        prop_oneof![
            Just(FrameworkError::Overloaded),
            Just(FrameworkError::ShuttingDown),
            Just(FrameworkError::Panicked { reference: number }),
            Just(FrameworkError::DeadlineExceeded),
            Just(FrameworkError::InvalidArguments),
            Just(FrameworkError::TooLarge { limit: number }),
            Just(FrameworkError::Unsupported),
            Just(FrameworkError::NoReply),
            Just(FrameworkError::InvalidResult),
            Just(FrameworkError::UnknownStream),
            Just(FrameworkError::PermissionDenied),
            Just(FrameworkError::MetadataTooLarge { limit: number }),
            later_framework_error(),
        ]
    })
}

proptest! {
    /// CH-T20, for a header of another protocol.
    #[test]
    fn header(protocol: u8, kind: u16, length: u32) {
        let header = Header { protocol, kind: PacketType(kind), length };
        prop_assert_eq!(Header::decode(header.encode()), Ok(header));
    }

    #[test]
    fn request(id: u32, method in vec(any::<u8>(), 0..=255), params in vec(any::<u8>(), 0..9000)) {
        let mut bytes = Vec::new();
        RequestPacket::encode_head(&mut bytes, id, &method, params.len());
        bytes.extend_from_slice(&params);
        prop_assert_eq!(bytes.len(), Header::LEN + RequestPacket::payload_len(&method, params.len()));
        let request = RequestPacket::decode(payload_of(&bytes, PacketType::REQUEST));
        let request = request.expect("it is a request");
        prop_assert_eq!(&request, &RequestPacket::new(id, &method, &params));
        prop_assert_eq!(request.id(), id);
        prop_assert_eq!(request.method(), method);
        prop_assert_eq!(request.params(), &params);
        prop_assert_eq!(request.into_params(), params);
    }

    #[test]
    fn response(id: u32, code in result_code(), error in error_data(), data in vec(any::<u8>(), 0..9000)) {
        let data = if code == ResultCode::ServiceError { error.encode() } else { data };
        let mut bytes = Vec::new();
        ResponsePacket::encode_head(&mut bytes, id, code, data.len());
        bytes.extend_from_slice(&data);
        prop_assert_eq!(bytes.len(), Header::LEN + ResponsePacket::payload_len(data.len()));
        let response = ResponsePacket::decode(payload_of(&bytes, PacketType::RESPONSE));
        prop_assert_eq!(response, Ok(ResponsePacket { id, code, data: data.into() }));
    }

    #[test]
    fn cancel(id: u32) {
        let mut bytes = Vec::new();
        Cancel { id }.encode(&mut bytes);
        prop_assert_eq!(Cancel::decode(&payload_of(&bytes, PacketType::CANCEL)), Ok(Cancel { id }));
    }

    #[test]
    fn error_data_of_any_text(error in error_data()) {
        prop_assert_eq!(ErrorData::decode(error.encode().into()), Ok(error));
    }

    /// A message that is too long loses characters at its end, and nothing else changes.
    #[test]
    fn error_data_of_a_long_text(
        fill in 65_520_usize..65_540,
        rest in "\\PC{0,9}",
        data in vec(any::<u8>(), 0..9),
    ) {
        let error = ErrorData::new(1, "a".repeat(fill) + &rest).with_data(data.clone());
        let decoded = ErrorData::decode(error.encode().into()).expect("the cut is at a character");
        prop_assert!(error.message.starts_with(&decoded.message));
        prop_assert!(decoded.message == error.message || decoded.message.len() > 65_535 - 4);
        prop_assert_eq!(decoded.data, data);
    }

    #[test]
    fn hello_asked_and_answered(hello in hello(), nonce: u64, other: u64) {
        let (question, answer) = (hello.encode_question(nonce), hello.encode_answer(nonce));
        prop_assert_eq!(question.len(), Hello::LEN);
        prop_assert_eq!(Hello::decode_question(&question), Some((nonce, hello)));
        // The revision of an answer may not be later than that of the question.
        let known = (hello.revision <= Hello::REVISION).then_some(hello);
        prop_assert_eq!(Hello::decode_answer(&answer, nonce), known);
        // An echo, and an answer to another question.
        prop_assert_eq!(Hello::decode_answer(&question, nonce), None);
        prop_assert_eq!(Hello::decode_answer(&answer, other), known.filter(|_| other == nonce));
        // Later revisions append fields.
        let longer = [&answer[..], b"more"].concat();
        prop_assert_eq!(Hello::decode_answer(&longer, nonce), known);
    }

    /// A grace that the field cannot express is no limit.
    #[test]
    fn going_away(grace in proptest::option::of(any::<u64>()), reason in error_data()) {
        let grace = grace.map(Duration::from_millis);
        let packet = GoingAway { grace, reason: reason.clone() };
        let decoded = GoingAway::decode(packet.encode().into()).expect("it is valid");
        let is_expressible = |grace: &Duration| grace.as_millis() < u32::MAX.into();
        prop_assert_eq!(decoded.grace, grace.filter(is_expressible));
        prop_assert_eq!(decoded.reason, reason);
    }

    /// A framework error needs both its code and its mark.
    #[test]
    fn framework_errors(reason in framework_error(), detail: String, code: u16) {
        let mut error = reason.to_error_data(&detail);
        prop_assert!(FRAMEWORK_ERROR_CODES.contains(&error.code));
        prop_assert_eq!(FrameworkError::from_error_data(&error), Some(reason));
        error.code = code;
        let told = FrameworkError::from_error_data(&error).is_some();
        prop_assert!(!told || FRAMEWORK_ERROR_CODES.contains(&code));
        prop_assert_eq!(FrameworkError::from_error_data(&ErrorData::new(reason.code(), detail)), None);
    }

    /// Bytes from a peer decode to a value or an error, and never panic.
    #[test]
    fn payloads_of_any_bytes(bytes in vec(any::<u8>(), 0..64)) {
        let bytes = Bytes::from(bytes);
        let _ = Cancel::decode(&bytes);
        let _ = Hello::decode_question(&bytes);
        let _ = Hello::decode_answer(&bytes, 0);
        if let Ok(request) = RequestPacket::decode(bytes.clone()) {
            prop_assert_eq!(request.size(), 5 + request.method().len() + request.params().len());
        }
        if let Ok(response) = ResponsePacket::decode(bytes.clone()) {
            prop_assert_eq!(response.data.len() + 5, bytes.len());
        }
        if let Ok(error) = ErrorData::decode(bytes.clone()) {
            let _ = FrameworkError::from_error_data(&error);
            // Four zero bytes are an older encoding of the empty error.
            prop_assert!(error.encode() == bytes || bytes == [0; 4][..]);
        }
    }
}

/// CH-T26.
#[test]
fn the_empty_error_is_no_bytes() {
    assert_eq!(ErrorData::default().encode(), b"");
    assert_eq!(ErrorData::decode(Bytes::new()), Ok(ErrorData::default()));
    let old = ErrorData::decode(Bytes::from_static(&[0; 4]));
    assert_eq!(old, Ok(ErrorData::default()));
}
