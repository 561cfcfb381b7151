//! Identifiers of generated code.

use std::collections::{BTreeMap, BTreeSet};

/// Words that cannot be the name of a variable, a type or a parameter in a module.
const RESERVED: &[&str] = &[
    "abstract",
    "any",
    "arguments",
    "as",
    "asserts",
    "async",
    "await",
    "bigint",
    "boolean",
    "break",
    "case",
    "catch",
    "class",
    "const",
    "constructor",
    "continue",
    "debugger",
    "declare",
    "default",
    "delete",
    "do",
    "else",
    "enum",
    "eval",
    "export",
    "extends",
    "false",
    "finally",
    "for",
    "from",
    "function",
    "get",
    "if",
    "implements",
    "import",
    "in",
    "infer",
    "instanceof",
    "interface",
    "is",
    "keyof",
    "let",
    "module",
    "namespace",
    "never",
    "new",
    "null",
    "number",
    "object",
    "of",
    "package",
    "private",
    "protected",
    "public",
    "readonly",
    "require",
    "return",
    "satisfies",
    "set",
    "static",
    "string",
    "super",
    "switch",
    "symbol",
    "this",
    "throw",
    "true",
    "try",
    "type",
    "typeof",
    "undefined",
    "unique",
    "unknown",
    "var",
    "void",
    "while",
    "with",
    "yield",
];

/// Names of the language that generated code uses.
const GLOBALS: &[&str] = &[
    "AbortSignal",
    "Array",
    "AsyncIterable",
    "BigInt",
    "Boolean",
    "Error",
    "Iterable",
    "Map",
    "Number",
    "Object",
    "Partial",
    "Promise",
    "Record",
    "String",
    "Symbol",
    "Uint8Array",
    "globalThis",
];

/// The names that are used in one scope.
#[derive(Debug, Default)]
pub(super) struct Names {
    taken: BTreeSet<String>,
    /// The next number of a name that is wanted again.
    next: BTreeMap<String, usize>,
    /// Whether words of the language cannot be names.
    excludes_words: bool,
}

impl Names {
    /// The names of a module, of which `imported` are in use.
    pub(super) fn in_module(imported: impl Iterator<Item = &'static str>) -> Self {
        Self::of_parameters(GLOBALS.iter().copied().chain(imported))
    }

    /// The names of parameters, of which `used` mean something else.
    pub(super) fn of_parameters<'a>(used: impl IntoIterator<Item = &'a str>) -> Self {
        Self {
            excludes_words: true,
            ..Self::of_members(used)
        }
    }

    /// The names of the members of a class or object, of which `used` mean something else.
    pub(super) fn of_members<'a>(used: impl IntoIterator<Item = &'a str>) -> Self {
        let mut names = Self::default();
        names.taken.extend(used.into_iter().map(str::to_owned));
        names
    }

    /// Takes a name: `wanted`, or with a number if it is taken. A word of the language gets a bar.
    pub(super) fn take(&mut self, wanted: &str) -> String {
        let wanted = if self.excludes_words && RESERVED.contains(&wanted) {
            &format!("{wanted}_")
        } else {
            wanted
        };
        let [name] = self.take_all(wanted, |name| [name.to_owned()]);
        name
    }

    /// Takes a name if it is free.
    pub(super) fn try_take(&mut self, wanted: &str) -> Option<String> {
        let is_free = self.is_free(wanted);
        is_free.then(|| {
            self.taken.insert(wanted.to_owned());
            wanted.to_owned()
        })
    }

    /// Takes several names that are made of one, which has a number if one of them is taken.
    pub(super) fn take_all<const N: usize>(
        &mut self,
        wanted: &str,
        names_of: impl Fn(&str) -> [String; N],
    ) -> [String; N] {
        let mut number = self.next.get(wanted).copied().unwrap_or(1);
        // A name that ends with a digit stays apart from its number.
        let bar = if wanted.ends_with(|c: char| c.is_ascii_digit()) {
            "_"
        } else {
            ""
        };
        let names = loop {
            let names = match number {
                1 => names_of(wanted),
                number => names_of(&format!("{wanted}{bar}{number}")),
            };
            number += 1;
            if names.iter().all(|name| self.is_free(name)) {
                break names;
            }
        };
        self.next.insert(wanted.to_owned(), number);
        self.taken.extend(names.iter().cloned());
        names
    }

    fn is_free(&self, name: &str) -> bool {
        let is_word = self.excludes_words && RESERVED.contains(&name);
        !is_word && !self.taken.contains(name)
    }
}

