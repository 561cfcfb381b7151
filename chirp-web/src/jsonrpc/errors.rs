//! Converts errors between JSON-RPC and Chirp.

use std::borrow::Cow;

use chirp_runtime::packet::{ErrorData, FrameworkError};
use serde_json::value::RawValue;

use super::error_number;
use super::message::{ErrorObject, INTERNAL_ERROR, INVALID_PARAMS, write_string};

/// The code for a request that was cancelled.
pub(super) const CANCELLED: i64 = -32800;

/// The names of framework errors in the member `chirp` of the data of errors.
const NAMES: [(FrameworkError, &str); 12] = [
    (FrameworkError::Overloaded, "overloaded"),
    (FrameworkError::ShuttingDown, "shutting_down"),
    (FrameworkError::Panicked { reference: 0 }, "panicked"),
    (FrameworkError::DeadlineExceeded, "deadline_exceeded"),
    (FrameworkError::InvalidArguments, "invalid_arguments"),
    (FrameworkError::TooLarge { limit: 0 }, "too_large"),
    (FrameworkError::Unsupported, "unsupported"),
    (FrameworkError::NoReply, "no_reply"),
    (FrameworkError::InvalidResult, "invalid_result"),
    (FrameworkError::UnknownStream, "unknown_stream"),
    (FrameworkError::PermissionDenied, "permission_denied"),
    (
        FrameworkError::MetadataTooLarge { limit: 0 },
        "metadata_too_large",
    ),
];

/// An error as JSON-RPC has it.
#[derive(Debug, PartialEq)]
pub(super) struct ErrorParts<'a> {
    pub(super) code: i64,
    pub(super) message: &'a str,
    pub(super) data: Option<Cow<'a, [u8]>>,
}

/// Converts an error of this side's peer.
pub(super) fn to_json(error: &ErrorData) -> ErrorParts<'_> {
    if let Some(reason) = FrameworkError::from_error_data(error) {
        return ErrorParts {
            code: framework_code(reason),
            message: &error.message,
            data: Some(framework_data(reason).into()),
        };
    }
    let data = match &error.data[..] {
        [] => None,
        data if is_json(data) => Some(data.into()),
        data => {
            // Such as the error of a program behind this one.
            let mut text = Vec::new();
            write_string(&mut text, &String::from_utf8_lossy(data));
            Some(text.into())
        }
    };
    ErrorParts {
        code: error_number::of_code(error.code).into(),
        message: &error.message,
        data,
    }
}

/// Returns the code of a framework error: one of JSON-RPC where there is one, and otherwise the number of its own code, from
/// -14592 on. The range of JSON-RPC for servers (-32099 to -32000) is no place for them: LSP, MCP and ACP give its codes other
/// meanings, and MCP forbids all that it does not define.
fn framework_code(reason: FrameworkError) -> i64 {
    match reason {
        FrameworkError::InvalidArguments => INVALID_PARAMS,
        FrameworkError::Panicked { .. }
        | FrameworkError::NoReply
        | FrameworkError::InvalidResult => INTERNAL_ERROR,
        reason => error_number::of_code(reason.code()).into(),
    }
}

fn framework_data(reason: FrameworkError) -> Vec<u8> {
    let name = NAMES
        .iter()
        .find(|(named, _)| named.code() == reason.code());
    let name = name.map_or("other", |(_, name)| name);
    let more = match reason {
        FrameworkError::Panicked { reference } => format!(",\"reference\":\"{reference:016x}\""),
        FrameworkError::TooLarge { limit } | FrameworkError::MetadataTooLarge { limit } => {
            format!(",\"limit\":{limit}")
        }
        _ => String::new(),
    };
    format!("{{\"chirp\":\"{name}\"{more}}}").into_bytes()
}

/// Returns whether bytes are one JSON value.
pub(super) fn is_json(text: &[u8]) -> bool {
    serde_json::from_slice::<&RawValue>(text).is_ok()
}

/// Converts an error of the other side.
pub(super) fn from_json(error: &ErrorObject<'_>) -> ErrorData {
    if let Some(reason) = read_framework_error(error) {
        let data = reason.to_error_data("").data;
        return ErrorData::new(reason.code(), &*error.message).with_data(data);
    }
    if error.code == INVALID_PARAMS {
        let data = FrameworkError::InvalidArguments.to_error_data("").data;
        let code = FrameworkError::InvalidArguments.code();
        return ErrorData::new(code, &*error.message).with_data(data);
    }
    let data = error.data.unwrap_or_default().as_bytes().to_vec();
    if let Some(code) = error_number::to_code(error.code) {
        return ErrorData::new(code, &*error.message).with_data(data);
    }
    let message = format!("{} (JSON-RPC code {})", error.message, error.code_text);
    ErrorData::new(0, message).with_data(data)
}

/// Reads the framework error that another Chirp program sent.
fn read_framework_error(error: &ErrorObject<'_>) -> Option<FrameworkError> {
    #[derive(serde::Deserialize)]
    struct Fields<'a> {
        #[serde(borrow)]
        chirp: Cow<'a, str>,
        #[serde(borrow)]
        reference: Option<Cow<'a, str>>,
        limit: Option<u64>,
    }
    let data = error.data.filter(|data| data.starts_with('{'))?;
    let fields: Fields<'_> = serde_json::from_slice(data.as_bytes()).ok()?;
    let (reason, _) = NAMES.iter().find(|(_, name)| *name == fields.chirp)?;
    if framework_code(*reason) != error.code {
        return None;
    }
    let limit = fields.limit.unwrap_or_default();
    Some(match reason {
        FrameworkError::Panicked { .. } => FrameworkError::Panicked {
            reference: u64::from_str_radix(&fields.reference.unwrap_or_default(), 16)
                .unwrap_or_default(),
        },
        FrameworkError::TooLarge { .. } => FrameworkError::TooLarge { limit },
        FrameworkError::MetadataTooLarge { .. } => FrameworkError::MetadataTooLarge { limit },
        reason => *reason,
    })
}
