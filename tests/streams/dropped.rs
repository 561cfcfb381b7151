//! Items that a sender accepted are delivered, however the sender ends.

use std::time::Duration;

use bytes::Bytes;
use chirp::stream::channel;
use chirp::{ByteReader, ByteWriter, Peer, PeerBuilder, Receiver, Sender, StreamError};
use futures_core::Stream;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::{mpsc, oneshot};

use crate::support::{LINKS_AND_PROXY, Link, connected, idle};

const ITEMS: u64 = 2000;

#[derive(Debug, Serialize, Deserialize)]
struct Numbers {
    numbers: Receiver<u64>,
}

/// A number that cannot be encoded if it is odd.
#[derive(Debug, PartialEq, Deserialize)]
struct Even(u64);

impl Serialize for Even {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0 % 2 == 1 {
            return Err(serde::ser::Error::custom("odd"));
        }
        serializer.serialize_u64(self.0)
    }
}

#[chirp::service]
trait Ends {
    /// Returns the number of items, and how the stream ended.
    async fn argument(&self, numbers: Receiver<u64>) -> (u64, String);
    async fn value(&self, numbers: Option<Receiver<u64>>) -> (u64, String);
    async fn back(&self, numbers: Sender<u64>);
    async fn answer(&self) -> Numbers;
    async fn items(&self) -> impl Stream<Item = Numbers>;
    async fn bytes(&self, bytes: Receiver<Bytes>) -> (u64, String);
    async fn broken(&self) -> impl Stream<Item = Even>;
    /// Returns at once; the items are reported elsewhere.
    async fn kept(&self, numbers: Option<Receiver<u64>>);
}

#[derive(Clone)]
struct Server {
    kept: mpsc::UnboundedSender<(u64, String)>,
}

async fn count(mut numbers: Receiver<u64>) -> (u64, String) {
    let mut came = 0;
    loop {
        match numbers.recv().await {
            Some(Ok(number)) => {
                assert_eq!(number, came);
                came += 1;
            }
            Some(Err(error)) => return (came, error.to_string()),
            None => return (came, "finished".to_owned()),
        }
    }
}

/// Sends numbers, each of which is accepted, and drops the sender.
async fn send(mut numbers: Sender<u64>, count: u64) {
    for number in 0..count {
        numbers.send(number).await.expect("accepted");
    }
}

fn sent(count: u64) -> Receiver<u64> {
    let (sender, receiver) = channel();
    tokio::spawn(send(sender, count));
    receiver
}

impl Ends for Server {
    async fn argument(&self, numbers: Receiver<u64>) -> (u64, String) {
        count(numbers).await
    }

    async fn value(&self, numbers: Option<Receiver<u64>>) -> (u64, String) {
        count(numbers.expect("given")).await
    }

    async fn back(&self, numbers: Sender<u64>) {
        send(numbers, ITEMS).await;
    }

    async fn answer(&self) -> Numbers {
        Numbers {
            numbers: sent(ITEMS),
        }
    }

    async fn items(&self) -> impl Stream<Item = Numbers> {
        tokio_stream::StreamExt::map(tokio_stream::iter([0, 1, 10, ITEMS]), |count| Numbers {
            numbers: sent(count),
        })
    }

    async fn bytes(&self, bytes: Receiver<Bytes>) -> (u64, String) {
        let mut bytes = ByteReader::new(bytes);
        let mut all = vec![0; 1 << 10];
        let mut count = 0;
        loop {
            match bytes.read(&mut all).await {
                Ok(0) => return (count, "finished".to_owned()),
                Ok(read) => count += read as u64,
                Err(error) => return (count, error.to_string()),
            }
        }
    }

    async fn broken(&self) -> impl Stream<Item = Even> {
        tokio_stream::iter([Even(0), Even(2), Even(4), Even(5), Even(6)])
    }

    async fn kept(&self, numbers: Option<Receiver<u64>>) {
        let kept = self.kept.clone();
        tokio::spawn(async move {
            let came = count(numbers.expect("given")).await;
            // The test may have failed.
            let _ = kept.send(came);
        });
    }
}

fn server() -> (Server, mpsc::UnboundedReceiver<(u64, String)>) {
    let (kept, came) = mpsc::unbounded_channel();
    (Server { kept }, came)
}

