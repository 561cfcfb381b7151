//! Bytes as files have them, through streams.

use std::io::ErrorKind;

use bytes::Bytes;
use chirp::stream::channel;
use chirp::{ByteReader, ByteWriter, PeerBuilder, Receiver};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};

use crate::support::{LINKS, Link, connected};

#[chirp::service]
trait Copies {
    /// What came, and why there was no more.
    async fn read(&self, content: Receiver<Bytes>) -> (Bytes, Option<String>);
    /// Takes so many bytes and no more.
    async fn take(&self, len: usize, content: Receiver<Bytes>) -> Vec<u8>;
    async fn lines(&self, content: Receiver<Bytes>) -> Vec<String>;
}

struct Copier;

impl Copies for Copier {
    async fn read(&self, content: Receiver<Bytes>) -> (Bytes, Option<String>) {
        let mut read = Vec::new();
        let end = ByteReader::new(content).read_to_end(&mut read).await;
        (read.into(), end.err().map(|error| error.to_string()))
    }

    async fn take(&self, len: usize, content: Receiver<Bytes>) -> Vec<u8> {
        let mut taken = vec![0; len];
        let mut content = ByteReader::new(content);
        content.read_exact(&mut taken).await.expect("so many");
        taken
    }

    async fn lines(&self, content: Receiver<Bytes>) -> Vec<String> {
        let mut content = ByteReader::new(content).lines();
        let mut lines = Vec::new();
        while let Some(line) = content.next_line().await.expect("a whole file") {
            lines.push(line);
        }
        lines
    }
}

async fn clients() -> Vec<(Option<Link>, CopiesClient, Vec<chirp::Peer>)> {
    let mut clients = vec![(None, CopiesClient::local(Copier), Vec::new())];
    for link in LINKS {
        let server = PeerBuilder::new().service(CopiesServer::new(Copier));
        let (caller, other) = connected(link, &PeerBuilder::new(), &server).await;
        clients.push((Some(link), CopiesClient::new(&caller), vec![caller, other]));
    }
    clients
}

/// No two pieces of it are alike.
fn file(len: usize) -> Vec<u8> {
    (0u32..).flat_map(u32::to_le_bytes).take(len).collect()
}

#[tokio::test]
async fn a_file_is_copied() {
    for (link, client, _peers) in clients().await {
        for len in [0, 1, 16 << 10, (16 << 10) + 1, 1_200_000] {
            let file = file(len);
            let (sender, content) = channel();
            let call = client.read(content).start();
            let mut writer = ByteWriter::from(sender);
            let copied = tokio::io::copy(&mut &file[..], &mut writer).await;
            assert_eq!(copied.expect("it is taken"), len as u64);
            writer.shutdown().await.expect("the end");
            let (read, error) = call.await.expect("an answer");
            assert!(read == file, "{link:?}: {} of {len}", read.len());
            assert_eq!(error, None, "{link:?}");
        }
    }
}

#[tokio::test]
async fn a_file_has_lines() {
    for (link, client, _peers) in clients().await {
        let pieces = ["one\nt", "wo\n", "three"].map(|piece| Bytes::from(piece.as_bytes()));
        let lines = client.lines(tokio_stream::iter(pieces)).await;
        let lines = lines.expect("an answer");
        assert_eq!(lines, ["one", "two", "three"], "{link:?}");
    }
}

#[tokio::test]
async fn half_a_file_is_no_file() {
    for (link, client, _peers) in clients().await {
        let (sender, content) = channel();
        let call = client.read(content).start();
        let mut writer = ByteWriter::new(sender);
        writer.write_all(&file(100_000)).await.expect("it is taken");
        drop(writer);
        let (_, error) = call.await.expect("an answer");
        assert_eq!(
            error.as_deref(),
            Some("the stream was cancelled"),
            "{link:?}"
        );
    }
}

#[tokio::test]
async fn a_writer_says_why_there_is_no_more() {
    for (link, client, _peers) in clients().await {
        let file = file(300_000);
        let (sender, content) = channel();
        let call = client.read(content).start();
        let mut writer = ByteWriter::new(sender);
        writer.write_all(&file).await.expect("it is taken");
        writer.fail("the disk is gone").await;
        let (read, error) = call.await.expect("an answer");
        assert!(read == file, "{link:?}: {}", read.len());
        assert_eq!(error.as_deref(), Some("the disk is gone"), "{link:?}");
    }
}

/// What was accepted while there was no room comes first.
#[tokio::test]
async fn a_writer_that_fails_keeps_nothing_back() {
    let (sender, content) = channel();
    let mut writer = ByteWriter::new(sender);
    let mut written = 0;
    // Nobody reads, so that it waits in the end, with one piece in its hands.
    while let Some(len) = now(writer.write(&[7; 1000])) {
        written += len.expect("it is open");
    }
    let mut read = Vec::new();
    let mut reader = ByteReader::new(content);
    let ((), end) = tokio::join!(writer.fail("enough"), reader.read_to_end(&mut read));
    assert_eq!(end.expect_err("it failed").to_string(), "enough");
    assert_eq!(read.len(), written);
}

/// What a future is ready with at its first poll.
fn now<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    match std::pin::pin!(future).poll(&mut cx) {
        std::task::Poll::Ready(output) => Some(output),
        std::task::Poll::Pending => None,
    }
}

#[tokio::test]
async fn nobody_reads_any_more() {
    for (link, client, _peers) in clients().await {
        let file = file(1_200_000);
        let (sender, content) = channel();
        let call = client.take(20_000, content).start();
        let mut writer = ByteWriter::new(sender);
        let error = loop {
            if let Err(error) = writer.write_all(&file).await {
                break error;
            }
        };
        assert_eq!(error.kind(), ErrorKind::BrokenPipe, "{link:?}");
        // It stays what it is.
        assert!(writer.write_all(b"more").await.is_err());
        writer.fail("and nobody hears why").await;
        assert!(call.await.expect("an answer") == file[..20_000]);
    }
}
