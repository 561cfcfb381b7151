use chirp::packet::{ErrorData, FrameworkError};
use chirp::reflect::JsonText;
use chirp::{CallError, StreamError};

use crate::exit_code::ExitCode;
use crate::failure::Failure;

/// Describes the error of a call of `method`.
pub(crate) fn of_call(method: &str, error: &CallError) -> Failure {
    let code = exit_code(error);
    match error {
        CallError::Remote(data) | CallError::MalformedErrorData(data) => of_method(method, data),
        // These errors name the method already, by the name that was sent.
        CallError::UnknownMethod { .. } => Failure::new(code, format!("unknown method {method:?}")),
        CallError::Rejected { message, .. } => {
            Failure::new(code, format!("{method} failed: {message}"))
        }
        CallError::DeadlineExceeded { .. } => Failure::new(
            code,
            format!("{method} failed: no answer in time (--timeout)"),
        ),
        error => Failure::new(code, format!("{method} failed: {error}")),
    }
    .of_method(method)
}

/// Describes the error of a stream that is the result of `method`. `has_items` says whether items were printed.
pub(crate) fn of_stream(method: &str, error: &StreamError, has_items: bool) -> Failure {
    let failure = match error {
        StreamError::Call(error) => of_call(method, error),
        StreamError::Failed(data) => of_method(method, data),
        StreamError::Framework { reason, message } => {
            Failure::new(of_framework(*reason), format!("{method} failed: {message}"))
        }
        StreamError::TimedOut { .. } => {
            Failure::new(ExitCode::TimedOut, format!("{method} failed: {error}"))
        }
        StreamError::ConnectionLost(_) => {
            Failure::new(ExitCode::NoConnection, format!("{method} failed: {error}"))
        }
        _ => Failure::new(ExitCode::Framework, format!("{method} failed: {error}")),
    }
    .of_method(method);
    if has_items {
        failure.with_code(ExitCode::BrokenStream)
    } else {
        failure
    }
}

fn of_method(method: &str, data: &ErrorData) -> Failure {
    let code = match data.code {
        0 => String::new(),
        code => format!("code {code}: "),
    };
    let message = match &data.message[..] {
        "" => "an error without a message",
        message => message,
    };
    let failure = Failure::new(
        ExitCode::Failed,
        format!("{method} failed: {code}{message}"),
    );
    failure.with_error(data.code, message, JsonText::from_slice(&data.data).ok())
}

fn exit_code(error: &CallError) -> ExitCode {
    match error {
        CallError::Encode(_)
        | CallError::NameTooLong { .. }
        | CallError::ReservedName
        | CallError::ReservedType { .. }
        | CallError::Metadata(_) => ExitCode::Usage,
        CallError::NotConnected(_) | CallError::ConnectionLost(_) => ExitCode::NoConnection,
        CallError::DeadlineExceeded { .. } => ExitCode::TimedOut,
        CallError::UnknownMethod { .. } => ExitCode::UnknownMethod,
        CallError::Rejected { reason, .. } => of_framework(*reason),
        CallError::Remote(_) | CallError::MalformedErrorData(_) => ExitCode::Failed,
        _ => ExitCode::Framework,
    }
}

fn of_framework(reason: FrameworkError) -> ExitCode {
    match reason {
        FrameworkError::PermissionDenied => ExitCode::NotAllowed,
        FrameworkError::DeadlineExceeded => ExitCode::TimedOut,
        // The caller wrote the arguments.
        FrameworkError::InvalidArguments => ExitCode::Usage,
        _ => ExitCode::Framework,
    }
}
