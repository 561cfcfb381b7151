//! Subjects: how the names of methods are written in NATS.
//!
//! The name `Arith.sum_diff` is the subject `Arith.sum_diff`. Bytes that a token cannot have are written as `%` and two
//! hexadecimal digits, and so are dots beside which a token would be empty. Subjects of Chirp's own begin with `_chirp.`, which
//! no name does, since a `_` or `$` at the start of a name is written that way, too.

use std::fmt::Write;

/// The first token of subjects that are no names of methods.
const OWN: &str = "_chirp";

/// The subjects of one connection, which may all have a prefix.
#[derive(Clone, Debug)]
pub(crate) struct Subjects {
    /// Empty, or with a dot at its end.
    prefix: String,
}

impl Subjects {
    /// Creates subjects below `prefix`. Returns `None` if the prefix is not a valid subject without wildcards.
    pub(crate) fn new(prefix: Option<&str>) -> Option<Self> {
        let Some(prefix) = prefix else {
            return Some(Self {
                prefix: String::new(),
            });
        };
        let is_token = |token: &str| {
            !token.is_empty() && !token.bytes().any(|byte| must_escape(byte) || byte == b'%')
        };
        let valid = prefix.split('.').all(is_token) && !prefix.starts_with(['_', '$']);
        valid.then(|| Self {
            prefix: format!("{prefix}."),
        })
    }

    /// The subject that one server of a queue group receives.
    pub(crate) fn method(&self, name: &[u8]) -> String {
        let mut subject = String::with_capacity(self.prefix.len() + name.len());
        subject.push_str(&self.prefix);
        match str::from_utf8(name) {
            Ok(name) if is_subject(name) => subject.push_str(name),
            _ => escape(name, &mut subject),
        }
        subject
    }

    /// The subject that every server of a method receives.
    pub(crate) fn everyone(&self, name: &[u8]) -> String {
        self.own("all", name)
    }

    /// The subject of durable one-way calls.
    pub(crate) fn durable(&self, name: &[u8]) -> String {
        self.own("durable", name)
    }

    /// Returns whether a subject is that of one server.
    pub(crate) fn is_worker(&self, subject: &str) -> bool {
        let id = subject.strip_prefix(self.worker("").trim_end_matches('%'));
        id.is_some_and(|id| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric()))
    }

    /// Returns whether a response may be sent to a subject without being told so: an inbox, and never a subject that a service
    /// may have. Responses are sent with the rights of the server, to a subject that the caller names.
    pub(crate) fn is_inbox(subject: &str) -> bool {
        subject.starts_with('_') && !subject.starts_with(OWN)
    }

    /// The subject of one server.
    pub(crate) fn worker(&self, id: &str) -> String {
        self.own("worker", id.as_bytes())
    }

    /// The subject on which a name accepts channels.
    pub(crate) fn channel(&self, name: &str) -> String {
        self.own("channel", name.as_bytes())
    }

    /// The subject on which the nodes of a network announce themselves.
    pub(crate) fn nodes(&self, network: &str) -> String {
        self.own("nodes", network.as_bytes())
    }

    fn own(&self, kind: &str, name: &[u8]) -> String {
        let mut subject = format!("{}{OWN}.{kind}.", self.prefix);
        escape(name, &mut subject);
        subject
    }
}

/// Returns whether a name is a subject as it is. Some others are, too.
fn is_subject(name: &str) -> bool {
    let mut after_dot = true;
    for (at, byte) in name.bytes().enumerate() {
        let is_plain = match byte {
            b'.' => !after_dot,
            b'_' => at > 0,
            byte => byte.is_ascii_alphanumeric(),
        };
        if !is_plain {
            return false;
        }
        after_dot = byte == b'.';
    }
    !after_dot
}

fn must_escape(byte: u8) -> bool {
    !byte.is_ascii_graphic() || matches!(byte, b'*' | b'>' | b'%')
}

fn escape(name: &[u8], subject: &mut String) {
    let mut at_start = true;
    for (at, byte) in name.iter().enumerate() {
        let escaped = match byte {
            // The next token must not be empty.
            b'.' => at_start || name.len() == at + 1,
            b'_' | b'$' => at == 0,
            byte => must_escape(*byte),
        };
        if escaped {
            // Writing to a string cannot fail.
            let _ = write!(subject, "%{byte:02X}");
        } else {
            subject.push(char::from(*byte));
        }
        at_start = *byte == b'.' && !escaped;
    }
    if name.is_empty() {
        // No other name is written as a lone `%`.
        subject.push('%');
    }
}

