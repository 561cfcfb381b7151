use std::error::Error;
use std::io;

use crate::codec::{CodecId, ServiceError};
use crate::packet::{ErrorData, FrameworkError, Payload};
use crate::peer::server::responder::Deferred;

/// The reply of a handler.
#[derive(Debug)]
#[non_exhaustive]
pub enum Reply {
    /// The method returned this encoded value.
    Value(Payload),
    /// The method failed.
    Error(ErrorData),
    /// There is no such method. A fallback that returns this makes its caller see the same as without a fallback.
    UnknownMethod,
    /// The [`Responder`](crate::peer::Responder) that was created with this value will reply.
    Deferred(Deferred),
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

/// The same service error as if a service's method returned the error: its kind is the code.
impl From<io::Error> for Reply {
    fn from(error: io::Error) -> Self {
        Self::Error(error.to_error_data(CodecId::Raw))
    }
}

/// The same service error as if a service's method returned the error: the code is 0, unless the box contains an
/// [`ErrorData`].
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
