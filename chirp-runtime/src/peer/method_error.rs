use std::error::Error;
use std::fmt::{self, Debug, Display};

use super::{CallError, Reply};
use crate::codec::{CodecId, ServiceError};
use crate::packet::ErrorData;

/// The error of a call of a method that has an error type of its own.
///
/// `?` converts it into every type that implements `From<MethodError<E>>`: `anyhow::Error`, `Box<dyn Error + Send +
/// Sync>`, or your own error with a variant `Arith(#[from] MethodError<ArithError>)`. An error with variants `#[from]
/// ArithError` and `#[from] CallError` takes the two cases apart: `.map_err(MethodError::flatten)?`.
#[derive(Clone, Debug, PartialEq)]
pub enum MethodError<E> {
    /// The method returned its own error.
    Handler(E),
    /// The call failed.
    Call(CallError),
}

impl<E> MethodError<E> {
    /// Converts either case into one error type.
    pub fn flatten<F: From<E> + From<CallError>>(self) -> F {
        match self {
            Self::Handler(error) => error.into(),
            Self::Call(error) => error.into(),
        }
    }
}

/// Makes the compiler explain why `?` does not convert a [`MethodError`] into a [`CallError`]. No type implements this
/// trait.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`?` cannot turn `MethodError<{Self}>` into `CallError`",
    label = "a `CallError` cannot hold the method's own error `{Self}`: match on `MethodError::Handler`, or use \
             `.map_err(MethodError::flatten)?` in a function whose error implements `From` for both"
)]
pub trait HeldByCallError {
    #[doc(hidden)]
    fn into_call_error(self) -> CallError;
}

#[doc(hidden)]
impl<E: HeldByCallError> From<MethodError<E>> for CallError {
    fn from(error: MethodError<E>) -> Self {
        match error {
            MethodError::Handler(error) => error.into_call_error(),
            MethodError::Call(error) => error,
        }
    }
}

impl<E> From<CallError> for MethodError<E> {
    fn from(error: CallError) -> Self {
        Self::Call(error)
    }
}

impl<E: Display> Display for MethodError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Handler(error) => Display::fmt(error, f),
            Self::Call(error) => Display::fmt(error, f),
        }
    }
}

/// The error is transparent: its source is that of the inner error.
impl<E: ServiceError + Debug + Display> Error for MethodError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Handler(error) => error.as_error()?.source(),
            Self::Call(error) => error.source(),
        }
    }
}

/// A failure inside a handler is the handler's own failure, whatever its code was elsewhere, so it gets code 0.
impl<E: Display> From<MethodError<E>> for ErrorData {
    fn from(error: MethodError<E>) -> Self {
        match error {
            MethodError::Handler(error) => nested(&error),
            MethodError::Call(error) => error.into(),
        }
    }
}

impl<E: Display> From<MethodError<E>> for Reply {
    fn from(error: MethodError<E>) -> Self {
        Self::Error(error.into())
    }
}

/// A failure inside a handler is the handler's own failure: an unknown method elsewhere is not an unknown method here.
/// So every nested failure becomes a service error with code 0 and the reason as its text. It omits the
/// [`CallSite`](crate::peer::CallSite): a caller must not learn which peers a handler calls.
impl From<CallError> for ErrorData {
    fn from(error: CallError) -> Self {
        nested(&error.without_site())
    }
}

fn nested(error: &impl Display) -> ErrorData {
    ErrorData::new(0, format!("a call made by the handler failed: {error}"))
}

/// For methods that only call others, and fail when these do. It is transmitted as text, with code 0: the caller gets
/// [`CallError::Remote`] inside of [`MethodError::Handler`], whatever the variant was.
impl ServiceError for CallError {
    fn to_error_data(&self, _: CodecId) -> ErrorData {
        self.clone().into()
    }

    fn from_error_data(error: &ErrorData, _: CodecId) -> Option<Self> {
        Some(Self::Remote(error.clone()))
    }

    fn as_error(&self) -> Option<&(dyn Error + 'static)> {
        Some(self)
    }
}
