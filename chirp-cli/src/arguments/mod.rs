//! The arguments of a method on the command line.

mod list;
mod source;
mod upload;
mod value;
mod word;

pub(crate) use list::{ArgumentList, PreparedArguments};
pub(crate) use upload::Uploads;

/// The description of argument forms for the help of commands.
pub(crate) const ARGUMENT_HELP: &str = "\
Forms of arguments:
  name=text     the text, read by the type: text and bytes as they are,
                numbers, true, false, null for an option, the name of a
                variant, and JSON for everything else
  name:=json    JSON, whatever the type
  name@file     the contents of a file: bytes, text or JSON; for a stream,
                its bytes, or a line of JSON for each item
  name@-        the same, from standard input
  '{..}' '[..]' all arguments as JSON, by name or by position
  @file  -      the same, from a file or from standard input";