/// Returns whether a text is an identifier of ASCII characters.
pub(super) fn is_identifier(text: &str) -> bool {
    let mut characters = text.chars();
    characters
        .next()
        .is_some_and(|c| c.is_ascii_alphabetic() || c == '_' || c == '$')
        && characters.all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '$')
}

/// Returns `text` in camel case: `sum_diff` as `sumDiff`, `$/cancel-request` as `cancelRequest`. Characters that an
/// identifier cannot have are left out.
pub(super) fn camel_case(text: &str) -> String {
    let name = joined(text);
    let mut characters = name.chars();
    let head = characters.next().map(|c| c.to_ascii_lowercase());
    let all_upper = name
        .chars()
        .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit());
    let name: String = if all_upper {
        name.to_ascii_lowercase()
    } else {
        head.into_iter().chain(characters).collect()
    };
    identifier(name, "method")
}

/// Returns `text` in Pascal case, as names of types and classes are written.
pub(super) fn pascal_case(text: &str) -> String {
    let name = joined(text);
    let mut characters = name.chars();
    let head = characters.next().map(|c| c.to_ascii_uppercase());
    identifier(head.into_iter().chain(characters).collect(), "Type")
}

/// The words of a text after one another, each but the first with a capital letter.
fn joined(text: &str) -> String {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric());
    let words = words.filter(|word| !word.is_empty());
    let mut name = String::new();
    for word in words {
        let (head, rest) = word.split_at(1);
        if name.is_empty() {
            name.push_str(head);
        } else {
            name.push_str(&head.to_ascii_uppercase());
        }
        name.push_str(rest);
    }
    name
}

/// Makes a name of letters and digits an identifier.
fn identifier(name: String, unnamed: &str) -> String {
    if name.is_empty() {
        unnamed.to_owned()
    } else if name.starts_with(|c: char| c.is_ascii_digit()) {
        format!("_{name}")
    } else {
        name
    }
}

/// Returns a text in quotes, as in JSON, which is a literal of TypeScript, too.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            // Controls, line separators, and characters that change the direction of what follows.
            c if c.is_control()
                || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}') =>
            {
                put!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// Returns the name of a property: an identifier, or a text in quotes.
pub(super) fn property(name: &str) -> String {
    // As a property in a literal, `__proto__` sets the prototype, with quotes too.
    if name == "__proto__" {
        "[\"__proto__\"]".to_owned()
    } else if is_identifier(name) {
        name.to_owned()
    } else {
        quoted(name)
    }
}

#[cfg(test)]
mod tests {
    use super::{Names, camel_case, pascal_case, property, quoted};

    #[test]
    fn names_become_identifiers() {
        for (name, camel, pascal) in [
            ("sum_diff", "sumDiff", "SumDiff"),
            ("sumDiff", "sumDiff", "SumDiff"),
            ("$/cancelRequest", "cancelRequest", "CancelRequest"),
            (
                "textDocument/didChange",
                "textDocumentDidChange",
                "TextDocumentDidChange",
            ),
            ("foo-bar", "fooBar", "FooBar"),
            ("IDs", "iDs", "IDs"),
            ("GET", "get", "GET"),
            ("2fast", "_2fast", "_2fast"),
            ("größe", "grE", "GrE"),
            ("日本", "method", "Type"),
            ("", "method", "Type"),
        ] {
            assert_eq!(camel_case(name), camel, "{name}");
            assert_eq!(pascal_case(name), pascal, "{name}");
        }
    }

    #[test]
    fn names_are_taken_once() {
        let mut names = Names::in_module(["Peer"].into_iter());
        assert_eq!(names.take("Gen"), "Gen");
        assert_eq!(names.take("Gen"), "Gen2");
        assert_eq!(names.take("Gen2"), "Gen2_2");
        assert_eq!(names.take("Peer"), "Peer2");
        assert_eq!(names.take("Map"), "Map2");
        assert_eq!(names.take("delete"), "delete_");
        let both = |name: &str| [format!("{name}Client"), format!("{name}Handler")];
        assert_eq!(names.take_all("Gen", both), ["Gen3Client", "Gen3Handler"]);
    }

    #[test]
    fn texts_are_literals() {
        assert_eq!(quoted("a\"\\\n\u{202e}\u{1}é"), r#""a\"\\\n\u202e\u0001é""#);
        assert_eq!(property("x_1"), "x_1");
        assert_eq!(property("foo-bar"), "\"foo-bar\"");
        assert_eq!(property("__proto__"), "[\"__proto__\"]");
    }
}
