use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use super::attaching::{self, Claim, Claims};
use super::list::Each;
use super::{Codec, DecodeError, Encodes, Form, type_name};
use crate::packet::{AttachedStream, FrameworkError};

/// The names of arguments: what each is called, and what else it answers to.
pub type ArgumentNames = &'static [&'static [&'static str]];

/// The streams that came with arguments.
pub trait StreamSource: fmt::Debug {
    /// What each of them is, in order; nothing for one that no value can name.
    fn streams(&self) -> Vec<Option<AttachedStream>>;

    /// Settles the claims of what has been decoded, whole, by the places of the streams. The others are refused.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] when they have been claimed.
    fn claim(&self, claims: Vec<(usize, Arc<Claim>)>) -> Result<(), DecodeError>;
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
    named: Option<Named<'de>>,
    carried: Option<&'de dyn StreamSource>,
    claims: Claims,
    refused: bool,
    error: Option<DecodeError>,
    codec: PhantomData<C>,
}

/// Whether an argument cannot be, since it names a stream and none came.
#[cold]
#[inline(never)]
fn needs_streams<C: Encodes<F>, F: Form>(mut bytes: &[u8]) -> bool {
    let decode = || C::decode(&mut bytes).is_err();
    let (failed, claims) = attaching::decoding(Vec::new(), decode);
    failed && claims.misses_stream()
}

/// Arguments that have names.
#[derive(Debug)]
struct Named<'de> {
    names: ArgumentNames,
    /// The one that is next.
    at: usize,
    /// The bytes of each that is there. Nothing at all if they came by position.
    values: Option<Vec<Option<&'de [u8]>>>,
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
            named: None,
            carried: None,
            claims: Claims::default(),
            refused: false,
            error: opened.err(),
            codec: PhantomData,
        }
    }

    /// The same, which came with streams.
    #[must_use]
    pub fn with_streams(mut self, carried: Option<&'de dyn StreamSource>) -> Self {
        self.carried = carried;
        self
    }

    /// The arguments of these names that `bytes` stand for: by name, as far as the codec knows names, or by
    /// position. Each is asked for, by [`find`](Self::find) or [`require`](Self::require), before it is taken.
    pub fn named(bytes: &'de [u8], names: ArgumentNames) -> Self {
        let mut by_name = Named {
            names,
            at: 0,
            values: None,
        };
        let mut decoder = match values(bytes, names, C::names) {
            Ok(None) => Self::new(bytes),
            Ok(Some((values, rest))) => {
                by_name.values = Some(values);
                Self::after_names(rest)
            }
            Err(error) => Self {
                error: Some(error),
                ..Self::after_names(&[])
            },
        };
        decoder.named = Some(by_name);
        decoder
    }

    /// The names were all that is there.
    fn after_names(mut rest: &'de [u8]) -> Self {
        C::trim(&mut rest);
        Self {
            rest: &[],
            count: 0,
            claimed: None,
            named: None,
            carried: None,
            claims: Claims::default(),
            refused: false,
            error: (!rest.is_empty()).then(|| DecodeError::left_over(rest.len())),
            codec: PhantomData,
        }
    }

    /// Whether the argument of this place among the names is there. It is the next to be taken.
    pub fn find(&mut self, at: usize) -> bool {
        let Some(named) = &mut self.named else {
            return true;
        };
        named.at = at;
        // Where something is wrong already, taking it says so.
        if self.error.is_some() {
            return true;
        }
        match &named.values {
            Some(values) => match values[at] {
                Some(value) => {
                    self.rest = value;
                    true
                }
                None => false,
            },
            None => match self.claimed {
                Some(claimed) => self.count < claimed,
                None => !C::is_over(self.rest),
            },
        }
    }

    /// As [`find`](Self::find), of one that must be there.
    pub fn require(&mut self, at: usize) {
        if !self.find(at) {
            self.error = Some(self.wrong(" is missing"));
        }
    }

    pub(super) fn take<F: Form>(&mut self) -> Option<F::Got<'de>>
    where
        C: Encodes<F>,
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
        C: Encodes<F>,
    {
        if !self.is_by_name() {
            if self.count > 0 {
                C::separated(&mut self.rest, self.count)?;
            }
            if self.claimed == Some(self.count) {
                return Err(DecodeError::new(format_args!(
                    "there are {} arguments, too few",
                    self.count
                )));
            }
        }
        self.count += 1;
        let rest = &mut self.rest;
        let decoded = match self.carried {
            None => {
                let bytes = *rest;
                let decoded = C::decode(rest);
                if decoded.is_err() {
                    self.refused = needs_streams::<C, F>(bytes);
                }
                decoded
            }
            Some(carried) => {
                let (decoded, claims) = attaching::decoding(carried.streams(), || C::decode(rest));
                self.claims.append(claims);
                decoded
            }
        };
        decoded.map_err(|error| self.undecodable(&type_name::<F::Got<'_>>(), error))
    }

    /// The end, if there are no more arguments and no bytes left over.
    #[inline(never)]
    pub fn end(&mut self) -> Option<()> {
        if self.error.is_none() && !self.is_by_name() {
            self.error = self.ended().err();
        }
        if self.error.is_none()
            && let Some(carried) = self.carried
        {
            let claims = std::mem::take(&mut self.claims);
            let claimed = claims.surviving().and_then(|claims| carried.claim(claims));
            self.claims = Claims::of_failed(claimed.is_err());
            self.error = claimed.err();
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

    /// There is nothing to take, since the call wants what its method does not give.
    pub fn refuse(&mut self, what: &str) {
        self.refused = true;
        self.error = Some(DecodeError::new(what));
    }

    /// The fault that it is.
    pub fn framework_error(&self) -> FrameworkError {
        if self.refused {
            FrameworkError::Unsupported
        } else if self.claims.misses_stream() {
            FrameworkError::UnknownStream
        } else {
            FrameworkError::InvalidArguments
        }
    }

    /// What was wrong.
    pub fn error(self) -> DecodeError {
        self.error.unwrap_or_else(DecodeError::ended)
    }

    fn is_by_name(&self) -> bool {
        let values = self.named.as_ref().map(|named| &named.values);
        matches!(values, Some(Some(_)))
    }

    /// The argument that was taken last is not a value of the type that is expected.
    #[cold]
    fn undecodable(&self, expected: &str, error: DecodeError) -> DecodeError {
        error.behind(self.wrong(&format!(" ({expected})")))
    }

    /// Something is wrong with the argument that was asked for or taken last.
    fn wrong(&self, what: &str) -> DecodeError {
        match &self.named {
            Some(named) => DecodeError::new(format_args!(
                "argument `{}`{what}",
                named.names[named.at][0]
            )),
            None => DecodeError::new(format_args!("argument {}{what}", self.count)),
        }
    }
}

/// The bytes of each value, and those after them all.
type NamedValues<'de> = (Vec<Option<&'de [u8]>>, &'de [u8]);

/// Finds the values of these names, if `read` says that there are names. Names that nobody asks for are passed
/// over.
fn values<'de>(
    bytes: &'de [u8],
    names: ArgumentNames,
    read: fn(&mut &'de [u8], &mut Each<'_, 'de>) -> Result<bool, DecodeError>,
) -> Result<Option<NamedValues<'de>>, DecodeError> {
    let mut rest = bytes;
    let mut values = vec![None; names.len()];
    let by_name = read(&mut rest, &mut |name, value| {
        let Some(at) = names.iter().position(|names| names.contains(&name)) else {
            return Ok(());
        };
        match values[at].replace(value) {
            None => Ok(()),
            Some(_) => Err(DecodeError::new(format_args!(
                "argument `{}` is there twice",
                names[at][0]
            ))),
        }
    })?;
    Ok(by_name.then_some((values, rest)))
}
