//! Errors as they are read from the responses of a gateway.

use chirp_runtime::packet::{ErrorData, FrameworkError};
use http::StatusCode;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::problem::framework_name;

/// An error that a gateway has written.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct ProblemDocument {
    #[serde(default)]
    pub(crate) status: u16,
    #[serde(default)]
    pub(crate) detail: String,
    pub(crate) code: Option<u16>,
    name: Option<String>,
    data: Option<Box<RawValue>>,
}

impl ProblemDocument {
    /// Returns the error as the service or a framework made it.
    pub(crate) fn into_error_data(self) -> ErrorData {
        if let Some(code) = self.code {
            let reason = framework_error(code, self.name.as_deref());
            return match reason {
                Some(reason) => with_message(reason, self.detail),
                None => {
                    let data = self.data.map(|data| Box::<str>::from(data).into_string());
                    ErrorData::new(code, self.detail).with_data(data.unwrap_or_default())
                }
            };
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
pub(crate) fn reason_of(status: StatusCode) -> FrameworkError {
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

/// Returns the error of a framework, with a text of its own.
pub(crate) fn with_message(reason: FrameworkError, message: String) -> ErrorData {
    ErrorData {
        message,
        ..reason.into()
    }
}
