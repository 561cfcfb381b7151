use std::fmt::{self, Display};
use std::io;

use chirp::reflect::JsonText;
use serde::Serialize;

use crate::exit_code::ExitCode;
use crate::json_format;
use crate::output;
use crate::text;

/// The reason why a command failed: an exit code, and a line for standard error.
#[derive(Debug)]
pub(crate) struct Failure {
    /// In a box: failures are rare, and results that may be one are moved often.
    details: Box<FailureDetails>,
}

#[derive(Debug)]
struct FailureDetails {
    code: ExitCode,
    /// Empty if nothing is to be said.
    message: String,
    /// The method that was called.
    method: Option<String>,
    /// The error that the method returned.
    error: Option<MethodFailure>,
    is_json: bool,
}

/// An error that a method returned.
#[derive(Debug)]
struct MethodFailure {
    code: u16,
    message: String,
    data: Option<JsonText>,
}

/// A failure in JSON, as `--json-errors` prints it.
#[derive(Serialize)]
struct JsonFailure<'a> {
    error: &'a str,
    exit_code: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a JsonText>,
}

impl Failure {
    pub(crate) fn new(code: ExitCode, message: impl Display) -> Self {
        let details = FailureDetails {
            code,
            message: message.to_string(),
            method: None,
            error: None,
            is_json: false,
        };
        Self {
            details: Box::new(details),
        }
    }

    /// The command line is wrong.
    pub(crate) fn usage(message: impl Display) -> Self {
        Self::new(ExitCode::Usage, message)
    }

    /// Ends the program with a code and without a message.
    pub(crate) fn quiet(code: ExitCode) -> Self {
        Self::new(code, "")
    }

    /// A file cannot be used.
    pub(crate) fn file(verb: &str, path: impl Display, error: &io::Error) -> Self {
        Self::usage(format!("cannot {verb} {path}: {error}"))
    }

    /// Writing to standard output failed. A closed pipe is no error.
    pub(crate) fn output(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::quiet(ExitCode::Success),
            _ => Self::usage(format!("cannot write to standard output: {error}")),
        }
    }

    /// Adds the method that was called.
    #[must_use]
    pub(crate) fn of_method(mut self, method: &str) -> Self {
        self.details.method = Some(method.to_owned());
        self
    }

    /// Adds another way out to the message of a wrong command line.
    #[must_use]
    pub(crate) fn hint(mut self, hint: &str) -> Self {
        let details = &mut *self.details;
        if details.code == ExitCode::Usage {
            details.message = format!("{}, {hint}", details.message);
        }
        self
    }

    /// Adds the error that the method returned.
    #[must_use]
    pub(crate) fn with_error(mut self, code: u16, message: &str, data: Option<JsonText>) -> Self {
        let message = message.to_owned();
        self.details.error = Some(MethodFailure {
            code,
            message,
            data,
        });
        self
    }

    /// Changes the exit code.
    #[must_use]
    pub(crate) fn with_code(mut self, code: ExitCode) -> Self {
        self.details.code = code;
        self
    }

    /// Reports the failure in JSON.
    #[must_use]
    pub(crate) fn in_json(mut self, is_json: bool) -> Self {
        self.details.is_json = is_json;
        self
    }

    pub(crate) fn code(&self) -> ExitCode {
        self.details.code
    }

    /// Prints the message to standard error, and returns the exit code.
    pub(crate) fn report(self) -> ExitCode {
        let details = *self.details;
        if details.message.is_empty() {
            return details.code;
        }
        if let (true, Ok(json)) = (details.is_json, serde_json::to_string(&details.json())) {
            output::print_error(&json_format::compact(&json, true));
            return details.code;
        }
        let style = output::error_style();
        let message = text::one_line(&details.message);
        output::print_error(&format!("{style}error:{style:#} {message}"));
        if let Some(data) = details.error.and_then(|error| error.data) {
            output::print_error(&json_format::compact(data.as_str(), true));
        }
        details.code
    }
}

impl FailureDetails {
    fn json(&self) -> JsonFailure<'_> {
        let error = self.error.as_ref();
        JsonFailure {
            error: &self.message,
            exit_code: self.code as u8,
            method: self.method.as_deref(),
            code: error.map(|error| error.code),
            message: error.map(|error| &error.message[..]),
            data: error.and_then(|error| error.data.as_ref()),
        }
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.details.message)
    }
}
