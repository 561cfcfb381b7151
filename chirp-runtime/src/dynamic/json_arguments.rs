use std::fmt;

use bytes::Bytes;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use super::JsonText;
use crate::codec::{CodecId, Encoder, Item, Json, Wire};
use crate::packet::{Attachments, Payload};
use crate::peer::CallError;
use crate::service::Streamed;
use crate::stream::{IntoReceiver, Receiver, Sender};

/// The arguments of a call in JSON, by name or by position.
///
/// JSON text converts to arguments: an object by name, an array by position, and empty text to no arguments. Arguments that
/// are invalid fail their call with [`CallError::Encode`], and nothing is sent.
///
/// ```
/// # mod chirp { pub use chirp_runtime::dynamic as reflect; }
/// use chirp::reflect::{JsonArguments, JsonText};
///
/// # fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let whole = JsonArguments::from(r#"{"a":100,"b":250}"#);
/// let built = JsonArguments::new()
///     .named("a", &JsonText::new("100")?)
///     .named("b", &JsonText::of(&250)?);
/// # Ok(()) }
/// ```
#[derive(Default)]
pub struct JsonArguments {
    list: ArgumentList,
    /// The first reason why the arguments cannot be sent.
    error: Option<String>,
}

#[derive(Default)]
enum ArgumentList {
    #[default]
    Empty,
    Named(Encoder<Json>),
    Positional(Encoder<Json>),
}

impl ArgumentList {
    fn named() -> Self {
        Self::Named(Encoder::named(&[]))
    }

    fn positional() -> Self {
        Self::Positional(Encoder::new())
    }
}

impl JsonArguments {
    /// Creates an empty list of arguments.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an argument by its name.
    #[must_use]
    pub fn named(self, name: &str, value: &JsonText) -> Self {
        self.add(Some(name), |list| Wire::put(value, list))
    }

    /// Adds the next argument by position.
    #[must_use]
    pub fn positional(self, value: &JsonText) -> Self {
        self.add(None, |list| Wire::put(value, list))
    }

    /// Adds a stream of items by the name of the argument. The items are sent in JSON: those of type [`JsonText`] as they
    /// are. The stream belongs to the call, and ends with it, unless the call is one-way. See [`IntoReceiver`] for the
    /// types of streams.
    #[must_use]
    pub fn stream<T: Item>(self, name: &str, items: impl IntoReceiver<T>) -> Self {
        self.add(Some(name), |list| {
            <T as Streamed<Json>>::put(items, list);
        })
    }

    /// Adds a stream of items as the next argument by position: see [`stream`](Self::stream).
    #[must_use]
    pub fn positional_stream<T: Item>(self, items: impl IntoReceiver<T>) -> Self {
        self.add(None, |list| <T as Streamed<Json>>::put(items, list))
    }

    /// Adds a stream of bytes by the name of the argument, for a method that takes a stream of bytes. The bytes are sent as
    /// they are, without base64. Otherwise as [`stream`](Self::stream).
    #[must_use]
    pub fn byte_stream(self, name: &str, items: impl IntoReceiver<Bytes>) -> Self {
        self.add(Some(name), |list| put_bytes(items, list))
    }

    /// Adds a stream of bytes as the next argument by position: see [`byte_stream`](Self::byte_stream).
    #[must_use]
    pub fn positional_byte_stream(self, items: impl IntoReceiver<Bytes>) -> Self {
        self.add(None, |list| put_bytes(items, list))
    }

    /// Adds the sending half of a stream ([`stream::channel`](crate::stream::channel)) by the name of the argument. The
    /// peer sends items in JSON through it, which the receiving half yields. The stream does not end with the call.
    #[must_use]
    pub fn sender<T: Item>(self, name: &str, sender: &Sender<T>) -> Self {
        self.add(Some(name), |list| Wire::put(sender, list))
    }

    /// Adds the sending half of a stream as the next argument by position: see [`sender`](Self::sender).
    #[must_use]
    pub fn positional_sender<T: Item>(self, sender: &Sender<T>) -> Self {
        self.add(None, |list| Wire::put(sender, list))
    }

    /// Adds the receiving half of a stream ([`stream::channel`](crate::stream::channel)) by the name of the argument. The
    /// peer receives items in JSON from the sending half. The stream does not end with the call.
    #[must_use]
    pub fn receiver<T: Item>(self, name: &str, receiver: &Receiver<T>) -> Self {
        self.add(Some(name), |list| Wire::put(receiver, list))
    }

