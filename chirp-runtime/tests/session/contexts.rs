use std::time::Duration;

use bytes::Bytes;
use chirp_runtime::packet::{
    CallInfo, ExtensionFlags, Header, Hello, IncomingPacket, PacketError, PacketType, RequestPacket,
};
use chirp_runtime::session::{Event, Fatal, Limits, Session};

const TIME: Duration = Duration::from_secs(3);

/// A session that has been told about the extensions of the other side.
fn session(limits: Limits) -> Session {
    let mut session = Session::new(limits);
    session.assume_hello(Hello {
        revision: 1,
        extensions: ExtensionFlags::CALL_CONTEXT,
        payload_limit: u32::MAX,
        running_limit: u32::MAX,
    });
    session
}

fn context() -> IncomingPacket {
    let mut bytes = Vec::new();
    CallInfo::within(TIME).encode(&mut bytes);
    IncomingPacket::Packet {
        kind: PacketType::CALL_CONTEXT,
        payload: Bytes::from(bytes).slice(Header::LEN..),
    }
}

fn packet(kind: PacketType, payload: &[u8]) -> IncomingPacket {
    let payload = Bytes::copy_from_slice(payload);
    IncomingPacket::Packet { kind, payload }
}

fn request(id: u32) -> IncomingPacket {
    let mut bytes = Vec::new();
    RequestPacket::encode_head(&mut bytes, id, b"m", 0);
    packet(PacketType::REQUEST, &bytes[Header::LEN..])
}

/// PROTOCOL.md, section 10.2: a context is followed by its request. Anything else is fatal, whether it would be handled,
/// skipped or discarded.
#[test]
fn a_context_without_its_request_is_fatal() {
    let table = [
        packet(PacketType::CANCEL, b"\0\0\0\x01"),
        packet(PacketType::RESPONSE, b"\0\0\0\x01\0"),
        context(),
        IncomingPacket::Discarded(Header::new(PacketType(100), 5)),
        IncomingPacket::Oversized {
            header: Header::new(PacketType::RESPONSE, 1 << 30),
            id: 1,
        },
    ];
    for next in table {
        let kind = match &next {
            IncomingPacket::Packet { kind, .. } => *kind,
            IncomingPacket::Oversized { header, .. } | IncomingPacket::Discarded(header) => {
                header.kind
            }
        };
        let mut session = session(Limits::default());
        assert!(matches!(session.handle(context()), Ok(None)));
        let expected = Fatal::Packet(PacketError::ContextWithoutCall(kind));
        let fatal = session.handle(next).expect_err("it is no request");
        assert_eq!(fatal, expected);
    }
}

/// The context of a request that is too large goes with it: the next call has a time of its own.
#[test]
fn the_context_of_a_skipped_request_is_not_that_of_the_next() {
    let mut session = session(Limits::default());
    assert!(matches!(session.handle(context()), Ok(None)));
    let oversized = IncomingPacket::Oversized {
        header: Header::new(PacketType::REQUEST, 1 << 30),
        id: 1,
    };
    assert!(matches!(session.handle(oversized), Ok(None)));
    for (id, with_context, expected) in [(2, false, None), (3, true, Some(TIME))] {
        if with_context {
            assert!(matches!(session.handle(context()), Ok(None)));
        }
        let Ok(Some(Event::Request(call, _))) = session.handle(request(id)) else {
            panic!("it is a request");
        };
        assert_eq!(session.time(call), expected);
    }
}

/// Packets of the application's types without a handler are held up to twice the limit of handlers, and then end the session.
#[test]
fn unhandled_packets_are_a_flood_beyond_twice_the_limit() {
    const LENGTH: usize = 100;
    let limits = Limits::default().max_handler_bytes(5 * LENGTH / 2);
    let mut session = session(limits);
    let custom = || packet(PacketType(300), &[b'x'; LENGTH]);
    let mut held = 0;
    // Each packet costs more than its payload.
    let fatal = loop {
        match session.handle(custom()) {
            Ok(Some(Event::Packet(..))) => held += 1,
            Ok(event) => panic!("{event:?}"),
            Err(fatal) => break fatal,
        }
        assert!(held <= 5, "{held} packets are held");
        session.finish_packet(LENGTH);
        assert!(matches!(session.handle(custom()), Ok(Some(_))));
    };
    assert!(matches!(fatal, Fatal::Flooded { held } if held > 5 * LENGTH));
    assert!(held > 0);
}
