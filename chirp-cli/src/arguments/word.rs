use super::source::Source;

/// A word of the command line that stands for one argument, or for all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// All arguments, as one JSON text.
    Whole(Input),
    /// One argument.
    Named { name: String, input: Input },
}

/// The contents of a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Input {
    /// Text that is read by the type of the argument.
    Text(String),
    /// JSON.
    Json(String),
    /// The contents of a file or of standard input.
    From(Source),
}

impl Word {
    /// Parses a word. The error says what is wrong.
    pub(super) fn parse(word: &str) -> Result<Self, String> {
        if word == "-" {
            return Ok(Self::Whole(Input::From(Source::Stdin)));
        }
        if word.trim_start().starts_with(['{', '[']) {
            return Ok(Self::Whole(Input::Json(word.to_owned())));
        }
        let Some(at) = word.find(['=', '@']) else {
            return Err(format!(
                "the argument {word:?} has no name: write name=text, name:=json or name@file, or JSON for all arguments"
            ));
        };
        let (name, rest) = (&word[..at], &word[at + 1..]);
        let is_file = word.as_bytes()[at] == b'@';
        if is_file && rest.is_empty() {
            return Err(format!("there is no file name behind the @ of {word:?}"));
        }
        if is_file && name.is_empty() {
            return Ok(Self::Whole(Input::From(Source::parse(rest))));
        }
        let (name, input) = match (is_file, name.strip_suffix(':')) {
            (true, _) => (name, Input::From(Source::parse(rest))),
            (false, Some(name)) => (name, Input::Json(rest.to_owned())),
            (false, None) => (name, Input::Text(rest.to_owned())),
        };
        if name.is_empty() {
            return Err(format!("there is no name in front of {word:?}"));
        }
        Ok(Self::Named {
            name: name.to_owned(),
            input,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str, input: Input) -> Word {
        Word::Named {
            name: name.to_owned(),
            input,
        }
    }

    #[test]
    fn words_have_a_name_and_an_input() {
        let text = |text: &str| Input::Text(text.to_owned());
        let json = |text: &str| Input::Json(text.to_owned());
        let file = |path: &str| Input::From(Source::File(path.into()));
        let cases = [
            ("a=1", named("a", text("1"))),
            ("a=", named("a", text(""))),
            ("a=-1", named("a", text("-1"))),
            ("a==1", named("a", text("=1"))),
            (
                "mail=ann@example.org",
                named("mail", text("ann@example.org")),
            ),
            ("text=x:=y", named("text", text("x:=y"))),
            ("a:=[1]", named("a", json("[1]"))),
            ("a:=", named("a", json(""))),
            ("data@big.iso", named("data", file("big.iso"))),
            ("data@dir/a=b", named("data", file("dir/a=b"))),
            ("data@-", named("data", Input::From(Source::Stdin))),
            ("@all.json", Word::Whole(file("all.json"))),
            ("@-", Word::Whole(Input::From(Source::Stdin))),
            ("-", Word::Whole(Input::From(Source::Stdin))),
            ("{\"a\":1}", Word::Whole(json("{\"a\":1}"))),
            (" [1]", Word::Whole(json(" [1]"))),
        ];
        for (word, expected) in cases {
            assert_eq!(Word::parse(word), Ok(expected), "{word}");
        }
        for wrong in ["", "a", "=1", ":=1", "a@", "@", "5", "\"a\""] {
            assert!(Word::parse(wrong).is_err(), "{wrong}");
        }
    }
}
