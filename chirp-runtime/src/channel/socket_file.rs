use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::net::UnixListener;

/// How often the turn to look at a directory's leftovers is asked for, and how often at most: whoever has it
/// needs far less.
const ASK: Duration = Duration::from_millis(5);
const ASKS: u32 = 200;

/// The file that a listener made. It goes with the listener, unless somebody has replaced it.
pub(super) struct SocketFile {
    path: PathBuf,
    id: (u64, u64),
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if id(&self.path).is_ok_and(|id| id == self.id) {
            // Nothing depends on it: the next listener replaces what is left over.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Makes a socket and its file, which must not be there.
pub(super) fn bind(path: &Path, mode: Option<u32>) -> io::Result<(UnixListener, SocketFile)> {
    let listener = match mode {
        None => UnixListener::bind(path)?,
        Some(mode) => bind_with(path, mode)?,
    };
    let id = id(path)?;
    let path = path.into();
    Ok((listener, SocketFile { path, id }))
}

/// The file gets its permissions under another name first, so that nobody connects before it has them.
fn bind_with(path: &Path, mode: u32) -> io::Result<UnixListener> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let unnamed = path.with_file_name(format!(".chirp-{}-{number}", std::process::id()));
    let listener = UnixListener::bind(&unnamed)?;
    let named = fs::set_permissions(&unnamed, fs::Permissions::from_mode(mode))
        .and_then(|()| fs::hard_link(&unnamed, path));
    fs::remove_file(&unnamed)?;
    match named {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            Err(io::Error::new(io::ErrorKind::AddrInUse, error))
        }
        named => named.map(|()| listener),
    }
}

pub(super) fn is_socket(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket())
}

/// The turn of one process at a time to look at leftovers in a path's directory, for as long as the file is
/// held. A directory that may not be read has no turns.
pub(super) async fn turn_in(path: &Path) -> io::Result<Option<File>> {
    let parent = path.parent().filter(|parent| *parent != Path::new(""));
    let Ok(directory) = File::open(parent.unwrap_or(Path::new("."))) else {
        return Ok(None);
    };
    for _ in 0..ASKS {
        match directory.try_lock() {
            Ok(()) => return Ok(Some(directory)),
            Err(TryLockError::WouldBlock) => tokio::time::sleep(ASK).await,
            // Not every file system knows locks.
            Err(TryLockError::Error(_)) => return Ok(None),
        }
    }
    Err(io::Error::new(
        io::ErrorKind::AddrInUse,
        "somebody else holds a lock on its directory",
    ))
}

fn id(path: &Path) -> io::Result<(u64, u64)> {
    let file = fs::symlink_metadata(path)?;
    Ok((file.dev(), file.ino()))
}
