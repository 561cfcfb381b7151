use std::fs;
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use super::OutgoingError;

/// Returns the path of a socket without symbolic links, if the socket is in one of the folders. Blocks on file I/O.
///
/// # Errors
///
/// [`OutgoingError::SocketRefused`], and [`OutgoingError::Connect`] if the socket does not exist or cannot be looked at.
pub(super) fn find_socket(path: &Path, folders: &[PathBuf]) -> Result<PathBuf, OutgoingError> {
    let failed = |error| OutgoingError::Connect {
        destination: format!("unix:{}", path.display()),
        error,
    };
    let refused = |problem| OutgoingError::SocketRefused {
        path: path.display().to_string(),
        problem,
    };
    let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(refused("it has no name"));
    };
    let parent = parent.canonicalize().map_err(failed)?;
    let is_inside = |folder: &PathBuf| -> io::Result<bool> {
        Ok(path.starts_with(folder) && parent.starts_with(folder.canonicalize()?))
    };
    if !folders
        .iter()
        .any(|folder| is_inside(folder).unwrap_or(false))
    {
        return Err(refused("a symbolic link leads out of the folder"));
    }
    let found = parent.join(name);
    let kind = fs::symlink_metadata(&found).map_err(failed)?.file_type();
    if kind.is_symlink() {
        return Err(refused("it is a symbolic link"));
    }
    if !kind.is_socket() {
        return Err(refused("it is another kind of file"));
    }
    Ok(found)
}
