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
        C::open(&mut out);
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
        if self.count > 0 {
            C::separate(&mut self.out);
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
        let closed = match self.error {
            None => C::close(&mut self.out, self.count),
            Some(error) => Err(error),
        };
        match closed {
            Ok(()) => Ok(self.out),
            Err(error) => {
                buffer::give(self.out);
                Err(error)
            }
        }
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
    /// How many there are, where the codec says so before the first.
    claimed: Option<usize>,
    error: Option<DecodeError>,
    codec: PhantomData<C>,
}

impl<'de, C: Codec> Decoder<'de, C> {
    /// The arguments that `bytes` stand for.
    pub fn new(bytes: &'de [u8]) -> Self {
        let mut rest = bytes;
        let opened = C::opened(&mut rest);
        Self {
            rest,
            count: 0,
            claimed: opened.as_ref().ok().copied().flatten(),
            error: opened.err(),
            codec: PhantomData,
        }
    }

    pub(super) fn take<F: Form>(&mut self) -> Option<F::Got<'de>>
    where
        C: Carries<F>,
    {
        if self.error.is_some() {
            return None;
        }
        match self.next::<F>() {
            Ok(value) => Some(value),
            Err(error) => {
                self.error = Some(error);
                None
            }
        }
    }

    fn next<F: Form>(&mut self) -> Result<F::Got<'de>, DecodeError>
    where
        C: Carries<F>,
    {
        if self.count > 0 {
            C::separated(&mut self.rest, self.count)?;
        }
        if self.claimed == Some(self.count) {
            return Err(DecodeError::new(format_args!(
                "there are {} arguments, too few",
                self.count
            )));
        }
        self.count += 1;
        C::decode(&mut self.rest)
            .map_err(|error| DecodeError::new(format_args!("argument {}: {error}", self.count)))
    }

    /// The end, if there are no more arguments and no bytes left over.
    pub fn end(&mut self) -> Option<()> {
        if self.error.is_none() {
            self.error = self.ended().err();
        }
        self.error.is_none().then_some(())
    }

    fn ended(&mut self) -> Result<(), DecodeError> {
        C::closed(&mut self.rest, self.count)?;
        if let Some(claimed) = self.claimed
            && claimed != self.count
        {
            return Err(DecodeError::new(format_args!(
                "expected {} arguments, there are {claimed}",
                self.count
            )));
        }
        C::trim(&mut self.rest);
        match self.rest.len() {
            0 => Ok(()),
            more => Err(DecodeError::left_over(more)),
        }
    }

    /// What was wrong.
    pub fn error(self) -> DecodeError {
        self.error.unwrap_or_else(DecodeError::ended)
    }
}