/// Writes a name for the listing of services, which allows letters, digits, `-` and `_` only, and no empty name.
pub(crate) fn listed(name: &str) -> String {
    if name.is_empty() {
        return "-".to_owned();
    }
    let character = |c: char| match c {
        c if c.is_ascii_alphanumeric() || c == '_' || c == '-' => c,
        _ => '-',
    };
    name.chars().map(character).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_valid_subjects() {
        let subjects = Subjects::new(None).expect("no prefix is valid");
        for (name, subject) in [
            ("Arith.sum_diff", "Arith.sum_diff"),
            ("sum", "sum"),
            ("a.b.c", "a.b.c"),
            ("initialize", "initialize"),
            ("textDocument/hover", "textDocument/hover"),
            ("$/cancelRequest", "%24/cancelRequest"),
            ("_private", "%5Fprivate"),
            ("_chirp.all.x", "%5Fchirp.all.x"),
            ("a_b.$c", "a_b.$c"),
            ("a b", "a%20b"),
            ("100%", "100%25"),
            ("a*.>", "a%2A.%3E"),
            ("", "%"),
            (".", "%2E"),
            ("..", "%2E%2E"),
            (".a", "%2Ea"),
            ("a.", "a%2E"),
            ("a..b", "a.%2Eb"),
            ("a...b", "a.%2E.b"),
            ("\u{e4}", "%C3%A4"),
            ("a\r\nPUB x", "a%0D%0APUB%20x"),
        ] {
            assert_eq!(subjects.method(name.as_bytes()), subject, "{name:?}");
            let mut escaped = String::new();
            escape(name.as_bytes(), &mut escaped);
            assert_eq!(escaped, subject, "{name:?}");
        }
    }

    /// Each subject is that of one name: of all names of up to five of these bytes.
    #[test]
    fn no_two_names_have_one_subject() {
        let subjects = Subjects::new(None).expect("no prefix is valid");
        let mut known = std::collections::HashMap::new();
        let mut names = vec![Vec::new()];
        for len in 0..5 {
            let longer = names.iter().filter(|name| name.len() == len);
            let longer: Vec<_> = longer
                .flat_map(|name| b".%_2E5a ".map(|byte| [&name[..], &[byte]].concat()))
                .collect();
            names.extend(longer);
        }
        for name in names {
            let subject = subjects.method(&name);
            let mut escaped = String::new();
            escape(&name, &mut escaped);
            assert_eq!(escaped, subject);
            let tokens = subject.split('.').all(|token| !token.is_empty());
            assert!(tokens, "{subject}");
            assert!(!subject.contains([' ', '*', '>']), "{subject}");
            let other = known.insert(subject, name.clone());
            assert_eq!(other, None, "{}", name.escape_ascii());
        }
    }

    #[test]
    fn prefixes_are_subjects_without_wildcards() {
        let subjects = Subjects::new(Some("prod.eu")).expect("valid");
        assert_eq!(subjects.method(b"Arith.sum"), "prod.eu.Arith.sum");
        assert_eq!(
            subjects.everyone(b"Arith.sum"),
            "prod.eu._chirp.all.Arith.sum"
        );
        for prefix in ["", "a.", ".a", "a..b", "a b", "*", "a.>", "_INBOX", "$SYS"] {
            assert!(Subjects::new(Some(prefix)).is_none(), "{prefix:?}");
        }
    }

    #[test]
    fn subjects_of_servers_and_inboxes_are_told_apart() {
        for prefix in [None, Some("prod")] {
            let subjects = Subjects::new(prefix).expect("valid");
            assert!(subjects.is_worker(&subjects.worker("0A1B")));
            for subject in [
                "Arith.sum",
                "_INBOX.a.1",
                "_chirp.worker.",
                "_chirp.worker.a.b",
                "$JS.API.x",
            ] {
                assert!(!subjects.is_worker(subject), "{subject}");
            }
            let everyone = subjects.everyone(b"Arith.sum");
            for subject in [
                "Arith.sum",
                "prod.Arith.sum",
                "$JS.API.STREAM.DELETE.X",
                "%5Fa",
                &everyone,
            ] {
                assert!(!Subjects::is_inbox(subject), "{subject}");
            }
        }
        assert!(Subjects::is_inbox("_INBOX.a.1"));
        assert!(Subjects::is_inbox("_R_.a"));
    }

    #[test]
    fn listed_names_have_no_dots() {
        assert_eq!(listed("Arith.sum_diff"), "Arith-sum_diff");
        assert_eq!(listed(""), "-");
        assert_eq!(listed("text/hover \u{e4}"), "text-hover--");
    }
}
