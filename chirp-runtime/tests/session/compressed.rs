use std::time::Duration;

use bytes::{BufMut, Bytes};
use chirp_runtime::packet::{
    CallInfo, Compressed, Compressor, Header, IncomingPacket, PacketError, PacketType,
};
use chirp_runtime::session::{Fatal, Limits, Negotiation, SessionConfig};

use crate::script::{check, limits};
use crate::words;

/// The bytes of a packet: `Compressed PACKET`, `Block TYPE LENGTH BYTES` for a block with any contents, and
/// `Context MILLISECONDS`, which belongs to the call after it.
pub(crate) fn packet(words: &[&str]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    match words {
        ["Compressed", inside @ ..] => {
            let inside = words::packet(inside);
            let (head, payload) = inside.split_first_chunk().expect("a header");
            let kind = Header::decode(*head).expect("a header").kind;
            let mut packer = Compressor::default();
            let shorter = packer.pack(kind, payload, b"");
            put(&mut out, shorter.expect("it is shorter"));
        }
        ["Block", kind, length, block] => {
            let kind: u16 = kind.parse().expect("a type");
            let length: u32 = length.parse().expect("a length");
            let payload = [
                &kind.to_be_bytes()[..],
                &length.to_be_bytes(),
                &words::bytes(block),
            ];
            put(&mut out, &payload.concat());
        }
        ["Context", millis] => {
            let time = Duration::from_millis(millis.parse().expect("a time"));
            CallInfo::within(time).encode(&mut out);
        }
        _ => return None,
    }
    Some(out)
}

fn put(out: &mut Vec<u8>, payload: &[u8]) {
    let length = u32::try_from(payload.len()).expect("it is short");
    out.put_slice(&Header::new(PacketType::COMPRESSED, length).encode());
    out.put_slice(payload);
}

/// The words for a compressed packet. Checks that it is shorter than the packet inside.
pub(crate) fn packet_words(payload: Bytes) -> String {
    let length = payload.len();
    let inside = Compressed::decode(payload, usize::MAX).expect("it is valid");
    assert!(length < inside.length as usize, "it need not be compressed");
    let payload = inside.unpack().expect("it is valid");
    let kind = inside.kind;
    format!(
        "Compressed {}",
        words::packet_words(IncomingPacket::Packet { kind, payload })
    )
}

/// A configuration that compresses payloads of more than 100 bytes.
fn above_100() -> SessionConfig {
    compressing(|limits| {
        limits.max_payload = 100_000;
        limits.max_streams = 16;
    })
}

fn compressing(change: impl FnOnce(&mut Limits)) -> SessionConfig {
    SessionConfig {
        compress_above: Some(100),
        ..limits(change).into()
    }
}

/// Plays a script to a session whose other side has declared compression.
fn check_declared(config: impl Into<SessionConfig>, script: &str) {
    let declared = "< Request 99 chirp.hello ask:5:1000000:lz4
         ! hello
         > Response 99 ok answer:5
         ";
    check(config, &(declared.to_owned() + script));
}

#[test]
fn payloads_over_the_threshold_are_compressed() {
    check_declared(
        above_100(),
        "# The request has 101 bytes, and then 100.
         call a m x*95
         call b m x*94
         > Compressed Request 1 m x*95
         > Request 2 m x*94
         < Request 1 m -
         ! run a m -
         respond a ok x*96
         finish a
         < Request 2 m -
         ! run b m -
         respond b ok x*95
         finish b
         > Compressed Response 1 ok x*96
         > Response 2 ok x*95
         # Large payloads between small ones.
         call c m small
         call d m x*20000
         call e m x*90000
         call f m small
         > Request 3 m small
         > Compressed Request 4 m x*20000
         > Compressed Request 5 m x*90000
         > Request 6 m small
         # Payload limits still apply.
         call g m x*100000
         ! refused too-large 100000 our
         # Errors are compressed like results.
         < Request 3 m -
         ! run c m -
         respond c error e*300
         finish c
         > Compressed Response 3 error e*300
         cancel c
         > Cancel 3",
    );
}

#[test]
fn incompressible_payloads_are_sent_as_they_are() {
    let forwards: String = ('a'..='z').chain('A'..='Z').chain('0'..='9').collect();
    let backwards: String = forwards.chars().rev().collect();
    let script = format!(
        "call a m {forwards}{backwards}
         > Request 1 m {forwards}{backwards}
         = asks false"
    );
    check_declared(above_100(), &script);
}

#[test]
fn nothing_is_compressed_for_a_side_without_the_extension() {
    let known = [
        ("", "true"),
        ("ask 5\n > Request 1 chirp.hello ask:5\n", "false"),
        (
            "< Request 99 chirp.hello ask:5\n ! hello\n > Response 99 ok answer:5\n",
            "false",
        ),
    ];
    for (before, asks) in known {
        println!("{before}");
        check(
            above_100(),
            &format!(
                "{before} < Request 1 m -\n ! run a m -\n respond a ok x*9000\n finish a\n
                 > Response 1 ok x*9000\n = asks {asks}\n
                 < Request 2 m -\n ! run b m -\n respond b ok small\n finish b\n
                 > Response 2 ok small\n = asks false"
            ),
        );
    }
    // This side does not compress, or has no extensions.
    let unmarked = limits(|_| {}).into();
    let mut never = above_100();
    never.negotiation = Negotiation::Disabled;
    for config in [unmarked, never] {
        check_declared(
            config.clone(),
            "call a m x*9000\n > Request 1 m x*9000\n = asks false",
        );
        check(
            config,
            "call a m x*9000\n > Request 1 m x*9000\n = asks false",
        );
    }
}

