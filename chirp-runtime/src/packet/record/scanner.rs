use super::Vint30;

/// Reads the fields of a binary record, as written by [`RecordBuilder`](super::RecordBuilder) or the Go
/// implementation's `packet.Builder`.
///
/// A failed read consumes nothing: the scanner stays at the start of the field.
#[derive(Clone, Debug)]
pub struct RecordScanner<'a> {
    rest: &'a [u8],
    offset: usize,
}

/// An error while reading a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// The record ends before or inside the field.
    #[error("record truncated at offset {offset}: {needs} bytes needed, {has} available")]
    Truncated {
        /// The offset of the field, in bytes.
        offset: usize,
        /// The length of the field, in bytes.
        needs: usize,
        /// The number of bytes left.
        has: usize,
    },
    /// A text field is not UTF-8.
    #[error("invalid text at offset {offset} of the record: not UTF-8")]
    NotUtf8 {
        /// The offset of the field, in bytes.
        offset: usize,
    },
    /// The record has bytes after its last field.
    #[error("record too long: {count} bytes left over at offset {offset}")]
    LeftOver {
        /// The offset of the first surplus byte.
        offset: usize,
        /// The number of surplus bytes.
        count: usize,
    },
}

impl<'a> RecordScanner<'a> {
    /// Creates a scanner at the start of a record.
    pub fn new(record: &'a [u8]) -> Self {
        Self {
            rest: record,
            offset: 0,
        }
    }

    /// Reads a Boolean: one byte, in which 0 is `false` and any other value is `true`.
    ///
    /// # Errors
    ///
    /// Returns [`RecordError::Truncated`] at the end of the record.
    pub fn bool(&mut self) -> Result<bool, RecordError> {
        self.u8().map(|byte| byte != 0)
    }

    /// Reads one byte.
    ///
    /// # Errors
    ///
    /// Returns [`RecordError::Truncated`] at the end of the record.
    pub fn u8(&mut self) -> Result<u8, RecordError> {
        self.array().map(u8::from_be_bytes)
    }

    /// Reads two bytes, big-endian.
    ///
    /// # Errors
    ///
    /// Returns [`RecordError::Truncated`] if fewer than two bytes are left.
    pub fn u16(&mut self) -> Result<u16, RecordError> {
        self.array().map(u16::from_be_bytes)
    }

    /// Reads four bytes, big-endian.
    ///
    /// # Errors
    ///
    /// Returns [`RecordError::Truncated`] if fewer than four bytes are left.
    pub fn u32(&mut self) -> Result<u32, RecordError> {
        self.array().map(u32::from_be_bytes)
    }

    /// Reads an integer of one to four bytes. Accepts longer encodings than necessary.
    ///
    /// # Errors
    ///
    /// Returns [`RecordError::Truncated`] if the integer extends past the end of the record.
    pub fn vint30(&mut self) -> Result<Vint30, RecordError> {
        let (before, mut rest) = (self.rest.len(), self.rest);
        let Some(value) = Vint30::take(&mut rest) else {
            let further = self.rest.first().map_or(0, |first| first & 3);
            return Err(self.truncated(1 + usize::from(further)));
        };
        self.offset += before - rest.len();
        self.rest = rest;
        Ok(value)
    }

    /// Reads `len` bytes.
    ///
    /// # Errors
    ///
    /// Returns [`RecordError::Truncated`] if fewer are left.
    pub fn bytes(&mut self, len: usize) -> Result<&'a [u8], RecordError> {
        let Some((taken, rest)) = self.rest.split_at_checked(len) else {
            return Err(self.truncated(len));
        };
        self.rest = rest;
        self.offset += len;
        Ok(taken)
    }

    /// Reads bytes after their length, which is a [`Vint30`].
    ///
    /// # Errors
    ///
    /// Returns [`RecordError::Truncated`] if the length or the bytes extend past the end of the record.
    pub fn prefixed(&mut self) -> Result<&'a [u8], RecordError> {
        let mut ahead = self.clone();
        let len = usize::try_from(ahead.vint30()?.get()).unwrap_or(usize::MAX);
        let bytes = ahead.bytes(len)?;
        *self = ahead;
        Ok(bytes)
    }

    /// Reads text after its length in bytes, which is a [`Vint30`].
    ///
    /// # Errors
    ///
    /// Returns [`RecordError::NotUtf8`] if the bytes are not UTF-8, and the error of [`prefixed`](Self::prefixed).
    pub fn prefixed_str(&mut self) -> Result<&'a str, RecordError> {
        let mut ahead = self.clone();
        let text = str::from_utf8(ahead.prefixed()?).map_err(|_| RecordError::NotUtf8 {
            offset: self.offset,
        })?;
        *self = ahead;
        Ok(text)
    }

    /// Returns the unread bytes.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Returns whether the whole record was read.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Returns the number of bytes read.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// Checks that the whole record was read.
    ///
    /// # Errors
    ///
    /// Returns [`RecordError::LeftOver`] if unread bytes are left.
    pub fn end(&self) -> Result<(), RecordError> {
        match self.rest.len() {
            0 => Ok(()),
            count => Err(RecordError::LeftOver {
                offset: self.offset,
                count,
            }),
        }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], RecordError> {
        let Some((&taken, rest)) = self.rest.split_first_chunk() else {
            return Err(self.truncated(N));
        };
        self.rest = rest;
        self.offset += N;
        Ok(taken)
    }

    fn truncated(&self, needs: usize) -> RecordError {
        RecordError::Truncated {
            offset: self.offset,
            needs,
            has: self.rest.len(),
        }
    }
}
