//! The arguments of a call, from the query and the body of a request.

use std::fmt;
use std::pin::pin;

use bytes::Bytes;
use chirp_runtime::dynamic::{JsonArguments, JsonText};
use chirp_runtime::reflect::{ArgumentDescription, MethodDescription};
use chirp_runtime::stream::{Receiver, Sender, channel};
use http::header::HeaderMap;
use http::request::Parts;
use http::{Method, StatusCode};
use http_body::Body;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use super::body_items::BodyItems;
use super::media_type::MediaType;
use super::problem::Problem;
use super::request_body;
use super::upload::Uploads;
use super::url_arguments::UrlArguments;

/// The beginning of entries of the query that are options of the call, not arguments.
pub(super) const OPTION: &str = "chirp.";

/// Where the arguments of a call are.
#[derive(Debug)]
pub(super) enum ArgumentSource {
    /// In the query.
    Query(Vec<(String, JsonText)>),
    /// In the body, as JSON.
    Body,
    /// In the query, and one stream is the body.
    Stream {
        query: Vec<(String, JsonText)>,
        name: String,
        media: MediaType,
    },
}

/// The arguments of a call.
pub(super) enum CallArguments {
    /// JSON that is passed on as it is. No argument is a stream.
    Text(Bytes),
    /// Arguments of which some may be streams.
    List(JsonArguments, Uploads),
}

impl ArgumentSource {
    pub(super) fn of(parts: &Parts, method: &MethodDescription) -> Result<Self, Problem> {
        let query = query(parts)?;
        let mut streams = method.arguments.iter().filter(|argument| argument.stream);
        let stream = streams.next();
        if parts.method != Method::POST {
            return Ok(Self::Query(query));
        }
        let media = MediaType::of_content(&parts.headers);
        match (media, stream) {
            (Some(MediaType::Json), _) if query.is_empty() => Ok(Self::Body),
            (Some(MediaType::Json), _) => Err(Problem::new(
                StatusCode::BAD_REQUEST,
                "arguments are in the body or in the query, not in both",
            )),
            (Some(media @ (MediaType::Bytes | MediaType::Lines)), Some(stream))
                if streams.next().is_none()
                    && (media == MediaType::Lines || stream.value.is_bytes()) =>
            {
                Ok(Self::Stream {
                    query,
                    name: stream.name.clone(),
                    media,
                })
            }
            _ => Err(unsupported(stream)),
        }
    }

    /// Reads the arguments.
    pub(super) async fn read<B>(
        self,
        headers: &HeaderMap,
        body: B,
        limit: usize,
        method: &MethodDescription,
        urls: &UrlArguments,
    ) -> Result<CallArguments, Problem>
    where
        B: Body + Send + 'static,
        B::Data: Send,
    {
        match self {
            Self::Query(query) => {
                let list = named(&query);
                Ok(CallArguments::List(list, Uploads::default()))
            }
            Self::Body => {
                let text = request_body::read_whole(headers, pin!(body), limit).await?;
                CallArguments::of_json(text, method, urls)
            }
            Self::Stream { query, name, media } => {
                let mut uploads = Uploads::default();
                let list = named(&query);
                let list = if media == MediaType::Bytes {
                    list.byte_stream(&name, Receiver::from_results(BodyItems::new(body)))
                } else {
                    let (sender, receiver) = channel();
                    uploads.send_lines(body, limit, sender);
                    list.stream::<JsonText>(&name, receiver)
                };
                Ok(CallArguments::List(list, uploads))
            }
        }
    }
}

impl CallArguments {
    /// Converts arguments in JSON, of which some may be streams.
    pub(super) fn of_json(
        text: Bytes,
        method: &MethodDescription,
        urls: &UrlArguments,
    ) -> Result<Self, Problem> {
        if !method.arguments.iter().any(|argument| argument.stream) {
            return Ok(Self::Text(text));
        }
        let mut uploads = Uploads::default();
        let list = with_streams(&text, method, urls, &mut uploads)?;
        Ok(Self::List(list, uploads))
    }
}

