use chirp_runtime::packet::{IncomingPacket, PacketDecoder};
use chirp_runtime::session::{Fatal, Limits, Session};

use bytes::BufMut;

/// Checks the error for bytes that are not Chirp v0. Nothing is sent before the session ends.
fn check(bytes: &[u8], expected: &str) {
    let limits = Limits::default();
    let mut decoder = PacketDecoder::new(limits.max_payload);
    let mut session = Session::new(limits);
    decoder.buffer().put_slice(bytes);
    let mut handle_all = || -> Result<(), Fatal> {
        while let Some(incoming) = decoder.decode()? {
            if let IncomingPacket::Packet { .. } = &incoming {
                session.handle(incoming)?;
            }
        }
        Ok(decoder.finish()?)
    };
    let said = match handle_all() {
        Ok(()) => panic!("{bytes:02x?} is not fatal"),
        Err(Fatal::Packet(error)) => error.to_string(),
        Err(other) => panic!("{other:?}"),
    };
    assert!(said.contains(expected), "{bytes:02x?}: {said}");
    assert!(!session.has_output());
}

/// CH-53, each with its MUST.
#[test]
fn all_protocol_fatal_errors() {
    let table: &[(&[u8], &str)] = &[
        // An invalid header.
        (b"*?\0\x02\0\0\0\0", "magic"),
        (b"\xc8\0\0\x02\0\0\0\0", "magic"),
        // A short header.
        (b"\xc7\0\0\x02\0\0", "short packet header"),
        // A short payload.
        (b"\xc7\0\0\x02\0\0\0\x0aabcd", "short payload"),
        // An invalid payload of a known type.
        (b"\xc7\0\0\x02\0\0\0\x00", "invalid Request"),
        (b"\xc7\0\0\x02\0\0\0\x01X", "invalid Request"),
        (b"\xc7\0\0\x02\0\0\0\x06\0\0\0\x01\x02m", "invalid Request"),
        (b"\xc7\0\0\x04\0\0\0\x00", "invalid Response"),
        (b"\xc7\0\0\x04\0\0\0\x04\0\0\0\x01", "invalid Response"),
        (b"\xc7\0\0\x04\0\0\0\x05\0\0\0\x01\x05", "result code 5"),
        (b"\xc7\0\0\x04\0\0\0\x06\0\0\0\x01\x04\0", "error data"),
        (b"\xc7\0\0\x03\0\0\0\x00", "invalid Cancel"),
        (b"\xc7\0\0\x03\0\0\0\x0512345", "invalid Cancel"),
        // Also for a call that was never made: discarded packets must be valid.
        (b"\xc7\0\0\x04\0\0\0\x05\0\0\0\x63\x64", "result code 100"),
    ];
    for (bytes, expected) in table {
        check(bytes, expected);
    }
}

/// CH-52, CH-50, CH-51: packets that must be discarded silently.
#[test]
fn discarded_packets_are_not_answered() {
    crate::script::check(
        crate::script::limits(|_| {}),
        "< Cancel 99
         < Response 77 ok stray
         < Response 78 error stray
         < Response 79 duplicate
         < Discarded custom
         < Discarded x*100000
         > nothing
         < Request 8 echo here
         ! run r echo here
         respond r ok here
         finish r
         > Response 8 ok here
         < end",
    );
}
