//! The two halves of a channel whose bytes travel in messages.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use chirp_runtime::channel::Reader;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::WebSocketError;
use super::frame::{Event, FrameDecoder, MAX_SENT, Opcode};
use super::output::Output;

/// Reads without payload after which other tasks are let run: pings and empty frames may come without end.
const READS: usize = 32;

/// Decodes what arrives, and answers control frames.
pub(super) struct Input {
    decoder: FrameDecoder,
    output: Arc<Output>,
    /// Control frames may be waiting to be written.
    is_control_unsent: bool,
    end: Option<Result<(), WebSocketError>>,
}

/// A step of an [`Input`].
pub(super) enum Step {
    /// The input is used up.
    Incomplete,
    /// The last `len` bytes of those that were consumed are payload.
    Payload { len: usize, ends_message: bool },
    /// The other side sends nothing more: [`Input::end`] says why.
    End,
}

impl Input {
    pub(super) fn new(decoder: FrameDecoder, output: Arc<Output>) -> Self {
        Self {
            decoder,
            output,
            is_control_unsent: false,
            end: None,
        }
    }

    /// Returns the end of the input, if it is over.
    pub(super) fn end(&self) -> Option<io::Result<()>> {
        let end = self.end.clone()?;
        Some(end.map_err(io::Error::from))
    }

    /// Decodes up to the next payload. Returns how many bytes of `input` were consumed.
    pub(super) fn step(&mut self, input: &mut [u8], cx: &mut Context<'_>) -> (usize, Step) {
        let mut at = 0;
        loop {
            match self.decoder.decode(&mut input[at..]) {
                Ok((consumed, event)) => {
                    at += consumed;
                    match event {
                        Event::Incomplete => return (at, Step::Incomplete),
                        Event::Payload { len, ends_message } => {
                            return (at, Step::Payload { len, ends_message });
                        }
                        Event::Ping(payload) => {
                            self.output.pong(payload);
                            self.send_control(cx);
                        }
                        Event::Close(reason) => {
                            self.output.close_received();
                            let end = if reason.is_clean() {
                                Ok(())
                            } else {
                                Err(WebSocketError::Closed(reason))
                            };
                            self.end = Some(end);
                            return (at, Step::End);
                        }
                    }
                }
                Err(error) => {
                    self.fail(error.into(), cx);
                    return (at, Step::End);
                }
            }
        }
    }

    /// Ends the input, and tells the other side why.
    pub(super) fn fail(&mut self, error: WebSocketError, cx: &mut Context<'_>) {
        if let WebSocketError::Protocol { code, text } = &error {
            self.output.close(*code, text);
            self.send_control(cx);
        }
        self.end = Some(Err(error));
    }

    /// Notes that the channel itself has ended.
    pub(super) fn channel_ended(&mut self) {
        // Some sides end the channel instead of answering a Close frame.
        let end = if self.output.is_close_sent() {
            Ok(())
        } else {
            Err(WebSocketError::NoClose)
        };
        self.end.get_or_insert(end);
    }

    fn send_control(&mut self, cx: &mut Context<'_>) {
        self.is_control_unsent = !self.output.poll_control(cx);
    }

    /// Continues to write control frames that did not fit into the channel.
    pub(super) fn poll_control(&mut self, cx: &mut Context<'_>) {
        if self.is_control_unsent {
            self.send_control(cx);
        }
    }
}

/// The meaning of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MessageKind {
    /// Binary messages, whose boundaries mean nothing.
    Bytes,
    /// Text messages of JSON, each of which is a line of the channel. Line ends in a message become tabs: outside of
    /// strings, both are space, and inside, both are invalid.
    #[cfg_attr(not(feature = "jsonrpc"), expect(dead_code, reason = "for JSON-RPC"))]
    Lines,
}

impl MessageKind {
    pub(super) fn opcode(self) -> Opcode {
        match self {
            Self::Bytes => Opcode::Binary,
            Self::Lines => Opcode::Text,
        }
    }
}

/// The reading half. Payload is decoded in the caller's buffer, so that an idle connection has no buffer.
pub(super) struct FrameReader {
    io: Reader,
    /// Bytes that arrived with the handshake.
    early: Bytes,
    input: Input,
    kind: MessageKind,
    /// A message has ended, and its line has not.
    owes_line_end: bool,
}