/// Checks arguments in JSON for a call that is made later: that they are JSON, that none is missing, and that URLs are allowed.
#[cfg(feature = "requests")]
pub(super) fn check_json(
    text: &[u8],
    method: &MethodDescription,
    urls: &UrlArguments,
) -> Result<(), Problem> {
    let text = if text.is_empty() { b"{}" } else { text };
    let invalid = |detail: String| Problem::new(StatusCode::BAD_REQUEST, detail);
    if method.params {
        let value = JsonText::from_slice(text);
        return value
            .map(|_| ())
            .map_err(|error| invalid(format!("the arguments are invalid: {error}")));
    }
    let given: Given = serde_json::from_slice(text)
        .map_err(|error| invalid(format!("the arguments are invalid: {error}")))?;
    for (at, argument) in method.arguments.iter().enumerate() {
        if argument.stream
            && argument.value.is_bytes()
            && let Some(value) = given.get(at, argument)
        {
            urls.check(&argument.name, value)?;
        }
    }
    let mut required = method
        .arguments
        .iter()
        .enumerate()
        .filter(|(_, argument)| argument.required);
    let missing = match &given {
        Given::Positional(values) if values.len() > method.arguments.len() => {
            let most = method.arguments.len();
            return Err(invalid(format!(
                "too many arguments: {} of {most}",
                values.len()
            )));
        }
        Given::Positional(values) => required.find(|(at, _)| *at >= values.len()),
        Given::Named(values) => required.find(|(_, argument)| {
            !values
                .iter()
                .any(|(name, _)| *name == argument.name || argument.aliases.contains(name))
        }),
    };
    match missing {
        None => Ok(()),
        Some((_, argument)) => Err(invalid(format!(
            "the argument \"{}\" is missing",
            argument.name
        ))),
    }
}

#[cfg(feature = "requests")]
impl Given {
    /// Returns the value of an argument, which is at this position.
    fn get(&self, at: usize, argument: &ArgumentDescription) -> Option<&JsonText> {
        match self {
            Self::Positional(values) => values.get(at),
            Self::Named(values) => {
                let found = values
                    .iter()
                    .find(|(name, _)| *name == argument.name || argument.aliases.contains(name));
                found.map(|(_, value)| value)
            }
        }
    }
}

fn unsupported(stream: Option<&ArgumentDescription>) -> Problem {
    let detail = match stream {
        None => "arguments are JSON: send the header Content-Type: application/json".to_owned(),
        Some(stream) => {
            let media = if stream.value.is_bytes() {
                MediaType::Bytes
            } else {
                MediaType::Lines
            };
            format!(
                "send Content-Type: application/json with all arguments, or Content-Type: {} with the argument \"{}\" as the body \
                 and the others in the query",
                media.name(),
                stream.name
            )
        }
    };
    Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail)
}

fn named(query: &[(String, JsonText)]) -> JsonArguments {
    query
        .iter()
        .fold(JsonArguments::new(), |list, (name, value)| {
            list.named(name, value)
        })
}

/// Reads the arguments in the query: a JSON value each.
fn query(parts: &Parts) -> Result<Vec<(String, JsonText)>, Problem> {
    let query = parts.uri.query().unwrap_or_default();
    let entries = form_urlencoded::parse(query.as_bytes());
    let arguments = entries.filter(|(name, _)| !name.starts_with(OPTION));
    arguments
        .map(|(name, value)| match JsonText::new(value) {
            Ok(value) => Ok((name.into_owned(), value)),
            Err(error) => {
                let detail = format!(
                    "the argument \"{name}\" in the query is not a JSON value (text is in quotes): {error}"
                );
                Err(Problem::new(StatusCode::BAD_REQUEST, detail))
            }
        })
        .collect()
}

