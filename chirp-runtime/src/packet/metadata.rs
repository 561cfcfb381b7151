use std::fmt;
use std::str;

use bytes::{BufMut, Bytes, BytesMut};

use super::RESERVED_PREFIX;

/// The kind of a metadata field in a call context.
pub(super) const METADATA: u8 = 3;
/// Bytes of a field before its value: kind, length, length of the key.
const FIELD_HEAD: usize = 4;
/// The longest key, in bytes.
const MAX_KEY: usize = u8::MAX as usize;

/// Entries that travel with a call beside its arguments, such as a tenant or a request id.
///
/// Keys are text of 1 to 255 bytes, values are bytes or text. The order of entries is kept, and a key may occur several
/// times. Keys that begin with `chirp.` are reserved.
///
/// Metadata is *required* unless its key is marked as [optional](Self::optional): a call with required metadata fails at
/// a peer that does not support it, and optional metadata is left out there.
///
/// ```
/// # use chirp_runtime::packet as chirp;
/// use chirp::Metadata;
///
/// let mut metadata = Metadata::new();
/// metadata.insert("tenant", "blue")?;
/// metadata.append("hop", "gateway")?;
/// metadata.append("hop", [1, 2])?;
/// assert_eq!(metadata.text("tenant"), Some("blue"));
/// assert_eq!(metadata.get_all("hop").last(), Some(&[1, 2][..]));
/// # Ok::<_, chirp::MetadataError>(())
/// ```
#[derive(Clone, Default)]
pub struct Metadata {
    /// The entries as fields of a call context, one after another.
    fields: Bytes,
    /// The keys that are optional.
    optional: Vec<Box<str>>,
}

impl Metadata {
    /// Metadata without entries.
    pub(crate) const EMPTY: Self = Self {
        fields: Bytes::new(),
        optional: Vec::new(),
    };

    /// Creates metadata without entries.
    pub fn new() -> Self {
        Self::EMPTY
    }

    /// Creates metadata from fields of a call context that have been checked.
    pub(super) fn of_fields(fields: Bytes) -> Self {
        Self {
            fields,
            optional: Vec::new(),
        }
    }

    /// Returns `true` if there is no entry.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// Returns the number of entries.
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// Returns the number of bytes that the entries take on the wire, which limits apply to: the key, the value and 4
    /// bytes for each.
    pub fn encoded_len(&self) -> usize {
        self.fields.len()
    }

    /// Returns the first value of a key.
    pub fn get(&self, key: &str) -> Option<&[u8]> {
        self.get_all(key).next()
    }

    /// Returns the first value of a key if it is text in UTF-8.
    pub fn text(&self, key: &str) -> Option<&str> {
        str::from_utf8(self.get(key)?).ok()
    }

    /// Returns every value of a key, in order.
    pub fn get_all(&self, key: &str) -> impl Iterator<Item = &[u8]> {
        self.iter()
            .filter(move |(of, _)| *of == key)
            .map(|(_, value)| value)
    }