impl FrameReader {
    pub(super) fn new(io: Reader, early: Bytes, input: Input, kind: MessageKind) -> Self {
        Self {
            io,
            early,
            input,
            kind,
            owes_line_end: false,
        }
    }

    /// Decodes in place: moves payload to the begin of `raw`, and returns its length.
    fn decode(&mut self, raw: &mut [u8], cx: &mut Context<'_>) -> usize {
        let (mut at, mut kept) = (0, 0);
        loop {
            let (consumed, step) = self.input.step(&mut raw[at..], cx);
            at += consumed;
            let Step::Payload { len, ends_message } = step else {
                return kept;
            };
            if self.kind == MessageKind::Bytes {
                raw.copy_within(at - len..at, kept);
                kept += len;
                continue;
            }
            // The header of this message has been removed from `raw`, so there is room.
            if std::mem::take(&mut self.owes_line_end) {
                raw[kept] = b'\n';
                kept += 1;
            }
            raw.copy_within(at - len..at, kept);
            for byte in &mut raw[kept..kept + len] {
                if matches!(byte, b'\n' | b'\r') {
                    *byte = b'\t';
                }
            }
            kept += len;
            if ends_message && kept < at {
                raw[kept] = b'\n';
                kept += 1;
            } else {
                self.owes_line_end = ends_message;
            }
        }
    }
}

impl AsyncRead for FrameReader {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.input.poll_control(cx);
        if buf.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        if std::mem::take(&mut this.owes_line_end) {
            buf.put_slice(b"\n");
            return Poll::Ready(Ok(()));
        }
        for _ in 0..READS {
            if let Some(end) = this.input.end() {
                return Poll::Ready(end);
            }
            let before = buf.filled().len();
            if this.early.is_empty() {
                ready!(Pin::new(&mut this.io).poll_read(cx, buf))?;
            } else {
                let length = this.early.len().min(buf.remaining());
                buf.put_slice(&this.early[..length]);
                this.early.advance(length);
            }
            if buf.filled().len() == before {
                this.input.channel_ended();
                continue;
            }
            let kept = this.decode(&mut buf.filled_mut()[before..], cx);
            buf.set_filled(before + kept);
            if kept > 0 {
                return Poll::Ready(Ok(()));
            }
            if std::mem::take(&mut this.owes_line_end) {
                buf.put_slice(b"\n");
                return Poll::Ready(Ok(()));
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// The writing half. A write of bytes becomes one message of at most 64 KiB.
pub(super) struct FrameWriter {
    output: Arc<Output>,
    kind: MessageKind,
    /// Part of a line has been sent.
    is_inside_line: bool,
}

impl FrameWriter {
    pub(super) fn new(output: Arc<Output>, kind: MessageKind) -> Self {
        Self {
            output,
            kind,
            is_inside_line: false,
        }
    }

    /// Writes a part of a line, or the rest of it, as one frame.
    fn poll_write_line(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let line_end = bytes
            .iter()
            .take(MAX_SENT + 1)
            .position(|&byte| byte == b'\n');
        let part = &bytes[..line_end.unwrap_or(bytes.len()).min(MAX_SENT)];
        if line_end == Some(0) && !self.is_inside_line {
            // No message for an empty line.
            return Poll::Ready(Ok(1));
        }
        let opcode = if self.is_inside_line {
            Opcode::Continuation
        } else {
            Opcode::Text
        };
        let is_final = line_end.is_some();
        let slices = [IoSlice::new(part)];
        let written = ready!(self.output.poll_write(cx, opcode, is_final, &slices))?;
        self.is_inside_line = !is_final;
        Poll::Ready(Ok(written + usize::from(is_final)))
    }
}

impl AsyncWrite for FrameWriter {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let Some(first) = bufs.iter().find(|buf| !buf.is_empty()) else {
            return Poll::Ready(Ok(0));
        };
        match this.kind {
            MessageKind::Bytes => this.output.poll_write(cx, Opcode::Binary, true, bufs),
            MessageKind::Lines => this.poll_write_line(cx, first),
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.kind == MessageKind::Bytes
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.output.poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.output.poll_shutdown(cx)
    }
}

impl Drop for FrameWriter {
    fn drop(&mut self) {
        self.output.abandon();
    }
}
