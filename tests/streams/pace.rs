//! Flow control: items arrive whichever side is faster.

use chirp::{Peer, PeerBuilder, Receiver, Sender};

use crate::support::{idle, pair};

#[chirp::service]
trait Taps {
    /// Sends items of one length.
    async fn fill(&self, sink: Sender<Vec<u8>>, count: u64, len: usize);
    /// The same with items of various lengths.
    async fn mixed(&self, sink: Sender<Vec<u8>>, count: usize);
}

struct Tap;

impl Taps for Tap {
    async fn fill(&self, mut sink: Sender<Vec<u8>>, count: u64, len: usize) {
        for _ in 0..count {
            sink.send(vec![7; len]).await.expect("taken");
        }
        sink.finish();
    }

    async fn mixed(&self, mut sink: Sender<Vec<u8>>, count: usize) {
        let mut random = 1_u32;
        for _ in 0..count {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let len = if random >> 28 == 0 { 10_000 } else { 4000 };
            sink.send(vec![7; len]).await.expect("taken");
        }
        sink.finish();
    }
}

fn taps() -> (TapsClient, [Peer; 2]) {
    let builder = PeerBuilder::new().service(TapsServer::new(Tap));
    let (peer, other) = pair(&PeerBuilder::new(), &builder);
    (TapsClient::new(&peer), [peer, other])
}

async fn count(mut receiver: Receiver<Vec<u8>>) -> u64 {
    let mut count = 0;
    while let Some(item) = receiver.recv().await {
        item.expect("it is not broken off");
        count += 1;
    }
    count
}

/// The last item may have to wait for earlier ones, if the credit exceeds the send queue.
#[tokio::test]
async fn items_sent_before_the_end_arrive() {
    let (client, peers) = taps();
    for items in 1000..1050 {
        let (sink, receiver) = chirp::stream::channel();
        let (filled, came) = tokio::join!(client.fill(sink, items, 4000), count(receiver));
        filled.expect("answered");
        assert_eq!(came, items);
    }
    for peer in &peers {
        idle(peer).await;
    }
}

#[tokio::test]
async fn a_large_item_waits_for_small_ones() {
    let (client, peers) = taps();
    let (sink, receiver) = chirp::stream::channel();
    let (filled, came) = tokio::join!(client.mixed(sink, 5000), count(receiver));
    filled.expect("answered");
    assert_eq!(came, 5000);
    for peer in &peers {
        idle(peer).await;
    }
}
