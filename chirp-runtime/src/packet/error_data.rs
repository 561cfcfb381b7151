use std::fmt;

use bytes::{Buf, Bytes};

use super::PacketError;

/// A service error: a code, a message and auxiliary data.
///
/// Peers in any language can create and read this error. The service defines the meaning of `code` and
/// `data`; `message` is for people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ErrorData {
    /// A code chosen by the service. `0xC700` to `0xC7FF` are reserved for the framework.
    pub code: u16,
    /// A human-readable description.
    pub message: String,
    /// Auxiliary data.
    pub data: Bytes,
}

impl ErrorData {
    const HEAD_LEN: usize = 4;

    /// Creates an error from a code and a message.
    pub fn new(code: u16, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            data: Bytes::new(),
        }
    }

    /// Sets the auxiliary data.
    #[must_use]
    pub fn with_data(mut self, data: impl Into<Bytes>) -> Self {
        self.data = data.into();
        self
    }

    /// Returns whether code, message and data are all empty. Such an error is encoded as zero bytes.
    pub fn is_empty(&self) -> bool {
        self.code == 0 && self.message.is_empty() && self.data.is_empty()
    }

    /// Returns the encoded length, in bytes.
    pub(crate) fn encoded_len(&self) -> usize {
        if self.is_empty() {
            return 0;
        }
        let message = self.message.floor_char_boundary(u16::MAX.into());
        Self::HEAD_LEN + message + self.data.len()
    }

    /// Encodes the error.
    ///
    /// A message of more than 65,535 bytes is cut at the last character boundary that fits.
    pub fn encode(&self) -> Vec<u8> {
        if self.is_empty() {
            return Vec::new();
        }
        let message = &self.message[..self.message.floor_char_boundary(u16::MAX.into())];
        let message_len = u16::try_from(message.len()).unwrap_or(u16::MAX);
        let mut out = Vec::with_capacity(Self::HEAD_LEN + message.len() + self.data.len());
        out.extend_from_slice(&self.code.to_be_bytes());
        out.extend_from_slice(&message_len.to_be_bytes());
        out.extend_from_slice(message.as_bytes());
        out.extend_from_slice(&self.data);
        out
    }

    /// Decodes an error. Zero bytes are the empty error.
    ///
    /// # Errors
    ///
    /// Returns [`PacketError::ErrorData`] if a field is truncated or the message is not UTF-8.
    pub fn decode(mut bytes: Bytes) -> Result<Self, PacketError> {
        let (code, message) = Self::parse(&bytes)?;
        let message = message.to_owned();
        if !bytes.is_empty() {
            bytes.advance(Self::HEAD_LEN + message.len());
        }
        Ok(Self {
            code,
            message,
            data: bytes,
        })
    }

    /// Decodes an error, and replaces invalid UTF-8 in the message with U+FFFD.
    ///
    /// # Errors
    ///
    /// Returns [`PacketError::ErrorData`] if a field is truncated.
    pub fn decode_lossy(mut bytes: Bytes) -> Result<Self, PacketError> {
        let (code, message) = Self::split(&bytes)?;
        let len = message.len();
        let message = String::from_utf8_lossy(message).into_owned();
        if !bytes.is_empty() {
            bytes.advance(Self::HEAD_LEN + len);
        }
        Ok(Self {
            code,
            message,
            data: bytes,
        })
    }

    /// Checks that no field is truncated. The message's encoding is not checked, because invalid UTF-8 fails
    /// one call and must not end the connection.
    pub(super) fn check(bytes: &[u8]) -> Result<(), PacketError> {
        Self::split(bytes).map(|_| ())
    }

    fn parse(bytes: &[u8]) -> Result<(u16, &str), PacketError> {
        let (code, message) = Self::split(bytes)?;
        match str::from_utf8(message) {
            Ok(message) => Ok((code, message)),
            Err(_) => Err(PacketError::ErrorData("the message is not UTF-8")),
        }
    }

    /// Splits off the code and the bytes of the message. The data follow the message.
    fn split(bytes: &[u8]) -> Result<(u16, &[u8]), PacketError> {
        if bytes.is_empty() {
            return Ok((0, b""));
        }
        let Some((&[c0, c1, l0, l1], rest)) = bytes.split_first_chunk::<{ Self::HEAD_LEN }>()
        else {
            return Err(PacketError::ErrorData(
                "the code or the message's length is truncated",
            ));
        };
        let Some(message) = rest.get(..usize::from(u16::from_be_bytes([l0, l1]))) else {
            return Err(PacketError::ErrorData("the message is truncated"));
        };
        Ok((u16::from_be_bytes([c0, c1]), message))
    }
}

impl fmt::Display for ErrorData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.code, self.message.as_str()) {
            (0, "") => f.write_str("service error"),
            (0, message) => f.write_str(message),
            (code, "") => write!(f, "service error {code}"),
            (code, message) => write!(f, "{message} (code {code})"),
        }
    }
}

impl std::error::Error for ErrorData {}

impl From<String> for ErrorData {
    fn from(message: String) -> Self {
        Self::new(0, message)
    }
}

impl From<&str> for ErrorData {
    fn from(message: &str) -> Self {
        Self::new(0, message)
    }
}
