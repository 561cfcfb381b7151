//! Limits of one packet, on a connection and locally; exceeding them is a permanent error.

use bytes::Bytes;
use chirp::packet::FrameworkError;
use chirp::stream::channel;
use chirp::{CallError, Peer, PeerBuilder, Receiver, StreamError};
use futures_core::Stream;
use serde::{Deserialize, Serialize};

use crate::support::{LINKS_AND_PROXY, connected, idle};

const MOST: usize = 1024;
/// Over the payload limit.
const LARGE: usize = 20 << 20;
/// The largest length that fits a packet; less than 100 bytes precede it.
const FITS: usize = (16 << 20) - 100;

#[derive(Debug, Serialize, Deserialize)]
struct Many {
    halves: Vec<Receiver<u64>>,
}

#[chirp::service]
trait Packets {
    async fn take(&self, many: Many) -> usize;
    async fn give(&self, count: usize) -> Many;
    async fn items(&self, count: usize) -> impl Stream<Item = Many>;
    #[chirp(oneway)]
    async fn note(&self, many: Many);
    async fn store(&self, bytes: Bytes) -> usize;
    async fn load(&self, len: usize) -> Bytes;
    async fn pieces(&self, len: usize) -> impl Stream<Item = Bytes>;
    async fn fail(&self, len: usize) -> Result<(), String>;
}

struct Server;

fn many(count: usize) -> Many {
    let halves = (0..count).map(|_| channel().1);
    Many {
        halves: halves.collect(),
    }
}

impl Packets for Server {
    async fn take(&self, many: Many) -> usize {
        many.halves.len()
    }

    async fn give(&self, count: usize) -> Many {
        many(count)
    }

    async fn items(&self, count: usize) -> impl Stream<Item = Many> {
        tokio_stream::iter([many(1), many(count)])
    }

    async fn note(&self, _: Many) {}

    async fn store(&self, bytes: Bytes) -> usize {
        bytes.len()
    }

    async fn load(&self, len: usize) -> Bytes {
        vec![7; len].into()
    }

    async fn pieces(&self, len: usize) -> impl Stream<Item = Bytes> {
        tokio_stream::iter([vec![7; 1].into(), vec![7; len].into()])
    }

    async fn fail(&self, len: usize) -> Result<(), String> {
        Err("x".repeat(len))
    }
}

async fn clients() -> Vec<(PacketsClient, Vec<Peer>)> {
    let mut clients = vec![(PacketsClient::local(Server), vec![])];
    for link in LINKS_AND_PROXY {
        let builder = PeerBuilder::new().service(PacketsServer::new(Server));
        let (peer, other) = connected(link, &PeerBuilder::new(), &builder).await;
        clients.push((PacketsClient::new(&peer), vec![peer, other]));
    }
    clients
}

fn is_permanent(error: &CallError) {
    assert!(error.to_string().contains("1024"), "{error}");
    assert!(!error.is_transient(), "{error:?}");
}

fn is_bad_result(error: &CallError) -> bool {
    matches!(
        error,
        CallError::Rejected {
            reason: FrameworkError::InvalidResult,
            ..
        }
    )
}

#[tokio::test]
async fn the_number_of_halves_in_one_packet_is_limited() {
    for (client, peers) in clients().await {
        assert_eq!(client.take(many(MOST)).await.expect("taken"), MOST);
        assert_eq!(client.give(MOST).await.expect("given").halves.len(), MOST);
        client.note(many(MOST)).await.expect("sent");
        let mut items = client.items(MOST).await.expect("begun");
        for count in [1, MOST] {
            let item = items.recv().await.expect("one").expect("whole");
            assert_eq!(item.halves.len(), count);
        }
        assert!(items.recv().await.is_none());

        let error = client.take(many(MOST + 1)).await.expect_err("too many");
        assert!(matches!(error, CallError::Encode(_)), "{error:?}");
        assert!(!error.may_have_run());
        is_permanent(&error);
        let error = client.note(many(MOST + 1)).await.expect_err("too many");
        assert!(matches!(error, CallError::Encode(_)), "{error:?}");
        is_permanent(&error);
        let error = client.give(MOST + 1).await.expect_err("too many");
        assert!(is_bad_result(&error), "{error:?}");
        is_permanent(&error);
        let mut items = client.items(MOST + 1).await.expect("begun");
        items.recv().await.expect("one").expect("whole");
        let error = items.recv().await.expect("an end").expect_err("too many");
        assert!(error.to_string().contains("1024"), "{error}");
        for peer in &peers {
            idle(peer).await;
        }
    }
}

#[tokio::test]
async fn the_size_of_one_packet_is_limited() {
    for (client, peers) in clients().await {
        let bytes = Bytes::from(vec![7; LARGE]);
        let stored = client.store(bytes.slice(..FITS)).await;
        assert_eq!(stored.expect("stored"), FITS);
        assert_eq!(client.load(FITS).await.expect("loaded").len(), FITS);

        let error = client.store(bytes).await.expect_err("too large");
        let CallError::TooLarge { what, limit, .. } = error else {
            panic!("{error:?}");
        };
        assert_eq!((what, limit), (chirp::PacketRole::Request, 16 << 20));
        let error = client.load(LARGE).await.expect_err("too large");
        assert!(is_bad_result(&error), "{error:?}");
        assert!(error.to_string().contains("16777216"), "{error}");
        let mut pieces = client.pieces(FITS).await.expect("begun");
        for len in [1, FITS] {
            assert_eq!(pieces.recv().await.expect("one").expect("whole").len(), len);
        }
        assert!(pieces.recv().await.is_none());
        let mut pieces = client.pieces(LARGE).await.expect("begun");
        pieces.recv().await.expect("one").expect("whole");
        let error = pieces.recv().await.expect("an end").expect_err("too large");
        assert!(
            matches!(&error, StreamError::Call(_)) && error.to_string().contains("limit"),
            "{error:?}"
        );
        for peer in &peers {
            idle(peer).await;
        }
    }
}
