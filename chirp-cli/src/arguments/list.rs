use std::borrow::Cow;

use chirp::reflect::{
    ArgumentDescription, Field, JsonArguments, JsonText, MethodDescription, Shape, TypeDefinitions,
    ValueDescription,
};

use super::upload::{StreamArgument, StreamItems, Uploads};
use super::value::{fields_of, json, read_text};
use super::word::{Input, Word};
use crate::failure::Failure;

/// The arguments of a method as they are on the command line.
#[derive(Debug, Default)]
pub(crate) struct ArgumentList {
    /// All arguments as JSON.
    whole: Option<Input>,
    named: Vec<(String, Input)>,
}

impl ArgumentList {
    /// Parses the words of the command line, and reads nothing else.
    pub(crate) fn parse(words: &[String]) -> Result<Self, Failure> {
        let mut list = Self::default();
        for word in words {
            match Word::parse(word).map_err(Failure::usage)? {
                Word::Whole(_) if list.whole.is_some() => {
                    return Err(Failure::usage("all arguments are given twice as JSON"));
                }
                Word::Whole(input) => list.whole = Some(input),
                Word::Named { name, .. } if list.named.iter().any(|(other, _)| *other == name) => {
                    return Err(Failure::usage(format!(
                        "the argument {name} is given twice"
                    )));
                }
                Word::Named { name, input } => list.named.push((name, input)),
            }
        }
        let stdin = |input: &Input| matches!(input, Input::From(super::source::Source::Stdin));
        if list.inputs().filter(|input| stdin(input)).count() > 1 {
            return Err(Failure::usage(
                "standard input can be read for one argument only",
            ));
        }
        Ok(list)
    }

    /// Reads the values of the arguments of `method`. Files and standard input are read by a thread, so that Ctrl-C works
    /// while nothing can be read.
    pub(crate) async fn read(
        self,
        method: &MethodDescription,
        types: &TypeDefinitions,
    ) -> Result<PreparedArguments, Failure> {
        let is_at_hand = !self.inputs().any(|input| matches!(input, Input::From(_)));
        if is_at_hand {
            return self.prepare(method, types);
        }
        let (method, types) = (method.clone(), types.clone());
        let reading = tokio::task::spawn_blocking(move || self.prepare(&method, &types));
        match reading.await {
            Ok(prepared) => prepared,
            Err(error) => Err(Failure::usage(format!(
                "the arguments could not be read: {error}"
            ))),
        }
    }

    /// The names of the arguments that are given by name.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.named.iter().map(|(name, _)| name.as_str())
    }

    fn inputs(&self) -> impl Iterator<Item = &Input> {
        let named = self.named.iter().map(|(_, input)| input);
        self.whole.iter().chain(named)
    }

    fn prepare(
        self,
        method: &MethodDescription,
        types: &TypeDefinitions,
    ) -> Result<PreparedArguments, Failure> {
        let method = &*with_fields(method, types);
        let mut prepared = PreparedArguments::default();
        match self.whole.map(read_whole).transpose()? {
            Some(Whole::Array(array)) if self.named.is_empty() => {
                let length = array.to::<Vec<JsonText>>().map_or(0, |items| items.len());
                let mut given = method.arguments.iter().take(length);
                if let Some(stream) = given.find(|argument| argument.stream) {
                    return Err(Failure::usage(format!(
                        "argument {name}: a stream has no position: write {name}@file, and the others by name",
                        name = stream.name
                    )));
                }
                prepared.positional = Some(array);
                return Ok(prepared);
            }
            Some(Whole::Array(_)) => {
                return Err(Failure::usage(
                    "arguments by position, [..], cannot be combined with arguments by name: use {..}",
                ));
            }
            Some(Whole::Object(entries)) => {
                for (name, value) in entries {
                    let described = find(method, &name).ok();
                    if described.is_some_and(|argument| argument.stream) {
                        let items = listed(&value)
                            .map_err(|error| Failure::usage(format!("argument {name}: {error}")))?;
                        prepared.streams.push(StreamArgument { name, items });
                    } else {
                        prepared.named.push((name, value));
                    }
                }
            }
            None => {}
        }
        for (name, input) in self.named {
            let described = find(method, &name)?;
            if prepared.has(described) {
                return Err(Failure::usage(format!(
                    "the argument {name} is given twice"
                )));
            }
            if described.stream {
                let items = stream_items(input, described)
                    .map_err(|error| Failure::usage(format!("argument {name}: {error}")))?;
                prepared.streams.push(StreamArgument { name, items });
            } else {
                let value = read_value(input, described, types)?
                    .map_err(|error| Failure::usage(format!("argument {name}: {error}")))?;
                prepared.named.push((name, value));
            }
        }
        let missing: Vec<_> = method
            .arguments
            .iter()
            .filter(|argument| argument.required && !prepared.has(argument))
            .map(signature)
            .collect();
        if !missing.is_empty() {
            let plural = if missing.len() == 1 { "" } else { "s" };
            return Err(Failure::usage(format!(
                "{} needs the argument{plural} {}",
                method.name,
                missing.join(", ")
            )));
        }
        Ok(prepared)
    }
}

