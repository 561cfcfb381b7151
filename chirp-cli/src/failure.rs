use std::fmt::{self, Display};
use std::io;

use crate::exit_code::ExitCode;
use crate::output;
use crate::text;

/// The reason why a command failed: an exit code, and a line for standard error.
#[derive(Debug)]
pub(crate) struct Failure {
    code: ExitCode,
    /// Empty if nothing is to be said.
    message: String,
    /// Lines below the message, such as the data of an error.
    details: Vec<String>,
}

impl Failure {
    pub(crate) fn new(code: ExitCode, message: impl Display) -> Self {
        Self {
            code,
            message: message.to_string(),
            details: Vec::new(),
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

    /// Writing to standard output failed. A pipe that nobody reads any more is no error.
    pub(crate) fn output(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::quiet(ExitCode::Success),
            _ => Self::usage(format!("cannot write to standard output: {error}")),
        }
    }

    /// Adds a line below the message.
    #[must_use]
    pub(crate) fn detail(mut self, line: impl Into<String>) -> Self {
        self.details.push(line.into());
        self
    }


    /// Prints the message to standard error, and returns the exit code.
    pub(crate) fn report(self) -> ExitCode {
        if !self.message.is_empty() {
            let style = output::error_style();
            output::print_error(&format!(
                "{style}error:{style:#} {}",
                text::one_line(&self.message)
            ));
        }
        for line in &self.details {
            output::print_error(&text::one_line(line));
        }
        self.code
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}
