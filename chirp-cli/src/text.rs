//! Text of other processes, made fit for a terminal.

use std::fmt::Write;

/// Returns `text` with every character escaped that could control a terminal, begin a line or reorder what is shown.
pub(crate) fn one_line(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if controls_terminal(c) => {
                // Writing to a string cannot fail.
                let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out
}

/// Returns `true` for control characters, and for those that change the direction or the lines of the text around them.
pub(crate) fn controls_terminal(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61c}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_do_not_reach_a_terminal() {
        assert_eq!(
            one_line("a\u{1b}[31mb\u{9b}2J\r\n"),
            r"a\u{1b}[31mb\u{9b}2J\r\n"
        );
        assert_eq!(one_line("a\tb\u{202e}c"), r"a\tb\u{202e}c");
        assert_eq!(one_line("Grüße, 世界 🙂"), "Grüße, 世界 🙂");
    }
}
