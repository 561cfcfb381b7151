//! Streams in the signatures of a service, end to end.

mod support;

use chirp::{Peer, PeerBuilder, Receiver};
use futures_core::Stream;
use support::{Link, connected};
use tokio_stream::StreamExt as _;

#[chirp::service]
trait Numbers {
    /// The numbers below `to`.
    async fn count(&self, to: u64) -> impl Stream<Item = u64>;
    /// The sum of what comes.
    async fn total(&self, numbers: Receiver<u64>) -> u64;
}

struct Server;

impl Numbers for Server {
    async fn count(&self, to: u64) -> impl Stream<Item = u64> {
        tokio_stream::iter(0..to)
    }

    async fn total(&self, mut numbers: Receiver<u64>) -> u64 {
        let mut total = 0;
        while let Some(number) = numbers.recv().await {
            total += number.expect("the caller's stream is whole");
        }
        total
    }
}

/// A client over a connection, and the other side.
async fn client() -> (NumbersClient, Peer) {
    let server = PeerBuilder::new().service(NumbersServer::new(Server));
    let (peer, other) = connected(Link::Unix, &PeerBuilder::new(), &server).await;
    (NumbersClient::new(&peer), other)
}

#[tokio::test]
async fn a_result_is_a_stream() {
    let (client, _other) = client().await;
    let numbers = client.count(1_000).await.expect("begun");
    let numbers: Vec<u64> = numbers
        .collect::<Result<_, _>>()
        .await
        .expect("all of them");
    assert_eq!(numbers, (0..1_000).collect::<Vec<_>>());
}

#[tokio::test]
async fn an_argument_is_a_stream() {
    let (client, _other) = client().await;
    let total = client.total(tokio_stream::iter(0..1_000)).await;
    assert_eq!(total.expect("a total"), 499_500);
}
