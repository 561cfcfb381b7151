//! A small content store.
//!
//! ```text
//! blobs                       stores files of this repository, reads them back, compares digests
//! blobs serve ADDRESS DIR     serves the files in a directory
//! blobs put ADDRESS FILE...   stores files under their names
//! blobs get ADDRESS KEY       writes a blob to standard output
//! blobs list ADDRESS
//! blobs delete ADDRESS KEY
//! ```

use std::error::Error;
use std::fmt::Write;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use chirp::{MethodError, Server};
use sha2::{Digest, Sha256};
use tokio::io::AsyncWriteExt;

/// Errors of the store. A peer in another language sees the code, the text and the key.
#[derive(Debug, PartialEq, thiserror::Error, chirp::ServiceError)]
enum BlobError {
    #[error("blob {key:?} already exists")]
    #[chirp(code = 400)]
    Exists {
        #[chirp(data)]
        key: String,
    },
    #[error("blob {key:?} does not exist")]
    #[chirp(code = 404)]
    Missing {
        #[chirp(data)]
        key: String,
    },
    #[error("invalid key: expected 1 to 80 bytes")]
    #[chirp(code = 422)]
    BadKey,
    #[error("storage error: {reason}")]
    #[chirp(code = 500)]
    Storage { reason: String },
}

/// A store of blobs by key.
#[chirp::service]
trait Blobs {
    /// Stores a blob. Fails if the key is in use.
    async fn put(&self, key: &str, data: &[u8]) -> Result<(), BlobError>;
    /// Returns the blob of a key.
    async fn get(&self, key: &str) -> Result<Vec<u8>, BlobError>;
    /// Returns all keys, in order.
    async fn list(&self) -> Result<Vec<String>, BlobError>;
    /// Removes a blob.
    async fn delete(&self, key: &str) -> Result<(), BlobError>;
}

/// Blobs as files in one directory. The file name is the key in hexadecimal, which is safe for any key.
struct Folder(PathBuf);

impl Folder {
    fn path(&self, key: &str) -> Result<PathBuf, BlobError> {
        if key.is_empty() || key.len() > 80 {
            return Err(BlobError::BadKey);
        }
        let mut name = String::new();
        for byte in key.bytes() {
            // Writing to a string cannot fail.
            let _ = write!(name, "{byte:02x}");
        }
        Ok(self.0.join(name))
    }

    fn key(name: &str) -> Option<String> {
        let byte = |at| u8::from_str_radix(name.get(at..at + 2)?, 16).ok();
        String::from_utf8(
            (0..name.len())
                .step_by(2)
                .map(byte)
                .collect::<Option<_>>()?,
        )
        .ok()
    }
}

/// Converts an I/O error to the error of a key.
fn explain(key: &str, error: &io::Error) -> BlobError {
    let key = key.to_owned();
    match error.kind() {
        ErrorKind::NotFound => BlobError::Missing { key },
        ErrorKind::AlreadyExists => BlobError::Exists { key },
        _ => BlobError::Storage {
            reason: error.to_string(),
        },
    }
}

impl Blobs for Folder {
    async fn put(&self, key: &str, data: &[u8]) -> Result<(), BlobError> {
        let path = self.path(key)?;
        let mut file = tokio::fs::File::create_new(&path)
            .await
            .map_err(|error| explain(key, &error))?;
        let mut written = file.write_all(data).await;
        if written.is_ok() {
            written = file.flush().await;
        }
        if let Err(error) = written {
            // Removes a partial blob. If that fails too, the first error is the one to report.
            let _ = tokio::fs::remove_file(&path).await;
            return Err(explain(key, &error));
        }
        Ok(())
    }

    async fn get(&self, key: &str) -> Result<Vec<u8>, BlobError> {
        tokio::fs::read(self.path(key)?)
            .await
            .map_err(|error| explain(key, &error))
    }

    async fn list(&self) -> Result<Vec<String>, BlobError> {
        let mut files = tokio::fs::read_dir(&self.0)
            .await
            .map_err(|error| explain("", &error))?;
        let mut keys = Vec::new();
        while let Some(file) = files
            .next_entry()
            .await
            .map_err(|error| explain("", &error))?
        {
            keys.extend(file.file_name().to_str().and_then(Self::key));
        }
        keys.sort();
        Ok(keys)
    }

