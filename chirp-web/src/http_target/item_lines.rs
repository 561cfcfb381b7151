use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use chirp_runtime::dynamic::JsonText;
use chirp_runtime::packet::ErrorData;
use serde::{Deserialize, Deserializer};

use super::failure::{ProblemDocument, of_error, unexpected};
use crate::outgoing::OutgoingBody;

/// The items of a result, which a gateway sends as lines of JSON.
pub(super) struct ItemLines {
    body: OutgoingBody,
    max_line: usize,
    line: BytesMut,
    /// The bytes at the start of `line` that have no line break.
    searched: usize,
    count: u64,
    is_over: bool,
}

/// A line: an item, the error that ends the stream, or the number of items at its end.
#[derive(Deserialize)]
struct Line {
    /// `null` is an item, too.
    #[serde(default, deserialize_with = "present")]
    item: Option<JsonText>,
    error: Option<ProblemDocument>,
    end: Option<u64>,
}

fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<JsonText>, D::Error> {
    JsonText::deserialize(deserializer).map(Some)
}

impl ItemLines {
    pub(super) fn new(body: OutgoingBody, max_line: usize) -> Self {
        Self {
            body,
            max_line,
            line: BytesMut::new(),
            searched: 0,
            count: 0,
            is_over: false,
        }
    }

    /// Returns the next item, or `None` at the end that the gateway has written. Nothing comes after an error.
    pub(super) fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<JsonText, ErrorData>>> {
        while !self.is_over {
            let end = self.line[self.searched..]
                .iter()
                .position(|byte| *byte == b'\n');
            if let Some(end) = end {
                let line = self.line.split_to(self.searched + end);
                self.line.advance(1);
                self.searched = 0;
                match self.read(&line) {
                    Ok(None) => {}
                    Ok(Some(item)) => return Poll::Ready(Some(Ok(item))),
                    Err(error) => return self.fail(error),
                }
                continue;
            }
            self.searched = self.line.len();
            if self.line.len() > self.max_line {
                let detail = format!("an item is larger than {} bytes", self.max_line);
                return self.fail(unexpected(&detail));
            }
            match ready!(self.body.poll_next(cx)) {
                Some(Ok(bytes)) => self.line.extend_from_slice(&bytes),
                Some(Err(error)) => return self.fail(of_error(&error)),
                None => {
                    let detail = format!("the stream was cut after {} items", self.count);
                    return self.fail(unexpected(&detail));
                }
            }
        }
        Poll::Ready(None)
    }

    fn fail(&mut self, error: ErrorData) -> Poll<Option<Result<JsonText, ErrorData>>> {
        self.is_over = true;
        Poll::Ready(Some(Err(error)))
    }

    /// Reads a line. `None` at the end of the stream, and for a line that is empty.
    fn read(&mut self, line: &[u8]) -> Result<Option<JsonText>, ErrorData> {
        if line.trim_ascii().is_empty() {
            return Ok(None);
        }
        let line: Line = serde_json::from_slice(line)
            .map_err(|error| unexpected(&format!("item {}: {error}", self.count + 1)))?;
        match line {
            Line {
                item: Some(item), ..
            } => {
                self.count += 1;
                Ok(Some(item))
            }
            Line {
                error: Some(error), ..
            } => Err(error.into_error_data()),
            Line { end: Some(end), .. } if end == self.count => {
                self.is_over = true;
                Ok(None)
            }
            Line { end: Some(end), .. } => {
                let detail = format!("stream incomplete: received {} of {end} items", self.count);
                Err(unexpected(&detail))
            }
            _ => Err(unexpected("a line is no item, no error and no end")),
        }
    }
}
