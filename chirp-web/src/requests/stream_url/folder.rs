//! Folders for the sockets of streams.

use std::collections::HashSet;
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::fs;
use tokio::net::UnixStream;

use super::stream_urls::StreamUrlError;
use super::token::StreamToken;

/// The end of the names of socket files, after the token.
pub(super) const ENDING: &str = ".sock";

/// The age below which a file may be a socket that does not listen yet.
const MIN_AGE: Duration = Duration::from_mins(1);

/// Makes a folder if it is missing, and checks that others cannot change it. Returns its absolute path.
pub(super) async fn prepare(
    folder: &Path,
    prepared: &Mutex<HashSet<PathBuf>>,
) -> Result<PathBuf, StreamUrlError> {
    let failed = |error| StreamUrlError::Socket(folder.to_owned(), error);
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true).mode(0o700);
    builder.create(folder).await.map_err(failed)?;
    let folder = fs::canonicalize(folder).await.map_err(failed)?;
    let metadata = fs::metadata(&folder).await.map_err(failed)?;
    if metadata.mode() & 0o022 != 0 {
        return Err(StreamUrlError::SharedFolder(folder));
    }
    let is_known = prepared
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .contains(&folder);
    if !is_known {
        remove_stale_files(&folder).await.map_err(failed)?;
        let mut prepared = prepared.lock().unwrap_or_else(PoisonError::into_inner);
        prepared.insert(folder.clone());
    }
    Ok(folder)
}

/// Removes sockets of streams on which no process listens.
async fn remove_stale_files(folder: &Path) -> io::Result<()> {
    let mut entries = fs::read_dir(folder).await?;
    while let Some(entry) = entries.next_entry().await? {
        let path = entry.path();
        let name = entry.file_name();
        let name = name.to_str().and_then(|name| name.strip_suffix(ENDING));
        if name.and_then(StreamToken::parse).is_none() {
            continue;
        }
        // Another process may have removed the file.
        let Ok(metadata) = fs::symlink_metadata(&path).await else {
            continue;
        };
        if metadata.file_type().is_socket() && is_old(&metadata) && has_no_listener(&path).await {
            let _ = fs::remove_file(&path).await;
        }
    }
    Ok(())
}

fn is_old(metadata: &Metadata) -> bool {
    let age = metadata
        .modified()
        .ok()
        .and_then(|made| SystemTime::now().duration_since(made).ok());
    age.is_some_and(|age| age >= MIN_AGE)
}

async fn has_no_listener(path: &Path) -> bool {
    let refused = UnixStream::connect(path).await.err();
    refused.is_some_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
}
