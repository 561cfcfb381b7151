use std::error::Error;
use std::io;

use crate::codec::{CodecId, ServiceError};
use crate::packet::{ErrorData, FrameworkError, Payload};
use crate::peer::CallError;
use crate::peer::handling::responder::Deferred;

/// What ends a call, as its handler says it.
#[derive(Debug)]
#[non_exhaustive]
pub enum Reply {
    /// The method returned this.
    Value(Payload),
    /// The method failed.
    Error(ErrorData),
    /// There is no such method here. Whatever a fallback finds out, its caller sees what it would have
    /// seen without the fallback.
    UnknownMethod,
    /// The answer will be given by the [`Responder`](crate::peer::Responder) that this came with.
    Deferred(Deferred),
}

impl Reply {
    /// The reply that passes on what a call gave, as if its callee had been asked directly.
    pub fn forwarded(answer: Result<impl Into<Payload>, CallError>) -> Self {
        match answer {
            Ok(value) => Self::Value(value.into()),
            Err(CallError::UnknownMethod { .. }) => Self::UnknownMethod,
            Err(CallError::Remote(error)) => Self::Error(error),
            Err(CallError::Rejected { reason, .. }) => reason.into(),
            Err(error) => error.into(),
        }
    }
}

impl<T: Into<Payload>, E: Into<Reply>> From<Result<T, E>> for Reply {
    fn from(result: Result<T, E>) -> Self {
        match result {
            Ok(value) => Self::Value(value.into()),
            Err(error) => error.into(),
        }
    }
}

impl From<ErrorData> for Reply {
    fn from(error: ErrorData) -> Self {
        Self::Error(error)
    }
}

impl From<FrameworkError> for Reply {
    fn from(reason: FrameworkError) -> Self {
        Self::Error(reason.into())
    }
}

impl From<Payload> for Reply {
    fn from(value: Payload) -> Self {
        Self::Value(value)
    }
}

/// As the error travels that a service's method returns: with its kind as the code.
impl From<io::Error> for Reply {
    fn from(error: io::Error) -> Self {
        Self::Error(error.to_error_data(CodecId::Raw))
    }
}

/// As the error travels that a service's method returns: with code 0, unless there is an [`ErrorData`] in the
/// box.
impl From<Box<dyn Error + Send + Sync>> for Reply {
    fn from(error: Box<dyn Error + Send + Sync>) -> Self {
        Self::Error(error.to_error_data(CodecId::Raw))
    }
}

/// A service error with code 0 and this text.
impl From<String> for Reply {
    fn from(message: String) -> Self {
        Self::Error(message.into())
    }
}

/// A service error with code 0 and this text.
impl From<&str> for Reply {
    fn from(message: &str) -> Self {
        Self::Error(message.into())
    }
}
