//! Errors as responses: RFC 9457, `application/problem+json`.

use chirp_runtime::packet::{ErrorData, FrameworkError, MetadataError};
use chirp_runtime::peer::{CallError, PacketRole};
use chirp_runtime::reflect::{ErrorDescription, MethodDescription};
use chirp_runtime::stream::StreamError;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use http::{Response, StatusCode};
use serde::Serialize;
use serde_json::value::RawValue;

use super::body::ResponseBody;

/// The value of `Retry-After`, in seconds.
const RETRY_SECONDS: HeaderValue = HeaderValue::from_static("1");

/// An error that becomes a response, or the last item of a stream.
#[derive(Debug)]
pub(crate) struct Problem {
    /// In a box: problems are rare, and results that may be one are moved often.
    details: Box<ProblemDetails>,
}

#[derive(Debug)]
struct ProblemDetails {
    status: StatusCode,
    detail: String,
    code: Option<u16>,
    name: Option<String>,
    data: Option<Box<RawValue>>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

#[derive(Serialize)]
struct Document<'p> {
    title: &'p str,
    status: u16,
    detail: &'p str,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'p str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'p RawValue>,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        let details = ProblemDetails {
            status,
            detail: detail.into(),
            code: None,
            name: None,
            data: None,
            headers: Vec::new(),
        };
        Self {
            details: Box::new(details),
        }
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.details.status
    }

    /// Adds a header to the response.
    pub(crate) fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.details.headers.push((name, value));
        self
    }

    /// The gateway or a callee has no room for the call, which did not run.
    pub(crate) fn busy(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, detail).header(RETRY_AFTER, RETRY_SECONDS)
    }

    /// Converts the error of a call.
    pub(crate) fn of_call(error: CallError, method: &MethodDescription) -> Self {
        let status = status(&error);
        let detail = detail(&error);
        let mut problem = match status {
            StatusCode::SERVICE_UNAVAILABLE => Self::busy(detail),
            status => Self::new(status, detail),
        };
        match error {
            CallError::Remote(error) | CallError::MalformedErrorData(error) => {
                problem.describe(error, method);
            }
            CallError::Rejected { reason, .. } => problem.framework(reason),
            CallError::DeadlineExceeded { .. } => {
                problem.framework(FrameworkError::DeadlineExceeded);
            }
            CallError::TooLarge { limit, .. } => {
                problem.framework(FrameworkError::TooLarge { limit });
            }
            _ => {}
        }
        problem
    }

    /// Converts the error of a stream that a method returned.
    pub(crate) fn of_stream(error: StreamError, method: &MethodDescription) -> Self {
        match error {
            StreamError::Call(error) => Self::of_call(error, method),
            StreamError::ConnectionLost(lost) => {
                Self::of_call(CallError::ConnectionLost(lost), method)
            }
            error => Self::new(StatusCode::BAD_GATEWAY, error.to_string()),
        }
    }

    /// Converts the error of reading the description of a target.
    pub(crate) fn of_description(error: &CallError) -> Self {
        match error {
            CallError::UnknownMethod { .. } => Self::new(
                StatusCode::BAD_GATEWAY,
                "the service cannot be described: it needs `reflect()`",
            ),
            error if error.is_transient() => Self::busy(detail(error)),
            error => Self::new(StatusCode::BAD_GATEWAY, detail(error)),
        }
    }

    /// The result of a call is no JSON.
    #[cfg(feature = "requests")]
    pub(super) fn no_json(error: &serde_json::Error) -> Self {
        Self::new(
            StatusCode::BAD_GATEWAY,
            format!("the result is not JSON: {error}"),
        )
    }

    /// The time of a deferred request has passed.
    #[cfg(feature = "requests")]
    pub(super) fn timed_out() -> Self {
        let mut problem = Self::new(StatusCode::GATEWAY_TIMEOUT, "deadline exceeded");
        problem.framework(FrameworkError::DeadlineExceeded);
        problem
    }

    /// Adds a name, which programs can compare.
    #[cfg(feature = "requests")]
    pub(super) fn named(mut self, name: &str) -> Self {
        self.details.name = Some(name.to_owned());
        self
    }

    /// Adds the method's own error.
    fn describe(&mut self, error: ErrorData, method: &MethodDescription) {
        let known = method.errors.iter().find(|known| known.code == error.code);
        let details = &mut *self.details;
        details.name = known.map(|known| known.name.clone());
        if let Some(known) = known {
            details.status = own_status(known);
        }
        details.code = Some(error.code);
        details.detail = error.message;
        // The data of a JSON call are JSON. Those of a plain handler may be anything.
        details.data = serde_json::from_slice(&error.data).ok();
    }

    fn framework(&mut self, reason: FrameworkError) {
        self.details.code = Some(reason.code());
        self.details.name = Some(framework_name(reason).to_owned());
    }

    /// Returns the document in JSON, on one line.
    pub(crate) fn to_json(&self) -> String {
        let details = &*self.details;
        let document = Document {
            title: details.status.canonical_reason().unwrap_or("Error"),
            status: details.status.as_u16(),
            detail: &details.detail,
            code: details.code,
            name: details.name.as_deref(),
            data: details.data.as_deref(),
        };
        // Text and JSON can always be written as JSON.
        serde_json::to_string(&document).unwrap_or_default()
    }

    pub(crate) fn into_response(self) -> Response<ResponseBody> {
        let mut response = Response::new(ResponseBody::whole(self.to_json()));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        for (name, value) in self.details.headers {
            headers.append(name, value);
        }
        response
    }
}

