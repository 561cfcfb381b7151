use std::error::Error;

use crate::packet::{ErrorData, FrameworkError};
use crate::peer::CallError;

/// The error type of `tower`'s middleware.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// The texts of `tower::load_shed::error::Overloaded` and `tower::timeout::error::Elapsed`.
const OVERLOADED: &str = "service overloaded";
const ELAPSED: &str = "request timed out";

/// Returns the reason if an error, or one of its sources, is one that the framework knows.
pub(super) fn framework_error(error: &(dyn Error + 'static)) -> Option<FrameworkError> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(reason) = error.downcast_ref::<FrameworkError>() {
            return Some(*reason);
        }
        match error.to_string().as_str() {
            OVERLOADED => return Some(FrameworkError::Overloaded),
            ELAPSED => return Some(FrameworkError::DeadlineExceeded),
            _ => next = error.source(),
        }
    }
    None
}

/// Converts an error of a service around outgoing calls.
pub(super) fn call_error(error: BoxError) -> CallError {
    let error = match error.downcast::<CallError>() {
        Ok(error) => return *error,
        Err(error) => error,
    };
    let error = match error.downcast::<ErrorData>() {
        Ok(data) => return CallError::from_error_data(*data),
        Err(error) => error,
    };
    if let Some(error) = source_of(&*error) {
        return error;
    }
    match framework_error(&*error) {
        Some(reason) => CallError::from_error_data(reason.into()),
        None => CallError::Remote(error.to_string().into()),
    }
}

/// Returns the error of a call that is a source of an error: `Buffer` wraps errors.
fn source_of(error: &(dyn Error + 'static)) -> Option<CallError> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<CallError>() {
            return Some(error.clone());
        }
        next = error.source();
    }
    None
}

/// Converts an error of a service into error data.
pub(super) fn error_data(error: BoxError) -> ErrorData {
    let error = match error.downcast::<ErrorData>() {
        Ok(data) => return *data,
        Err(error) => error,
    };
    if let Some(reason) = framework_error(&*error) {
        return reason.into();
    }
    log(&*error);
    error.to_string().into()
}

#[cfg(feature = "tracing")]
fn log(error: &(dyn Error + 'static)) {
    tracing::warn!(%error, "a layer of tower failed");
}

#[cfg(not(feature = "tracing"))]
fn log(_: &(dyn Error + 'static)) {}
