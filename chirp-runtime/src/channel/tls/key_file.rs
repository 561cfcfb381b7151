//! Files that their owner alone can read.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

/// What anybody but the owner may do.
const OTHERS: u32 = 0o077;

/// No key is longer, in bytes.
const LONGEST: u64 = 64 << 10;

pub(super) fn read(path: &Path) -> io::Result<String> {
    let file = File::open(path)?;
    // Of the file that was opened: what the path names may be another by now.
    let mode = file.metadata()?.mode() & 0o777;
    if mode & OTHERS != 0 {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            format!("a secret key that others may read or change (its mode is {mode:o}, not 600)"),
        ));
    }
    let mut text = String::new();
    file.take(LONGEST).read_to_string(&mut text)?;
    Ok(text)
}

/// The file is written under another name first. Then it gets its own, if nothing has that.
pub(super) fn create(path: &Path, text: &str) -> io::Result<()> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let unnamed = path.with_file_name(format!(".chirp-key-{}-{number}", std::process::id()));
    let written = write_new(&unnamed, text);
    let named = written.and_then(|()| fs::hard_link(&unnamed, path));
    // Where it was not written there may be none, and an error that says more.
    let removed = fs::remove_file(&unnamed);
    named?;
    removed?;
    // So that the name is there after a loss of power; not every file system can say so.
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

/// The same error, with the path.
pub(super) fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
