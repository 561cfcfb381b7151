//! What a stranger can make a peer hold, for the bytes that the stranger sends. Counting bytes needs an allocator of its own, so
//! this is a crate of its own.
//!
//! Each attack stops when the peer stops reading or ends the connection, and the peer may never hold more than so many times the bytes that it
//! has read, and a constant. `--nocapture` prints what was measured, with the processor time for each byte.
#![cfg(all(feature = "lz4", feature = "tracing"))]
#![allow(clippy::cast_precision_loss, reason = "numbers for people")]

use std::alloc::System;
use std::time::{Duration, Instant};

use chirp::channel::{Channel, memory};
use chirp::packet::{
    CallInfo, Cancel, Compressor, ErrorData, ExtensionFlags, HELLO_METHOD, Header, Hello, Metadata,
    PacketType, RequestPacket, StreamEntry, StreamId, StreamItems, StreamOpen,
};
use chirp::{PeerBuilder, Request};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use tokio::io::AsyncWriteExt;

#[global_allocator]
static HEAP: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// The memory of a connection without calls, and of buffers that grow in steps.
const CONSTANT: usize = 512 << 10;

/// Bytes that a stranger sends at most.
const MOST: usize = 2 << 20;

fn held() -> usize {
    let stats = HEAP.stats();
    stats
        .bytes_allocated
        .saturating_sub(stats.bytes_deallocated)
}

/// Something that a stranger does, and how many bytes each byte of it may cost.
struct Attack {
    name: &'static str,
    ratio: f64,
    /// The bytes, from the number of the round.
    round: fn(u32, &mut Vec<u8>),
}

fn request(id: u32, method: &[u8], params: &[u8], out: &mut Vec<u8>) {
    RequestPacket::encode_head(out, id, method, params.len());
    out.extend_from_slice(params);
}

fn with_header(kind: PacketType, payload: &[u8], out: &mut Vec<u8>) {
    let length = u32::try_from(payload.len()).expect("it is short");
    out.extend_from_slice(&Header::new(kind, length).encode());
    out.extend_from_slice(payload);
}

fn streams(round: u32, count: u32, out: &mut Vec<u8>) {
    let entries: Vec<_> = (0..count)
        .map(|at| StreamEntry {
            number: 1 + round * count + at,
            to_opener: at % 2 == 0,
            bound: false,
            result: false,
            codec: 0,
            window: 16 << 10,
        })
        .collect();
    StreamOpen::encode(out, &entries);
    request(1 + round, b"wait", b"", out);
}

const ATTACKS: &[Attack] = &[
    Attack {
        name: "a header whose payload does not come",
        ratio: 0.0,
        round: |round, out| {
            if round == 0 {
                out.extend_from_slice(&Header::new(PacketType::REQUEST, 16 << 20).encode());
            }
        },
    },
    Attack {
        name: "calls without parameters that never return",
        ratio: 20.0,
        round: |round, out| request(1 + round, b"wait", b"", out),
    },
    Attack {
        name: "calls with 1 KiB of parameters that never return",
        ratio: 3.0,
        round: |round, out| request(1 + round, b"wait", &[7; 1 << 10], out),
    },
    Attack {
        name: "calls of unknown methods, whose answers are not read",
        ratio: 6.0,
        round: |round, out| request(1 + round, b"?", b"", out),
    },
    Attack {
        name: "calls of a method, whose answers are not read",
        ratio: 6.0,
        round: |round, out| request(1 + round, b"echo", b"", out),
    },
    Attack {
        name: "a call with an id that is in use",
        ratio: 6.0,
        round: |_, out| request(1, b"wait", b"", out),
    },
    Attack {
        name: "cancels of no call",
        ratio: 0.5,
        round: |round, out| Cancel { id: round }.encode(out),
    },
    Attack {
        name: "streams that are opened and not used",
        ratio: 2.0,
        round: |round, out| streams(round, 100, out),
    },
    Attack {
        name: "empty items of a stream that is not consumed",
        ratio: 1.0,
        round: |round, out| {
            if round == 0 {
                streams(0, 2, out);
            }
            StreamItems::encode_head(out, StreamId::of_sender(2), 1000, 0);
            (0..1000).for_each(|_| StreamItems::encode_item_head(out, 0));
        },
    },
    Attack {
        name: "calls with metadata that never return",
        ratio: 6.0,
        round: |round, out| {
            let mut info = CallInfo::within(Duration::from_mins(1));
            let mut metadata = Metadata::new();
            for key in 0..100 {
                metadata.append(&format!("k{key}"), "").expect("a key");
            }
            info.metadata = metadata;
            info.encode(out);
            request(1 + round, b"wait", b"", out);
        },
    },
    Attack {
        name: "compressed parameters of calls that never return",
        ratio: 255.0,
        round: |round, out| {
            let mut head = (1 + round).to_be_bytes().to_vec();
            head.extend_from_slice(b"\x04wait");
            let packed = Compressor::default()
                .pack(PacketType::REQUEST, &head, &[0; 1 << 20])
                .map(<[u8]>::to_vec);
            with_header(
                PacketType::COMPRESSED,
                &packed.expect("zeros get shorter"),
                out,
            );
        },
    },
    Attack {
        name: "packets of other protocols",
        ratio: 0.2,
        round: |_, out| {
            let header = Header {
                protocol: 7,
                ..Header::new(PacketType::REQUEST, 100)
            };
            out.extend_from_slice(&header.encode());
            out.extend_from_slice(&[0; 100]);
        },
    },
];