async fn clients() -> Vec<(EndsClient, Vec<Peer>)> {
    let mut clients = vec![(EndsClient::local(server().0), vec![])];
    for link in LINKS_AND_PROXY {
        let builder = PeerBuilder::new().service(EndsServer::new(server().0));
        let (peer, other) = connected(link, &PeerBuilder::new(), &builder).await;
        clients.push((EndsClient::new(&peer), vec![peer, other]));
    }
    clients
}

fn cancelled() -> String {
    StreamError::Cancelled.to_string()
}

#[tokio::test]
async fn accepted_items_arrive_before_the_end_of_a_dropped_sender() {
    for (client, peers) in clients().await {
        for sent in [0, 1, 10, ITEMS] {
            let (sender, numbers) = channel();
            let (came, ()) = tokio::join!(client.argument(numbers), send(sender, sent));
            assert_eq!(came.expect("answered"), (sent, cancelled()));
            let (sender, numbers) = channel();
            let (came, ()) = tokio::join!(client.value(Some(numbers)), send(sender, sent));
            assert_eq!(came.expect("answered"), (sent, cancelled()));
        }
        let (sender, numbers) = channel();
        let (back, came) = tokio::join!(client.back(sender), count(numbers));
        back.expect("answered");
        assert_eq!(came, (ITEMS, cancelled()));
        let answer = client.answer().await.expect("answered");
        assert_eq!(count(answer.numbers).await, (ITEMS, cancelled()));
        let mut items = client.items().await.expect("begun");
        for sent in [0, 1, 10, ITEMS] {
            let item = items.recv().await.expect("one").expect("whole");
            assert_eq!(count(item.numbers).await, (sent, cancelled()));
        }
        drop(items);
        for peer in &peers {
            idle(peer).await;
        }
    }
}

/// As many bytes as the writer accepted.
#[tokio::test]
async fn written_bytes_arrive_before_the_end_of_a_dropped_writer() {
    for (client, peers) in clients().await {
        for len in [0, 1, 70_000, 300_000] {
            let (sender, bytes) = channel();
            let write = async {
                let mut writer = ByteWriter::new(sender);
                let data = vec![7; len];
                let mut written = 0;
                while written < len {
                    written += writer.write(&data[written..]).await.expect("taken");
                }
            };
            let (came, ()) = tokio::join!(client.bytes(bytes), write);
            assert_eq!(came.expect("answered"), (len as u64, cancelled()));
        }
        for peer in &peers {
            idle(peer).await;
        }
    }
}

#[tokio::test]
async fn ready_items_arrive_before_the_error_of_an_unencodable_item() {
    for (client, _peers) in clients().await {
        let mut items = client.broken().await.expect("begun");
        for number in [0, 2, 4] {
            let item = items.recv().await.expect("one").expect("whole");
            assert_eq!(item, Even(number));
        }
        let error = items.recv().await.expect("an end").expect_err("broken off");
        assert!(error.to_string().contains("odd"), "{error}");
    }
}

/// A stream finishes, and then the connection shuts down.
#[tokio::test]
async fn a_finished_stream_arrives_before_the_connection_ends() {
    for link in [Link::Memory, Link::Tcp, Link::Unix, Link::Inproc] {
        for finishes in [true, false] {
            let (server, mut kept) = server();
            let builder = PeerBuilder::new().service(EndsServer::new(server));
            let (peer, _other) = connected(link, &PeerBuilder::new(), &builder).await;
            let client = EndsClient::new(&peer);
            let (mut sender, numbers) = channel();
            client.kept(Some(numbers)).await.expect("answered");
            let (done, sent) = oneshot::channel();
            tokio::spawn(async move {
                for number in 0..ITEMS {
                    sender.send(number).await.expect("accepted");
                }
                if finishes {
                    sender.finish();
                }
                done.send(()).expect("it waits");
            });
            sent.await.expect("sent");
            peer.shutdown(Duration::from_secs(30)).await;
            let end = if finishes {
                "finished".to_owned()
            } else {
                cancelled()
            };
            let came = kept.recv().await.expect("counted");
            assert_eq!(came, (ITEMS, end), "{link:?}");
        }
    }
}
