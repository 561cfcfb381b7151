use std::marker::PhantomData;

use bytes::Bytes;

use super::{Codec, EncodeError, Encodes, Form, attaching, buffer};
use crate::packet::{Attachments, Payload};

/// An encoder of arguments, by position or by name.
///
/// The first error is kept and returned by [`finish`](Self::finish).
#[derive(Debug)]
pub struct Encoder<C> {
    out: Vec<u8>,
    count: usize,
    named: bool,
    /// The last argument, if it is many bytes. It is not in `out` yet, and is copied only if another argument
    /// follows.
    run: Bytes,
    /// The stream halves in the arguments.
    attachments: Attachments,
    error: Option<EncodeError>,
    codec: PhantomData<C>,
}

impl<C: Codec> Encoder<C> {
    /// Creates an encoder of positional arguments, in a reused buffer if there is one.
    pub fn new() -> Self {
        let mut out = buffer::take();
        C::open(&mut out);
        Self::of(out, false)
    }

    /// Creates an encoder of named arguments. Call [`name`](Self::name) before each.
    pub fn named() -> Self {
        let mut out = buffer::take();
        C::open_names(&mut out);
        Self::of(out, true)
    }

    fn of(out: Vec<u8>, named: bool) -> Self {
        Self {
            out,
            count: 0,
            named,
            run: Bytes::new(),
            attachments: Attachments::default(),
            error: None,
            codec: PhantomData,
        }
    }

    /// Sets the name of the next argument.
    pub fn name(&mut self, name: &str) {
        self.settle();
        C::name(&mut self.out, name, self.count);
    }

    pub(super) fn put<F: Form>(&mut self, value: &F::Sent<'_>)
    where
        C: Encodes<F>,
    {
        if self.error.is_some() {
            return;
        }
        self.begin();
        let Self {
            out, attachments, ..
        } = self;
        let encoded = attaching::encoding(C::ID, attachments, || C::encode(value, out));
        if let Err(error) = encoded {
            self.error = Some(error);
        }
    }

    /// Encodes an argument like [`put`](Self::put). Keeps many bytes without a copy.
    pub(super) fn give<F: Form>(&mut self, value: F::Sent<'_>)
    where
        C: Encodes<F>,
    {
        if !C::RUNS || self.error.is_some() {
            return self.put::<F>(&value);
        }
        match F::into_run(value) {
            Ok(run) => {
                self.begin();
                C::before_run(run.len(), &mut self.out);
                self.run = run;
            }
            Err(value) => self.put::<F>(&value),
        }
    }

    /// Appends what separates the next argument from the previous one.
    fn begin(&mut self) {
        self.settle();
        if self.count > 0 && !self.named {
            C::separate(&mut self.out);
        }
        self.count += 1;
    }

    /// Copies the last argument into the buffer, since another one follows.
    fn settle(&mut self) {
        let run = std::mem::take(&mut self.run);
        self.out.extend_from_slice(&run);
    }

    /// Marks the stream in the last argument as belonging to the call.
    pub fn bind_last(&mut self) {
        if let Some(attachment) = self.attachments.last_mut() {
            attachment.entry.bound = true;
        }
    }

    /// Returns the encoded arguments.
    ///
    /// # Errors
    ///
    /// Returns the [`EncodeError`] of the first argument that could not be encoded.
    pub fn finish(mut self) -> Result<Vec<u8>, EncodeError> {
        self.settle();
        self.close()
    }

    /// Returns the encoded arguments as a payload, with their stream halves.
    ///
    /// # Errors
    ///
    /// Returns the error of [`finish`](Self::finish).
    pub fn payload(mut self) -> Result<Payload, EncodeError> {
        let run = std::mem::take(&mut self.run);
        let attachments = std::mem::take(&mut self.attachments);
        let out = self.close()?;
        let payload = if run.is_empty() {
            out.into()
        } else {
            Payload::parted(out, run)
        };
        Ok(payload.attach(attachments))
    }

    fn close(mut self) -> Result<Vec<u8>, EncodeError> {
        let closed = match self.error {
            None if self.named => C::close_names(&mut self.out, self.count),
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