    async fn delete(&self, key: &str) -> Result<(), BlobError> {
        tokio::fs::remove_file(self.path(key)?)
            .await
            .map_err(|error| explain(key, &error))
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => demonstrate().await?,
        ["serve", address, dir] => {
            let server = bind(address, dir.into()).await?;
            println!("listening on {}", server.endpoint());
            server.run_until(tokio::signal::ctrl_c()).await;
        }
        ["put", address, ref files @ ..] => {
            let blobs = connect(address).await?;
            for file in files {
                let key = Path::new(file).file_name().and_then(|name| name.to_str());
                blobs.put(key.ok_or("the file has no name")?, &tokio::fs::read(file).await?).await?;
            }
        }
        ["get", address, key] => {
            let blob = connect(address).await?.get(key).await?;
            io::Write::write_all(&mut io::stdout(), &blob)?;
        },
        ["list", address] => connect(address).await?.list().await?.iter().for_each(|key| println!("{key}")),
        ["delete", address, key] => connect(address).await?.delete(key).await?,
        _ => return Err("usage: blobs [serve ADDRESS DIR | put ADDRESS FILE... | get ADDRESS KEY | list ADDRESS | delete ADDRESS KEY]".into()),
    }
    Ok(())
}

async fn bind(address: &str, dir: PathBuf) -> Result<Server, Box<dyn Error>> {
    tokio::fs::create_dir_all(&dir).await?;
    Ok(Server::builder()
        .service(BlobsServer::new(Folder(dir)))
        .bind(address)
        .await?)
}

async fn connect(address: &str) -> Result<BlobsClient, Box<dyn Error>> {
    Ok(BlobsClient::new(&chirp::connect(address).await?))
}

async fn demonstrate() -> Result<(), Box<dyn Error>> {
    let dir = std::env::temp_dir().join(format!("chirp-blobs-{}", std::process::id()));
    let server = bind("tcp://127.0.0.1:0", dir.join("blobs")).await?;
    let address = server.endpoint().to_string();
    let mut result = Ok(());
    server
        .run_until(async { result = store_this_repository(&address).await })
        .await;
    tokio::fs::remove_dir_all(&dir).await?;
    result
}

async fn store_this_repository(address: &str) -> Result<(), Box<dyn Error>> {
    let blobs = connect(address).await?;
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for place in ["src", "chirp-runtime", "chirp-macros", "chirp-web"] {
        find_files(&root.join(place), &mut files)?;
    }

    let mut stored = Vec::new();
    let mut bytes = 0;
    for file in &files {
        let data = tokio::fs::read(file).await?;
        let key = file.strip_prefix(root)?.display().to_string();
        blobs.put(&key, &data).await?;
        bytes += data.len();
        stored.push((key, Sha256::digest(&data)));
    }
    // Runs the calls concurrently: a call is a future, and a connection carries any number of them.
    let mut calls = tokio::task::JoinSet::new();
    for (key, digest) in stored {
        let get = blobs.get(&key);
        calls.spawn(async move { get.await.map(|data| Sha256::digest(&data) == digest) });
    }
    let same = calls
        .join_all()
        .await
        .into_iter()
        .collect::<Result<Vec<_>, _>>()?;
    assert!(same.iter().all(|same| *same), "a blob came back different");
    println!(
        "stored and read back {} files, {bytes} bytes; every digest is the same",
        files.len()
    );

    let keys = blobs.list().await?;
    assert_eq!(keys.len(), files.len());
    let key = keys.first().ok_or("nothing is stored")?.clone();
    let Err(MethodError::Handler(exists)) = blobs.put(&key, b"again").await else {
        return Err("the key should be taken".into());
    };
    println!("storing again fails: {exists}");
    assert_eq!(exists, BlobError::Exists { key: key.clone() });
    blobs.delete(&key).await?;
    let Err(MethodError::Handler(missing)) = blobs.get(&key).await else {
        return Err("the blob should be gone".into());
    };
    println!("reading a deleted blob fails: {missing}");
    assert_eq!(missing, BlobError::Missing { key });
    Ok(())
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
