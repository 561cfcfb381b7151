use crate::packet::{ErrorData, Fault, Payload};

/// What ends a call, as its handler says it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Reply {
    /// The method returned this.
    Value(Payload),
    /// The method failed.
    Error(ErrorData),
    /// There is no such method here. Whatever a fallback finds out, its caller sees what it would have
    /// seen without the fallback.
    UnknownMethod,
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

impl From<Fault> for Reply {
    fn from(fault: Fault) -> Self {
        Self::Error(fault.into())
    }
}

impl From<Payload> for Reply {
    fn from(value: Payload) -> Self {
        Self::Value(value)
    }
}