    /// Returns every entry, in order.
    pub fn iter(&self) -> MetadataIter<'_> {
        MetadataIter(&self.fields)
    }

    /// Sets the value of a key, in place of all values that the key has.
    ///
    /// # Errors
    ///
    /// [`MetadataError`] if the key or the value is not allowed. Nothing is changed then.
    pub fn insert(&mut self, key: &str, value: impl AsRef<[u8]>) -> Result<(), MetadataError> {
        check(key, value.as_ref())?;
        self.remove(key);
        self.put(key, value.as_ref());
        Ok(())
    }

    /// Adds an entry after the others.
    ///
    /// # Errors
    ///
    /// The same as those of [`insert`](Self::insert).
    pub fn append(&mut self, key: &str, value: impl AsRef<[u8]>) -> Result<(), MetadataError> {
        check(key, value.as_ref())?;
        self.put(key, value.as_ref());
        Ok(())
    }

    /// Removes all values of a key. Returns `true` if there was any.
    pub fn remove(&mut self, key: &str) -> bool {
        if self.get(key).is_none() {
            return false;
        }
        self.retain(|of| of != key);
        true
    }

    /// Keeps the entries whose keys `keep` returns `true` for.
    pub fn retain(&mut self, mut keep: impl FnMut(&str) -> bool) {
        let mut fields = BytesMut::with_capacity(self.fields.len());
        for (key, value) in self.iter().filter(|(key, _)| keep(key)) {
            put(&mut fields, key, value);
        }
        self.fields = fields.freeze();
    }

    /// Replaces the values of every key of `other` by its values there. Such a key is then optional if it is so in `other`.
    pub fn merge(&mut self, other: &Self) {
        if self.is_empty() {
            self.fields = other.fields.clone();
        } else if !other.is_empty() {
            let mut fields = BytesMut::with_capacity(self.fields.len() + other.fields.len());
            let kept = self.iter().filter(|(key, _)| other.get(key).is_none());
            for (key, value) in kept {
                put(&mut fields, key, value);
            }
            fields.put_slice(&other.fields);
            self.fields = fields.freeze();
        }
        self.optional.retain(|key| other.get(key).is_none());
        for key in &other.optional {
            if other.get(key).is_some() {
                self.optional(key);
            }
        }
    }

    /// Marks a key as optional: its values are left out where the other side does not support metadata, and a call does
    /// not wait until that is known.
    pub fn optional(&mut self, key: &str) {
        if !self.is_optional(key) {
            self.optional.push(key.into());
        }
    }

    /// Marks a key as required, which it is by default.
    pub(crate) fn require(&mut self, key: &str) {
        self.optional.retain(|optional| **optional != *key);
    }

    /// Returns `true` if a key is marked as optional.
    pub fn is_optional(&self, key: &str) -> bool {
        self.optional.iter().any(|optional| **optional == *key)
    }

    /// Returns `true` if there is an entry whose key is not optional.
    pub fn is_required(&self) -> bool {
        if self.optional.is_empty() {
            return !self.is_empty();
        }
        self.iter().any(|(key, _)| !self.is_optional(key))
    }

    /// The entries as fields of a call context.
    pub(super) fn fields(&self) -> &Bytes {
        &self.fields
    }

    fn put(&mut self, key: &str, value: &[u8]) {
        let room = self.fields.len() + FIELD_HEAD + key.len() + value.len();
        let mut fields = BytesMut::with_capacity(room);
        fields.put_slice(&self.fields);
        put(&mut fields, key, value);
        self.fields = fields.freeze();
    }
}

/// Appends a field. The lengths have been checked.
fn put(out: &mut BytesMut, key: &str, value: &[u8]) {
    let length = u16::try_from(1 + key.len() + value.len()).unwrap_or(u16::MAX);
    out.put_u8(METADATA);
    out.put_u16(length);
    out.put_u8(u8::try_from(key.len()).unwrap_or(u8::MAX));
    out.put_slice(key.as_bytes());
    out.put_slice(value);
}

/// Checks an entry that is to be sent.
fn check(key: &str, value: &[u8]) -> Result<(), MetadataError> {
    if key.is_empty() {
        return Err(MetadataError::EmptyKey);
    }
    if key.len() > MAX_KEY {
        return Err(MetadataError::KeyTooLong { len: key.len() });
    }
    if key.starts_with(RESERVED_PREFIX) {
        return Err(MetadataError::ReservedKey(key.into()));
    }
    let len = 1 + key.len() + value.len();
    if len > usize::from(u16::MAX) {
        let limit = usize::from(u16::MAX);
        return Err(MetadataError::TooLarge { len, limit });
    }
    Ok(())
}

/// Splits the value of a metadata field into key and value. Returns what is wrong with it if it is malformed.
pub(super) fn split_field(field: &[u8]) -> Result<(&str, &[u8]), &'static str> {
    let Some((length, rest)) = field.split_first() else {
        return Err("metadata without a key");
    };
    if *length == 0 {
        return Err("metadata with an empty key");
    }
    let Some((key, value)) = rest.split_at_checked((*length).into()) else {
        return Err("truncated metadata key");
    };
    let key = str::from_utf8(key).map_err(|_| "metadata key is not UTF-8")?;
    Ok((key, value))
}

/// The entries of [`Metadata`], in order.
#[derive(Clone, Debug)]
pub struct MetadataIter<'a>(&'a [u8]);

impl<'a> Iterator for MetadataIter<'a> {
    type Item = (&'a str, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (&[_, l0, l1], rest) = self.0.split_first_chunk()?;
        let (field, rest) = rest.split_at_checked(u16::from_be_bytes([l0, l1]).into())?;
        self.0 = rest;
        // The fields were checked when they were added or decoded.
        split_field(field).ok()
    }
}

