//! Layers around calls with streams in their arguments and results.

use chirp::{PeerBuilder, Receiver, Sender, StreamError};
use futures_core::Stream;
use tokio_stream::StreamExt as _;

use crate::support::{LINKS, connected, idle, in_time};
use crate::{Book, noting};

#[chirp::service]
pub(crate) trait Numbers {
    async fn count(&self, to: u64) -> impl Stream<Item = u64>;
    async fn total(&self, numbers: Receiver<u64>) -> u64;
    async fn times(&self, numbers: Receiver<u64>, factor: u64) -> impl Stream<Item = u64>;
    async fn fill(&self, to: u64, numbers: Sender<u64>);
    async fn source(&self, to: u64) -> Receiver<u64>;
}

#[derive(Clone)]
pub(crate) struct Numerals;

impl Numbers for Numerals {
    async fn count(&self, to: u64) -> impl Stream<Item = u64> {
        tokio_stream::iter(0..to)
    }

    async fn total(&self, mut numbers: Receiver<u64>) -> u64 {
        let mut total = 0;
        while let Some(Ok(number)) = numbers.next().await {
            total += number;
        }
        total
    }

    async fn times(&self, numbers: Receiver<u64>, factor: u64) -> impl Stream<Item = u64> {
        numbers.map_while(move |number| number.ok().map(|number| number * factor))
    }

    async fn fill(&self, to: u64, mut numbers: Sender<u64>) {
        for number in 0..to {
            if numbers.send(number).await.is_err() {
                return;
            }
        }
        numbers.finish();
    }

    async fn source(&self, to: u64) -> Receiver<u64> {
        let (mut sender, receiver) = chirp::stream::channel();
        tokio::spawn(async move {
            for number in 0..to {
                if sender.send(number).await.is_err() {
                    return;
                }
            }
            sender.finish();
        });
        receiver
    }
}

/// Many more items than a window holds.
const MANY: u64 = 8_000;

async fn collect(stream: impl Stream<Item = Result<u64, StreamError>>) -> Vec<u64> {
    let items = stream.map(|item| item.expect("a number"));
    in_time(items.collect()).await
}

pub(crate) async fn all_shapes(numbers: &NumbersClient) {
    let all: Vec<_> = (0..MANY).collect();
    let counted = numbers.count(MANY).await.expect("a stream");
    assert_eq!(collect(counted).await, all);
    let total = numbers.total(tokio_stream::iter(0..MANY));
    assert_eq!(in_time(total).await, Ok(all.iter().sum()));
    let times = numbers.times(tokio_stream::iter(0..MANY), 2).await;
    let doubled: Vec<_> = all.iter().map(|number| number * 2).collect();
    assert_eq!(collect(times.expect("a stream")).await, doubled);
    let (sender, items) = chirp::stream::channel();
    let (done, received) = tokio::join!(in_time(numbers.fill(MANY, sender)), collect(items));
    assert_eq!(done, Ok(()));
    assert_eq!(received, all);
    let source = numbers.source(MANY).await.expect("a stream");
    assert_eq!(collect(source).await, all);
}

#[tokio::test]
async fn streams_in_both_directions_pass_layers() {
    for link in LINKS {
        let book = Book::default();
        let builder = PeerBuilder::new()
            .service(NumbersServer::new(Numerals).layer(noting(&book, "service")))
            .layer(noting(&book, "peer"));
        let (peer, serving) = connected(link, &PeerBuilder::new(), &builder).await;
        all_shapes(&NumbersClient::new(&peer)).await;
        in_time(idle(&peer)).await;
        in_time(idle(&serving)).await;
        let lines = book.lines();
        assert_eq!(lines.len(), 5 * 4, "{lines:?}");
    }
}
