use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use redb::{ReadableTable, Table, TableDefinition, WriteTransaction};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::encoding::time::to_millis;
use super::progress::{RequestChange, RequestOutcome, RequestProgress};
use super::record::{Acceptance, RequestRecord, StoredRequest, StoredResponse};

/// The format of the tables and of the values in them.
pub(super) const FORMAT: u64 = 1;

/// Single values: the format of the file, and the last sequence number.
const VALUES: TableDefinition<'_, &str, u64> = TableDefinition::new("values");
/// Requests by their sequence number, in JSON.
const RECORDS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("records");
const ARGUMENTS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("arguments");
const PROGRESS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("progress");
/// Responses: their head in JSON, and their body.
const RESPONSES: TableDefinition<'_, u64, (&[u8], &[u8])> = TableDefinition::new("responses");
const IDS: TableDefinition<'_, u128, u64> = TableDefinition::new("ids");
/// Requests by their owners and idempotency keys.
const KEYS: TableDefinition<'_, (&str, &str), u64> = TableDefinition::new("keys");
const UNFINISHED: TableDefinition<'_, u64, ()> = TableDefinition::new("unfinished");
/// Finished requests by the time at which they expire, in milliseconds since 1970.
const EXPIRIES: TableDefinition<'_, (u64, u64), ()> = TableDefinition::new("expiries");

/// The tables of a file in one transaction.
pub(super) struct Tables<'t> {
    values: Table<'t, &'static str, u64>,
    records: Table<'t, u64, &'static [u8]>,
    arguments: Table<'t, u64, &'static [u8]>,
    progress: Table<'t, u64, &'static [u8]>,
    responses: Table<'t, u64, (&'static [u8], &'static [u8])>,
    ids: Table<'t, u128, u64>,
    keys: Table<'t, (&'static str, &'static str), u64>,
    unfinished: Table<'t, u64, ()>,
    expiries: Table<'t, (u64, u64), ()>,
    /// Whether there is something to commit.
    pub(super) has_changed: bool,
}

/// A failure of a transaction.
#[derive(Debug)]
pub(super) enum TableFailure {
    /// The transaction as a whole has failed.
    Database(redb::Error),
    /// A value cannot be decoded.
    Damaged(String),
    /// The file has another format.
    UnknownFormat(u64),
}

macro_rules! database_failures {
    ($($error:ty),*) => {$(
        impl From<$error> for TableFailure {
            fn from(error: $error) -> Self {
                Self::Database(error.into())
            }
        }
    )*};
}