/// Arguments in JSON, some of which may be streams.
enum Given {
    Named(Vec<(String, JsonText)>),
    Positional(Vec<JsonText>),
}

/// Converts arguments in JSON, in which a stream is an array of its items, or text in base64 for a byte stream, or its URL.
fn with_streams(
    text: &[u8],
    method: &MethodDescription,
    urls: &UrlArguments,
    uploads: &mut Uploads,
) -> Result<JsonArguments, Problem> {
    let text = if text.trim_ascii().is_empty() {
        b"{}"
    } else {
        text
    };
    let given: Given = serde_json::from_slice(text).map_err(|error| invalid(&error))?;
    let mut start = |list: JsonArguments,
                     name: Option<&str>,
                     argument: &ArgumentDescription,
                     value: &JsonText| {
        if argument.value.is_bytes() {
            let (sender, receiver) = channel();
            send_bytes(argument, value, urls, uploads, sender)?;
            return Ok(match name {
                Some(name) => list.byte_stream(name, receiver),
                None => list.positional_byte_stream(receiver),
            });
        }
        let items = value.to::<Vec<JsonText>>();
        let items = items.map_err(|error| invalid_items(argument, &error))?;
        let (sender, receiver) = channel::<JsonText>();
        uploads.send_items(items, sender);
        Ok::<_, Problem>(match name {
            Some(name) => list.stream(name, receiver),
            None => list.positional_stream(receiver),
        })
    };
    let mut list = JsonArguments::new();
    match given {
        Given::Named(values) => {
            for (name, value) in values {
                let argument = method.arguments.iter().find(|argument| {
                    argument.stream && (argument.name == name || argument.aliases.contains(&name))
                });
                list = match argument {
                    Some(argument) => start(list, Some(&name), argument, &value)?,
                    None => list.named(&name, &value),
                };
            }
        }
        Given::Positional(values) => {
            for (at, value) in values.into_iter().enumerate() {
                list = match method.arguments.get(at).filter(|argument| argument.stream) {
                    Some(argument) => start(list, None, argument, &value)?,
                    None => list.positional(&value),
                };
            }
        }
    }
    Ok(list)
}

/// Sends the bytes of an argument, which are text in base64 or at a URL.
fn send_bytes(
    argument: &ArgumentDescription,
    value: &JsonText,
    urls: &UrlArguments,
    uploads: &mut Uploads,
    sender: Sender<Bytes>,
) -> Result<(), Problem> {
    #[cfg(not(feature = "requests"))]
    let _ = urls;
    #[cfg(feature = "requests")]
    if let Some(source) = urls.open(&argument.name, value)? {
        uploads.send_url(source, sender);
        return Ok(());
    }
    let bytes = value.to_bytes();
    let bytes = bytes.map_err(|error| invalid_items(argument, &error))?;
    uploads.send_items(vec![Bytes::from(bytes)], sender);
    Ok(())
}

fn invalid_items(argument: &ArgumentDescription, error: &dyn fmt::Display) -> Problem {
    invalid(&format_args!("the items of \"{}\": {error}", argument.name))
}

fn invalid(error: &dyn fmt::Display) -> Problem {
    let detail = format!("the arguments are invalid: {error}");
    Problem::new(StatusCode::BAD_REQUEST, detail)
}

impl<'de> Deserialize<'de> for Given {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct GivenVisitor;

        impl<'de> Visitor<'de> for GivenVisitor {
            type Value = Given;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object of arguments by name, or an array by position")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Given, A::Error> {
                let mut values = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    values.push(entry);
                }
                Ok(Given::Named(values))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Given, A::Error> {
                let mut values = Vec::new();
                while let Some(value) = seq.next_element()? {
                    values.push(value);
                }
                Ok(Given::Positional(values))
            }
        }

        deserializer.deserialize_any(GivenVisitor)
    }
}
