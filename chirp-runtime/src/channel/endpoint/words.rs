//! Splits a command line into words, with the quotes and backslashes of a shell.

use std::fmt;

/// Splits a line into words. Returns a message if a quote is not closed or a backslash ends the line.
pub(super) fn split(line: &str) -> Result<Vec<String>, &'static str> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = line.chars();
    while let Some(next) = chars.next() {
        if next.is_whitespace() {
            words.extend(word.take());
            continue;
        }
        let word = word.get_or_insert_default();
        match next {
            '\'' => loop {
                match chars.next().ok_or("unclosed quote '")? {
                    '\'' => break,
                    other => word.push(other),
                }
            },
            '"' => loop {
                match chars.next().ok_or("unclosed quote \"")? {
                    '"' => break,
                    '\\' => word.push(chars.next().ok_or("unclosed quote \"")?),
                    other => word.push(other),
                }
            },
            '\\' => word.push(chars.next().ok_or("no character follows the last \\")?),
            other => word.push(other),
        }
    }
    words.extend(word);
    Ok(words)
}

/// Writes a word, in quotes if necessary, so that [`split`] returns the same word.
pub(super) fn write(f: &mut fmt::Formatter<'_>, word: &str) -> fmt::Result {
    let is_plain = |c: char| !c.is_whitespace() && !matches!(c, '\'' | '"' | '\\');
    if !word.is_empty() && word.chars().all(is_plain) {
        return f.write_str(word);
    }
    write_quoted(f, word)
}

/// Writes a word in quotes so that [`split`] returns the same word.
pub(super) fn write_quoted(f: &mut fmt::Formatter<'_>, word: &str) -> fmt::Result {
    write!(f, "'{}'", word.replace('\'', r"'\''"))
}
