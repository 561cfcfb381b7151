use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::net::{UnixListener, UnixSocket};

/// How often the turn to look at a directory's leftovers is asked for, and how often at most: whoever has it
/// needs far less.
const ASK: Duration = Duration::from_millis(5);
const ASKS: u32 = 200;

/// How many connections may wait to be accepted. The system has a limit of its own, which is lower by default.
const BACKLOG: u32 = 65_535;

/// The file that a listener made. It goes with the listener, unless somebody has replaced it.
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
            // Nothing depends on it: the next listener replaces what is left over.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Makes a socket and its file, which must not be there. Nobody can connect before the file has its permissions.
pub(super) fn bind(path: &Path, mode: Option<u32>) -> io::Result<(UnixListener, SocketFile)> {
    let Some(mode) = mode else {
        let listener = UnixListener::bind(path)?;
        return Ok((listener, SocketFile::of(path)?));
    };
    let socket = UnixSocket::new_stream()?;
    socket.bind(path)?;
    let file = SocketFile::of(path)?;
    // Connections are refused until it listens, and permissions are looked at when one connects. A name of its own
    // until then would have to be found, would be longer, and would be left over if this process were killed.
    fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
    Ok((socket.listen(BACKLOG)?, file))
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
