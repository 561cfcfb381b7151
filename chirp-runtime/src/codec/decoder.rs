use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use super::attaching::{self, Claim, Claims};
use super::list::Each;
use super::{Codec, DecodeError, Encodes, Form, type_name};
#[cfg(feature = "reflect")]
use super::{Json, List as _};
use crate::packet::{AttachedStream, FrameworkError};

/// For each argument, its name followed by its aliases.
pub(crate) type ArgumentNames = &'static [&'static [&'static str]];

/// The streams that were sent with arguments.
pub trait StreamSource: fmt::Debug {
    /// Returns the streams in order. `None` is a stream that values cannot name.
    fn streams(&self) -> Vec<Option<AttachedStream>>;

    /// Fills in the claims of completely decoded arguments, each with the index of its stream. Refuses all
    /// other streams.
    ///
    /// # Errors
    ///
    /// Returns [`DecodeError`] if the streams have been claimed before.
    fn claim(&self, claims: Vec<(usize, Arc<Claim>)>) -> Result<(), DecodeError>;
}

/// A decoder of arguments.
///
/// After an argument fails to decode, no further arguments are returned. [`error`](Self::error) returns the reason.
#[derive(Debug)]
pub struct Decoder<'de, C> {
    rest: &'de [u8],
    count: usize,
    /// The number of arguments, if the codec encodes the number in front of them.
    claimed: Option<usize>,
    named: Option<Named<'de>>,
    /// Whether the arguments are JSON, whatever the codec of the service.
    #[cfg(feature = "reflect")]
    json: Option<JsonMode>,
    /// Whether the one argument has no list around it.
    alone: bool,
    carried: Option<&'de dyn StreamSource>,
    claims: Claims,
    refused: bool,
    error: Option<DecodeError>,
    codec: PhantomData<C>,
}

/// The state of decoding arguments that are JSON.
#[cfg(feature = "reflect")]
#[derive(Debug)]
struct JsonMode {
    arguments: super::ArgumentTable,
    /// Whether arguments are located when they are taken. Otherwise `find` or `require` locates them.
    locates: bool,
}

/// Returns whether an argument fails to decode because it names a stream and no streams were sent.
#[cold]
#[inline(never)]
fn needs_streams<C: Encodes<F>, F: Form>(mut bytes: &[u8]) -> bool {
    let decode = || C::decode(&mut bytes).is_err();
    let (failed, claims) = attaching::decoding(Vec::new(), decode);
    failed && claims.misses_stream()
}

/// The state of decoding arguments by name.
#[derive(Debug)]
struct Named<'de> {
    names: ArgumentNames,
    /// The index of the next argument.
    at: usize,
    /// The bytes of each argument that is present. `None` if the arguments were sent by position.
    values: Option<Vec<Option<&'de [u8]>>>,
}

impl<'de, C: Codec> Decoder<'de, C> {
    /// Creates a decoder of positional arguments.
    pub fn new(bytes: &'de [u8]) -> Self {
        Self::by_position::<C>(bytes)
    }

    /// Creates a decoder of the positional arguments of the codec `D`.
    fn by_position<D: Codec>(bytes: &'de [u8]) -> Self {
        let mut rest = bytes;
        let opened = D::opened(&mut rest);
        Self {
            claimed: opened.as_ref().ok().copied().flatten(),
            error: opened.err(),
            ..Self::of(rest)
        }
    }

    fn of(rest: &'de [u8]) -> Self {
        Self {
            rest,
            count: 0,
            claimed: None,
            named: None,
            #[cfg(feature = "reflect")]
            json: None,
            alone: false,
            carried: None,
            claims: Claims::default(),
            refused: false,
            error: None,
            codec: PhantomData,
        }
    }

    /// Creates a decoder of one argument, which is all of the parameters in codecs that have names. There, no bytes are an
    /// absent value.
    pub fn params(bytes: &'de [u8]) -> Self {
        match C::ABSENT {
            None => Self::new(bytes),
            Some(absent) => Self::alone::<C>(bytes, absent),
        }
    }