/// Returns the text of a failed call, without the address of the callee, which is no business of the caller.
fn detail(error: &CallError) -> String {
    match error {
        CallError::Rejected { message, .. } => message.clone(),
        CallError::DeadlineExceeded { .. } => "deadline exceeded".to_owned(),
        CallError::UnknownMethod { .. } => "unknown method".to_owned(),
        CallError::NotConnected(_) => "the service is not connected".to_owned(),
        CallError::ConnectionLost(_) => "the connection to the service was lost".to_owned(),
        error => error.to_string(),
    }
}

/// Returns the status of a failed call.
fn status(error: &CallError) -> StatusCode {
    match error {
        CallError::UnknownMethod { .. } | CallError::NameTooLong { .. } => StatusCode::NOT_FOUND,
        CallError::Metadata(MetadataError::TooLarge { .. }) => {
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE
        }
        CallError::Encode(_) | CallError::ReservedName | CallError::Metadata(_) => {
            StatusCode::BAD_REQUEST
        }
        CallError::TooLarge {
            what: PacketRole::Answer,
            ..
        } => StatusCode::BAD_GATEWAY,
        CallError::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        CallError::TooManyPending { .. } | CallError::NotConnected(_) => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        CallError::DeadlineExceeded { .. } => StatusCode::GATEWAY_TIMEOUT,
        CallError::Remote(_) | CallError::MalformedErrorData(_) => StatusCode::UNPROCESSABLE_ENTITY,
        CallError::Rejected { reason, .. } => match reason {
            FrameworkError::Overloaded | FrameworkError::ShuttingDown => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            FrameworkError::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
            FrameworkError::InvalidArguments | FrameworkError::UnknownStream => {
                StatusCode::BAD_REQUEST
            }
            FrameworkError::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            FrameworkError::PermissionDenied => StatusCode::FORBIDDEN,
            FrameworkError::MetadataTooLarge { .. } => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            FrameworkError::Unsupported => StatusCode::NOT_IMPLEMENTED,
            FrameworkError::NoReply => StatusCode::BAD_GATEWAY,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        },
        // The connection to the callee, or a callee that answers what no client can read.
        _ => StatusCode::BAD_GATEWAY,
    }
}

/// Returns the status of a method's own error. The description of a target may have any number.
pub(super) fn own_status(error: &ErrorDescription) -> StatusCode {
    let status = error
        .http_status
        .filter(|status| (400..600).contains(status));
    let status = status.and_then(|status| StatusCode::from_u16(status).ok());
    status.unwrap_or(StatusCode::UNPROCESSABLE_ENTITY)
}

pub(crate) fn framework_name(reason: FrameworkError) -> &'static str {
    match reason {
        FrameworkError::Overloaded => "Overloaded",
        FrameworkError::ShuttingDown => "ShuttingDown",
        FrameworkError::Panicked { .. } => "Panicked",
        FrameworkError::DeadlineExceeded => "DeadlineExceeded",
        FrameworkError::InvalidArguments => "InvalidArguments",
        FrameworkError::TooLarge { .. } => "TooLarge",
        FrameworkError::Unsupported => "Unsupported",
        FrameworkError::NoReply => "NoReply",
        FrameworkError::InvalidResult => "InvalidResult",
        FrameworkError::UnknownStream => "UnknownStream",
        FrameworkError::PermissionDenied => "PermissionDenied",
        FrameworkError::MetadataTooLarge { .. } => "MetadataTooLarge",
        _ => "FrameworkError",
    }
}
