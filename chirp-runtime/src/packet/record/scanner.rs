use super::Vint30;

/// Reads the fields of a binary record, as [`RecordBuilder`](super::RecordBuilder) or the Go implementation's
/// `packet.Builder` wrote them.
///
/// A field that cannot be read is not taken: the scanner stays where the field begins.
#[derive(Clone, Debug)]
pub struct RecordScanner<'a> {
    rest: &'a [u8],
    offset: usize,
}

/// A field of a record could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// The record ends inside the field, or before it.
    #[error("record truncated at offset {offset}: {needs} bytes needed, {has} there")]
    Truncated {
        /// Where the field begins, in bytes from the record's start.
        offset: usize,
        /// How many bytes the field needs.
        needs: usize,
        /// How many are left.
        has: usize,
    },
    /// A text is not UTF-8.
    #[error("the text at offset {offset} of a record is not UTF-8")]
    NotUtf8 {
        /// Where the field begins, in bytes from the record's start.
        offset: usize,
    },
    /// Bytes follow the last field.
    #[error("record too long: {count} bytes are left over at offset {offset}")]
    LeftOver {
        /// Where they begin, in bytes from the record's start.
        offset: usize,
        /// How many there are.
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

    /// Reads a Boolean: one byte, of which any but 0 is true.
    ///
    /// # Errors
    ///
    /// [`RecordError::Truncated`] at the end.
    pub fn bool(&mut self) -> Result<bool, RecordError> {
        self.u8().map(|byte| byte != 0)
    }

    /// Reads one byte.
    ///
    /// # Errors
    ///
    /// [`RecordError::Truncated`] at the end.
    pub fn u8(&mut self) -> Result<u8, RecordError> {
        self.array().map(u8::from_be_bytes)
    }

    /// Reads two bytes, big-endian.
    ///
    /// # Errors
    ///
    /// [`RecordError::Truncated`] if fewer are left.
    pub fn u16(&mut self) -> Result<u16, RecordError> {
        self.array().map(u16::from_be_bytes)
    }

    /// Reads four bytes, big-endian.
    ///
    /// # Errors
    ///
    /// [`RecordError::Truncated`] if fewer are left.
    pub fn u32(&mut self) -> Result<u32, RecordError> {
        self.array().map(u32::from_be_bytes)
    }

    /// Reads an integer of one to four bytes, also in a longer form than needed.
    ///
    /// # Errors
    ///
    /// [`RecordError::Truncated`] if it goes on after the end.
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

    /// Reads so many bytes.
    ///
    /// # Errors
    ///
    /// [`RecordError::Truncated`] if fewer are left.
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
    /// [`RecordError::Truncated`] if the length or the bytes go on after the end.
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
    /// As of [`prefixed`](Self::prefixed), and [`RecordError::NotUtf8`].
    pub fn prefixed_str(&mut self) -> Result<&'a str, RecordError> {
        let mut ahead = self.clone();
        let text = str::from_utf8(ahead.prefixed()?).map_err(|_| RecordError::NotUtf8 {
            offset: self.offset,
        })?;
        *self = ahead;
        Ok(text)
    }

    /// Returns the bytes that were not read.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Returns whether everything was read.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Returns how many bytes were read.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// Checks that everything was read.
    ///
    /// # Errors
    ///
    /// [`RecordError::LeftOver`] if bytes are left.
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
