use redb::{ReadableTable, StorageError, Table, TableDefinition, TableError, WriteTransaction};

/// A table whose keys and values are bytes.
///
/// All tables have these types, and no method is generic: redb compiles its trees again for each pair of types.
pub(super) struct ByteTable<'t> {
    table: Table<'t, &'static [u8], &'static [u8]>,
}

impl<'t> ByteTable<'t> {
    /// Opens a table, and creates it if there is none.
    ///
    /// # Errors
    ///
    /// [`TableError::TableTypeMismatch`] if the table has other types.
    pub(super) fn open(
        transaction: &'t WriteTransaction,
        name: &'static str,
    ) -> Result<Self, TableError> {
        let table = transaction.open_table(TableDefinition::new(name))?;
        Ok(Self { table })
    }

    pub(super) fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StorageError> {
        let found = self.table.get(key)?;
        Ok(found.map(|value| value.value().to_vec()))
    }

    /// Stores a value in the place of an earlier one.
    pub(super) fn insert(&mut self, key: &[u8], value: &[u8]) -> Result<(), StorageError> {
        self.table.insert(key, value).map(drop)
    }

    /// Removes a value, if there is one.
    pub(super) fn remove(&mut self, key: &[u8]) -> Result<(), StorageError> {
        self.table.remove(key).map(drop)
    }

    /// Returns up to `max` keys between `first` and `last`, both included, in their order.
    pub(super) fn keys(
        &self,
        first: &[u8],
        last: &[u8],
        max: usize,
    ) -> Result<Vec<Vec<u8>>, StorageError> {
        let mut keys = Vec::new();
        for entry in self.table.range(first..=last)?.take(max) {
            keys.push(entry?.0.value().to_vec());
        }
        Ok(keys)
    }
}
