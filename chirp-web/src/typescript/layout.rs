//! Source text that is broken into lines where it is too long for one.

/// The longest line, in characters.
const WIDTH: usize = 100;

/// A part of the source text.
#[derive(Clone, Debug)]
pub(super) enum Layout {
    /// A text on one line.
    Text(String),
    /// Parts after one another.
    Row(Vec<Self>),
    /// Parts between brackets: on one line, or on a line each.
    List(Box<LayoutList>),
    /// Alternatives of a type: on one line, or on a line each.
    Union(Vec<Self>),
}

/// Parts between brackets, in a box: layouts are moved often.
#[derive(Clone, Debug)]
pub(super) struct LayoutList {
    open: String,
    parts: Vec<Layout>,
    /// The text after each part, without a space.
    separator: &'static str,
    /// `true` if the separator is also after the last part of a broken list.
    is_trailing: bool,
    /// The space inside of the brackets on one line.
    space: &'static str,
    close: String,
}

impl Layout {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// `open a, b close`.
    pub(super) fn list(
        open: impl Into<String>,
        parts: Vec<Self>,
        close: impl Into<String>,
    ) -> Self {
        Self::List(Box::new(LayoutList {
            open: open.into(),
            parts,
            separator: ",",
            is_trailing: true,
            space: "",
            close: close.into(),
        }))
    }

    /// `{ a, b }`: an object.
    pub(super) fn object(parts: Vec<Self>) -> Self {
        Self::braces(parts, ",")
    }

    /// `{ a; b }`: the type of an object.
    pub(super) fn members(parts: Vec<Self>) -> Self {
        Self::braces(parts, ";")
    }

    fn braces(parts: Vec<Self>, separator: &'static str) -> Self {
        Self::List(Box::new(LayoutList {
            open: "{".to_owned(),
            space: if parts.is_empty() { "" } else { " " },
            parts,
            separator,
            is_trailing: true,
            close: "}".to_owned(),
        }))
    }

    /// A name or other text, and a part.
    pub(super) fn labelled(label: impl Into<String>, part: Self) -> Self {
        Self::Row(vec![Self::text(label), part])
    }

    /// Returns the part followed by a text.
    pub(super) fn then(self, text: &str) -> Self {
        Self::Row(vec![self, Self::text(text)])
    }

    /// Writes the text at the end of `out`, with lines indented by `indent` levels.
    pub(super) fn write(&self, out: &mut String, indent: usize) {
        self.write_before(out, indent, 0);
    }

    /// As [`write`](Self::write), with `after` more characters on the last line.
    fn write_before(&self, out: &mut String, indent: usize, after: usize) {
        let column = out.len() - out.rfind('\n').map_or(0, |at| at + 1);
        if column + self.width() + after <= WIDTH {
            return self.write_flat(out);
        }
        match self {
            Self::Text(text) => out.push_str(text),
            Self::Row(parts) => {
                for (at, part) in parts.iter().enumerate() {
                    let (rest, is_broken) = head_of(&parts[at + 1..]);
                    let after = if is_broken { rest } else { rest + after };
                    part.write_before(out, indent, after);
                }
            }
            Self::List(list) => {
                out.push_str(&list.open);
                for (at, part) in list.parts.iter().enumerate() {
                    new_line(out, indent + 1);
                    part.write_before(out, indent + 1, list.separator.len());
                    if list.is_trailing || at + 1 < list.parts.len() {
                        out.push_str(list.separator);
                    }
                }
                new_line(out, indent);
                out.push_str(&list.close);
            }
            Self::Union(parts) => {
                out.truncate(out.trim_end_matches(' ').len());
                for part in parts {
                    new_line(out, indent + 1);
                    out.push_str("| ");
                    part.write_before(out, indent + 2, 1);
                }
            }
        }
    }

    fn write_flat(&self, out: &mut String) {
        match self {
            Self::Text(text) => out.push_str(text),
            Self::Row(parts) => parts.iter().for_each(|part| part.write_flat(out)),
            Self::List(list) => {
                out.push_str(&list.open);
                out.push_str(list.space);
                for (at, part) in list.parts.iter().enumerate() {
                    if at > 0 {
                        out.push_str(list.separator);
                        out.push(' ');
                    }
                    part.write_flat(out);
                }
                out.push_str(list.space);
                out.push_str(&list.close);
            }
            Self::Union(parts) => {
                for (at, part) in parts.iter().enumerate() {
                    if at > 0 {
                        out.push_str(" | ");
                    }
                    part.write_flat(out);
                }
            }
        }
    }

    /// The length of the text on one line.
    fn width(&self) -> usize {
        let mut text = String::new();
        self.write_flat(&mut text);
        text.chars().count()
    }

    /// The length of the text up to where it can be broken, and whether it can be.
    fn head(&self) -> (usize, bool) {
        match self {
            Self::Text(text) => (text.chars().count(), false),
            Self::Row(parts) => head_of(parts),
            Self::List(list) => (list.open.chars().count(), true),
            Self::Union(_) => (self.width(), false),
        }
    }
}

/// As [`Layout::head`], of parts after one another.
fn head_of(parts: &[Layout]) -> (usize, bool) {
    let mut width = 0;
    for part in parts {
        let (head, is_broken) = part.head();
        width += head;
        if is_broken {
            return (width, true);
        }
    }
    (width, false)
}

fn new_line(out: &mut String, indent: usize) {
    out.push('\n');
    for _ in 0..indent {
        out.push_str("  ");
    }
}
