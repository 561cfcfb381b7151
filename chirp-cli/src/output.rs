//! Standard output and standard error: colours, and closed pipes.

use std::env;
use std::io::{self, IsTerminal, Write};

use clap::builder::styling::{AnsiColor, Style};

use crate::failure::Failure;

/// Writes to standard output, and flushes.
pub(crate) fn write(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)
        .and_then(|()| out.flush())
        .map_err(|error| Failure::output(&error))
}

/// Writes a line to standard output, and flushes.
pub(crate) fn line(text: &str) -> Result<(), Failure> {
    let mut bytes = Vec::with_capacity(text.len() + 1);
    bytes.extend_from_slice(text.as_bytes());
    bytes.push(b'\n');
    write(&bytes)
}

/// Writes a line to standard error. An error of doing so has no place to go.
pub(crate) fn print_error(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

pub(crate) fn is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// The styles of what is printed to standard output: plain unless it is a terminal that wants colours.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Styles {
    /// Names of services, methods and types.
    pub(crate) name: Style,
    /// Types.
    pub(crate) kind: Style,
    /// Documentation and remarks.
    pub(crate) remark: Style,
    /// Differences that break calls.
    pub(crate) bad: Style,
}

impl Styles {
    /// Returns the styles for standard output.
    pub(crate) fn new() -> Self {
        if !wants_color(is_terminal()) {
            return Self::default();
        }
        Self {
            name: Style::new().bold(),
            kind: AnsiColor::Cyan.on_default(),
            remark: Style::new().dimmed(),
            bad: error(),
        }
    }
}

/// Returns the style of `error:` on standard error.
pub(crate) fn error_style() -> Style {
    if wants_color(io::stderr().is_terminal()) {
        error()
    } else {
        Style::new()
    }
}

fn error() -> Style {
    AnsiColor::Red.on_default().bold()
}

fn wants_color(is_terminal: bool) -> bool {
    let is_set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
    is_terminal && !is_set("NO_COLOR") && env::var_os("TERM").is_none_or(|term| term != "dumb")
}
