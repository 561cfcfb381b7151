//! Follows a growing file over a Unix socket, like `tail -f`.

use std::error::Error;
use std::io;
use std::path::Path;
use std::time::Duration;

use chirp::{ItemError, MethodError, Server};
use futures_core::Stream;
use tokio::fs::{self, File, OpenOptions};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::sync::watch;

#[derive(Debug, thiserror::Error, chirp::ServiceError)]
enum TailError {
    #[error("cannot open {path:?}: {reason}")]
    #[chirp(code = 1)]
    Open { path: String, reason: String },
    #[error("file truncated from {from} to {to} bytes")]
    #[chirp(code = 2)]
    Truncated { from: u64, to: u64 },
    #[error("cannot read: {reason}")]
    #[chirp(code = 3)]
    Read { reason: String },
}

impl From<io::Error> for TailError {
    fn from(error: io::Error) -> Self {
        let reason = error.to_string();
        Self::Read { reason }
    }
}

#[chirp::service]
trait Tail {
    /// Returns the lines of a file, and then lines as they are appended.
    async fn follow(
        &self,
        path: &str,
    ) -> Result<impl Stream<Item = Result<String, TailError>>, TailError>;
}

/// Counts the followers.
struct Files(watch::Sender<usize>);

/// A follower. Dropped with its stream.
struct Follower<'a>(&'a Files);

impl<'a> Follower<'a> {
    fn new(files: &'a Files) -> Self {
        files.0.send_modify(|count| *count += 1);
        Self(files)
    }
}

impl Drop for Follower<'_> {
    fn drop(&mut self) {
        self.0.0.send_modify(|count| *count -= 1);
    }
}

impl Tail for Files {
    async fn follow(
        &self,
        path: &str,
    ) -> Result<impl Stream<Item = Result<String, TailError>>, TailError> {
        let file = File::open(path).await.map_err(|error| TailError::Open {
            path: path.to_owned(),
            reason: error.to_string(),
        })?;
        let mut file = BufReader::new(file);
        Ok(async_stream::try_stream! {
            let _follower = Follower::new(self);
            let mut line = String::new();
            let mut from = 0;
            loop {
                let read = file.read_line(&mut line).await?;
                from += read as u64;
                if line.ends_with('\n') {
                    yield line.trim_end().to_owned();
                    line.clear();
                } else if read == 0 {
                    let to = file.get_ref().metadata().await?.len();
                    if to < from {
                        Err(TailError::Truncated { from, to })?;
                    }
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            }
        })
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let dir = std::env::temp_dir().join(format!("chirp-tail-{}", std::process::id()));
    fs::create_dir_all(&dir).await?;
    let followers = watch::Sender::new(0);
    let server = Server::builder()
        .service(TailServer::new(Files(followers.clone())))
        .bind(&format!("unix://{}", dir.join("socket").display()))
        .await?;
    let address = server.endpoint().to_string();
    let mut result = Ok(());
    server
        .run_until(async {
            result = follow(&address, &dir.join("log"), followers.subscribe()).await;
        })
        .await;
    fs::remove_dir_all(&dir).await?;
    result
}

async fn follow(
    address: &str,
    log: &Path,
    mut followers: watch::Receiver<usize>,
) -> Result<(), Box<dyn Error>> {
    let tail = TailClient::new(&chirp::connect(address).await?);
    let path = log.to_str().ok_or("the path is not text")?;

    // An error before the first line is the error of the call.
    let Err(MethodError::Handler(missing)) = tail.follow(path).await else {
        return Err("the file should not exist yet".into());
    };
    println!("following a missing file fails: {missing}");

    fs::write(log, "the first line\n").await?;
    let mut lines = tail.follow(path).await?;
    let writer = tokio::spawn(write(log.to_owned()));
    for _ in 0..5 {
        let line = lines
            .recv()
            .await
            .ok_or("the stream of a log should not end")??;
        println!("  {line}");
    }
    // Dropping the receiver drops the stream at the other side.
    drop(lines);
    followers.wait_for(|count| *count == 0).await?;
    println!("no followers left");
    writer.await??;

    // An error among the lines arrives in the stream, after them.
    let mut lines = tail.follow(path).await?;
    let mut count = 0;
    let error = loop {
        match lines.recv().await {
            Some(Ok(_)) => count += 1,
            Some(Err(ItemError::Handler(error))) => break error,
            Some(Err(ItemError::Stream(error))) => return Err(error.into()),
            None => return Err("the stream of a log should not end".into()),
        }
        if count == 20 {
            fs::write(log, "").await?;
        }
    };
    println!("after {count} lines: {error}");
    assert!(count == 20 && matches!(error, TailError::Truncated { to: 0, .. }));
    Ok(())
}

/// A program that writes a log, not always whole lines at a time.
async fn write(log: impl AsRef<Path>) -> io::Result<()> {
    let mut log = OpenOptions::new().append(true).open(log).await?;
    for number in 2..=20 {
        log.write_all(format!("line {number} is written ").as_bytes())
            .await?;
        tokio::time::sleep(Duration::from_millis(5)).await;
        log.write_all(b"in two pieces\n").await?;
    }
    log.flush().await
}
