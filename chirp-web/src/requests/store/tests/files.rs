use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;

use super::super::{RequestChange, RequestOutcome, RequestStore, StoreError};
use super::{accept, at, end, get, keyed, record, response, unfinished, update};

/// A folder that is removed in the end.
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("chirp-requests-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub(super) fn file(&self) -> PathBuf {
        self.0.join("requests")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

fn open(path: &Path) -> RequestStore {
    RequestStore::open(path).unwrap()
}

#[tokio::test]
async fn everything_is_there_when_a_file_is_opened_again() {
    let folder = Folder::new();
    let store = open(&folder.file());
    accept(&store, keyed(1, "k", 7)).await;
    accept(&store, record(2)).await;
    accept(&store, record(3)).await;
    update(&store, 1, RequestChange::Begun(at(1))).await;
    update(&store, 2, RequestChange::Answered(at(2), response("1"))).await;
    update(&store, 3, end(RequestOutcome::Failed, at(50))).await;
    let before = [
        get(&store, 1).await,
        get(&store, 2).await,
        get(&store, 3).await,
    ];
    drop(store);

    let store = open(&folder.file());
    for (number, before) in (1..).zip(before) {
        assert_eq!(
            format!("{:?}", get(&store, number).await),
            format!("{before:?}")
        );
    }
    assert_eq!(unfinished(&store, 0, 10).await, [1, 2]);
    let repeated = accept(&store, keyed(9, "k", 7)).await;
    assert!(matches!(repeated, super::Acceptance::Repeated(_)));
    accept(&store, record(4)).await;
    assert_eq!(unfinished(&store, 0, 10).await, [1, 2, 4]);
    assert_eq!(store.expire(at(60), 10).await.unwrap(), 1);
}

#[tokio::test]
async fn requests_that_are_accepted_at_once_are_all_stored() {
    let folder = Folder::new();
    let store = Arc::new(open(&folder.file()));
    let accepted: Vec<_> = (0..=255)
        .map(|number| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { accept(&store, record(number)).await })
        })
        .collect();
    for accepted in accepted {
        assert!(matches!(accepted.await.unwrap(), super::Acceptance::New));
    }
    drop(store);
    let store = open(&folder.file());
    let mut found = unfinished(&store, 0, 1000).await;
    found.sort_unstable();
    assert_eq!(found, (0..=255).collect::<Vec<_>>());
}

#[cfg(unix)]
#[test]
fn only_the_owner_of_a_file_reads_it() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    let _store = open(&folder.file());
    let mode = fs::metadata(folder.file()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let names = fs::read_dir(&folder.0).unwrap();
    assert_eq!(names.count(), 1, "nothing else is left in the folder");
}

#[test]
fn a_file_has_one_user() {
    let folder = Folder::new();
    let store = open(&folder.file());
    let error = RequestStore::open(folder.file()).unwrap_err();
    assert!(matches!(error, StoreError::InUse { .. }), "{error}");
    drop(store);
    open(&folder.file());
}

#[test]
fn a_file_in_a_missing_folder_is_an_error_of_the_system() {
    let folder = Folder::new();
    let error = RequestStore::open(folder.0.join("missing/requests")).unwrap_err();
    assert!(matches!(error, StoreError::Io { .. }), "{error}");
}

#[test]
fn a_file_of_another_kind_is_refused_and_left_alone() {
    let folder = Folder::new();
    fs::write(folder.file(), "some text of a person").unwrap();
    let error = RequestStore::open(folder.file()).unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
    let text = fs::read_to_string(folder.file()).unwrap();
    assert_eq!(text, "some text of a person");
}

#[test]
fn a_file_that_was_cut_is_refused() {
    let folder = Folder::new();
    drop(open(&folder.file()));
    let whole = fs::read(folder.file()).unwrap();
    for length in [1, 9, 100, 4096, whole.len() - 1] {
        fs::write(folder.file(), &whole[..length]).unwrap();
        let error = RequestStore::open(folder.file()).unwrap_err();
        assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
    }
}

/// Writes a file with a table `values` that says which format the file has.
fn write_format<K, V>(path: &Path, key: K::SelfType<'static>, value: V::SelfType<'static>)
where
    K: redb::Key + 'static,
    V: redb::Value + 'static,
{
    let values = redb::TableDefinition::<K, V>::new("values");
    let database = redb::Database::create(path).unwrap();
    let transaction = database.begin_write().unwrap();
    let mut table = transaction.open_table(values).unwrap();
    table.insert(key, value).unwrap();
    drop(table);
    transaction.commit().unwrap();
}

