//! Many sources with many frames each, all of which arrive, with compression if the feature is enabled (CS-T1, CS-T3,
//! CS-T16).

use std::time::Instant;

use bytes::Bytes;
use chirp::stream::channel;
use chirp::{Peer, PeerBuilder, Receiver};
use serde::{Deserialize, Serialize};

use crate::support::{Link, connected, idle};

#[derive(Debug, Serialize, Deserialize)]
struct Source {
    number: u32,
    frames: Receiver<Bytes>,
}

#[chirp::service]
trait Sources {
    async fn sources(&self, sources: u32, frames: u32, len: usize) -> Option<Receiver<Source>>;
}

struct Archive;

/// A frame's content identifies it and is as compressible as text. Some frames look as if they were compressed.
fn frame(source: u32, number: u32, len: usize) -> Bytes {
    let words = format!("lz4!source {source}, frame {number}; ");
    words.bytes().cycle().take(len).collect()
}

impl Sources for Archive {
    async fn sources(&self, sources: u32, frames: u32, len: usize) -> Option<Receiver<Source>> {
        let (mut sender, receiver) = channel();
        tokio::spawn(async move {
            for number in 0..sources {
                let (mut source, taken) = channel();
                tokio::spawn(async move {
                    for frame in 0..frames {
                        if source.send(self::frame(number, frame, len)).await.is_err() {
                            return;
                        }
                    }
                    source.finish();
                });
                let source = Source {
                    number,
                    frames: taken,
                };
                if sender.send(source).await.is_err() {
                    return;
                }
            }
            sender.finish();
        });
        Some(receiver)
    }
}

async fn archive(builder: impl Fn() -> PeerBuilder) -> (SourcesClient, [Peer; 2]) {
    let server = builder().service(SourcesServer::new(Archive));
    let (peer, other) = connected(Link::Unix, &builder(), &server).await;
    (SourcesClient::new(&peer), [peer, other])
}

/// Receives the frames of all sources concurrently and checks each. Returns their number.
async fn count(client: &SourcesClient, sources: u32, frames: u32, len: usize) -> u64 {
    let receiver = client.sources(sources, frames, len).await;
    let mut receiver = receiver.expect("begun").expect("one");
    let mut tasks = Vec::new();
    while let Some(source) = receiver.recv().await {
        let Source { number, mut frames } = source.expect("whole");
        tasks.push(tokio::spawn(async move {
            let mut count = 0;
            while let Some(came) = frames.recv().await {
                let came = came.expect("whole");
                assert_eq!(came.len(), len);
                if count % 100 == 0 {
                    let which = u32::try_from(count).expect("a few");
                    assert!(came == frame(number, which, len));
                }
                count += 1;
            }
            count
        }));
    }
    assert_eq!(tasks.len(), usize::try_from(sources).expect("a few"));
    let mut all = 0;
    for task in tasks {
        all += task.await.expect("no panic");
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_frame_arrives_once() {
    let (client, peers) = archive(PeerBuilder::new).await;
    assert_eq!(count(&client, 1, 1, 0).await, 1);
    assert_eq!(count(&client, 10, 0, 0).await, 0);
    assert_eq!(count(&client, 10, 5, 1 << 20).await, 50);
    assert_eq!(count(&client, 100, 200, 64).await, 20_000);
    for peer in &peers {
        idle(peer).await;
    }
}

/// The full size: `cargo test --release --test streams -- --ignored --nocapture`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "it takes long where nothing is optimised"]
async fn every_one_of_five_million_frames_comes_once() {
    let (client, peers) = archive(PeerBuilder::new).await;
    for (sources, frames, len) in [(10, 500, 1 << 20), (1000, 5000, 64)] {
        let start = Instant::now();
        let came = count(&client, sources, frames, len).await;
        println!("{sources} x {frames} x {len} B: {:?}", start.elapsed());
        assert_eq!(came, u64::from(sources) * u64::from(frames));
    }
    for peer in &peers {
        idle(peer).await;
    }
}

#[cfg(feature = "lz4")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_compressed_frame_arrives_once() {
    let (client, peers) = archive(|| PeerBuilder::new().compress_above(100)).await;
    assert_eq!(count(&client, 8, 20, 180 << 10).await, 160);
    assert_eq!(count(&client, 50, 20, 300).await, 1000);
    assert_eq!(count(&client, 10, 2, 0).await, 20);
    for peer in &peers {
        idle(peer).await;
    }
}
