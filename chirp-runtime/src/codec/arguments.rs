use std::marker::PhantomData;

use super::{Carries, Codec, DecodeError, EncodeError, Form, buffer};

/// Arguments on their way into bytes, by position. There may be any number.
///
/// One that cannot be encoded is remembered, and said at the [end](Self::finish).
#[derive(Debug)]
pub struct Encoder<C> {
    out: Vec<u8>,
    count: usize,
    error: Option<EncodeError>,
    codec: PhantomData<C>,
}

impl<C: Codec> Encoder<C> {
    /// No arguments yet, and a buffer that was used before.
    pub fn new() -> Self {
        let mut out = buffer::take();
        if C::ARRAY {
            out.push(b'[');
        }
        Self {
            out,
            count: 0,
            error: None,
            codec: PhantomData,
        }
    }

    pub(super) fn put<F: Form>(&mut self, value: &F::Sent<'_>)
    where
        C: Carries<F>,
    {
        if self.error.is_some() {
            return;
        }
        if C::ARRAY && self.count > 0 {
            self.out.push(b',');
        }
        self.count += 1;
        if let Err(error) = C::encode(value, &mut self.out) {
            self.error = Some(error);
        }
    }

    /// The bytes of all of them.
    ///
    /// # Errors
    ///
    /// [`EncodeError`] of the first that could not be encoded.
    pub fn finish(mut self) -> Result<Vec<u8>, EncodeError> {
        if let Some(error) = self.error {
            buffer::give(self.out);
            return Err(error);
        }
        if C::ARRAY {
            self.out.push(b']');
        }
        Ok(self.out)
    }
}

impl<C: Codec> Default for Encoder<C> {
    fn default() -> Self {
        Self::new()
    }
}

/// Arguments on their way out of bytes.
///
/// After the first that cannot be decoded there are none; [`error`](Self::error) says what was wrong.
#[derive(Debug)]
pub struct Decoder<'de, C> {
    rest: &'de [u8],
    count: usize,
    error: Option<DecodeError>,
    codec: PhantomData<C>,
}

impl<'de, C: Codec> Decoder<'de, C> {
    /// The arguments that `bytes` stand for.
    pub fn new(bytes: &'de [u8]) -> Self {
        let mut decoder = Self {
            rest: bytes,
            count: 0,
            error: None,
            codec: PhantomData,
        };
        if C::ARRAY {
            decoder.punctuation(b'[');
        }
        decoder
    }

    pub(super) fn take<F: Form>(&mut self) -> Option<F::Got<'de>>
    where
        C: Carries<F>,
    {
        if C::ARRAY && self.count > 0 {
            self.punctuation(b',');
        }
        if self.error.is_some() {
            return None;
        }
        self.count += 1;
        match C::decode(&mut self.rest) {
            Ok(value) => Some(value),
            Err(error) => {
                self.error = Some(DecodeError::new(format_args!(
                    "argument {}: {error}",
                    self.count
                )));
                None
            }
        }
    }

    /// The end, if there are no more arguments and no bytes left over.
    pub fn end(&mut self) -> Option<()> {
        if C::ARRAY {
            self.punctuation(b']');
            self.rest = self.rest.trim_ascii_start();
        }
        if self.error.is_none() && !self.rest.is_empty() {
            self.error = Some(DecodeError::left_over(self.rest.len()));
        }
        self.error.is_none().then_some(())
    }

    /// What was wrong.
    pub fn error(self) -> DecodeError {
        self.error.unwrap_or_else(DecodeError::ended)
    }

    fn punctuation(&mut self, expected: u8) {
        if self.error.is_some() {
            return;
        }
        match self.rest.trim_ascii_start().split_first() {
            Some((&found, rest)) if found == expected => self.rest = rest,
            found => {
                let found = found.map_or("the end".to_owned(), |(&found, _)| {
                    format!("`{}`", char::from(found).escape_default())
                });
                self.error = Some(DecodeError::new(format_args!(
                    "expected `{}` after {} arguments, found {found}",
                    char::from(expected),
                    self.count
                )));
            }
        }
    }
}
