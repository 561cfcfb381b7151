use bytes::{Buf, Bytes, BytesMut};

use super::Frame;

/// Takes lines from a buffer.
#[derive(Debug)]
pub(super) struct LineDecoder {
    max_message: usize,
    /// The number of bytes at the start of the buffer that contain no line feed, so that none is looked at twice.
    scanned: usize,
    /// Whether the rest of a line that was too long is being skipped.
    skips: bool,
}

impl LineDecoder {
    pub(super) fn new(max_message: usize) -> Self {
        Self {
            max_message,
            scanned: 0,
            skips: false,
        }
    }

    pub(super) fn decode(&mut self, input: &mut BytesMut) -> Option<Frame> {
        loop {
            let Some(end) = memchr::memchr(b'\n', &input[self.scanned..]) else {
                if self.skips {
                    input.clear();
                    return None;
                }
                self.scanned = input.len();
                // One more byte may be a carriage return that belongs to the end of the line.
                if self.scanned > self.max_message.saturating_add(1) {
                    self.scanned = 0;
                    self.skips = true;
                    let frame = Frame::too_large(input, self.max_message);
                    input.clear();
                    return Some(frame);
                }
                return None;
            };
            let line = input.split_to(self.scanned + end);
            input.advance(1);
            self.scanned = 0;
            if std::mem::take(&mut self.skips) {
                continue;
            }
            let frame = self.frame(line.freeze());
            if frame.is_some() {
                return frame;
            }
        }
    }

    /// Whether the rest of a line that was too long is being skipped.
    pub(super) fn skips(&self) -> bool {
        self.skips
    }

    pub(super) fn finish(&mut self, input: &mut BytesMut) -> Option<Frame> {
        let line = input.split().freeze();
        self.scanned = 0;
        if std::mem::take(&mut self.skips) {
            return None;
        }
        self.frame(line)
    }

    /// Returns `None` for an empty line.
    fn frame(&self, mut line: Bytes) -> Option<Frame> {
        if line.last() == Some(&b'\r') {
            line.truncate(line.len() - 1);
        }
        match line.len() {
            _ if line.iter().all(|byte| matches!(byte, b' ' | b'\t' | b'\r')) => None,
            length if length > self.max_message => Some(Frame::too_large(&line, self.max_message)),
            _ => Some(Frame::Message(line)),
        }
    }
}

pub(super) fn encode(message: &[u8], output: &mut Vec<u8>) {
    let start = output.len();
    output.extend_from_slice(message);
    // Line ends are whitespace between the tokens of JSON: inside of strings they are escaped.
    if memchr::memchr2(b'\n', b'\r', message).is_some() {
        for byte in &mut output[start..] {
            if matches!(byte, b'\n' | b'\r') {
                *byte = b' ';
            }
        }
    }
    output.push(b'\n');
}
