use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::net::{UnixListener, UnixSocket};

/// Interval between attempts to lock a directory, and the maximum number of attempts. A holder needs the lock for
/// far less time.
const LOCK_INTERVAL: Duration = Duration::from_millis(5);
const LOCK_ATTEMPTS: u32 = 200;

/// The backlog of a listener. The system applies a lower limit of its own by default.
const BACKLOG: u32 = 65_535;

/// The socket file that a listener created. Dropping it removes the file, unless another process has replaced the
/// file.
pub(super) struct SocketFile {
    path: PathBuf,
    id: (u64, u64),
}

impl SocketFile {
    fn of(path: &Path) -> io::Result<Self> {
        Ok(Self {
            path: path.into(),
            id: id(path)?,
        })
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if id(&self.path).is_ok_and(|id| id == self.id) {
            // A failure is harmless: the next listener replaces a stale file.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Creates a listening socket and its file. Returns [`AddrInUse`](io::ErrorKind::AddrInUse) if the file exists. No
/// client can connect before the file has its permissions.
pub(super) fn bind(path: &Path, mode: Option<u32>) -> io::Result<(UnixListener, SocketFile)> {
    let Some(mode) = mode else {
        let listener = UnixListener::bind(path)?;
        return Ok((listener, SocketFile::of(path)?));
    };
    let socket = UnixSocket::new_stream()?;
    socket.bind(path)?;
    let file = SocketFile::of(path)?;
    // The system refuses connections until `listen`, and checks the permissions when a client connects. A temporary
    // file name until then would have to be chosen, would be longer than the path, and would be left behind if this
    // process were killed.
    fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
    Ok((socket.listen(BACKLOG)?, file))
}

pub(super) fn is_socket(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket())
}

/// Locks the directory of a path, so that one process at a time replaces stale files there. The lock is held for as
/// long as the returned file is open. Returns `None` if the directory cannot be read or locked.
pub(super) async fn lock_directory(path: &Path) -> io::Result<Option<File>> {
    let parent = path.parent().filter(|parent| *parent != Path::new(""));
    let Ok(directory) = File::open(parent.unwrap_or(Path::new("."))) else {
        return Ok(None);
    };
    for _ in 0..LOCK_ATTEMPTS {
        match directory.try_lock() {
            Ok(()) => return Ok(Some(directory)),
            Err(TryLockError::WouldBlock) => tokio::time::sleep(LOCK_INTERVAL).await,
            // Not every file system supports locks.
            Err(TryLockError::Error(_)) => return Ok(None),
        }
    }
    Err(io::Error::new(
        io::ErrorKind::AddrInUse,
        "another process holds the lock on the directory of the socket",
    ))
}

fn id(path: &Path) -> io::Result<(u64, u64)> {
    let file = fs::symlink_metadata(path)?;
    Ok((file.dev(), file.ino()))
}