/// Nothing waits for the answer, and nothing is compressed before it comes.
#[test]
fn compression_starts_once_the_extension_is_known() {
    check(
        above_100(),
        "call a m x*9000
         > Request 1 m x*9000
         = asks true
         ask 5
         call b m x*9000
         > Request 2 chirp.hello ask:5
         > Request 3 m x*9000
         = asks false
         < Response 2 ok answer:5:1000000:lz4
         ! hello
         call c m x*9000
         > Compressed Request 1048578 m x*9000",
    );
}

#[test]
fn compressed_packets_are_handled_like_the_packets_inside() {
    check_declared(
        above_100(),
        "< Compressed Request 1 m x*9000
         ! run a m x*9000
         = running 1
         < Compressed Request 1 m x*9000
         ! interrupt a
         finish a
         > Response 1 duplicate
         > Response 1 duplicate
         call a m -
         > Request 1 m -
         < Compressed Response 1 ok x*9000
         ! answered a ok x*9000
         # Responses to no call, and reserved names.
         < Compressed Response 77 ok x*9000
         < Compressed Request 2 chirp.nothing x*9000
         > Response 2 unknown
         # A context precedes the packet inside.
         < Context 5000
         < Compressed Request 3 m x*9000
         ! run c m x*9000
         < Context 5000
         < Compressed Response 3 ok x*9000
         ! fatal invalid CallContext packet: expected a call to follow, got a Response packet",
    );
}

/// Limits apply to the packet inside.
#[test]
fn limits_apply_to_the_packet_inside() {
    let config = compressing(|limits| {
        limits.max_handler_bytes = 50_000;
        limits.max_payload = 60_000;
    });
    check_declared(
        config,
        "< Compressed Request 1 m x*40000
         ! run a m x*40000
         = reading Ready
         < Compressed Request 2 m x*40000
         ! run b m x*40000
         = reading Paused
         finish a
         finish b
         = reading Ready
         < Compressed Request 3 m x*70000
         ! fatal invalid Compressed packet: the declared length exceeds the payload limit",
    );
}

/// Credit and the rules of a packet type apply to the packet inside.
#[test]
fn stream_items_are_compressed() {
    let declared = "< Request 99 chirp.hello ask:5:1000000:streams:lz4
         ! hello
         > Response 99 ok answer:5
         ";
    let script = "stream-call a m x*9000 r=result
         > Open 1:to:result:16384
         > Compressed Request 1 m x*9000
         < Compressed Items -1 x*5000 y*5000
         ! items r x*5000 y*5000
         = held 10032
         < Compressed Items -1 z*8000
         ! items r z*8000
         < Compressed Items -1 z*8000
         ! ended r failed item-sent-without-credit
         > End +1 failed 3 item-sent-without-credit
         # Stream-Open must be followed by its carrier, compressed or not.
         < Open 1:to:result:16384
         < Compressed Request 4 m x*9000
         ! opened b s=send.result
         ! run b m x*9000
         send s x*5000
         send s y*50
         > Compressed Items -1 x*5000 y*50
         send s y*50
         > Items -1 y*50
         < Open 2:to:result:16384
         < Compressed Response 1 ok x*9000
         ! fatal invalid StreamOpen packet: only a request can open bound streams";
    check(above_100(), &(declared.to_owned() + script));
    let mut without = above_100();
    without.limits.max_streams = 0;
    check_declared(without, "< Compressed Items +1 x*5000\n > nothing");
}

#[test]
fn invalid_compressed_packets_are_fatal() {
    let carriers = "! fatal invalid Compressed packet: ";
    for (packet, error) in [
        (
            "Block 3 4 abcd",
            "the inner packet type may not be compressed",
        ),
        (
            "Block 50944 9 abcd",
            "the inner packet type may not be compressed",
        ),
        (
            "Block 2 100001 x*9000",
            "the declared length exceeds the payload limit",
        ),
        (
            "Block 2 1021 abcd",
            "the declared length exceeds what the block can expand to",
        ),
        ("Block 2 100 abcd", "the block is corrupt"),
        ("Block 2 0 -", "the block is corrupt"),
    ] {
        check_declared(above_100(), &format!("< {packet}\n {carriers}{error}"));
        // A side without the extension discards the packet.
        check(above_100(), &format!("< {packet}\n > nothing"));
        let unmarked = limits(|_| {});
        check_declared(unmarked, &format!("< {packet}\n > nothing"));
    }
    let fatal = Fatal::from(PacketError::Compressed(
        "the inner packet type may not be compressed",
    ));
    assert!(matches!(fatal, Fatal::Packet(PacketError::Compressed(_))));
}
