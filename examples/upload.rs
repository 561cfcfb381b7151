//! Uploads a file as a byte stream. A partial upload is never mistaken for a whole one.

use std::error::Error;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use chirp::{ByteWriter, MethodError, Receiver, Server};
use sha2::{Digest, Sha256};
use tokio::fs::{self, File};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[derive(Debug, thiserror::Error, chirp::ServiceError)]
enum UploadError {
    #[error("invalid file name {name:?}")]
    #[chirp(code = 1)]
    BadName { name: String },
    #[error("upload aborted after {received} bytes: {reason}")]
    #[chirp(code = 2)]
    BrokenOff { received: u64, reason: String },
    #[error("size or digest mismatch")]
    #[chirp(code = 3)]
    Different,
    #[error("cannot store: {reason}")]
    #[chirp(code = 4)]
    Storage { reason: String },
}

impl From<io::Error> for UploadError {
    fn from(error: io::Error) -> Self {
        let reason = error.to_string();
        Self::Storage { reason }
    }
}

#[chirp::service]
trait Uploads {
    /// Stores a file. The file exists, and is complete, only if the call succeeds.
    async fn upload(
        &self,
        name: &str,
        size: u64,
        digest: [u8; 32],
        content: Receiver<Bytes>,
    ) -> Result<(), UploadError>;
}

struct Folder(PathBuf);

/// A partial file. Dropping it removes the file, on every path: an error, a lost caller, a shutdown.
struct Part(PathBuf);

impl Drop for Part {
    fn drop(&mut self) {
        // A complete file has been renamed, so there is nothing to remove.
        let _ = std::fs::remove_file(&self.0);
    }
}

impl Uploads for Folder {
    async fn upload(
        &self,
        name: &str,
        size: u64,
        digest: [u8; 32],
        mut content: Receiver<Bytes>,
    ) -> Result<(), UploadError> {
        if Path::new(name).file_name() != Some(name.as_ref()) {
            let name = name.to_owned();
            return Err(UploadError::BadName { name });
        }
        let part = self.0.join(format!("{name}.part"));
        // There is no `.await` here, so that a cancelled call cannot leave a file behind.
        let mut file = File::from_std(std::fs::File::create_new(&part)?);
        let part = Part(part);
        let mut hash = Sha256::new();
        let mut received = 0;
        // `None` means that the file is complete. A cancelled or lost caller is an error.
        while let Some(piece) = content.recv().await {
            let piece = piece.map_err(|error| {
                let reason = error.to_string();
                UploadError::BrokenOff { received, reason }
            })?;
            received += piece.len() as u64;
            if received > size {
                break;
            }
            hash.update(&piece);
            file.write_all(&piece).await?;
        }
        if received != size || *hash.finalize() != digest {
            return Err(UploadError::Different);
        }
        file.sync_all().await?;
        Ok(fs::rename(&part.0, self.0.join(name)).await?)
    }
}

/// Shows the progress, on a terminal.
fn show_progress(done: u64, size: u64) -> io::Result<()> {
    let mut out = io::stdout();
    if out.is_terminal() {
        let percent = (done * 100).checked_div(size).unwrap_or(100);
        let bar = "#".repeat(usize::try_from(percent / 5).unwrap_or(20));
        write!(out, "\r[{bar:20}] {percent:3} %")?;
        if done >= size {
            writeln!(out)?;
        }
        out.flush()?;
    }
    Ok(())
}

async fn send(mut file: File, size: u64, writer: &mut ByteWriter) -> io::Result<()> {
    let mut buffer = vec![0; 64 << 10];
    let mut done = 0;
    loop {
        let len = file.read(&mut buffer).await?;
        if len == 0 {
            return writer.shutdown().await;
        }
        writer.write_all(&buffer[..len]).await?;
        done += len as u64;
        show_progress(done, size)?;
    }
}

