//! Comments with documentation.

/// Documentation of an item.
#[derive(Debug, Default)]
pub(super) struct Comment {
    lines: Vec<String>,
}

impl Comment {
    /// The documentation that is written in Rust.
    pub(super) fn new(documentation: &str) -> Self {
        let lines = documentation.lines().map(clean).collect();
        Self { lines }
    }

    /// Adds a paragraph.
    pub(super) fn paragraph(&mut self, text: &str) {
        if !self.lines.is_empty() {
            self.lines.push(String::new());
        }
        self.lines.extend(text.lines().map(clean));
    }

    /// Adds an item of a list.
    pub(super) fn item(&mut self, text: &str) {
        let text = text.lines().collect::<Vec<_>>().join(" ");
        self.lines.push(clean(&format!("- {text}")));
    }

    /// Adds a line that begins with a tag. A group of them is separated from the text before.
    pub(super) fn tag(&mut self, tag: &str, text: &str) {
        if self
            .lines
            .last()
            .is_some_and(|line| !line.is_empty() && !line.starts_with('@'))
        {
            self.lines.push(String::new());
        }
        let text = clean(&text.lines().collect::<Vec<_>>().join(" "));
        self.lines
            .push(format!("@{tag} {text}").trim_end().to_owned());
    }

    /// Writes the comment on lines of its own. Writes nothing if it is empty.
    pub(super) fn write(&self, out: &mut String, indent: usize) {
        let space = "  ".repeat(indent);
        match &self.lines[..] {
            [] => {}
            [line] => {
                put!(out, "{space}/** {line} */\n");
            }
            lines => {
                put!(out, "{space}/**\n");
                for line in lines {
                    out.push_str(format!("{space} * {line}").trim_end());
                    out.push('\n');
                }
                put!(out, "{space} */\n");
            }
        }
    }
}

/// Returns a line that cannot end the comment, and has no characters that are not shown.
fn clean(line: &str) -> String {
    let line = line.replace("*/", "*\\/");
    let is_hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let line: String = line
        .chars()
        .map(|c| if is_hidden(c) { ' ' } else { c })
        .collect();
    line.trim_end().to_owned()
}
