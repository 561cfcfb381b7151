//! Streams in a stream: many files at once, each with a stream of its own, over one connection.
//!
//! ```text
//! sources             reads this repository's own files
//! sources FOLDER      reads the files of a folder
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

/// A file. What is in it may be taken whenever one likes, or not at all.
#[derive(Debug, Serialize, Deserialize)]
struct Source {
    header: Header,
    frames: Receiver<Frame>,
}

#[chirp::service]
trait Sources {
    /// The files in a folder and in those below it.
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
    // One half travels with the header, and the other stays here, with a task of its own.
    let (sender, frames) = chirp::stream::channel();
    tokio::spawn(send(path, sender));
    Ok(Source { header, frames })
}

/// Sends what is in a file, as fast as its receiver takes it.
async fn send(path: PathBuf, mut frames: Sender<Frame>) {
    match send_frames(&path, &mut frames).await {
        Ok(()) => frames.finish(),
        // Or else the receiver would know only that there is no more.
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

/// What a consumer makes of a source.
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
    // The end of a stream says that all has come, so that there is nothing more to check.
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
        // Eight at a time. The sources that wait hold nothing up.
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
