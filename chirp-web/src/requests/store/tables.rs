use std::sync::Arc;
use std::time::SystemTime;

use redb::{TableError, Value, WriteTransaction};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::byte_table::ByteTable;
use super::encoding::time::to_millis;
use super::progress::{RequestChange, RequestOutcome, RequestProgress};
use super::record::{Acceptance, RequestRecord, StoredRequest, StoredResponse};
use super::table_key::{expiry_key, owner_key, read_sequence, sequence_key};

/// The format of the tables and of the values in them.
pub(super) const FORMAT: u64 = 2;

/// The names of the single values.
const FORMAT_NAME: &[u8] = b"format";
const LAST_NAME: &[u8] = b"last";

/// The tables of a file in one transaction.
pub(super) struct Tables<'t> {
    /// Single values: the format of the file, and the last sequence number.
    values: ByteTable<'t>,
    /// Requests by their sequence number, in JSON.
    records: ByteTable<'t>,
    arguments: ByteTable<'t>,
    progress: ByteTable<'t>,
    /// The heads of responses, in JSON.
    responses: ByteTable<'t>,
    bodies: ByteTable<'t>,
    /// Sequence numbers by the ID of the request.
    ids: ByteTable<'t>,
    /// Sequence numbers by the owner and the idempotency key of the request.
    keys: ByteTable<'t>,
    unfinished: ByteTable<'t>,
    /// Finished requests by the time at which they expire.
    expiries: ByteTable<'t>,
    /// Whether there is something to commit.
    pub(super) has_changed: bool,
}

/// A failure of a transaction.
#[derive(Debug)]
pub(super) enum TableFailure {
    /// The transaction as a whole has failed.
    Database(Box<redb::Error>),
    /// A value cannot be decoded.
    Damaged(String),
    /// The file has another format.
    UnknownFormat(u64),
}

macro_rules! database_failures {
    ($($error:ty),*) => {$(
        impl From<$error> for TableFailure {
            fn from(error: $error) -> Self {
                Self::Database(Box::new(error.into()))
            }
        }
    )*};
}

database_failures!(
    redb::CommitError,
    redb::DatabaseError,
    redb::StorageError,
    TableError,
    redb::TransactionError
);

/// The part of a response that is not its body.
#[derive(Deserialize, Serialize)]
struct ResponseHead {
    is_error: bool,
    media_type: String,
}

impl<'t> Tables<'t> {
    /// Opens the tables, and creates those of an empty file.
    pub(super) fn open(transaction: &'t WriteTransaction) -> Result<Self, TableFailure> {
        let is_new = transaction.list_tables()?.next().is_none();
        // Before anything else is opened: tables of another format may have other types.
        let mut values = ByteTable::open(transaction, "values").map_err(find_first_format)?;
        if is_new {
            values.insert(FORMAT_NAME, &FORMAT.to_be_bytes())?;
        } else {
            let found = read_number(&values, FORMAT_NAME)?;
            match found {
                Some(FORMAT) => {}
                Some(found) => return Err(TableFailure::UnknownFormat(found)),
                None => return Err(TableFailure::Damaged("it has no format".into())),
            }
        }
        let table = |name| ByteTable::open(transaction, name);
        Ok(Self {
            values,
            records: table("records")?,
            arguments: table("arguments")?,
            progress: table("progress")?,
            responses: table("responses")?,
            bodies: table("bodies")?,
            ids: table("ids")?,
            keys: table("keys")?,
            unfinished: table("unfinished")?,
            expiries: table("expiries")?,
            has_changed: is_new,
        })
    }

    pub(super) fn accept(
        &mut self,
        record: &RequestRecord,
        arguments: &[u8],
    ) -> Result<Acceptance, TableFailure> {
        let mut accepted = None;
        if let Some(key) = &record.key {
            accepted = read_number(&self.keys, &owner_key(&record.owner, &key.key))?;
        }
        if accepted.is_none() {
            accepted = self.sequence(&record.id)?;
        }
        if let Some(accepted) = accepted {
            let accepted = self.read(accepted)?;
            if !accepted.has_expired(record.created) {
                return Ok(record.compare(accepted));
            }
            self.remove_sequence(accepted.sequence)?;
        }
        let head = encode(record)?;
        let progress = encode(&RequestProgress::default())?;
        let last = read_number(&self.values, LAST_NAME)?.unwrap_or(0);
        let sequence = sequence_key(last + 1);
        self.has_changed = true;
        self.values.insert(LAST_NAME, &sequence)?;
        self.records.insert(&sequence, &head)?;
        self.arguments.insert(&sequence, arguments)?;
        self.progress.insert(&sequence, &progress)?;
        self.ids.insert(&record.id, &sequence)?;
        if let Some(key) = &record.key {
            let key = owner_key(&record.owner, &key.key);
            self.keys.insert(&key, &sequence)?;
        }
        self.unfinished.insert(&sequence, &[])?;
        Ok(Acceptance::New)
    }