/// The arguments of a call, ready to be sent.
#[derive(Debug, Default)]
pub(crate) struct PreparedArguments {
    /// An array of all arguments by position. Nothing else is set then.
    positional: Option<JsonText>,
    named: Vec<(String, JsonText)>,
    streams: Vec<StreamArgument>,
}

impl PreparedArguments {
    /// Whether arguments are streams. Streams exist once, so the call cannot be repeated.
    pub(crate) fn has_streams(&self) -> bool {
        !self.streams.is_empty()
    }

    /// Returns the arguments that are not streams.
    pub(crate) fn values(&self) -> JsonArguments {
        match &self.positional {
            Some(array) => array.clone().into(),
            None => self
                .named
                .iter()
                .fold(JsonArguments::new(), |list, (name, value)| {
                    list.named(name, value)
                }),
        }
    }

    /// Returns the arguments that are not streams as JSON text.
    pub(crate) fn to_json(&self) -> String {
        if let Some(array) = &self.positional {
            return array.to_string();
        }
        let entries = self.named.iter().map(|(name, value)| {
            let name = serde_json::Value::from(&name[..]);
            format!("{name}:{value}")
        });
        format!("{{{}}}", entries.collect::<Vec<_>>().join(","))
    }

    /// Returns all arguments, and starts to send the streams.
    pub(crate) async fn start(self) -> Result<(JsonArguments, Uploads), Failure> {
        let values = self.values();
        Uploads::start(values, self.streams).await
    }

    fn has(&self, argument: &ArgumentDescription) -> bool {
        let mut given = self
            .named
            .iter()
            .map(|(name, _)| name)
            .chain(self.streams.iter().map(|stream| &stream.name));
        given.any(|name| is_named(argument, name))
    }
}

/// The arguments in one JSON text.
enum Whole {
    Object(Vec<(String, JsonText)>),
    Array(JsonText),
}

fn read_whole(input: Input) -> Result<Whole, Failure> {
    let text = match input {
        Input::Text(text) | Input::Json(text) => text,
        Input::From(source) => source.read_text()?,
    };
    let text = json(&text)
        .map_err(|error| Failure::usage(format!("the arguments are not valid: {error}")))?;
    match text.as_str().as_bytes().first() {
        Some(b'{') => text
            .to::<Entries>()
            .map(|Entries(entries)| Whole::Object(entries))
            .map_err(|error| Failure::usage(format!("the arguments are not valid: {error}"))),
        Some(b'[') => Ok(Whole::Array(text)),
        _ => Err(Failure::usage(
            "all arguments are a JSON object {..} by name, or an array [..] by position",
        )),
    }
}

