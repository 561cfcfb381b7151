//! The errors of calls that are requests of HTTP.

use chirp_runtime::packet::{ErrorData, FrameworkError};
use http::{HeaderValue, StatusCode};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::http::problem::framework_name;
use crate::outgoing::OutgoingError;

/// The media type of errors (RFC 9457).
const PROBLEM: &str = "application/problem+json";

/// The longest text of an error that a program other than a gateway sends.
const MAX_TEXT: usize = 256;

/// An error that a gateway has written.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct ProblemDocument {
    #[serde(default)]
    status: u16,
    #[serde(default)]
    detail: String,
    code: Option<u16>,
    name: Option<String>,
    data: Option<Box<RawValue>>,
}

impl ProblemDocument {
    /// Returns the error as the service or a framework made it.
    pub(crate) fn into_error_data(self) -> ErrorData {
        if let Some(code) = self.code {
            if let Some(reason) = framework_error(code, self.name.as_deref()) {
                return with_message(reason, self.detail);
            }
            let data = self.data.map(|data| Box::<str>::from(data).into_string());
            return ErrorData::new(code, self.detail).with_data(data.unwrap_or_default());
        }
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::BAD_GATEWAY);
        with_message(reason_of(status), self.detail)
    }
}

/// Returns the error of a framework with this code and name.
fn framework_error(code: u16, name: Option<&str>) -> Option<FrameworkError> {
    let reasons = [
        FrameworkError::Overloaded,
        FrameworkError::ShuttingDown,
        FrameworkError::Panicked { reference: 0 },
        FrameworkError::DeadlineExceeded,
        FrameworkError::InvalidArguments,
        FrameworkError::TooLarge { limit: 0 },
        FrameworkError::Unsupported,
        FrameworkError::NoReply,
        FrameworkError::InvalidResult,
        FrameworkError::UnknownStream,
        FrameworkError::PermissionDenied,
        FrameworkError::MetadataTooLarge { limit: 0 },
    ];
    let mut reasons = reasons.into_iter();
    let reason = reasons.find(|reason| reason.code() == code)?;
    (name == Some(framework_name(reason))).then_some(match reason {
        // It is the gateway's target that shuts down.
        FrameworkError::ShuttingDown => FrameworkError::Overloaded,
        reason => reason,
    })
}

/// Returns the reason that a status stands for.
fn reason_of(status: StatusCode) -> FrameworkError {
    match status {
        StatusCode::BAD_REQUEST
        | StatusCode::NOT_ACCEPTABLE
        | StatusCode::UNSUPPORTED_MEDIA_TYPE => FrameworkError::InvalidArguments,
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::MISDIRECTED_REQUEST => {
            FrameworkError::PermissionDenied
        }
        StatusCode::PAYLOAD_TOO_LARGE | StatusCode::URI_TOO_LONG => {
            FrameworkError::TooLarge { limit: 0 }
        }
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => {
            FrameworkError::MetadataTooLarge { limit: 0 }
        }
        StatusCode::REQUEST_TIMEOUT | StatusCode::GATEWAY_TIMEOUT => {
            FrameworkError::DeadlineExceeded
        }
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
            FrameworkError::Overloaded
        }
        StatusCode::NOT_IMPLEMENTED => FrameworkError::Unsupported,
        // The call may have run.
        _ => FrameworkError::NoReply,
    }
}

/// Returns the error in a response.
pub(super) fn of_response(
    destination: &str,
    status: StatusCode,
    content: Option<&HeaderValue>,
    body: &[u8],
) -> ErrorData {
    let content = content
        .and_then(|content| content.to_str().ok())
        .unwrap_or_default();
    let essence = content.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case(PROBLEM)
        && let Ok(mut document) = serde_json::from_slice::<ProblemDocument>(body)
    {
        document.status = status.as_u16();
        if status == StatusCode::NOT_FOUND && document.code.is_none() {
            return with_message(FrameworkError::InvalidArguments, document.detail);
        }
        return document.into_error_data();
    }
    // Pages are for people with a browser.
    let body = if essence.eq_ignore_ascii_case("text/plain") {
        body
    } else {
        &[]
    };
    let text = String::from_utf8_lossy(body);
    let text = text[..text.floor_char_boundary(MAX_TEXT)].trim();
    let colon = if text.is_empty() { "" } else { ": " };
    let text = format!("{destination} answers with status {status}{colon}{text}");
    with_message(reason_of(status), text)
}

/// Returns the error of a request without a response.
pub(super) fn of_error(error: &OutgoingError) -> ErrorData {
    let reason = match error {
        // The call did not run.
        OutgoingError::Resolve { .. } | OutgoingError::Connect { .. } => FrameworkError::Overloaded,
        OutgoingError::TimedOut { .. } => FrameworkError::DeadlineExceeded,
        _ => FrameworkError::NoReply,
    };
    let mut text = error.to_string();
    // The reason of a request whose own body has failed.
    if let OutgoingError::Exchange { error, .. } = error
        && let Some(source) = error.source()
    {
        text.push_str(": ");
        text.push_str(&source.to_string());
    }
    with_message(reason, text)
}

/// Returns the error of a response that is not that of a gateway.
pub(super) fn unexpected(detail: &str) -> ErrorData {
    FrameworkError::InvalidResult.to_error_data(detail)
}

fn with_message(reason: FrameworkError, message: String) -> ErrorData {
    ErrorData {
        message,
        ..reason.into()
    }
}