async fn upload(uploads: &UploadsClient, path: &Path) -> Result<(), Box<dyn Error>> {
    let (size, digest) = digest(path).await?;
    let name = path.file_name().and_then(|name| name.to_str());
    let (sender, content) = chirp::stream::channel();
    let call = uploads.upload(name.ok_or("the file has no name")?, size, digest, content);
    let call = call.start();
    let mut writer = ByteWriter::new(sender);
    if let Err(error) = send(File::open(path).await?, size, &mut writer).await {
        // Either reading the file has failed, and the other side learns that it is incomplete; or the other side
        // has stopped reading, and its answer gives the reason.
        writer.fail(error.to_string()).await;
    }
    Ok(call.await?)
}

async fn digest(path: &Path) -> io::Result<(u64, [u8; 32])> {
    let mut file = File::open(path).await?;
    let mut buffer = vec![0; 64 << 10];
    let mut hash = Sha256::new();
    let mut size = 0;
    loop {
        let len = file.read(&mut buffer).await?;
        if len == 0 {
            return Ok((size, hash.finalize().into()));
        }
        hash.update(&buffer[..len]);
        size += len as u64;
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let dir = std::env::temp_dir().join(format!("chirp-upload-{}", std::process::id()));
    let stored = dir.join("stored");
    fs::create_dir_all(&stored).await?;
    let server = Server::builder()
        .service(UploadsServer::new(Folder(stored.clone())))
        .bind("tcp://127.0.0.1:0")
        .await?;
    let address = server.endpoint().to_string();
    let mut result = Ok(());
    server
        .run_until(async { result = demonstrate(&address, &dir).await })
        .await;

    let mut names = Vec::new();
    let mut files = fs::read_dir(&stored).await?;
    while let Some(file) = files.next_entry().await? {
        names.push(file.file_name());
    }
    fs::remove_dir_all(&dir).await?;
    println!("stored files: {names:?}");
    result.inspect(|()| assert_eq!(names, ["whole"], "only what is whole stays"))
}

async fn demonstrate(address: &str, dir: &Path) -> Result<(), Box<dyn Error>> {
    // Uploads this program itself, which is large enough.
    let whole = dir.join("whole");
    let mut program = File::open(std::env::current_exe()?).await?.take(4 << 20);
    tokio::io::copy(&mut program, &mut File::create(&whole).await?).await?;

    let peer = chirp::connect(address).await?;
    let uploads = UploadsClient::new(&peer);
    upload(&uploads, &whole).await?;
    let (size, digest) = digest(&whole).await?;
    println!("uploaded {size} bytes");

    // A sender that gives up tells the reason.
    let (sender, content) = chirp::stream::channel();
    let call = uploads.upload("given-up", size, digest, content).start();
    let mut writer = ByteWriter::new(sender);
    writer.write_all(&vec![0; 100_000]).await?;
    writer.fail("cancelled by the user").await;
    let Err(MethodError::Handler(error)) = call.await else {
        return Err("a partial upload should be rejected".into());
    };
    println!("aborted upload: {error}");
    assert!(matches!(
        error,
        UploadError::BrokenOff {
            received: 100_000,
            ..
        }
    ));

    // Sending less than announced is an error.
    let less = tokio_stream::once(Bytes::from_static(b"less"));
    let Err(MethodError::Handler(error)) = uploads.upload("less", size, digest, less).await else {
        return Err("an incomplete upload should be rejected".into());
    };
    println!("incomplete upload: {error}");
    assert!(matches!(error, UploadError::Different));

    // A lost caller gives no reason. Its upload ends while it waits, and leaves nothing behind.
    let part = dir.join("stored/lost.part");
    let (mut sender, content) = chirp::stream::channel();
    let call = uploads.upload("lost", size, digest, content).start();
    sender
        .send(Bytes::from_static(b"the first of many"))
        .await?;
    until(|| part.exists()).await;
    peer.close();
    until(|| !part.exists()).await;
    println!("lost caller: {}", sender.closed().await);
    assert!(call.await.is_err());
    Ok(())
}

async fn until(condition: impl Fn() -> bool) {
    while !condition() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
