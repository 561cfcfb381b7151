use super::{Vint30, Vint30Error};
use crate::packet::Payload;

/// Builds a binary record by appending fields without padding between them.
///
/// The format is that of `packet.Builder` in the Go implementation, for services whose parameters and results
/// are laid out by hand. Numbers are big-endian. [`RecordScanner`](super::RecordScanner) reads such records.
///
/// ```
/// # use chirp_runtime as chirp;
/// use chirp::packet::{RecordBuilder, RecordScanner};
///
/// let mut record = RecordBuilder::new();
/// record.u16(5000).prefixed_str("apple")?.bytes(b"rest");
/// let bytes = record.finish();
/// assert_eq!(bytes, b"\x13\x88\x14applerest");
///
/// let mut scanner = RecordScanner::new(&bytes);
/// assert_eq!(scanner.u16()?, 5000);
/// assert_eq!(scanner.prefixed_str()?, "apple");
/// assert_eq!(scanner.rest(), b"rest");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordBuilder {
    out: Vec<u8>,
}

impl RecordBuilder {
    /// Creates an empty record.
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates an empty record with room for `bytes` bytes.
    pub fn with_capacity(bytes: usize) -> Self {
        Self {
            out: Vec::with_capacity(bytes),
        }
    }

    /// Appends a Boolean, as one byte: 0 or 1.
    pub fn bool(&mut self, value: bool) -> &mut Self {
        self.u8(value.into())
    }

    /// Appends one byte.
    pub fn u8(&mut self, value: u8) -> &mut Self {
        self.out.push(value);
        self
    }

    /// Appends two bytes, big-endian.
    pub fn u16(&mut self, value: u16) -> &mut Self {
        self.bytes(&value.to_be_bytes())
    }

    /// Appends four bytes, big-endian.
    pub fn u32(&mut self, value: u32) -> &mut Self {
        self.bytes(&value.to_be_bytes())
    }

    /// Appends an integer in one to four bytes.
    pub fn vint30(&mut self, value: Vint30) -> &mut Self {
        value.encode(&mut self.out);
        self
    }

    /// Appends bytes as they are, without a length.
    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.out.extend_from_slice(bytes);
        self
    }

    /// Appends text as it is, without a length.
    pub fn str(&mut self, text: &str) -> &mut Self {
        self.bytes(text.as_bytes())
    }

    /// Appends bytes after their length, which is a [`Vint30`].
    ///
    /// # Errors
    ///
    /// Returns [`Vint30Error`] if there are 2^30 bytes or more. Appends nothing in that case.
    pub fn prefixed(&mut self, bytes: &[u8]) -> Result<&mut Self, Vint30Error> {
        let len = Vint30::of_len(bytes.len())?;
        self.out.reserve(len.encoded_len() + bytes.len());
        Ok(self.vint30(len).bytes(bytes))
    }

    /// Appends text after its length in bytes, which is a [`Vint30`].
    ///
    /// # Errors
    ///
    /// Returns the error of [`prefixed`](Self::prefixed).
    pub fn prefixed_str(&mut self, text: &str) -> Result<&mut Self, Vint30Error> {
        self.prefixed(text.as_bytes())
    }

    /// Returns the number of bytes.
    pub fn len(&self) -> usize {
        self.out.len()
    }

    /// Returns whether the record has no bytes.
    pub fn is_empty(&self) -> bool {
        self.out.is_empty()
    }

    /// Returns the bytes so far.
    pub fn as_slice(&self) -> &[u8] {
        &self.out
    }

    /// Removes all fields and keeps the allocated memory.
    pub fn clear(&mut self) {
        self.out.clear();
    }

    /// Returns the bytes.
    pub fn finish(self) -> Vec<u8> {
        self.out
    }
}

impl From<RecordBuilder> for Vec<u8> {
    fn from(record: RecordBuilder) -> Self {
        record.out
    }
}

impl From<RecordBuilder> for Payload {
    fn from(record: RecordBuilder) -> Self {
        record.out.into()
    }
}