/// The entries of an object, in order, with every value as it is written.
struct Entries(Vec<(String, JsonText)>);

impl<'de> serde::Deserialize<'de> for Entries {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Entries;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(
                self,
                mut map: A,
            ) -> Result<Entries, A::Error> {
                let mut entries: Vec<(String, JsonText)> = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, JsonText>()? {
                    if entries.iter().any(|(other, _)| *other == name) {
                        return Err(serde::de::Error::custom(format!("{name:?} occurs twice")));
                    }
                    entries.push((name, value));
                }
                Ok(Entries(entries))
            }
        }

        deserializer.deserialize_map(Visitor)
    }
}

/// Returns a method whose one argument is all of its parameters with the fields of that argument in its place.
fn with_fields<'a>(
    method: &'a MethodDescription,
    types: &TypeDefinitions,
) -> Cow<'a, MethodDescription> {
    let (true, [argument]) = (method.params, &method.arguments[..]) else {
        return Cow::Borrowed(method);
    };
    let Some(fields) = fields_of(&argument.value.readable, types) else {
        return Cow::Borrowed(method);
    };
    let mut method = method.clone();
    method.arguments = fields.iter().map(argument_of).collect();
    Cow::Owned(method)
}

fn argument_of(field: &Field) -> ArgumentDescription {
    let (type_name, shape) = match &field.shape {
        // Inside of a value, bytes are a list of numbers.
        Shape::Bytes => (
            "list of u8".to_owned(),
            Shape::Sequence(Box::new(Shape::U8)),
        ),
        shape @ Shape::Sequence(item) if **item == Shape::U8 => {
            ("list of u8".to_owned(), shape.clone())
        }
        shape => (shape.to_string(), shape.clone()),
    };
    let value = ValueDescription::new(type_name, shape.clone(), shape);
    let mut argument = ArgumentDescription::new(&field.name, value);
    argument.aliases.clone_from(&field.aliases);
    argument.required = field.required;
    argument
}

fn find<'a>(method: &'a MethodDescription, name: &str) -> Result<&'a ArgumentDescription, Failure> {
    let found = method
        .arguments
        .iter()
        .find(|argument| is_named(argument, name));
    found.ok_or_else(|| {
        let known: Vec<_> = method.arguments.iter().map(signature).collect();
        let known = match &known[..] {
            [] => "it has none".to_owned(),
            known => format!("it has {}", known.join(", ")),
        };
        Failure::usage(format!("{} has no argument {name:?}: {known}", method.name))
    })
}

fn is_named(argument: &ArgumentDescription, name: &str) -> bool {
    argument.name == name || argument.aliases.iter().any(|alias| alias == name)
}

fn signature(argument: &ArgumentDescription) -> String {
    let stream = if argument.stream { "stream of " } else { "" };
    format!("{}: {stream}{}", argument.name, argument.value.type_name)
}

/// The inner error is about the value, the outer one about the file.
fn read_value(
    input: Input,
    argument: &ArgumentDescription,
    types: &TypeDefinitions,
) -> Result<Result<JsonText, String>, Failure> {
    Ok(match input {
        Input::Text(text) => read_text(&text, &argument.value, types),
        Input::Json(text) => json(&text),
        Input::From(source) if argument.value.is_bytes() => Ok(JsonText::bytes(source.read()?)),
        Input::From(source) => {
            let text = source.read_text()?;
            let is_text = argument.value.readable == Shape::Text;
            let text = if is_text { &text } else { text.trim() };
            read_text(text, &argument.value, types).map_err(|error| format!("{source}: {error}"))
        }
    })
}

fn stream_items(input: Input, argument: &ArgumentDescription) -> Result<StreamItems, String> {
    let is_bytes = argument.value.is_bytes();
    match input {
        Input::From(source) if is_bytes => Ok(StreamItems::Bytes(source)),
        Input::From(source) => Ok(StreamItems::Lines(source)),
        Input::Text(text) if is_bytes => Ok(StreamItems::Listed(vec![JsonText::bytes(text)])),
        Input::Json(text) => listed(&json(&text)?),
        Input::Text(_) => Err(format!(
            "it is a stream: write {name}@file, {name}@- or {name}:='[..]'",
            name = argument.name
        )),
    }
}