database_failures!(
    redb::CommitError,
    redb::DatabaseError,
    redb::StorageError,
    redb::TableError,
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
        if !is_new {
            // Before anything else is opened: tables of another format may have other types.
            let values = transaction.open_table(VALUES)?;
            let found = values.get("format")?.map(|value| value.value());
            match found {
                Some(FORMAT) => {}
                Some(found) => return Err(TableFailure::UnknownFormat(found)),
                None => return Err(TableFailure::Damaged("it has no format".into())),
            }
        }
        let mut tables = Self {
            values: transaction.open_table(VALUES)?,
            records: transaction.open_table(RECORDS)?,
            arguments: transaction.open_table(ARGUMENTS)?,
            progress: transaction.open_table(PROGRESS)?,
            responses: transaction.open_table(RESPONSES)?,
            ids: transaction.open_table(IDS)?,
            keys: transaction.open_table(KEYS)?,
            unfinished: transaction.open_table(UNFINISHED)?,
            expiries: transaction.open_table(EXPIRIES)?,
            has_changed: is_new,
        };
        if is_new {
            tables.values.insert("format", FORMAT)?;
        }
        Ok(tables)
    }

    pub(super) fn accept(
        &mut self,
        record: &RequestRecord,
        arguments: &[u8],
    ) -> Result<Acceptance, TableFailure> {
        let mut accepted = None;
        if let Some(key) = &record.key {
            let found = self.keys.get((record.owner.as_str(), key.key.as_str()))?;
            accepted = found.map(|found| found.value());
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
        let last = self.values.get("last")?.map_or(0, |last| last.value());
        let sequence = last + 1;
        self.has_changed = true;
        self.values.insert("last", sequence)?;
        self.records.insert(sequence, head.as_slice())?;
        self.arguments.insert(sequence, arguments)?;
        self.progress.insert(sequence, progress.as_slice())?;
        self.ids.insert(u128::from_be_bytes(record.id), sequence)?;
        if let Some(key) = &record.key {
            let key = (record.owner.as_str(), key.key.as_str());
            self.keys.insert(key, sequence)?;
        }
        self.unfinished.insert(sequence, ())?;
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
        self.has_changed = true;
        self.progress.insert(sequence, progress.as_slice())?;
        match change {
            RequestChange::Begun(_) | RequestChange::Attempted(_) => {}
            RequestChange::Answered(_, response) => {
                let head = encode(&ResponseHead {
                    is_error: response.is_error,
                    media_type: response.media_type.clone(),
                })?;
                let response = (head.as_slice(), response.body.as_ref());
                self.responses.insert(sequence, response)?;
                self.arguments.remove(sequence)?;
            }
            RequestChange::Finished(end) => {
                self.arguments.remove(sequence)?;
                if end.outcome != RequestOutcome::Kept {
                    self.responses.remove(sequence)?;
                }
                self.unfinished.remove(sequence)?;
                let expires = to_millis(end.expires);
                self.expiries.insert((expires, sequence), ())?;
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
        for entry in self.unfinished.range(first..)?.take(max) {
            found.push(self.read(entry?.0.value())?);
        }
        Ok(found)
    }

    pub(super) fn expire(&mut self, now: SystemTime, max: usize) -> Result<usize, TableFailure> {
        let mut expired = Vec::new();
        let until = (to_millis(now), u64::MAX);
        for entry in self.expiries.range(..=until)?.take(max) {
            expired.push(entry?.0.value().1);
        }
        for sequence in &expired {
            self.remove_sequence(*sequence)?;
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
        self.has_changed = true;
        self.records.remove(sequence)?;
        self.arguments.remove(sequence)?;
        self.progress.remove(sequence)?;
        self.responses.remove(sequence)?;
        self.ids.remove(u128::from_be_bytes(record.id))?;
        if let Some(key) = &record.key {
            self.keys
                .remove((record.owner.as_str(), key.key.as_str()))?;
        }
        self.unfinished.remove(sequence)?;
        if let Some(end) = progress.end {
            self.expiries.remove((to_millis(end.expires), sequence))?;
        }
        Ok(())
    }

    fn sequence(&self, id: &[u8; 16]) -> Result<Option<u64>, TableFailure> {
        let found = self.ids.get(u128::from_be_bytes(*id))?;
        Ok(found.map(|found| found.value()))
    }

    fn read(&self, sequence: u64) -> Result<StoredRequest, TableFailure> {
        let arguments = self.arguments.get(sequence)?;
        let arguments = arguments.map(|bytes| Bytes::copy_from_slice(bytes.value()));
        let response = match self.responses.get(sequence)? {
            None => None,
            Some(stored) => {
                let (head, body) = stored.value();
                let head: ResponseHead = decode(head)?;
                Some(Arc::new(StoredResponse {
                    is_error: head.is_error,
                    media_type: head.media_type,
                    body: Bytes::copy_from_slice(body),
                }))
            }
        };
        Ok(StoredRequest {
            sequence,
            record: Arc::new(self.read_record(sequence)?),
            arguments: arguments.unwrap_or_default(),
            progress: self.read_progress(sequence)?,
            response,
        })
    }

    fn read_record(&self, sequence: u64) -> Result<RequestRecord, TableFailure> {
        let record = self.records.get(sequence)?;
        decode(record.ok_or_else(|| missing(sequence))?.value())
    }

    fn read_progress(&self, sequence: u64) -> Result<RequestProgress, TableFailure> {
        let progress = self.progress.get(sequence)?;
        decode(progress.ok_or_else(|| missing(sequence))?.value())
    }
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