    /// Adds the receiving half of a stream as the next argument by position: see [`receiver`](Self::receiver).
    #[must_use]
    pub fn positional_receiver<T: Item>(self, receiver: &Receiver<T>) -> Self {
        self.add(None, |list| Wire::put(receiver, list))
    }

    fn add(mut self, name: Option<&str>, put: impl FnOnce(&mut Encoder<Json>)) -> Self {
        if let ArgumentList::Empty = self.list {
            self.list = match name {
                Some(_) => ArgumentList::named(),
                None => ArgumentList::positional(),
            };
        }
        match (&mut self.list, name) {
            (ArgumentList::Named(list), Some(name)) => {
                list.name(name);
                put(list);
            }
            (ArgumentList::Positional(list), None) => put(list),
            _ => self.fail("arguments by name and by position cannot be mixed".to_owned()),
        }
        self
    }

    fn fail(&mut self, error: String) {
        self.error.get_or_insert(error);
    }

    /// Parses a JSON object or array.
    fn parse(text: &str) -> Self {
        if text.trim_ascii().is_empty() {
            return Self::new();
        }
        serde_json::from_slice(text.as_bytes()).unwrap_or_else(|error| {
            let mut arguments = Self::new();
            arguments.fail(format!("the arguments are invalid: {error}"));
            arguments
        })
    }

    /// Returns the encoded arguments, with their streams.
    pub(super) fn payload(self) -> Result<Payload, CallError> {
        if let Some(error) = self.error {
            return Err(CallError::Encode(error));
        }
        let encoded = match self.list {
            ArgumentList::Empty => Encoder::<Json>::named(&[]).payload(),
            ArgumentList::Named(list) | ArgumentList::Positional(list) => list.payload(),
        };
        encoded.map_err(|error| CallError::Encode(error.to_string()))
    }

    /// As [`payload`](Self::payload), for a one-way call, to which no stream belongs.
    pub(super) fn one_way_payload(self) -> Result<Payload, CallError> {
        let mut payload = self.payload()?;
        let mut halves = payload.detach();
        for half in &mut halves {
            half.entry.bound = false;
        }
        let mut attachments = Attachments::default();
        attachments.append(&mut halves);
        Ok(payload.attach(attachments))
    }
}

/// Appends a stream of bytes, whose items are in a codec without base64, and binds it to the call.
fn put_bytes(items: impl IntoReceiver<Bytes>, list: &mut Encoder<Json>) {
    list.put_with_items(&items.into_receiver(), CodecId::Bincode);
    list.bind_last();
}

/// Reads a JSON object or array.
impl<'de> Deserialize<'de> for JsonArguments {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Arguments;

        impl<'de> Visitor<'de> for Arguments {
            type Value = JsonArguments;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object of arguments by name, or an array by position")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut arguments = JsonArguments {
                    list: ArgumentList::named(),
                    error: None,
                };
                while let Some((name, value)) = map.next_entry::<String, JsonText>()? {
                    arguments = arguments.named(&name, &value);
                }
                Ok(arguments)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut arguments = JsonArguments {
                    list: ArgumentList::positional(),
                    error: None,
                };
                while let Some(value) = seq.next_element::<JsonText>()? {
                    arguments = arguments.positional(&value);
                }
                Ok(arguments)
            }
        }

        deserializer.deserialize_any(Arguments)
    }
}

impl From<&str> for JsonArguments {
    fn from(text: &str) -> Self {
        Self::parse(text)
    }
}

impl From<String> for JsonArguments {
    fn from(text: String) -> Self {
        Self::parse(&text)
    }
}

impl From<JsonText> for JsonArguments {
    fn from(text: JsonText) -> Self {
        Self::parse(text.as_str())
    }
}

/// No arguments.
impl From<()> for JsonArguments {
    fn from((): ()) -> Self {
        Self::new()
    }
}

impl fmt::Debug for JsonArguments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = match &self.list {
            ArgumentList::Empty => "empty",
            ArgumentList::Named(_) => "named",
            ArgumentList::Positional(_) => "positional",
        };
        f.debug_struct("JsonArguments")
            .field("list", &format_args!("{list}"))
            .field("error", &self.error)
            .finish()
    }
}