impl<'a> IntoIterator for &'a Metadata {
    type Item = (&'a str, &'a [u8]);
    type IntoIter = MetadataIter<'a>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl PartialEq for Metadata {
    fn eq(&self, other: &Self) -> bool {
        self.fields == other.fields
    }
}

impl Eq for Metadata {}

/// Shows the keys alone, since values may be secret.
impl fmt::Debug for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.iter().map(|(key, _)| key))
            .finish()
    }
}

/// The reason why metadata cannot be sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MetadataError {
    /// The key is empty.
    #[error("metadata key is empty")]
    EmptyKey,
    /// The key does not fit into its field.
    #[error("metadata key too long: {len} bytes, at most {MAX_KEY}")]
    KeyTooLong {
        /// The length of the key, in bytes.
        len: usize,
    },
    /// The key begins with `chirp.`.
    #[error("metadata key \"{0}\" begins with `chirp.`, which is reserved for the framework")]
    ReservedKey(Box<str>),
    /// An entry, or all entries together, exceed a limit.
    #[error("metadata too large: {len} bytes, at most {limit} (`Limits::max_metadata`)")]
    TooLarge {
        /// The length, in bytes, as by [`Metadata::encoded_len`].
        len: usize,
        /// The limit, in bytes.
        limit: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata(entries: &[(&str, &str)]) -> Metadata {
        let mut metadata = Metadata::new();
        for (key, value) in entries {
            metadata.append(key, value).expect("allowed");
        }
        metadata
    }

    #[test]
    fn order_and_repeated_keys_are_kept() {
        let all = metadata(&[("a", "1"), ("b", "2"), ("a", ""), ("ä", "4")]);
        let entries: Vec<_> = all.iter().collect();
        let expected: [(&str, &[u8]); 4] = [("a", b"1"), ("b", b"2"), ("a", b""), ("ä", b"4")];
        assert_eq!(entries, expected);
        assert_eq!(all.len(), 4);
        assert_eq!(all.get("a"), Some(&b"1"[..]));
        assert_eq!(all.get_all("a").collect::<Vec<_>>(), [&b"1"[..], b""]);
        assert_eq!((all.get("c"), all.text("ä")), (None, Some("4")));
        assert_eq!(all.encoded_len(), 4 * FIELD_HEAD + 5 + 3);
    }

    #[test]
    fn insert_replaces_and_remove_removes_all_values() {
        let mut all = metadata(&[("a", "1"), ("b", "2"), ("a", "3")]);
        all.insert("a", "4").expect("allowed");
        assert_eq!(all, metadata(&[("b", "2"), ("a", "4")]));
        assert!(all.remove("a"));
        assert!(!all.remove("a"));
        assert_eq!(all, metadata(&[("b", "2")]));
        all.remove("b");
        assert!(all.is_empty());
        let mut merged = metadata(&[("a", "1"), ("b", "2"), ("a", "3")]);
        merged.merge(&metadata(&[("a", "4"), ("c", "5"), ("a", "6")]));
        let expected = [("b", "2"), ("a", "4"), ("c", "5"), ("a", "6")];
        assert_eq!(merged, metadata(&expected));
    }

    #[test]
    fn metadata_is_required_unless_every_key_is_optional() {
        let mut all = metadata(&[("a", "1"), ("b", "2")]);
        assert!(all.is_required());
        all.optional("a");
        assert!(all.is_required());
        all.optional("b");
        assert!(!all.is_required());
        assert!(!Metadata::new().is_required());
        let mut merged = metadata(&[]);
        merged.merge(&all);
        assert!(!merged.is_required());
    }

    #[test]
    fn entries_that_cannot_be_sent_are_refused() {
        let long = "k".repeat(256);
        let mut all = Metadata::new();
        for (key, value, error) in [
            ("", 0, MetadataError::EmptyKey),
            (&long, 0, MetadataError::KeyTooLong { len: 256 }),
            ("chirp.x", 0, MetadataError::ReservedKey("chirp.x".into())),
            (
                "k",
                65_534,
                MetadataError::TooLarge {
                    len: 65_536,
                    limit: 65_535,
                },
            ),
        ] {
            let value = vec![0; value];
            assert_eq!(all.insert(key, &value), Err(error.clone()));
            assert_eq!(all.append(key, &value), Err(error));
        }
        assert!(all.is_empty());
        all.insert(&long[..255], "v").expect("allowed");
        all.insert("chirp", vec![0; 65_529]).expect("allowed");
        assert_eq!(all.len(), 2);
    }
}
