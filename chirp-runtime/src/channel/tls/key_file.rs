//! Key files that only their owner can read.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

/// The permissions of group and others.
const NOT_OWNER: u32 = 0o077;

/// The maximum size of a key file, in bytes.
const MAX_SIZE: u64 = 64 << 10;

pub(super) fn read(path: &Path) -> io::Result<String> {
    let file = File::open(path)?;
    // Check the opened file: the path may refer to another file by now.
    let mode = file.metadata()?.mode() & 0o777;
    if mode & NOT_OWNER != 0 {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            format!("private key is accessible by others: its mode is {mode:o} and must be 600"),
        ));
    }
    let mut text = String::new();
    file.take(MAX_SIZE).read_to_string(&mut text)?;
    Ok(text)
}

/// Creates a key file atomically: writes it under a temporary name, and links the final name if that does not
/// exist.
pub(super) fn create(path: &Path, text: &str) -> io::Result<()> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let temporary = path.with_file_name(format!(".chirp-key-{}-{number}", std::process::id()));
    let written = write_new(&temporary, text);
    let named = written.and_then(|()| fs::hard_link(&temporary, path));
    // If writing failed, the file may not exist, and the first error says more.
    let removed = fs::remove_file(&temporary);
    named?;
    removed?;
    // Makes the name durable. Not every file system supports this.
    let parent = path.parent().filter(|parent| *parent != Path::new(""));
    if let Ok(directory) = File::open(parent.unwrap_or(Path::new("."))) {
        directory.sync_all().ok();
    }
    Ok(())
}

fn write_new(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// Adds the path to an error.
pub(super) fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
