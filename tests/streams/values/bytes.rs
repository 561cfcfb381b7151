//! Files copied through byte streams.

use std::io::ErrorKind;

use bytes::Bytes;
use chirp::stream::channel;
use chirp::{ByteReader, ByteWriter, PeerBuilder, Receiver};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};

use crate::support::{LINKS_AND_PROXY, Link, connected};

#[chirp::service]
trait Copies {
    /// The bytes read, and why reading ended.
    async fn read(&self, content: Receiver<Bytes>) -> (Bytes, Option<String>);
    /// Accepts a given number of bytes.
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
    for link in LINKS_AND_PROXY {
        let server = PeerBuilder::new().service(CopiesServer::new(Copier));
        let (caller, other) = connected(link, &PeerBuilder::new(), &server).await;
        clients.push((Some(link), CopiesClient::new(&caller), vec![caller, other]));
    }
    clients
}

/// Content of which no two pieces are equal.
fn file(len: usize) -> Vec<u8> {
    (0u32..).flat_map(u32::to_le_bytes).take(len).collect()
}

#[tokio::test]
async fn a_file_is_copied_through_a_stream() {
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
async fn lines_are_read_from_a_stream() {
    for (link, client, _peers) in clients().await {
        let pieces = ["one\nt", "wo\n", "three"].map(|piece| Bytes::from(piece.as_bytes()));
        let lines = client.lines(tokio_stream::iter(pieces)).await;
        let lines = lines.expect("an answer");
        assert_eq!(lines, ["one", "two", "three"], "{link:?}");
    }
}

#[tokio::test]
async fn a_truncated_file_is_an_error() {
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
async fn a_writer_may_end_with_an_error() {
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

/// Bytes accepted while the window was full arrive first.
#[tokio::test]
async fn a_failing_writer_sends_what_was_accepted() {
    let (sender, content) = channel();
    let mut writer = ByteWriter::new(sender);
    let mut written = 0;
    // Nobody reads, so the writer eventually waits with one piece.
    while let Some(len) = now(writer.write(&[7; 1000])) {
        written += len.expect("it is open");
    }
    let mut read = Vec::new();
    let mut reader = ByteReader::new(content);
    let ((), end) = tokio::join!(writer.fail("enough"), reader.read_to_end(&mut read));
    assert_eq!(end.expect_err("it failed").to_string(), "enough");
    assert_eq!(read.len(), written);
}

/// The output of a future that is ready at its first poll.
fn now<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    match std::pin::pin!(future).poll(&mut cx) {
        std::task::Poll::Ready(output) => Some(output),
        std::task::Poll::Pending => None,
    }
}

#[tokio::test]
async fn a_writer_learns_that_its_reader_is_gone() {
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
        // The error stays the same.
        assert!(writer.write_all(b"more").await.is_err());
        writer.fail("and nobody hears why").await;
        assert!(call.await.expect("an answer") == file[..20_000]);
    }
}
