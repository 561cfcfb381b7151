use std::marker::PhantomData;

use bytes::Bytes;

use super::{Codec, EncodeError, Encodes, Form, attaching, buffer};
use crate::packet::{Attachments, Payload};

/// Arguments on their way into bytes, by position or by name. There may be any number.
///
/// One that cannot be encoded is remembered, and said at the [end](Self::finish).
#[derive(Debug)]
pub struct Encoder<C> {
    out: Vec<u8>,
    count: usize,
    named: bool,
    /// What was put last and is not in `out` yet: many bytes, which are not copied unless something follows.
    run: Bytes,
    /// The halves of streams that the arguments have.
    attachments: Attachments,
    error: Option<EncodeError>,
    codec: PhantomData<C>,
}

impl<C: Codec> Encoder<C> {
    /// No arguments yet, and a buffer that was used before.
    pub fn new() -> Self {
        let mut out = buffer::take();
        C::open(&mut out);
        Self::of(out, false)
    }

    /// The same, for arguments of which each is [named](Self::name).
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

    /// Names the argument that is put next.
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

    /// As [`put`](Self::put), of a value that need not be copied if it is many bytes.
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

    /// Puts what stands before the next value.
    fn begin(&mut self) {
        self.settle();
        if self.count > 0 && !self.named {
            C::separate(&mut self.out);
        }
        self.count += 1;
    }

    /// Copies what something follows after all.
    fn settle(&mut self) {
        let run = std::mem::take(&mut self.run);
        self.out.extend_from_slice(&run);
    }

    /// Says that the streams of the argument that was put last belong to the call.
    pub fn bind_last(&mut self) {
        if let Some(attachment) = self.attachments.last_mut() {
            attachment.entry.bound = true;
        }
    }

    /// The bytes of all of them.
    ///
    /// # Errors
    ///
    /// [`EncodeError`] of the first that could not be encoded.
    pub fn finish(mut self) -> Result<Vec<u8>, EncodeError> {
        self.settle();
        self.close()
    }

    /// The same, as they are sent.
    ///
    /// # Errors
    ///
    /// As of [`finish`](Self::finish).
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