    /// Creates a decoder of one argument, which is all of the parameters, in JSON.
    #[cfg(feature = "reflect")]
    pub(crate) fn json_params(bytes: &'de [u8], arguments: super::ArgumentTable) -> Self {
        let json = JsonMode {
            arguments,
            locates: false,
        };
        Self {
            json: Some(json),
            ..Self::alone::<Json>(bytes, b"null")
        }
    }

    fn alone<D: Codec>(bytes: &'de [u8], absent: &'de [u8]) -> Self {
        let mut rest = bytes;
        D::trim(&mut rest);
        Self {
            alone: true,
            ..Self::of(if rest.is_empty() { absent } else { rest })
        }
    }

    /// Sets the streams that were sent with the arguments.
    #[must_use]
    pub fn with_streams(mut self, carried: Option<&'de dyn StreamSource>) -> Self {
        self.carried = carried;
        self
    }

    /// Creates a decoder of named arguments. They are sent by name if the codec supports names, and by
    /// position otherwise.
    ///
    /// Call [`find`](Self::find) or [`require`](Self::require) before taking each argument.
    pub fn named(bytes: &'de [u8], names: ArgumentNames) -> Self {
        Self::by_name::<C>(bytes, names)
    }

    /// Creates a decoder of the named arguments of the codec `D`.
    fn by_name<D: Codec>(bytes: &'de [u8], names: ArgumentNames) -> Self {
        let mut by_name = Named {
            names,
            at: 0,
            values: None,
        };
        let mut decoder = match values(bytes, names, D::names) {
            Ok(None) => Self::by_position::<D>(bytes),
            Ok(Some((values, mut rest))) => {
                by_name.values = Some(values);
                D::trim(&mut rest);
                Self {
                    // All arguments were found by name. Bytes after them are an error.
                    error: (!rest.is_empty()).then(|| DecodeError::left_over(rest.len())),
                    ..Self::of(&[])
                }
            }
            Err(error) => Self {
                error: Some(error),
                ..Self::of(&[])
            },
        };
        decoder.named = Some(by_name);
        decoder
    }

    /// Creates a decoder of arguments that are a JSON object or array, whatever the codec. No bytes are no arguments.
    ///
    /// With `locates`, arguments are taken in order, and one that may be missing is then decoded from `null`. Otherwise
    /// call [`find`](Self::find) or [`require`](Self::require) before taking each.
    #[cfg(feature = "reflect")]
    pub(crate) fn json(bytes: &'de [u8], arguments: super::ArgumentTable, locates: bool) -> Self {
        let mut rest = bytes;
        Json::trim(&mut rest);
        let bytes = if rest.is_empty() { b"[]" } else { bytes };
        let mut decoder = Self::by_name::<Json>(bytes, arguments.names);
        decoder.json = Some(JsonMode { arguments, locates });
        decoder
    }

