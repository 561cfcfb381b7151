//! Streams inside a stream: many files at once over one connection, each with a stream of its own.
//!
//! ```text
//! sources             reads the files of this repository
//! sources FOLDER      reads the files in a directory
//! ```

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use chirp::{Receiver, Sender, Server, StreamError};
use futures_core::Stream;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::io::AsyncReadExt;
use tokio::task::JoinSet;

#[derive(Debug, Serialize, Deserialize)]
struct Header {
    path: String,
    size: u64,
}

#[derive(Debug, Serialize, Deserialize)]
struct Frame {
    offset: u64,
    bytes: Bytes,
}

/// A file. The receiver may read its content at any time, or not at all.
#[derive(Debug, Serialize, Deserialize)]
struct Source {
    header: Header,
    frames: Receiver<Frame>,
}

#[chirp::service]
trait Sources {
    /// Returns the files in a directory and its subdirectories.
    async fn open(&self, dir: &str) -> io::Result<impl Stream<Item = io::Result<Source>>>;
}

struct Files;

impl Sources for Files {
    async fn open(&self, dir: &str) -> io::Result<impl Stream<Item = io::Result<Source>>> {
        let mut paths = Vec::new();
        find_files(Path::new(dir), &mut paths)?;
        Ok(async_stream::stream! {
            for path in paths {
                yield source(path).await;
            }
        })
    }
}

async fn source(path: PathBuf) -> io::Result<Source> {
    let size = tokio::fs::metadata(&path).await?.len();
    let header = Header {
        path: path.display().to_string(),
        size,
    };
    // The receiver travels with the header; the sender stays here, with a task of its own.
    let (sender, frames) = chirp::stream::channel();
    tokio::spawn(send(path, sender));
    Ok(Source { header, frames })
}

/// Sends the content of a file, as fast as its receiver reads.
async fn send(path: PathBuf, mut frames: Sender<Frame>) {
    match send_frames(&path, &mut frames).await {
        Ok(()) => frames.finish(),
        // Without the error, the receiver would only know that the stream is incomplete.
        Err(error) => frames.fail(format!("{}: {error}", path.display())),
    }
}

async fn send_frames(
    path: &Path,
    frames: &mut Sender<Frame>,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let mut file = tokio::fs::File::open(path).await?;
    let mut offset = 0;
    loop {
        let mut bytes = Vec::with_capacity(4096);
        if file.read_buf(&mut bytes).await? == 0 {
            return Ok(());
        }
        let len = bytes.len() as u64;
        let bytes = bytes.into();
        frames.send(Frame { offset, bytes }).await?;
        offset += len;
    }
}

fn find_files(dir: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            find_files(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

/// The result of a consumer for one source.
struct Summary {
    header: Header,
    frames: usize,
    digest: [u8; 32],
}

async fn consume(source: Source) -> Result<Summary, StreamError> {
    let Source { header, mut frames } = source;
    let mut digest = Sha256::new();
    let mut count = 0;
    let mut size = 0;
    while let Some(frame) = frames.recv().await {
        let frame = frame?;
        assert_eq!(frame.offset, size, "frames come in order");
        digest.update(&frame.bytes);
        size += frame.bytes.len() as u64;
        count += 1;
    }
    // `None` guarantees that everything has arrived, so no further check is needed.
    assert_eq!(size, header.size);
    Ok(Summary {
        header,
        frames: count,
        digest: digest.finalize().into(),
    })
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let own = || concat!(env!("CARGO_MANIFEST_DIR"), "/chirp-runtime").to_owned();
    let dir = std::env::args().nth(1).unwrap_or_else(own);
    let server = Server::builder()
        .service(SourcesServer::new(Files))
        .bind("tcp://127.0.0.1:0")
        .await?;
    let address = server.endpoint().to_string();
    let mut result = Ok(());
    server
        .run_until(async { result = read_all(&address, &dir).await })
        .await;
    result
}

async fn read_all(address: &str, dir: &str) -> Result<(), Box<dyn Error>> {
    let client = SourcesClient::new(&chirp::connect(address).await?);
    let mut sources = client.open(dir).await?;
    let mut consumers = JoinSet::new();
    let mut summaries = Vec::new();
    while let Some(source) = sources.recv().await {
        consumers.spawn(consume(source?));
        // Reads eight at a time. Waiting sources delay nothing.
        if consumers.len() == 8
            && let Some(summary) = consumers.join_next().await
        {
            summaries.push(summary??);
        }
    }
    while let Some(summary) = consumers.join_next().await {
        summaries.push(summary??);
    }

    for Summary { header, digest, .. } in &summaries {
        let file = tokio::fs::read(&header.path).await?;
        assert!(
            *digest == *Sha256::digest(&file),
            "{} came back different",
            header.path
        );
    }
    println!(
        "{} files, {} frames, {} bytes; every digest is the same",
        summaries.len(),
        summaries
            .iter()
            .map(|summary| summary.frames)
            .sum::<usize>(),
        summaries
            .iter()
            .map(|summary| summary.header.size)
            .sum::<u64>(),
    );
    assert!(!summaries.is_empty());
    Ok(())
}
