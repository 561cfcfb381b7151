use std::time::Duration;

use bytes::Bytes;
use chirp_runtime::packet::{
    Cancel, ErrorData, ExtensionFlags, FrameworkError, GoingAway, Header, Hello, IncomingPacket,
    PacketType, RequestPacket, ResponsePacket, ResultCode, StreamCredit, StreamEnd, StreamItems,
};

use crate::stream_words;

/// Bytes in a script: `-` for none, `x*9000` for nine thousand of a letter, `ask:5` and `answer:5` for the
/// data of `chirp.hello` with nonce 5 (`ask:5:100` from a side with a payload limit of 100 bytes), and any
/// other word for itself.
pub(crate) fn bytes(word: &str) -> Vec<u8> {
    let hello_with = |nonce: &str, limit: &str, extensions: ExtensionFlags| {
        let hello = Hello {
            revision: Hello::REVISION,
            extensions,
            payload_limit: limit.parse().expect("a limit"),
            running_limit: 10,
        };
        (hello, nonce.parse().expect("a nonce"))
    };
    let hello = |nonce: &str, limit: &str| hello_with(nonce, limit, ExtensionFlags::NONE);
    let parts: Vec<_> = word.split(':').collect();
    match parts[..] {
        ["-"] => Vec::new(),
        ["ask", nonce] => bytes(&format!("ask:{nonce}:1000000")),
        ["ask", nonce, limit] => {
            let (hello, nonce) = hello(nonce, limit);
            hello.encode_question(nonce)
        }
        ["answer", nonce] => bytes(&format!("answer:{nonce}:1000000")),
        ["answer", nonce, limit] => {
            let (hello, nonce) = hello(nonce, limit);
            hello.encode_answer(nonce)
        }
        ["ask", nonce, limit, "streams"] => {
            let (hello, nonce) = hello_with(nonce, limit, ExtensionFlags::STREAMS);
            hello.encode_question(nonce)
        }
        ["answer", nonce, limit, "streams"] => {
            let (hello, nonce) = hello_with(nonce, limit, ExtensionFlags::STREAMS);
            hello.encode_answer(nonce)
        }
        ["ask", nonce, limit, "lz4"] => {
            let (hello, nonce) = hello_with(nonce, limit, ExtensionFlags::COMPRESSION);
            hello.encode_question(nonce)
        }
        ["ask", nonce, limit, "leaves"] => {
            let (hello, nonce) = hello_with(nonce, limit, ExtensionFlags::GOING_AWAY);
            hello.encode_question(nonce)
        }
        ["answer", nonce, limit, "leaves"] => {
            let (hello, nonce) = hello_with(nonce, limit, ExtensionFlags::GOING_AWAY);
            hello.encode_answer(nonce)
        }
        ["ask", nonce, limit, "streams", "leaves"] => {
            let both = ExtensionFlags::STREAMS.and(ExtensionFlags::GOING_AWAY);
            let (hello, nonce) = hello_with(nonce, limit, both);
            hello.encode_question(nonce)
        }
        ["ask", nonce, limit, "streams", "lz4"] => {
            let both = ExtensionFlags::STREAMS.and(ExtensionFlags::COMPRESSION);
            let (hello, nonce) = hello_with(nonce, limit, both);
            hello.encode_question(nonce)
        }
        ["answer", nonce, limit, "lz4"] => {
            let (hello, nonce) = hello_with(nonce, limit, ExtensionFlags::COMPRESSION);
            hello.encode_answer(nonce)
        }
        // Bits 1 to 3 do not declare streams without bit 7.
        ["answer", nonce, limit, "parts"] => {
            let (hello, nonce) = hello_with(nonce, limit, ExtensionFlags(0b1110));
            hello.encode_answer(nonce)
        }
        _ => match word.split_once('*') {
            Some((of, times)) => of.repeat(times.parse().expect("a number")).into(),
            None => word.into(),
        },
    }
}

/// The word for bytes.
pub(crate) fn word(bytes: &[u8]) -> String {
    if let Some((nonce, _)) = Hello::decode_question(bytes) {
        return format!("ask:{nonce}");
    }
    let answered = bytes.strip_prefix(b"\xc7OLEH").and_then(|rest| {
        let nonce = u64::from_be_bytes(*rest.first_chunk()?).wrapping_sub(1);
        Hello::decode_answer(bytes, nonce).map(|_| nonce)
    });
    if let Some(nonce) = answered {
        return format!("answer:{nonce}");
    }
    match bytes {
        [] => "-".to_owned(),
        [first, rest @ ..] if rest.len() > 20 && rest.iter().all(|byte| byte == first) => {
            format!("{}*{}", char::from(*first), bytes.len())
        }
        _ => String::from_utf8_lossy(bytes).into_owned(),
    }
}

/// The outcome of a call in a script: `ok DATA`, `unknown`, `duplicate`, `cancelled`, `error TEXT`, or the
/// name of a framework error.
pub(crate) fn result(words: &[&str]) -> (ResultCode, Vec<u8>) {
    let reason = match *words {
        ["ok", data] => return (ResultCode::Success, bytes(data)),
        ["unknown"] => return (ResultCode::UnknownMethod, Vec::new()),
        ["duplicate"] => return (ResultCode::DuplicateRequest, Vec::new()),
        ["cancelled"] => return (ResultCode::Cancelled, Vec::new()),
        ["error", text] => {
            let text = String::from_utf8(bytes(text)).expect("text");
            return (ResultCode::ServiceError, ErrorData::from(text).encode());
        }
        ["busy"] => FrameworkError::Overloaded,
        ref other => panic!("{other:?} is no result"),
    };
    (ResultCode::ServiceError, ErrorData::from(reason).encode())
}

