use std::marker::PhantomData;

use bytes::Bytes;
#[cfg(feature = "reflect")]
use serde::{Serialize, de::DeserializeOwned};

use super::{Codec, EncodeError, Encodes, Form, attaching, buffer};
#[cfg(feature = "reflect")]
use super::{CodecId, form::Owned};
#[cfg(feature = "json")]
use super::{Json, List as _, Serde as _};
use crate::packet::{Attachments, Payload};

/// An encoder of arguments, by position or by name.
///
/// The first error is kept and returned by [`finish`](Self::finish).
#[derive(Debug)]
pub struct Encoder<C> {
    out: Vec<u8>,
    count: usize,
    layout: Layout,
    /// Whether the arguments are in JSON, whatever `C` is.
    #[cfg(feature = "json")]
    json: bool,
    /// The last argument, if it is many bytes. It is not in `out` yet, and is copied only if another argument
    /// follows.
    run: Bytes,
    /// The stream halves in the arguments.
    attachments: Attachments,
    error: Option<EncodeError>,
    codec: PhantomData<C>,
}

/// The structure around arguments.
#[derive(Clone, Copy, Debug)]
enum Layout {
    /// The arguments are in order.
    Positions,
    /// Each argument has one of these names, in codecs that have names.
    Names(&'static [&'static str]),
    /// One argument, without a list around it.
    Alone,
}

impl<C: Codec> Encoder<C> {
    /// Creates an encoder of positional arguments, in a reused buffer if there is one.
    pub fn new() -> Self {
        let mut out = buffer::take();
        C::open(&mut out);
        Self::of(out, Layout::Positions)
    }

    /// Creates an encoder of arguments with these names. With fewer names, call `name` before each of the
    /// other arguments.
    pub fn named(names: &'static [&'static str]) -> Self {
        let mut out = buffer::take();
        C::open_names(&mut out);
        Self::of(out, Layout::Names(names))
    }

    /// Creates an encoder of one argument, which is all of the parameters in codecs that have names.
    pub(crate) fn params() -> Self {
        match C::ABSENT {
            None => Self::new(),
            Some(_) => Self::of(buffer::take(), Layout::Alone),
        }
    }

    /// Creates an encoder of one argument, which is all of the parameters, in JSON.
    #[cfg(feature = "json")]
    #[cold]
    pub(crate) fn json_params() -> Self {
        Self {
            json: true,
            ..Self::of(buffer::take(), Layout::Alone)
        }
    }

    /// Creates an encoder of one argument: there is no JSON.
    #[cfg(not(feature = "json"))]
    #[cold]
    pub(crate) fn json_params() -> Self {
        Self::params()
    }

    /// Creates an encoder of arguments with these names that are in JSON, whatever the codec is.
    #[cfg(feature = "json")]
    #[cold]
    pub(crate) fn json(names: &'static [&'static str]) -> Self {
        let mut out = buffer::take();
        Json::open_names(&mut out);
        Self {
            json: true,
            ..Self::of(out, Layout::Names(names))
        }
    }

    /// Creates an encoder of named arguments: there is no JSON.
    #[cfg(not(feature = "json"))]
    #[cold]
    pub(crate) fn json(names: &'static [&'static str]) -> Self {
        Self::named(names)
    }

    fn of(out: Vec<u8>, layout: Layout) -> Self {
        Self {
            out,
            count: 0,
            layout,
            #[cfg(feature = "json")]
            json: false,
            run: Bytes::new(),
            attachments: Attachments::default(),
            error: None,
            codec: PhantomData,
        }
    }

    /// Appends the name of the next argument.
    #[cfg(feature = "reflect")]
    pub(crate) fn name(&mut self, name: &str) {
        self.settle();
        C::name(&mut self.out, name, self.count);
    }

    #[cfg(feature = "json")]
    fn is_json(&self) -> bool {
        self.json
    }

    #[cfg(not(feature = "json"))]
    fn is_json(&self) -> bool {
        false
    }

    pub(super) fn put<F: Form>(&mut self, value: &F::Sent<'_>)
    where
        C: Encodes<F>,
    {
        if self.error.is_some() {
            return;
        }
        self.begin();
        let is_json = self.is_json();
        let Self {
            out, attachments, ..
        } = self;
        let encoded = if is_json {
            encode_json::<F>(value, out, attachments)
        } else {
            attaching::encoding(C::ID, attachments, || C::encode(value, out))
        };
        if let Err(error) = encoded {
            self.error = Some(error);
        }
    }

    /// Appends an argument with streams, whose items are in another codec.
    #[cfg(feature = "reflect")]
    pub(crate) fn put_with_items<T>(&mut self, value: &T, items: CodecId)
    where
        T: Serialize + DeserializeOwned + Send + 'static,
        C: Encodes<Owned<T>>,
    {
        if self.error.is_some() {
            return;
        }
        self.begin();
        let Self {
            out, attachments, ..
        } = self;
        let encoded = attaching::encoding(items, attachments, || C::encode(value, out));
        if let Err(error) = encoded {
            self.error = Some(error);
        }
    }

    /// Encodes an argument like [`put`](Self::put). Keeps many bytes without a copy.
    pub(super) fn give<F: Form>(&mut self, value: F::Sent<'_>)
    where
        C: Encodes<F>,
    {
        if !C::RUNS || self.error.is_some() || self.is_json() {
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

    /// Appends the name of the next argument, and what separates the argument from the previous one.
    fn begin(&mut self) {
        self.settle();
        let Self { out, count, .. } = self;
        match self.layout {
            Layout::Positions if *count == 0 => {}
            Layout::Alone => {}
            Layout::Positions => C::separate(out),
            Layout::Names(names) => match names.get(*count) {
                None => {}
                #[cfg(feature = "json")]
                Some(name) if self.json => Json::name(out, name, *count),
                Some(name) => C::name(out, name, *count),
            },
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
        let closed = match (self.error, self.layout) {
            (Some(error), _) => Err(error),
            (None, Layout::Alone) => Ok(()),
            (None, Layout::Positions) => C::close(&mut self.out, self.count),
            // No arguments differ from an argument that is an empty object and all of the parameters.
            #[cfg(feature = "json")]
            (None, Layout::Names([])) if self.json => {
                self.out.clear();
                self.out.extend_from_slice(b"[]");
                Ok(())
            }
            #[cfg(feature = "json")]
            (None, Layout::Names(_)) if self.json => Json::close_names(&mut self.out, self.count),
            (None, Layout::Names(_)) => C::close_names(&mut self.out, self.count),
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

/// Encodes a value in JSON.
#[cfg(feature = "json")]
#[cold]
#[inline(never)]
fn encode_json<F: Form>(
    value: &F::Sent<'_>,
    out: &mut Vec<u8>,
    attachments: &mut Attachments,
) -> Result<(), EncodeError> {
    attaching::encoding(Json::ID, attachments, || Json::serialize::<F>(value, out))
}

#[cfg(not(feature = "json"))]
fn encode_json<F: Form>(
    _: &F::Sent<'_>,
    _: &mut Vec<u8>,
    _: &mut Attachments,
) -> Result<(), EncodeError> {
    Ok(())
}