/// Returns the items of a stream that are a JSON array.
fn listed(items: &JsonText) -> Result<StreamItems, String> {
    let items = items.to::<Vec<JsonText>>();
    items
        .map(StreamItems::Listed)
        .map_err(|_| "expected a JSON array of the items".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn method() -> MethodDescription {
        serde_json::from_str(
            r#"{"name": "Files.store", "arguments": [
                {"name": "name", "type": "String", "readable": "text", "compact": "text", "required": true},
                {"name": "mode", "aliases": ["m"], "type": "Option<u32>", "readable": {"optional": "u32"}, "compact": {"optional": "u32"}, "required": false},
                {"name": "tags", "type": "Vec<String>", "readable": {"sequence": "text"}, "compact": {"sequence": "text"}, "required": false},
                {"name": "data", "type": "Bytes", "readable": {"sequence": "u8"}, "compact": {"sequence": "u8"}, "stream": true, "required": false},
                {"name": "rows", "type": "u32", "readable": "u32", "compact": "u32", "stream": true, "required": false}
            ]}"#,
        )
        .expect("a method")
    }

    fn prepare(words: &[&str]) -> Result<PreparedArguments, String> {
        let words: Vec<_> = words.iter().map(|&word| word.to_owned()).collect();
        ArgumentList::parse(&words)
            .and_then(|list| list.prepare(&method(), &TypeDefinitions::default()))
            .map_err(|failure| failure.to_string())
    }

    #[test]
    fn arguments_become_json_by_name() {
        let cases: &[(&[&str], &str)] = &[
            (&["name=x"], r#"name="x""#),
            (&["name=x", "m=5"], r#"name="x" m=5"#),
            (&[r#"{"name":"x","mode":1}"#], r#"name="x" mode=1"#),
            (&[r#"{"name":"x"}"#, "mode=1"], r#"name="x" mode=1"#),
            (&[r#"{"name":"x","new":1.50}"#], r#"name="x" new=1.50"#),
            (&["name:=\"x\"", r#"tags=["a"]"#], r#"name="x" tags=["a"]"#),
        ];
        for (words, expected) in cases {
            let prepared = prepare(words).unwrap_or_else(|error| panic!("{words:?}: {error}"));
            let entries = prepared
                .named
                .iter()
                .map(|(name, value)| format!("{name}={value}"));
            assert_eq!(
                entries.collect::<Vec<_>>().join(" "),
                *expected,
                "{words:?}"
            );
        }
        let positional = prepare(&[r#"["x", 1]"#]).expect("an array").positional;
        assert_eq!(positional.expect("an array").as_str(), r#"["x", 1]"#);
    }

    #[test]
    fn the_fields_of_all_parameters_are_arguments() {
        let method: MethodDescription = serde_json::from_str(
            r#"{"name": "M.m", "params": true, "arguments": [
                {"name": "params", "type": "P", "readable": {"named": "P"}, "compact": "any", "required": true}
            ]}"#,
        )
        .expect("a method");
        let types: TypeDefinitions = serde_json::from_str(
            r#"{"readable": {"P": {"struct": [
                {"name": "text", "aliases": ["t"], "shape": "text", "required": true},
                {"name": "data", "shape": {"sequence": "u8"}, "required": false}
            ]}}}"#,
        )
        .expect("definitions");
        let prepare = |words: &[&str]| {
            let words: Vec<_> = words.iter().map(|&word| word.to_owned()).collect();
            ArgumentList::parse(&words)
                .and_then(|list| list.prepare(&method, &types))
                .map(|prepared| format!("{:?}", prepared.named))
                .map_err(|failure| failure.to_string())
        };
        let named = r#"[("t", JsonText("5")), ("data", JsonText([1,2]))]"#;
        assert_eq!(prepare(&["t=5", "data=[1,2]"]), Ok(named.to_owned()));
        assert_eq!(
            prepare(&[r#"{"t":"5","data":[1,2]}"#]),
            Ok(named.to_owned())
        );
        assert_eq!(
            prepare(&["text=5", "data=ab"]),
            Err("argument data: expected list of u8, which is [u8] in JSON".to_owned())
        );
        assert_eq!(
            prepare(&[]),
            Err("M.m needs the argument text: string".to_owned())
        );
    }

    #[test]
    fn streams_have_bytes_lines_or_listed_items() {
        let streams = |words: &[&str]| {
            let prepared = prepare(words).unwrap_or_else(|error| panic!("{words:?}: {error}"));
            format!("{:?}", prepared.streams[0].items)
        };
        assert!(streams(&["name=x", "data@f"]).starts_with("Bytes(File"));
        assert!(streams(&["name=x", "data@-"]).starts_with("Bytes(Stdin"));
        assert!(streams(&["name=x", "rows@f"]).starts_with("Lines(File"));
        assert_eq!(
            streams(&["name=x", "rows:=[1, 2]"]),
            "Listed([JsonText(1), JsonText(2)])"
        );
        assert_eq!(
            streams(&[r#"{"name":"x","rows":[1,2]}"#]),
            "Listed([JsonText(1), JsonText(2)])"
        );
        assert_eq!(
            streams(&["name=x", "data=abc"]),
            r#"Listed([JsonText("YWJj")])"#
        );
    }

    #[test]
    fn wrong_arguments_are_explained() {
        let cases: &[(&[&str], &str)] = &[
            (&[], "Files.store needs the argument name: String"),
            (&["mode=1"], "Files.store needs the argument name: String"),
            (
                &["name=x", "nmae=y"],
                "Files.store has no argument \"nmae\": it has name: String, mode: Option<u32>, tags: Vec<String>, data: stream of Bytes, rows: stream of u32",
            ),
            (&["name=x", "name=y"], "the argument name is given twice"),
            (
                &["name=x", "mode=1", "m=1"],
                "the argument m is given twice",
            ),
            (
                &[r#"{"name":"x"}"#, "name=y"],
                "the argument name is given twice",
            ),
            (
                &["name=x", "mode=y"],
                "argument mode: expected Option<u32>, which is u32?",
            ),
            (
                &["name=x", "rows=5"],
                "argument rows: it is a stream: write rows@file, rows@- or rows:='[..]'",
            ),
            (
                &["name=x", "rows:=5"],
                "argument rows: expected a JSON array of the items",
            ),
            (
                &[r#"{"name":"x","rows":5}"#],
                "argument rows: expected a JSON array of the items",
            ),
            (
                &[r#"["x",1,[],"YQ==",[1]]"#],
                "argument data: a stream has no position: write data@file, and the others by name",
            ),
            (
                &["[1]", "name=x"],
                "arguments by position, [..], cannot be combined with arguments by name: use {..}",
            ),
            (
                &["name@-", "data@-"],
                "standard input can be read for one argument only",
            ),
            (
                &["name@/nonexistent/x"],
                "cannot read /nonexistent/x: No such file or directory (os error 2)",
            ),
            (&["{}", "{}"], "all arguments are given twice as JSON"),
        ];
        for (words, expected) in cases {
            assert_eq!(
                prepare(words).err().as_deref(),
                Some(*expected),
                "{words:?}"
            );
        }
        for words in [
            &["{"][..],
            &["{\"a\":1,\"a\":2}"],
            &["name:="],
            &["name:=x"],
            &["[1,"],
            &["name=x", "mode:=tru"],
        ] {
            assert!(prepare(words).is_err(), "{words:?}");
        }
    }
}
