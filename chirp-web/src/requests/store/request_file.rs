use std::fs::{self, File, OpenOptions};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use redb::backends::FileBackend;
use redb::{Builder, Database};

use super::error::StoreError;
use super::operation::Operation;
use super::tables::{FORMAT, TableFailure, Tables};

/// The memory for parts of the file that were read, in bytes. By default redb takes up to 1 GiB.
const CACHE: usize = 8 << 20;

/// The file of a store, as its thread has it.
pub(super) struct RequestFile {
    path: Arc<Path>,
    /// `None` after a failure of the system, which redb survives only with a database that is opened again.
    database: Option<Database>,
    /// The requests that were refused since their transaction failed, and may be in the file all the same.
    refused: Vec<[u8; 16]>,
    /// The damage because of which the file is not used any more.
    damage: Option<StoreError>,
}

impl RequestFile {
    /// Opens the file, and creates it if there is none.
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        if let Err(error) = fs::symlink_metadata(path)
            && error.kind() == io::ErrorKind::NotFound
        {
            create(path)?;
        }
        let mut file = Self {
            path: path.into(),
            database: None,
            refused: Vec::new(),
            damage: None,
        };
        file.guarded(Self::reopen)?;
        Ok(file)
    }

    /// Makes operations in one transaction, and tells their results when it is on the disk.
    pub(super) fn commit(&mut self, mut operations: Vec<Box<dyn Operation>>) {
        let committed = self.guarded(|file| file.try_commit(&mut operations));
        if committed.is_err() {
            let refused = operations
                .iter()
                .filter_map(|operation| operation.accepts());
            self.refused.extend(refused);
        }
        for operation in operations {
            operation.complete(committed.clone());
        }
    }

    /// Closes the file.
    pub(super) fn close(mut self) {
        let database = self.database.take();
        // A database that has found damage may panic while it closes.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(database)));
    }

    fn try_commit(&mut self, operations: &mut [Box<dyn Operation>]) -> Result<(), TableFailure> {
        if self.database.is_none() {
            self.reopen()?;
        }
        let Some(database) = &self.database else {
            return Ok(());
        };
        let transaction = database.begin_write()?;
        let mut tables = Tables::open(&transaction)?;
        for id in &self.refused {
            tables.remove(id)?;
        }
        for operation in operations {
            operation.apply(&mut tables)?;
        }
        let has_changed = tables.has_changed;
        drop(tables);
        if has_changed {
            transaction.commit()?;
        } else {
            transaction.abort()?;
        }
        self.refused.clear();
        Ok(())
    }

    /// Opens the database and checks its format.
    fn reopen(&mut self) -> Result<(), TableFailure> {
        let file = OpenOptions::new().read(true).write(true).open(&self.path);
        let file = file.map_err(redb::StorageError::from)?;
        let mut builder = Builder::new();
        // A damaged file is then an error of opening, and not a panic or a wrong value later.
        builder.set_check_integrity_on_open(true);
        builder.set_cache_size(CACHE);
        let database = builder.create_with_backend(FileBackend::new(file)?)?;
        let transaction = database.begin_write()?;
        let tables = Tables::open(&transaction)?;
        let has_changed = tables.has_changed;
        drop(tables);
        if has_changed {
            transaction.commit()?;
        } else {
            transaction.abort()?;
        }
        self.database = Some(database);
        Ok(())
    }

    /// Converts a failure. After one, the database is opened again before it is used; after damage, it is never used again.
    fn guarded(
        &mut self,
        run: impl FnOnce(&mut Self) -> Result<(), TableFailure>,
    ) -> Result<(), StoreError> {
        if let Some(damage) = &self.damage {
            return Err(damage.clone());
        }
        // redb checks pages of a damaged file by assertions, too.
        let result = catch_unwind(AssertUnwindSafe(|| {
            let result = run(self);
            if result.is_err() {
                self.database = None;
            }
            result
        }));
        let error = match result {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(failure)) => self.error(failure),
            Err(_) => {
                // Its drop would panic again.
                std::mem::forget(self.database.take());
                self.damaged("an assertion about its pages failed")
            }
        };
        if matches!(error, StoreError::Damaged { .. }) {
            self.damage = Some(error.clone());
        }
        Err(error)
    }

    fn error(&self, failure: TableFailure) -> StoreError {
        let error = match failure {
            TableFailure::Damaged(reason) => return self.damaged(&reason),
            TableFailure::UnknownFormat(found) => {
                return StoreError::UnknownFormat {
                    path: self.path.to_path_buf(),
                    found,
                    known: FORMAT,
                };
            }
            TableFailure::Database(error) => *error,
        };
        match error {
            redb::Error::DatabaseAlreadyOpen | redb::Error::LockProtocolMismatch => {
                StoreError::InUse {
                    path: self.path.to_path_buf(),
                }
            }
            // The file is of another kind, or was cut.
            redb::Error::Io(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof
                ) =>
            {
                self.damaged(&error.to_string())
            }
            redb::Error::Io(error) => io_error(&self.path, error),
            redb::Error::PreviousIo => io_error(&self.path, io::Error::other("it failed before")),
            error => self.damaged(&error.to_string()),
        }
    }

    fn damaged(&self, reason: &str) -> StoreError {
        StoreError::Damaged {
            path: self.path.to_path_buf(),
            reason: reason.into(),
        }
    }
}

/// Creates the file under another name and gives it its own when it is complete: a process that is killed while it creates a
/// database leaves a file that redb takes for none.
fn create(path: &Path) -> Result<(), StoreError> {
    let mut random = [0; 8];
    let random = getrandom::fill(&mut random).map(|()| u64::from_ne_bytes(random));
    let random = random.map_err(|error| io_error(path, io::Error::other(error.to_string())))?;
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{random:016x}"));
    let unfinished = PathBuf::from(name);
    let created = create_as(&unfinished, path);
    let _ = fs::remove_file(&unfinished);
    created
}

fn create_as(unfinished: &Path, path: &Path) -> Result<(), StoreError> {
    let error = |error| io_error(path, error);
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let created = options.open(unfinished).map_err(error)?;
    let synchronized = created.try_clone().map_err(error)?;
    let database =
        FileBackend::new(created).and_then(|file| Builder::new().create_with_backend(file));
    drop(database.map_err(|error| io_error(path, io::Error::other(error)))?);
    synchronized.sync_all().map_err(error)?;
    match fs::hard_link(unfinished, path) {
        // Another process was faster: its file is opened.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
        Err(_) => fs::rename(unfinished, path).map_err(error)?,
        Ok(()) => {}
    }
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    // A name that is not on the disk would lose the file with a power failure. Not every system can synchronize a folder.
    let _ = File::open(folder).and_then(|folder| folder.sync_all());
    Ok(())
}

fn io_error(path: &Path, error: io::Error) -> StoreError {
    StoreError::Io {
        path: path.to_path_buf(),
        error: Arc::new(error),
    }
}