    /// Selects the named argument with this index as the next one. Returns whether it is present.
    pub fn find(&mut self, at: usize) -> bool {
        let Some(named) = &mut self.named else {
            return true;
        };
        named.at = at;
        // After an error, taking the argument reports the error.
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
                None => !self.is_over(),
            },
        }
    }

    /// Selects the named argument with this index as the next one. If the arguments were sent by name without this one,
    /// `absent` is decoded in its place.
    #[cfg(feature = "json")]
    pub(super) fn find_or(&mut self, at: usize, absent: &'de [u8]) {
        if !self.find(at) && self.is_by_name() {
            self.rest = absent;
        }
    }

    fn is_over(&self) -> bool {
        #[cfg(feature = "reflect")]
        if self.json.is_some() {
            return Json::is_over(self.rest);
        }
        C::is_over(self.rest)
    }

    /// Selects the named argument with this index as the next one. Its absence is an error.
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
        #[cfg(feature = "reflect")]
        if self.json.is_some() {
            return self.next_json::<F>();
        }
        if !self.is_by_name() {
            if self.count > 0 {
                C::separated(&mut self.rest, self.count)?;
            }
            if self.claimed == Some(self.count) {
                return Err(DecodeError::new(format_args!(
                    "too few arguments: got {}",
                    self.count
                )));
            }
        }
        self.decode::<C, F>()
    }

    /// Decodes the next argument from JSON. One that is missing and may be is decoded from `null`.
    #[cfg(feature = "reflect")]
    fn next_json<F: Form>(&mut self) -> Result<F::Got<'de>, DecodeError> {
        if self.locate()? {
            return self.decode::<Json, F>();
        }
        let rest = std::mem::replace(&mut self.rest, b"null");
        let decoded = self.decode::<Json, F>();
        self.rest = rest;
        decoded
    }

    /// Moves to the next argument. Returns `false` if it is missing and may be.
    #[cfg(feature = "reflect")]
    fn locate(&mut self) -> Result<bool, DecodeError> {
        let at = self.count;
        if let Some(json) = &self.json
            && json.locates
        {
            let optional = json.arguments.optional.get(at) == Some(&true);
            if !self.find(at) {
                return if optional {
                    Ok(false)
                } else {
                    Err(self.wrong(" is missing"))
                };
            }
        }
        if !self.is_by_name() && at > 0 {
            Json::separated(&mut self.rest, at)?;
        }
        Ok(true)
    }

    /// Decodes the argument at the front of the remaining bytes.
    fn decode<D: Encodes<F>, F: Form>(&mut self) -> Result<F::Got<'de>, DecodeError> {
        self.count += 1;
        let rest = &mut self.rest;
        let decoded = match self.carried {
            None => {
                let bytes = *rest;
                let mut decoded = D::decode(rest);
                if decoded.is_err() && self.alone && D::ABSENT == Some(bytes) {
                    // Parameters that are a struct may be left out if all fields may be.
                    *rest = D::NO_NAMES;
                    decoded = D::decode(rest);
                }
                if decoded.is_err() {
                    self.refused = needs_streams::<D, F>(bytes);
                }
                decoded
            }
            Some(carried) => {
                let (decoded, claims) = attaching::decoding(carried.streams(), || D::decode(rest));
                self.claims.append(claims);
                decoded
            }
        };
        decoded.map_err(|error| self.undecodable(&type_name::<F::Got<'_>>(), error))
    }

    /// Finishes decoding. Returns `None` if there are more arguments, bytes left over, or an earlier error.
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
        #[cfg(feature = "reflect")]
        if self.json.is_some() {
            return self.ended_with::<Json>();
        }
        self.ended_with::<C>()
    }

    fn ended_with<D: Codec>(&mut self) -> Result<(), DecodeError> {
        if !self.alone {
            D::closed(&mut self.rest, self.count)?;
        }
        if let Some(claimed) = self.claimed
            && claimed != self.count
        {
            return Err(DecodeError::new(format_args!(
                "expected {} arguments, got {claimed}",
                self.count
            )));
        }
        D::trim(&mut self.rest);
        match self.rest.len() {
            0 => Ok(()),
            more => Err(DecodeError::left_over(more)),
        }
    }

    /// Fails decoding because the call asks for something that its method does not provide.
    pub fn refuse(&mut self, what: &str) {
        self.refused = true;
        self.error = Some(DecodeError::new(what));
    }

    /// Returns the framework error for the failure.
    pub fn framework_error(&self) -> FrameworkError {
        if self.refused {
            FrameworkError::Unsupported
        } else if self.claims.misses_stream() {
            FrameworkError::UnknownStream
        } else {
            FrameworkError::InvalidArguments
        }
    }

    /// Returns the reason why decoding failed.
    pub fn error(self) -> DecodeError {
        self.error.unwrap_or_else(DecodeError::ended)
    }

    fn is_by_name(&self) -> bool {
        let values = self.named.as_ref().map(|named| &named.values);
        matches!(values, Some(Some(_)))
    }

    /// Adds the current argument and the expected type to the error of decoding it.
    #[cold]
    fn undecodable(&self, expected: &str, error: DecodeError) -> DecodeError {
        error.behind(self.wrong(&format!(" ({expected})")))
    }

    /// Creates an error about the current argument.
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

/// The bytes of each value, and the bytes that follow all of them.
type NamedValues<'de> = (Vec<Option<&'de [u8]>>, &'de [u8]);

/// Finds the values of these names. Returns `None` if `read` reports that the arguments were not sent by
/// name. Unknown names are skipped.
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
                "argument `{}` occurs twice",
                names[at][0]
            ))),
        }
    })?;
    Ok(by_name.then_some((values, rest)))
}