/// Writes while the peer reads. Returns how many bytes it took, and the most that the process held.
async fn write(channel: Channel, bytes: &[u8]) -> (usize, usize, Channel) {
    let (reader, mut writer) = channel.into_split();
    let (mut taken, mut peak) = (0, 0);
    while taken < bytes.len() {
        let piece = &bytes[taken..bytes.len().min(taken + (16 << 10))];
        // The time is simulated: the peer does all that it can before it passes.
        let written = tokio::time::timeout(Duration::from_millis(300), writer.write(piece)).await;
        match written {
            Ok(Ok(count)) => taken += count,
            Ok(Err(_)) | Err(_) => break,
        }
        // What was written is read and handled before more comes.
        tokio::time::sleep(Duration::from_millis(1)).await;
        peak = peak.max(held());
    }
    (taken, peak, Channel::new(reader, writer))
}

#[tokio::test(start_paused = true)]
async fn a_stranger_pays_for_what_a_peer_holds() {
    println!("| attack | bytes sent | bytes held | ratio | ns per byte |");
    for attack in ATTACKS {
        let mut bytes = Vec::new();
        let hello = Hello {
            revision: Hello::REVISION,
            extensions: ExtensionFlags(u64::MAX),
            payload_limit: 1 << 20,
            running_limit: 100,
        };
        request(
            0x7FFF_FFFF,
            HELLO_METHOD.as_bytes(),
            &hello.encode_question(1),
            &mut bytes,
        );
        let mut round = 0;
        while bytes.len() < MOST && round < 20_000 {
            let before = bytes.len();
            (attack.round)(round, &mut bytes);
            round += 1;
            if bytes.len() == before {
                break;
            }
        }
        let before = held();
        let (near, far) = memory();
        let peer = PeerBuilder::new()
            .compress_above(100)
            .handle("wait", |request: Request| async move {
                let answer: Result<Vec<u8>, ErrorData> = std::future::pending().await;
                drop(request);
                answer
            })
            .handle("echo", |request: Request| async {
                Ok::<_, ErrorData>(request.into_params())
            })
            .start(near)
            .expect("two methods");
        let begin = Instant::now();
        let (sent, peak, channel) = write(far, &bytes).await;
        let took = begin.elapsed();
        let held = peak.saturating_sub(before);
        let ratio = held as f64 / sent as f64;
        println!(
            "| {} | {sent} | {held} | {ratio:.2} | {} |",
            attack.name,
            took.as_nanos() / sent as u128
        );
        let most = CONSTANT as f64 + attack.ratio * sent as f64;
        assert!(
            held as f64 <= most,
            "{}: {held} bytes held for {sent} sent",
            attack.name
        );
        drop(channel);
        peer.close();
        peer.closed().await;
        drop(peer);
        // Its handlers and tasks end.
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}