/// Opens a file of another format, and returns the format that the error names.
fn found_format(path: &Path) -> u64 {
    match RequestStore::open(path).unwrap_err() {
        StoreError::UnknownFormat {
            found, known: 2, ..
        } => found,
        error => panic!("{error}"),
    }
}

#[test]
fn another_format_is_refused() {
    let folder = Folder::new();
    write_format::<&[u8], &[u8]>(&folder.file(), b"format", &[0, 0, 0, 0, 0, 0, 0, 3]);
    assert_eq!(found_format(&folder.file()), 3);
}

#[test]
fn the_first_format_is_refused() {
    let folder = Folder::new();
    write_format::<&str, u64>(&folder.file(), "format", 1);
    assert_eq!(found_format(&folder.file()), 1);
}

#[tokio::test]
async fn damage_anywhere_in_a_file_is_an_error_and_never_another_request() {
    let folder = Folder::new();
    let store = open(&folder.file());
    for number in 0..=100 {
        accept(&store, keyed(number, &number.to_string(), 0)).await;
    }
    drop(store);
    let whole = fs::read(folder.file()).unwrap();
    let mut errors = 0;
    // Bytes of the head, and places all over the pages.
    let places = (0..64).chain((64..whole.len()).step_by(16_381));
    for place in places {
        let mut damaged = whole.clone();
        damaged[place] ^= 0xa5;
        fs::write(folder.file(), &damaged).unwrap();
        let store = match RequestStore::open(folder.file()) {
            Ok(store) => store,
            Err(error) => {
                assert!(!matches!(error, StoreError::Closed), "{error}");
                errors += 1;
                continue;
            }
        };
        match store.unfinished(0, 1000).await {
            Err(_) => errors += 1,
            Ok(found) => {
                let found: Vec<_> = found.iter().map(|found| found.record.id[0]).collect();
                assert_eq!(found, (0..=100).collect::<Vec<_>>(), "byte {place}");
            }
        }
    }
    assert!(errors > 0, "no damage was found");
}

#[tokio::test]
async fn large_values_are_stored() {
    let folder = Folder::new();
    let store = open(&folder.file());
    let arguments = Bytes::from(vec![b' '; 8 << 20]);
    let accepted = store.accept(Arc::new(record(1)), arguments.clone()).await;
    assert!(matches!(accepted.unwrap(), super::Acceptance::New));
    drop(store);
    let store = open(&folder.file());
    assert_eq!(get(&store, 1).await.arguments, arguments);
}

/// In the process of the next test: the file that cannot grow.
const FULL: &str = "CHIRP_TEST_FULL";

/// The largest size of a file in that process, in blocks of 512 bytes: room for some of the requests.
const BLOCKS: u32 = 6144;

#[cfg(unix)]
#[tokio::test]
async fn a_full_disk_refuses_requests_and_loses_none() {
    if let Ok(path) = std::env::var(FULL) {
        return fill(Path::new(&path)).await;
    }
    let folder = Folder::new();
    // Without the signal, a write beyond the limit is an error, as on a full disk.
    let script = format!("trap '' XFSZ; ulimit -f {BLOCKS}; exec \"$0\" \"$@\"");
    let name = "requests::store::tests::files::a_full_disk_refuses_requests_and_loses_none";
    let status = std::process::Command::new("sh")
        .args(["-c", &script])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", name])
        .env(FULL, folder.file())
        .stdout(std::process::Stdio::null())
        .status();
    assert!(status.unwrap().success());

    let accepted = fs::read(folder.0.join("accepted")).unwrap();
    assert!(!accepted.is_empty());
    let store = open(&folder.file());
    assert_eq!(unfinished(&store, 0, 1000).await, accepted);
}

/// Accepts requests until the file is full, finishes one, and accepts another.
async fn fill(path: &Path) {
    let store = open(path);
    let accept = |number| store.accept(Arc::new(record(number)), Bytes::from(vec![0; 100_000]));
    let mut accepted = Vec::new();
    let full = loop {
        let number = u8::try_from(accepted.len()).unwrap();
        match accept(number).await {
            Ok(_) => accepted.push(number),
            Err(error) => break error,
        }
    };
    assert!(matches!(full, StoreError::Io { .. }), "{full}");
    assert!(accept(200).await.is_err(), "still full");
    for number in accepted.drain(..2) {
        let removed = store.remove(&[number; 16]).await;
        assert!(removed.unwrap());
    }
    // Pages of removed values are free again in a later transaction.
    let mut attempts = 0;
    while accept(201).await.is_err() {
        attempts += 1;
        assert!(attempts < 100, "removed requests make no room");
    }
    accepted.push(201);
    fs::write(path.with_file_name("accepted"), &accepted).unwrap();
}
