//! Microbenchmarks of Chirp's components, without sockets and tasks.

use std::hint::black_box;
use std::io::IoSlice;

use bytes::{BufMut, Bytes};
use chirp::__private::{Owned, Slice8, Str};
use chirp::codec::{Bincode, Serde};
use chirp::packet::{
    IncomingPacket, PacketDecoder, Payload, RequestPacket, ResponsePacket, ResultCode,
};
use chirp::{Caller, MethodName, Request as Inbound, Router};
use chirp_runtime::session::{Batch, Event, Limits, Session};
use criterion::{Criterion, criterion_group, criterion_main};
use futures::FutureExt;

const METHOD: &[u8] = b"Arith.add";
const PARAMS: [u8; 16] = [7; 16];
/// The size of a batch of requests in one read under load.
const BATCH: usize = 64;

criterion_group!(floors, packets, codecs, sessions, routers);
criterion_main!(floors);

fn packets(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("packet");
    let mut out = Vec::new();
    group.bench_function("encode a request", |bencher| {
        bencher.iter(|| {
            out.clear();
            RequestPacket::encode_head(&mut out, black_box(7), METHOD, PARAMS.len());
            out.extend_from_slice(&PARAMS);
            black_box(out.len())
        });
    });
    group.bench_function("encode a response", |bencher| {
        bencher.iter(|| {
            out.clear();
            ResponsePacket::encode_head(&mut out, black_box(7), ResultCode::Success, 8);
            out.extend_from_slice(&PARAMS[..8]);
            black_box(out.len())
        });
    });
    let mut requests = Vec::new();
    for id in 1..=BATCH as u32 {
        RequestPacket::encode_head(&mut requests, id, METHOD, PARAMS.len());
        requests.extend_from_slice(&PARAMS);
    }
    let mut decoder = PacketDecoder::new(Limits::default().max_payload);
    group.bench_function("decode 64 requests", |bencher| {
        bencher.iter(|| {
            feed(&mut decoder, &requests, |incoming| {
                if let IncomingPacket::Packet { payload, .. } = incoming {
                    black_box(RequestPacket::decode(payload).expect("a request"));
                }
            });
        });
    });
    group.finish();
}

fn codecs(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("bincode");
    let mut out = Vec::new();
    group.bench_function("encode two numbers", |bencher| {
        bencher.iter(|| {
            out.clear();
            Bincode::serialize::<Owned<u64>>(&black_box(1), &mut out).expect("a number");
            Bincode::serialize::<Owned<u64>>(&black_box(2), &mut out).expect("a number");
            black_box(out.len())
        });
    });
    group.bench_function("decode two numbers", |bencher| {
        bencher.iter(|| {
            let mut bytes = black_box(&out[..]);
            let a = Bincode::deserialize::<Owned<u64>>(&mut bytes).expect("a number");
            let b = Bincode::deserialize::<Owned<u64>>(&mut bytes).expect("a number");
            a + b
        });
    });
    let text = "x".repeat(80);
    let mut out = Vec::new();
    Bincode::serialize::<Str>(&&*text, &mut out).expect("a text");
    group.bench_function("decode a text of 80 bytes", |bencher| {
        bencher.iter(|| {
            let mut bytes = black_box(&out[..]);
            Bincode::deserialize::<Str>(&mut bytes)
                .expect("a text")
                .len()
        });
    });
    let data = vec![7; 64 << 10];
    let mut out = Vec::new();
    group.bench_function("encode and decode 64 KiB", |bencher| {
        bencher.iter(|| {
            out.clear();
            Bincode::serialize::<Slice8>(&black_box(&data[..]), &mut out).expect("bytes");
            let mut bytes = black_box(&out[..]);
            Bincode::deserialize::<Slice8>(&mut bytes)
                .expect("bytes")
                .len()
        });
    });
    group.finish();
}

fn sessions(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("session");
    for calls in [1, BATCH] {
        let mut pair = Pair::new();
        let name = match calls {
            1 => "a call and its answer".to_owned(),
            calls => format!("{calls} calls and their answers in one batch"),
        };
        group.bench_function(name, |bencher| bencher.iter(|| pair.calls(calls)));
    }
    group.finish();
}

/// Two sessions with byte buffers in place of a socket.
struct Pair {
    client: End,
    server: End,
}

struct End {
    session: Session,
    decoder: PacketDecoder,
    spare: Batch,
}

impl End {
    fn new() -> Self {
        let limits = Limits::default();
        Self {
            decoder: PacketDecoder::new(limits.max_payload),
            session: Session::new(limits),
            spare: Batch::default(),
        }
    }

    /// Sends everything to `other`, and calls `then` with the resulting events.
    fn flush(&mut self, other: &mut Self, mut then: impl FnMut(&mut Session, Event)) {
        let spare = std::mem::take(&mut self.spare);
        let mut batch = self.session.take_batch(spare).expect("no batch on its way");
        while !batch.is_done() {
            let mut slices = [IoSlice::new(&[]); 8];
            let count = batch.slices(&mut slices);
            let mut written = 0;
            for slice in &slices[..count] {
                let session = &mut other.session;
                feed(&mut other.decoder, slice, |incoming| {
                    let event = session.handle(incoming).expect("what the other end said");
                    if let Some(event) = event {
                        then(session, event);
                    }
                });
                written += slice.len();
            }
            batch.advance(written);
        }
        self.session.batch_written();
        self.spare = batch;
    }
}

impl Pair {
    fn new() -> Self {
        Self {
            client: End::new(),
            server: End::new(),
        }
    }

    fn calls(&mut self, calls: usize) {
        let method = Bytes::from_static(METHOD);
        for _ in 0..calls {
            let mut params = Payload::from(Bytes::from_static(&PARAMS));
            let called = self.client.session.call(&method, &mut params);
            called.expect("a few calls");
        }
        self.client.flush(&mut self.server, |server, event| {
            if let Event::Request(run, request) = event {
                let mut data = Payload::from(Bytes::from_static(&PARAMS[..8]));
                black_box(request.params());
                server.respond(run, ResultCode::Success, &mut data);
                server.finish(run);
            }
        });
        let mut answered = 0;
        self.server.flush(&mut self.client, |client, event| {
            if let Event::Answered(call, outcome) = event {
                black_box(outcome);
                client.release(call);
                answered += 1;
            }
        });
        assert_eq!(answered, calls);
    }
}

/// Decodes bytes, and passes the packets to `take`.
fn feed(decoder: &mut PacketDecoder, mut bytes: &[u8], mut take: impl FnMut(IncomingPacket)) {
    while !bytes.is_empty() {
        let mut buffer = decoder.buffer();
        let len = buffer.remaining_mut().min(bytes.len());
        let (now, later) = bytes.split_at(len);
        buffer.put_slice(now);
        decoder.note_read(len);
        while let Some(incoming) = decoder.decode().expect("a packet") {
            take(incoming);
        }
        bytes = later;
    }
}

fn routers(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("router");
    for methods in [1, 1_000] {
        let mut router = Router::default();
        for number in 0..methods {
            let handler = |_: Inbound| std::future::ready(Ok::<_, &str>(Bytes::new()));
            router.handle(format!("Service.method_{number}"), handler);
        }
        let caller = Caller::local(router);
        let name = MethodName::from(format!("Service.method_{}", methods / 2));
        group.bench_function(
            format!("a local call of one of {methods} methods"),
            |bencher| {
                bencher.iter(|| {
                    let answer = caller.call(name.clone(), Bytes::new()).now_or_never();
                    answer.expect("a ready handler").expect("an answer")
                });
            },
        );
    }
    group.finish();
}
