//! Printing JSON as it was written by a peer, without losing digits.

use std::fmt::Write;

use crate::text;

/// The spaces of one level of indentation.
const INDENT: usize = 2;

/// The deepest level that is indented further. Text from a peer may be nested without bound.
const MAX_INDENTED: usize = 64;

/// Returns valid JSON on one line, without white space between tokens. With `for_terminal`, characters that control a
/// terminal are escaped, which changes no value.
pub(crate) fn compact(json: &str, for_terminal: bool) -> String {
    Formatter::new(json.len(), for_terminal, false).format(json)
}

/// Returns valid JSON with a line for each element, as [`compact`].
pub(crate) fn pretty(json: &str, for_terminal: bool) -> String {
    Formatter::new(json.len(), for_terminal, true).format(json)
}

struct Formatter {
    out: String,
    for_terminal: bool,
    is_pretty: bool,
    depth: usize,
}

impl Formatter {
    fn new(length: usize, for_terminal: bool, is_pretty: bool) -> Self {
        Self {
            out: String::with_capacity(length),
            for_terminal,
            is_pretty,
            depth: 0,
        }
    }

    fn format(mut self, json: &str) -> String {
        let mut chars = json.chars().peekable();
        let (mut in_text, mut is_escaped) = (false, false);
        while let Some(c) = chars.next() {
            if in_text {
                in_text = is_escaped || c != '"';
                is_escaped = c == '\\' && !is_escaped;
                self.push(c);
                continue;
            }
            match c {
                ' ' | '\t' | '\n' | '\r' => {}
                '{' | '[' => {
                    self.out.push(c);
                    while chars.next_if(char::is_ascii_whitespace).is_some() {}
                    if let Some(end) = chars.next_if(|c| matches!(c, '}' | ']')) {
                        self.out.push(end);
                    } else {
                        self.depth += 1;
                        self.new_line();
                    }
                }
                '}' | ']' => {
                    self.depth = self.depth.saturating_sub(1);
                    self.new_line();
                    self.out.push(c);
                }
                ',' => {
                    self.out.push(c);
                    self.new_line();
                }
                ':' => self.out.push_str(if self.is_pretty { ": " } else { ":" }),
                c => {
                    in_text = c == '"';
                    self.out.push(c);
                }
            }
        }
        self.out
    }

    fn push(&mut self, c: char) {
        if !self.for_terminal || !text::controls_terminal(c) {
            self.out.push(c);
            return;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            // Writing to a string cannot fail.
            let _ = write!(self.out, "\\u{unit:04x}");
        }
    }

    fn new_line(&mut self) {
        if self.is_pretty {
            let spaces = self.depth.min(MAX_INDENTED) * INDENT;
            self.out.push('\n');
            self.out.extend(std::iter::repeat_n(' ', spaces));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_printed_as_it_is_written() {
        let json = " { \"a\" : [ 1.50 , { } , [\n] , null ] , \"b\\\" c\" : \"x, [y]\" } ";
        assert_eq!(
            compact(json, false),
            r#"{"a":[1.50,{},[],null],"b\" c":"x, [y]"}"#
        );
        let lines = "{\n  \"a\": [\n    1.50,\n    {},\n    [],\n    null\n  ],\n  \"b\\\" c\": \"x, [y]\"\n}";
        assert_eq!(pretty(json, false), lines);
    }

    #[test]
    fn controls_are_escaped_for_terminals_only() {
        let json = "\"\u{9b}2J\u{202e}\u{e0001}é\"";
        assert_eq!(compact(json, false), json);
        let escaped = compact(json, true);
        assert_eq!(escaped, r#""\u009b2J\u202e\udb40\udc01é""#);
        let same: [String; 2] =
            [json, &escaped].map(|json| serde_json::from_str(json).expect("text"));
        assert_eq!(same[0], same[1]);
    }

    #[test]
    fn deep_json_is_printed_in_linear_space() {
        let json = "[".repeat(10_000) + &"]".repeat(10_000);
        assert_eq!(compact(&json, true), json);
        assert!(pretty(&json, true).len() < 4_000_000);
    }
}
