//! Splits bytes into messages, and joins messages to bytes. Nothing here reads, writes or waits.

mod content_length;
mod error;
mod lines;
#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

use bytes::{Bytes, BytesMut};

use content_length::ContentLengthDecoder;
use lines::LineDecoder;

pub use error::FramingError;

/// The way in which JSON-RPC messages follow each other in a stream of bytes. Both sides must use the same: it is not
/// detected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Framing {
    /// A message per line, as in MCP and ACP. Lines end with a line feed, with or without a carriage return before it. Empty
    /// lines are ignored, and the last line needs no end.
    #[default]
    Lines,
    /// Header fields with a `Content-Length` before each message, as in LSP. The name of the field may be in upper or lower
    /// case, and other fields are ignored.
    ContentLength,
}

/// A part of the input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Frame {
    /// A whole message, which may be anything but JSON.
    Message(Bytes),
    /// A message was larger than the limit. It is reported as soon as its start has arrived, and the rest is skipped.
    TooLarge {
        /// The first bytes.
        start: Bytes,
    },
}

impl Frame {
    /// A message over the limit, of which at least as many bytes have arrived.
    fn too_large(message: &[u8], limit: usize) -> Self {
        let start = Bytes::copy_from_slice(&message[..SHOWN_START.min(limit)]);
        Self::TooLarge { start }
    }
}

/// The bytes of a message over the limit that are looked at, unless the limit is lower.
const SHOWN_START: usize = 512;

/// Splits the input of one connection into messages. Holds no bytes itself: those of an unfinished message stay in the
/// buffer, whose size is limited by the limit of a message and that of its header fields.
#[derive(Debug)]
pub(crate) struct FrameDecoder(Decoder);

#[derive(Debug)]
enum Decoder {
    Lines(LineDecoder),
    ContentLength(ContentLengthDecoder),
}

impl Framing {
    /// Returns the name by which addresses and settings refer to the framing: `lines` or `content-length`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Lines => "lines",
            Self::ContentLength => "content-length",
        }
    }

    /// Creates a decoder of messages of at most `max_message` bytes.
    pub(crate) fn decoder(self, max_message: usize) -> FrameDecoder {
        FrameDecoder(match self {
            Self::Lines => Decoder::Lines(LineDecoder::new(max_message)),
            Self::ContentLength => Decoder::ContentLength(ContentLengthDecoder::new(max_message)),
        })
    }

    /// Appends a message, which is valid JSON.
    pub(crate) fn encode(self, message: &[u8], output: &mut Vec<u8>) {
        match self {
            Self::Lines => lines::encode(message, output),
            Self::ContentLength => content_length::encode(message, output),
        }
    }
}

impl FrameDecoder {
    /// Takes the next message from the start of `input`. Returns `None` if more input is needed.
    pub(crate) fn decode(&mut self, input: &mut BytesMut) -> Result<Option<Frame>, FramingError> {
        match &mut self.0 {
            Decoder::Lines(lines) => Ok(lines.decode(input)),
            Decoder::ContentLength(fields) => fields.decode(input),
        }
    }

    /// Whether a message has begun, of which `input` holds the bytes that have arrived.
    pub(crate) fn is_inside(&self, input: &BytesMut) -> bool {
        !input.is_empty()
            || match &self.0 {
                Decoder::Lines(lines) => lines.skips(),
                Decoder::ContentLength(fields) => fields.has_begun(),
            }
    }

    /// Takes the last message at the end of the input, after [`decode`](Self::decode) has returned `None`.
    pub(crate) fn finish(&mut self, input: &mut BytesMut) -> Result<Option<Frame>, FramingError> {
        match &mut self.0 {
            Decoder::Lines(lines) => Ok(lines.finish(input)),
            Decoder::ContentLength(fields) => fields.finish(input).map(|()| None),
        }
    }
}

impl fmt::Display for Framing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The error for a text that is not the name of a [`Framing`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown framing {0:?}: use `lines` or `content-length`")]
pub struct UnknownFraming(String);

impl FromStr for Framing {
    type Err = UnknownFraming;

    fn from_str(name: &str) -> Result<Self, UnknownFraming> {
        [Self::Lines, Self::ContentLength]
            .into_iter()
            .find(|framing| framing.name() == name)
            .ok_or_else(|| UnknownFraming(name.to_owned()))
    }
}