    pub(super) fn update(
        &mut self,
        id: &[u8; 16],
        change: &RequestChange,
    ) -> Result<bool, TableFailure> {
        let Some(sequence) = self.sequence(id)? else {
            return Ok(false);
        };
        let mut progress = self.read_progress(sequence)?;
        if !progress.apply(change) {
            return Ok(false);
        }
        let progress = encode(&progress)?;
        let key = sequence_key(sequence);
        self.has_changed = true;
        self.progress.insert(&key, &progress)?;
        match change {
            RequestChange::Begun(_) | RequestChange::Attempted(_) => {}
            RequestChange::Answered(_, response) => {
                let head = encode(&ResponseHead {
                    is_error: response.is_error,
                    media_type: response.media_type.clone(),
                })?;
                self.responses.insert(&key, &head)?;
                self.bodies.insert(&key, &response.body)?;
                self.arguments.remove(&key)?;
            }
            RequestChange::Finished(end) => {
                self.arguments.remove(&key)?;
                if end.outcome != RequestOutcome::Kept {
                    self.responses.remove(&key)?;
                    self.bodies.remove(&key)?;
                }
                self.unfinished.remove(&key)?;
                let expiry = expiry_key(to_millis(end.expires), sequence);
                self.expiries.insert(&expiry, &[])?;
            }
        }
        Ok(true)
    }

    pub(super) fn get(&self, id: &[u8; 16]) -> Result<Option<StoredRequest>, TableFailure> {
        let sequence = self.sequence(id)?;
        sequence.map(|sequence| self.read(sequence)).transpose()
    }

    pub(super) fn unfinished(
        &self,
        after: u64,
        max: usize,
    ) -> Result<Vec<StoredRequest>, TableFailure> {
        let mut found = Vec::new();
        let Some(first) = after.checked_add(1) else {
            return Ok(found);
        };
        let (first, last) = (sequence_key(first), sequence_key(u64::MAX));
        for key in self.unfinished.keys(&first, &last, max)? {
            found.push(self.read(sequence_of(&key)?)?);
        }
        Ok(found)
    }

    pub(super) fn expire(&mut self, now: SystemTime, max: usize) -> Result<usize, TableFailure> {
        let (first, last) = (expiry_key(0, 0), expiry_key(to_millis(now), u64::MAX));
        let expired = self.expiries.keys(&first, &last, max)?;
        for key in &expired {
            self.remove_sequence(sequence_of(key)?)?;
        }
        Ok(expired.len())
    }

    pub(super) fn remove(&mut self, id: &[u8; 16]) -> Result<bool, TableFailure> {
        match self.sequence(id)? {
            None => Ok(false),
            Some(sequence) => self.remove_sequence(sequence).map(|()| true),
        }
    }

    fn remove_sequence(&mut self, sequence: u64) -> Result<(), TableFailure> {
        let record = self.read_record(sequence)?;
        let progress = self.read_progress(sequence)?;
        let key = sequence_key(sequence);
        self.has_changed = true;
        for table in [
            &mut self.records,
            &mut self.arguments,
            &mut self.progress,
            &mut self.responses,
            &mut self.bodies,
            &mut self.unfinished,
        ] {
            table.remove(&key)?;
        }
        self.ids.remove(&record.id)?;
        if let Some(key) = &record.key {
            self.keys.remove(&owner_key(&record.owner, &key.key))?;
        }
        if let Some(end) = progress.end {
            let expiry = expiry_key(to_millis(end.expires), sequence);
            self.expiries.remove(&expiry)?;
        }
        Ok(())
    }

    fn sequence(&self, id: &[u8; 16]) -> Result<Option<u64>, TableFailure> {
        read_number(&self.ids, id)
    }

    fn read(&self, sequence: u64) -> Result<StoredRequest, TableFailure> {
        let key = sequence_key(sequence);
        let arguments = self.arguments.get(&key)?;
        let response = match self.responses.get(&key)? {
            None => None,
            Some(head) => {
                let head: ResponseHead = decode(&head)?;
                let body = self.bodies.get(&key)?;
                Some(Arc::new(StoredResponse {
                    is_error: head.is_error,
                    media_type: head.media_type,
                    body: body.ok_or_else(|| missing(sequence))?.into(),
                }))
            }
        };
        Ok(StoredRequest {
            sequence,
            record: Arc::new(self.read_record(sequence)?),
            arguments: arguments.unwrap_or_default().into(),
            progress: self.read_progress(sequence)?,
            response,
        })
    }

    fn read_record(&self, sequence: u64) -> Result<RequestRecord, TableFailure> {
        let record = self.records.get(&sequence_key(sequence))?;
        decode(&record.ok_or_else(|| missing(sequence))?)
    }

    fn read_progress(&self, sequence: u64) -> Result<RequestProgress, TableFailure> {
        let progress = self.progress.get(&sequence_key(sequence))?;
        decode(&progress.ok_or_else(|| missing(sequence))?)
    }
}

/// Recognises a file of the first format, whose tables had types of their own.
fn find_first_format(error: TableError) -> TableFailure {
    match error {
        TableError::TableTypeMismatch { key, value, .. }
            if key == <&str>::type_name() && value == u64::type_name() =>
        {
            TableFailure::UnknownFormat(1)
        }
        error => error.into(),
    }
}

/// Reads a value that is a number.
fn read_number(table: &ByteTable<'_>, key: &[u8]) -> Result<Option<u64>, TableFailure> {
    let found = table.get(key)?;
    found.map(|bytes| sequence_of(&bytes)).transpose()
}

/// Reads the sequence number of a key or value.
fn sequence_of(bytes: &[u8]) -> Result<u64, TableFailure> {
    let sequence = read_sequence(bytes);
    sequence.ok_or_else(|| TableFailure::Damaged("a number in it is too short".into()))
}

fn missing(sequence: u64) -> TableFailure {
    TableFailure::Damaged(format!("request {sequence} is incomplete"))
}

fn encode(value: &impl Serialize) -> Result<Vec<u8>, TableFailure> {
    serde_json::to_vec(value).map_err(|error| TableFailure::Damaged(error.to_string()))
}

fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, TableFailure> {
    serde_json::from_slice(bytes).map_err(|error| TableFailure::Damaged(error.to_string()))
}
