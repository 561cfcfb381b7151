use std::io::Write;

use bytes::{Buf, BytesMut};

use super::{Frame, FramingError, SHOWN_START};

/// The longest header fields of a message, with their line ends. LSP has two short ones.
pub(super) const MAX_HEAD: usize = 4096;

/// The part of a wrong line that errors show.
const SHOWN: usize = 60;

/// Takes messages with header fields from a buffer.
#[derive(Debug)]
pub(super) struct ContentLengthDecoder {
    max_message: usize,
    state: State,
}

#[derive(Debug)]
enum State {
    /// The header fields have not arrived. `line` is the start of the line that is not finished, `scanned` the number of
    /// bytes that have been looked at.
    Head {
        line: usize,
        scanned: usize,
        length: Option<u64>,
        /// Whether a field has arrived. Before the first one, empty lines are ignored.
        has_fields: bool,
    },
    /// The message follows.
    Body { length: usize },
    /// A message follows that is too large, and has not been reported.
    TooLarge { length: u64 },
    /// The rest of a message that was too large follows.
    Skip { left: u64 },
}

impl State {
    const START: Self = Self::Head {
        line: 0,
        scanned: 0,
        length: None,
        has_fields: false,
    };
}

impl ContentLengthDecoder {
    pub(super) fn new(max_message: usize) -> Self {
        Self {
            max_message,
            state: State::START,
        }
    }

    pub(super) fn decode(&mut self, input: &mut BytesMut) -> Result<Option<Frame>, FramingError> {
        loop {
            match &mut self.state {
                State::Head { .. } => {
                    let Some(length) = self.head(input)? else {
                        return Ok(None);
                    };
                    match usize::try_from(length) {
                        Ok(length) if length <= self.max_message => {
                            self.state = State::Body { length };
                        }
                        _ => self.state = State::TooLarge { length },
                    }
                }
                State::Body { length } => {
                    // The buffer grows with the bytes that arrive, not with the length that is claimed.
                    if input.len() < *length {
                        return Ok(None);
                    }
                    let message = input.split_to(*length).freeze();
                    self.state = State::START;
                    return Ok(Some(Frame::Message(message)));
                }
                State::TooLarge { length } => {
                    if input.len() < SHOWN_START.min(self.max_message) {
                        return Ok(None);
                    }
                    self.state = State::Skip { left: *length };
                    return Ok(Some(Frame::too_large(input, self.max_message)));
                }
                State::Skip { left } => {
                    let arrived = usize::try_from(*left)
                        .unwrap_or(usize::MAX)
                        .min(input.len());
                    input.advance(arrived);
                    *left -= arrived as u64;
                    if *left > 0 {
                        return Ok(None);
                    }
                    self.state = State::START;
                }
            }
        }
    }

    /// Whether the header fields of a message have arrived.
    pub(super) fn has_begun(&self) -> bool {
        !matches!(self.state, State::Head { .. })
    }

    pub(super) fn finish(&mut self, input: &mut BytesMut) -> Result<(), FramingError> {
        let missing = match &self.state {
            State::Head { has_fields, .. } => {
                let is_blank = input.iter().all(|byte| matches!(byte, b'\r' | b'\n'));
                if !has_fields && is_blank {
                    return Ok(());
                }
                "the end of the header fields"
            }
            State::Body { .. } | State::TooLarge { .. } | State::Skip { .. } => {
                "the end of the body"
            }
        };
        Err(FramingError::Truncated { missing })
    }

    /// Reads header fields, and removes them if they are complete. Returns the length of the message.
    fn head(&mut self, input: &mut BytesMut) -> Result<Option<u64>, FramingError> {
        let State::Head {
            line,
            scanned,
            length,
            has_fields,
        } = &mut self.state
        else {
            return Ok(None);
        };
        while let Some(found) = memchr::memchr(b'\n', &input[*scanned..]) {
            let end = *scanned + found;
            if end >= MAX_HEAD {
                break;
            }
            let field = &input[*line..end];
            let field = field.strip_suffix(b"\r").unwrap_or(field);
            (*line, *scanned) = (end + 1, end + 1);
            if !field.is_empty() {
                *has_fields = true;
                read_field(field, length)?;
            } else if *has_fields {
                let length = length.ok_or(FramingError::NoLength)?;
                input.advance(end + 1);
                return Ok(Some(length));
            } else {
                input.advance(end + 1);
                (*line, *scanned) = (0, 0);
            }
        }
        *scanned = input.len();
        if *scanned > MAX_HEAD {
            return Err(FramingError::HeadTooLarge { limit: MAX_HEAD });
        }
        Ok(None)
    }
}

/// Reads a header field into `length` if it is the length.
fn read_field(field: &[u8], length: &mut Option<u64>) -> Result<(), FramingError> {
    let Some(colon) = memchr::memchr(b':', field) else {
        let line = shown(field);
        return Err(FramingError::NoField { line });
    };
    let (name, value) = (&field[..colon], field[colon + 1..].trim_ascii());
    if !name.trim_ascii().eq_ignore_ascii_case(b"content-length") {
        return Ok(());
    }
    // Nineteen digits always fit. `parse` alone would accept a sign.
    let is_number = (1..=19).contains(&value.len()) && value.iter().all(u8::is_ascii_digit);
    let number = str::from_utf8(value).ok().filter(|_| is_number);
    let Some(second) = number.and_then(|number| number.parse().ok()) else {
        let value = shown(value);
        return Err(FramingError::InvalidLength { value });
    };
    match length.replace(second) {
        Some(first) if first != second => Err(FramingError::TwoLengths { first, second }),
        _ => Ok(()),
    }
}

fn shown(line: &[u8]) -> String {
    String::from_utf8_lossy(&line[..line.len().min(SHOWN)]).into_owned()
}

pub(super) fn encode(message: &[u8], output: &mut Vec<u8>) {
    // Writing to memory does not fail.
    let _ = write!(output, "Content-Length: {}\r\n\r\n", message.len());
    output.extend_from_slice(message);
}