/// The words for the outcome of a call.
pub(crate) fn result_words(code: ResultCode, data: &Bytes) -> String {
    match code {
        ResultCode::Success => return format!("ok {}", word(data)),
        ResultCode::UnknownMethod => return "unknown".to_owned(),
        ResultCode::DuplicateRequest => return "duplicate".to_owned(),
        ResultCode::Cancelled => return "cancelled".to_owned(),
        ResultCode::ServiceError => {}
    }
    let error = ErrorData::decode(data.clone()).expect("it is error data");
    let name = match FrameworkError::from_error_data(&error) {
        None => return format!("error {}", word(error.message.as_bytes())),
        Some(FrameworkError::Overloaded) => "busy",
        Some(FrameworkError::ShuttingDown) => "shutting-down",
        Some(FrameworkError::InvalidArguments) => "bad-arguments",
        Some(FrameworkError::InvalidResult) => "bad-result",
        Some(FrameworkError::NoReply) => "no-answer",
        Some(FrameworkError::TooLarge { limit }) => return format!("too-large {limit}"),
        Some(other) => panic!("{other} is not the session's to say"),
    };
    name.to_owned()
}

/// The bytes of a packet: `Request ID METHOD DATA`, `Response ID RESULT`, `Cancel ID`, `GoingAway MILLISECONDS`,
/// `GoingAway MILLISECONDS TEXT`, `GoingAway raw BYTES`.
pub(crate) fn packet(words: &[&str]) -> Vec<u8> {
    if let Some(packet) = stream_words::packet(words) {
        return packet;
    }
    #[cfg(feature = "lz4")]
    if let Some(packet) = crate::compressed::packet(words) {
        return packet;
    }
    let mut out = Vec::new();
    let id = words.get(1).and_then(|id| id.parse().ok());
    match (words, id) {
        (["Request", _, method, data], Some(id)) => {
            let (method, data) = (bytes(method), bytes(data));
            RequestPacket::encode_head(&mut out, id, &method, data.len());
            out.extend_from_slice(&data);
        }
        (["Response", _, how @ ..], Some(id)) => {
            let (code, data) = result(how);
            ResponsePacket::encode_head(&mut out, id, code, data.len());
            out.extend_from_slice(&data);
        }
        (["Cancel", _], Some(id)) => Cancel { id }.encode(&mut out),
        (["GoingAway", grace, reason @ ..], _) => {
            let payload = match (*grace, reason) {
                ("raw", [payload]) => bytes(payload),
                (grace, reason) => GoingAway {
                    grace: grace.parse().ok().map(Duration::from_millis),
                    reason: reason.concat().into(),
                }
                .encode(),
            };
            let length = u32::try_from(payload.len()).expect("it is short");
            out.extend_from_slice(&Header::new(PacketType::GOING_AWAY, length).encode());
            out.extend_from_slice(&payload);
        }
        (["Discarded", payload], _) => {
            let payload = bytes(payload);
            let length = u32::try_from(payload.len()).expect("it is short");
            out.extend_from_slice(&Header::new(PacketType(100), length).encode());
            out.extend_from_slice(&payload);
        }
        _ => panic!("{words:?} is no packet"),
    }
    out
}

/// The words for GOING AWAY: the grace in milliseconds, and the reason if there is one.
pub(crate) fn going_away_words(packet: &GoingAway) -> String {
    let grace = packet.grace.map_or_else(
        || "unlimited".to_owned(),
        |grace| grace.as_millis().to_string(),
    );
    format!("GoingAway {grace} {}", packet.reason.message)
        .trim_end()
        .to_owned()
}

/// The words for a packet.
pub(crate) fn packet_words(incoming: IncomingPacket) -> String {
    let IncomingPacket::Packet { kind, payload } = incoming else {
        panic!("{incoming:?} was sent");
    };
    match kind {
        #[cfg(feature = "lz4")]
        PacketType::COMPRESSED => crate::compressed::packet_words(payload),
        PacketType::REQUEST => {
            let request = RequestPacket::decode(payload).expect("it is a request");
            let (method, params) = (word(request.method()), word(request.params()));
            format!("Request {} {method} {params}", request.id())
        }
        PacketType::RESPONSE => {
            let ResponsePacket { id, code, data } =
                ResponsePacket::decode(payload).expect("it is a response");
            format!("Response {id} {}", result_words(code, &data))
        }
        PacketType::GOING_AWAY => {
            going_away_words(&GoingAway::decode(payload).expect("it is valid"))
        }
        PacketType::STREAM_OPEN => stream_words::open_words(&payload),
        PacketType::STREAM_ITEMS => {
            stream_words::items_words(StreamItems::decode(payload).expect("they are items"))
        }
        PacketType::STREAM_CREDIT => {
            stream_words::credit_words(&StreamCredit::decode(payload).expect("it is credit"))
        }
        PacketType::STREAM_END => {
            stream_words::end_words(&StreamEnd::decode(payload).expect("it is an end"))
        }
        _ => {
            let cancel = Cancel::decode(&payload).expect("it is a cancel");
            format!("Cancel {}", cancel.id)
        }
    }
}
