use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_core::Stream;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::JsonText;
use crate::codec::attaching::decoding;
use crate::codec::{CodecId, Item, Json, StreamSource};
use crate::packet::{ErrorData, FrameworkError};
use crate::peer::{Reply, Request};
use crate::reflect::MethodDescription;
use crate::service::{Results, Streamed, results};
use crate::stream::Receiver;

/// The parts of a call with values in JSON, for a fallback that passes calls on in another protocol, and knows the method by its
/// description alone.
#[derive(Debug)]
#[non_exhaustive]
pub struct JsonRequest {
    /// The arguments with their names, in the order in which they were sent.
    pub arguments: Vec<(String, JsonRequestArgument)>,
    /// The stream that the caller expects as the result.
    pub items: Option<JsonItems>,
}

/// An argument of a [`JsonRequest`].
#[derive(Debug)]
#[non_exhaustive]
pub enum JsonRequestArgument {
    /// A value.
    Value(JsonText),
    /// A stream of values.
    Items(Receiver<JsonText>),
    /// A stream of bytes.
    Bytes(Receiver<Bytes>),
}

/// The stream that the caller of a [`JsonRequest`] expects as the result.
#[derive(Debug)]
pub struct JsonItems(Results);

impl JsonRequest {
    /// Takes a call of `method` apart. The streams that arguments contain in places where the description has none are refused.
    ///
    /// # Errors
    ///
    /// The error that the caller is to be told: the arguments are invalid, or the streams are not those of the method.
    pub fn new(request: &Request, method: &MethodDescription) -> Result<Self, ErrorData> {
        let items = results::<Json>(request);
        if items.is_some() != method.items.is_some() {
            let detail = if items.is_some() {
                "the caller expects a stream, but the result of this method is not a stream"
            } else {
                "the result of this method is a stream, but the caller does not expect a stream"
            };
            return Err(FrameworkError::Unsupported.to_error_data(detail));
        }
        let arrived = request.arrived();
        let streams = arrived.map(StreamSource::streams).unwrap_or_default();
        let (arguments, claims) = decoding(streams, || arguments(request.params(), method));
        let reason = if claims.misses_stream() {
            FrameworkError::UnknownStream
        } else {
            FrameworkError::InvalidArguments
        };
        let invalid = |error: &dyn fmt::Display| reason.to_error_data(&error.to_string());
        let arguments = arguments.map_err(|error| invalid(&error))?;
        if let Some(arrived) = arrived {
            arrived.settle(claims).map_err(|error| invalid(&error))?;
        }
        Ok(Self {
            arguments,
            items: items.map(JsonItems),
        })
    }
}

impl JsonItems {
    /// Sends the items of the result, which `next` returns when polled, and returns the reply. An error ends the stream and the
    /// call, after the items before it. `next` is polled when the caller has room for an item.
    pub async fn send<F>(self, next: F) -> Reply
    where
        F: FnMut(&mut Context<'_>) -> Poll<Option<Result<JsonText, ErrorData>>> + Send + Unpin,
    {
        if self.0.codec() != CodecId::Json {
            return FrameworkError::Unsupported
                .to_error_data("the caller expects items in another codec than JSON")
                .into();
        }
        send(self.0, next).await
    }

    /// Sends the bytes of the result: see [`send`](Self::send).
    pub async fn send_bytes<F>(self, next: F) -> Reply
    where
        F: FnMut(&mut Context<'_>) -> Poll<Option<Result<Bytes, ErrorData>>> + Send + Unpin,
    {
        send(self.0, next).await
    }
}

async fn send<T: Item, F>(results: Results, next: F) -> Reply
where
    F: FnMut(&mut Context<'_>) -> Poll<Option<Result<T, ErrorData>>> + Send + Unpin,
{
    <T as Streamed<Json>>::send_results(results, Polled(next), |error, _| error.clone()).await
}

/// A stream of what a function returns when polled.
struct Polled<F>(F);

impl<T, F> Stream for Polled<F>
where
    F: FnMut(&mut Context<'_>) -> Poll<Option<T>> + Unpin,
{
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        (self.0)(cx)
    }
}

fn arguments(
    params: &[u8],
    method: &MethodDescription,
) -> Result<Vec<(String, JsonRequestArgument)>, serde_json::Error> {
    let params = params.trim_ascii();
    if params.is_empty() {
        return Ok(Vec::new());
    }
    if method.params {
        // The parameters are the argument itself.
        let value = serde_json::from_slice::<Box<RawValue>>(params)?;
        return Ok(vec![(String::new(), value_of(&value)?)]);
    }
    let given: RawArguments = serde_json::from_slice(params)?;
    let given = match given {
        RawArguments::Named(given) => given,
        RawArguments::Positional(given) if given.len() > method.arguments.len() => {
            return Err(serde::de::Error::custom(format_args!(
                "expected {} arguments, got {}",
                method.arguments.len(),
                given.len()
            )));
        }
        RawArguments::Positional(given) => {
            let names = method.arguments.iter();
            let names = names.map(|argument| argument.name.clone());
            names.zip(given).collect()
        }
    };
    let arguments = given.into_iter().map(|(name, value)| {
        let described = method
            .arguments
            .iter()
            .find(|argument| argument.name == name || argument.aliases.contains(&name));
        let argument = match described.filter(|argument| argument.stream) {
            Some(argument) if argument.value.is_bytes() => {
                serde_json::from_slice(value.get().as_bytes()).map(JsonRequestArgument::Bytes)
            }
            Some(_) => {
                serde_json::from_slice(value.get().as_bytes()).map(JsonRequestArgument::Items)
            }
            None => value_of(&value),
        };
        Ok((name, argument?))
    });
    arguments.collect()
}

fn value_of(value: &RawValue) -> Result<JsonRequestArgument, serde_json::Error> {
    serde_json::from_slice(value.get().as_bytes()).map(JsonRequestArgument::Value)
}

/// Arguments as they are given.
enum RawArguments {
    Named(Vec<(String, Box<RawValue>)>),
    Positional(Vec<Box<RawValue>>),
}

impl<'de> Deserialize<'de> for RawArguments {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct RawArgumentsVisitor;

        impl<'de> Visitor<'de> for RawArgumentsVisitor {
            type Value = RawArguments;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object of arguments by name, or an array by position")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawArguments, A::Error> {
                let mut values = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    values.push(entry);
                }
                Ok(RawArguments::Named(values))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<RawArguments, A::Error> {
                let mut values = Vec::new();
                while let Some(value) = seq.next_element()? {
                    values.push(value);
                }
                Ok(RawArguments::Positional(values))
            }
        }

        deserializer.deserialize_any(RawArgumentsVisitor)
    }
}
