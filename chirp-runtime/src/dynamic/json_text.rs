use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::codec::{DecodeError, EncodeError};

/// A value as JSON text.
///
/// The text is kept as it was written, so that numbers keep all their digits. It is valid JSON without white space around
/// it. With serde the value is that JSON itself, which only `serde_json` and the codec `Json` support.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JsonText(Box<RawValue>);

impl JsonText {
    /// Creates a value from JSON text.
    ///
    /// # Errors
    ///
    /// Returns [`DecodeError`] if the text is not exactly one JSON value.
    pub fn new(text: impl Into<String>) -> Result<Self, DecodeError> {
        let text = RawValue::from_string(text.into());
        text.map(Self).map_err(|error| invalid(&error))
    }

    /// Creates a value from the bytes of JSON text, such as the auxiliary data of an error
    /// ([`ErrorData::data`](crate::packet::ErrorData)).
    ///
    /// # Errors
    ///
    /// Returns [`DecodeError`] if the bytes are not UTF-8 or not exactly one JSON value.
    pub fn from_slice(text: &[u8]) -> Result<Self, DecodeError> {
        let text = serde_json::from_slice::<&RawValue>(text);
        let text = text.map_err(|error| invalid(&error))?;
        Ok(Self(text.to_owned()))
    }

    /// Converts a value to JSON text.
    ///
    /// # Errors
    ///
    /// Returns [`EncodeError`] if the value cannot be written in JSON, such as a map whose keys are tuples.
    pub fn of(value: &impl Serialize) -> Result<Self, EncodeError> {
        let text = serde_json::value::to_raw_value(value);
        text.map(Self).map_err(EncodeError::new)
    }

    /// Creates a text value.
    #[expect(
        clippy::missing_panics_doc,
        reason = "writing text to memory cannot fail"
    )]
    pub fn text(text: &str) -> Self {
        Self::of(&text).expect("text can be written in JSON")
    }

    /// Creates the value of an argument, a result or an item that is bytes: text in base64.
    pub fn bytes(bytes: impl AsRef<[u8]>) -> Self {
        Self::text(&STANDARD.encode(bytes))
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        self.0.get()
    }

    /// Returns the text.
    pub fn into_string(self) -> String {
        Box::<str>::from(self.0).into_string()
    }

    /// Converts the JSON text to a value.
    ///
    /// # Errors
    ///
    /// Returns [`DecodeError`] if the JSON is not a value of this type, or is nested more than 128 deep.
    pub fn to<T: DeserializeOwned>(&self) -> Result<T, DecodeError> {
        serde_json::from_slice(self.as_str().as_bytes()).map_err(DecodeError::new)
    }

    /// Returns the bytes of an argument, a result or an item that is bytes, which JSON has as text in base64.
    ///
    /// # Errors
    ///
    /// Returns [`DecodeError`] if the value is not text in base64.
    pub fn to_bytes(&self) -> Result<Vec<u8>, DecodeError> {
        let text: String = self.to()?;
        let bytes = STANDARD.decode(text);
        bytes.map_err(|error| DecodeError::new(format_args!("not base64: {error}")))
    }
}

fn invalid(error: &serde_json::Error) -> DecodeError {
    DecodeError::new(format_args!("invalid JSON: {error}"))
}

impl AsRef<str> for JsonText {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl FromStr for JsonText {
    type Err = DecodeError;

    fn from_str(text: &str) -> Result<Self, DecodeError> {
        Self::new(text)
    }
}

impl PartialEq<str> for JsonText {
    fn eq(&self, text: &str) -> bool {
        self.as_str() == text
    }
}

impl PartialEq<&str> for JsonText {
    fn eq(&self, text: &&str) -> bool {
        self.as_str() == *text
    }
}

impl fmt::Display for JsonText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for JsonText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JsonText({})", self.as_str())
    }
}
