//! Byte streams through `AsyncRead` and `AsyncWrite`.

use std::io::ErrorKind;

use bytes::Bytes;
use chirp::stream::channel;
use chirp::{ByteReader, ByteWriter, PeerBuilder, Receiver, Sender};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::support::{LINKS_AND_PROXY, connected, idle};

#[chirp::service]
trait Copies {
    /// Echoes its input, and returns the number of bytes.
    async fn copy(&self, from: Receiver<Bytes>, to: Sender<Bytes>) -> Result<u64, String>;
    /// Reads the given number of bytes.
    async fn head(&self, from: Option<Receiver<Bytes>>, bytes: usize) -> u8;
}

struct Copier;

impl Copies for Copier {
    async fn copy(&self, from: Receiver<Bytes>, to: Sender<Bytes>) -> Result<u64, String> {
        let (mut from, mut to) = (ByteReader::new(from), ByteWriter::new(to));
        let copied = tokio::io::copy(&mut from, &mut to).await;
        let copied = copied.map_err(|error| error.to_string())?;
        to.shutdown().await.map_err(|error| error.to_string())?;
        Ok(copied)
    }

    async fn head(&self, from: Option<Receiver<Bytes>>, bytes: usize) -> u8 {
        let mut from = ByteReader::new(from.expect("given"));
        let mut head = vec![0; bytes];
        from.read_exact(&mut head).await.expect("as many");
        head.iter().fold(0, |sum, byte| sum ^ byte)
    }
}

fn noise(len: usize) -> Vec<u8> {
    let mut random = 1_u32;
    let mut next = || {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (random >> 24) as u8
    };
    (0..len).map(|_| next()).collect()
}

async fn clients() -> Vec<(CopiesClient, Vec<chirp::Peer>)> {
    let mut clients = vec![(CopiesClient::local(Copier), vec![])];
    for link in LINKS_AND_PROXY {
        let builder = PeerBuilder::new().service(CopiesServer::new(Copier));
        let (peer, other) = connected(link, &PeerBuilder::new(), &builder).await;
        clients.push((CopiesClient::new(&peer), vec![peer, other]));
    }
    clients
}

#[tokio::test]
async fn megabytes_are_echoed() {
    let data = noise(3 << 20);
    for (client, peers) in clients().await {
        let (to, from) = channel();
        let (back, returned) = channel();
        let call = client.copy(from, back).start();
        let write = async {
            let mut to = ByteWriter::new(to);
            tokio::io::copy(&mut &data[..], &mut to)
                .await
                .expect("taken");
            to.shutdown().await.expect("finished");
            // A second shutdown does nothing, and no more bytes are accepted.
            to.shutdown().await.expect("it is");
            let error = to.write_all(b"x").await.expect_err("it is shut down");
            assert_eq!(error.kind(), ErrorKind::BrokenPipe);
        };
        let read = async {
            let mut all = Vec::new();
            let mut returned = ByteReader::new(returned);
            returned.read_to_end(&mut all).await.expect("whole");
            all
        };
        let (copied, (), all) = tokio::join!(call, write, read);
        assert_eq!(copied.expect("copied"), data.len() as u64);
        assert!(all == data);
        for peer in &peers {
            idle(peer).await;
        }
    }
}

/// A writer that is dropped without a shutdown is an error for the reader.
#[tokio::test]
async fn a_dropped_writer_is_an_error_for_the_reader() {
    for (client, peers) in clients().await {
        let (to, from) = channel();
        let (back, returned) = channel();
        let call = tokio::spawn(client.copy(from, back));
        let mut to = ByteWriter::new(to);
        to.write_all(&noise(100_000)).await.expect("taken");
        to.flush().await.expect("sent");
        drop(to);
        let mut all = Vec::new();
        let mut returned = ByteReader::new(returned);
        returned
            .read_to_end(&mut all)
            .await
            .expect_err("it is not whole");
        let error = call.await.expect("no panic").expect_err("it is not whole");
        assert!(error.to_string().contains("cancelled"), "{error}");
        for peer in &peers {
            idle(peer).await;
        }
    }
}

/// A dropped reader stops the writer wherever it waits.
#[tokio::test]
async fn a_dropped_reader_stops_the_writer() {
    for (client, peers) in clients().await {
        let (to, from) = channel();
        let call = tokio::spawn(client.head(Some(from), 70_000));
        let mut to = ByteWriter::new(to);
        let error = loop {
            if let Err(error) = to.write_all(&vec![1; 50_000]).await {
                break error;
            }
        };
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
        let error = to.write_all(b"x").await.expect_err("it is broken");
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
        assert_eq!(call.await.expect("no panic").expect("a sum"), 0);
        for peer in &peers {
            idle(peer).await;
        }
    }
}
