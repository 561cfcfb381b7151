//! Methods as text.

use std::fmt::Write;

use chirp::reflect::{ArgumentDescription, MethodDescription};

use crate::output::Styles;
use crate::text;

/// Returns the signature of a method on one line, such as `Arith.sum(a: i64, b: i64) -> i64`.
pub(crate) fn of_method(method: &MethodDescription, styles: Styles) -> String {
    let Styles { name, kind, .. } = styles;
    let arguments: Vec<_> = method
        .arguments
        .iter()
        .map(|argument| of_argument(argument, styles))
        .collect();
    let mut line = format!(
        "{name}{}{name:#}({})",
        text::one_line(&method.name),
        arguments.join(", ")
    );
    // Writing to a string cannot fail.
    if method.one_way {
        line.push_str(" one way");
    } else if let Some(items) = &method.items {
        let items = text::one_line(&items.type_name);
        let _ = write!(line, " -> stream of {kind}{items}{kind:#}");
    } else if let Some(result) = &method.result
        && result.type_name != "()"
    {
        let result = text::one_line(&result.type_name);
        let _ = write!(line, " -> {kind}{result}{kind:#}");
    }
    line
}

/// Returns an argument as text, such as `data: stream of Bytes`. Arguments that may be left out have a question mark.
pub(crate) fn of_argument(argument: &ArgumentDescription, styles: Styles) -> String {
    let kind = styles.kind;
    let optional = if argument.required || argument.stream {
        ""
    } else {
        "?"
    };
    let stream = if argument.stream { "stream of " } else { "" };
    let name = text::one_line(&argument.name);
    let type_name = text::one_line(&argument.value.type_name);
    format!("{name}{optional}: {stream}{kind}{type_name}{kind:#}")
}
