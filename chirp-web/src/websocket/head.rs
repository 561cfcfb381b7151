//! The heads of HTTP messages on a channel.

use std::fmt::Write as _;
use std::io;

use bytes::{Buf, BytesMut};
use chirp_runtime::channel::Reader;
use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::io::AsyncReadExt;

use super::WebSocketError;

/// The longest head.
pub(super) const MAX_HEAD: usize = 16 << 10;

/// The most headers of a head.
pub(super) const MAX_HEADERS: usize = 100;

/// A reader with the bytes that have arrived, of which a head is the first part.
pub(super) struct HeadReader {
    pub(super) io: Reader,
    pub(super) buffer: BytesMut,
}

impl HeadReader {
    pub(super) fn new(io: Reader) -> Self {
        Self {
            io,
            buffer: BytesMut::new(),
        }
    }

    /// Reads a head. `parse` returns the head and its length, once it is complete.
    pub(super) async fn read<T>(
        &mut self,
        mut parse: impl FnMut(&[u8]) -> Result<Option<(usize, T)>, WebSocketError>,
    ) -> io::Result<T> {
        loop {
            if let Some((length, head)) = parse(&self.buffer)? {
                self.buffer.advance(length);
                return Ok(head);
            }
            let left = MAX_HEAD.saturating_sub(self.buffer.len());
            if left == 0 {
                return Err(WebSocketError::HeadTooLarge { limit: MAX_HEAD }.into());
            }
            let read = (&mut self.io)
                .take(left as u64)
                .read_buf(&mut self.buffer)
                .await?;
            if read == 0 {
                let text = "the connection ended during the WebSocket handshake";
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, text));
            }
        }
    }
}

/// Copies parsed headers.
pub(super) fn headers(parsed: &[httparse::Header<'_>]) -> Option<HeaderMap> {
    let mut headers = HeaderMap::with_capacity(parsed.len());
    for header in parsed {
        let name = HeaderName::from_bytes(header.name.as_bytes()).ok()?;
        headers.append(name, HeaderValue::from_bytes(header.value).ok()?);
    }
    Some(headers)
}

/// Returns whether a header that is a list has an element, without regard to case.
pub(super) fn has_token(headers: &HeaderMap, name: HeaderName, token: &str) -> bool {
    tokens(headers, name).any(|found| found.eq_ignore_ascii_case(token))
}

/// Returns the elements of a header that is a list, over all lines with its name.
pub(super) fn tokens(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    let values = headers.get_all(name).into_iter();
    let texts = values.filter_map(|value| value.to_str().ok());
    texts.flat_map(|text| text.split(',')).map(str::trim)
}

/// Prints the head of an answer.
pub(super) fn print_answer(answer: &http::Response<String>) -> String {
    let status = answer.status();
    let reason = status.canonical_reason().unwrap_or_default();
    let mut text = format!("HTTP/1.1 {} {reason}\r\n", status.as_str());
    for (name, value) in answer.headers() {
        // All values are from this crate, or have been checked to be text.
        let _ = write!(text, "{name}: {}\r\n", value.to_str().unwrap_or_default());
    }
    text.push_str("\r\n");
    text.push_str(answer.body());
    text
}
