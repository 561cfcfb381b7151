use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::BytesMut;
use chirp_runtime::channel;
use tokio::io::{AsyncRead, AsyncReadExt as _, ReadBuf};
use tokio::time::{Sleep, sleep};

use super::MAX_BACKLOG;
use super::output::Half;
use super::shared::Shared;
use super::stall::Stall;
use super::translator::Translated;
use crate::jsonrpc::JsonRpc;
use crate::jsonrpc::framing::{Frame, FrameDecoder};
use crate::jsonrpc::message::{Message, VersionRule};

/// Bytes that are read at once.
const READ_SIZE: usize = 8 << 10;

/// Packets that are made before the peer takes them.
const MAX_PACKETS: usize = 64 << 10;

/// The most bytes that a buffer keeps when it is empty.
const KEPT: usize = 64 << 10;

/// The time in which requests are answered after the end of the input. Then they are cancelled.
const END_TIME: Duration = Duration::from_secs(1);

/// Reads JSON-RPC messages, and gives packets to the peer.
pub(super) struct PacketReader {
    reader: channel::Reader,
    shared: Arc<Shared>,
    decoder: FrameDecoder,
    max_batch: usize,
    max_message: usize,
    version: VersionRule,
    input: BytesMut,
    /// The packets are for the peer, the messages have not been given to the output.
    translated: Translated,
    /// The number of bytes of packets that the peer has taken.
    taken: usize,
    /// Whether this half has to write.
    is_flushing: bool,
    /// The end of the input, when it has been reached.
    end: Option<io::Result<()>>,
    stall: Stall,
    /// Limits the time after the end of the input.
    timer: Option<Pin<Box<Sleep>>>,
}

impl PacketReader {
    pub(super) fn new(reader: channel::Reader, shared: Arc<Shared>, settings: &JsonRpc) -> Self {
        Self {
            reader,
            shared,
            decoder: settings.framing.decoder(settings.max_message),
            max_batch: settings.max_batch,
            max_message: settings.max_message,
            version: settings.version,
            input: BytesMut::new(),
            translated: Translated::default(),
            taken: 0,
            is_flushing: false,
            end: None,
            stall: Stall::default(),
            timer: None,
        }
    }

    /// Gives the peer packets that there are. Returns `false` if there are none.
    fn give(&mut self, buf: &mut ReadBuf<'_>) -> bool {
        let left = &self.translated.packets[self.taken..];
        if left.is_empty() {
            return false;
        }
        let count = left.len().min(buf.remaining());
        buf.put_slice(&left[..count]);
        self.taken += count;
        if self.taken == self.translated.packets.len() {
            self.translated.packets.clear();
            self.translated.packets.shrink_to(KEPT);
            self.taken = 0;
        }
        true
    }

    /// Translates messages that have arrived, up to a number of bytes.
    fn translate(&mut self) {
        // The decoder of an input that is invalid is not used again.
        if matches!(self.end, Some(Err(_))) {
            return;
        }
        let shared = Arc::clone(&self.shared);
        let mut translation = shared.translation();
        while !translation.translator.is_waiting()
            && self.translated.packets.len() + self.translated.messages.len() < MAX_PACKETS
        {
            let frame = match self.decoder.decode(&mut self.input) {
                Ok(None) if matches!(self.end, Some(Ok(()))) => {
                    self.decoder.finish(&mut self.input)
                }
                decoded => decoded,
            };
            let frame = match frame {
                Ok(Some(frame)) => frame,
                Ok(None) => break,
                Err(error) => {
                    self.fail(error);
                    break;
                }
            };
            let translator = &mut translation.translator;
            match frame {
                Frame::Message(message) => {
                    let message = Message::parse(&message, self.max_batch, self.version);
                    translator.handle_message(message, &mut self.translated);
                }
                Frame::TooLarge { start } => {
                    if translator
                        .handle_too_large(&start, &mut self.translated)
                        .is_err()
                    {
                        let limit = self.max_message;
                        self.fail(TooLarge { limit });
                        break;
                    }
                }
            }
        }
    }

    fn fail(&mut self, error: impl std::error::Error + Send + Sync + 'static) {
        self.end = Some(Err(io::Error::new(io::ErrorKind::InvalidData, error)));
        self.input.clear();
    }

    /// Waits, after the end of the input, until the requests before it have been answered, up to [`END_TIME`]. Returns `false`
    /// if there are packets first.
    fn poll_answered(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        let mut translation = self.shared.translation();
        if !translation.packets.is_empty() {
            return Poll::Ready(false);
        }
        translation.is_ending = true;
        let is_answered = translation.is_answered();
        translation.reader = Some(cx.waker().clone());
        drop(translation);
        // An error is reported by the writing half.
        if is_answered && self.shared.output().poll_flush(Half::Reader, cx).is_ready() {
            return Poll::Ready(true);
        }
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep(END_TIME)));
        timer.as_mut().poll(cx).map(|()| true)
    }

    /// Gives messages to the output. Ready if it has room for others.
    fn poll_write(&mut self, cx: &Context<'_>) -> Poll<io::Result<()>> {
        if self.translated.messages.is_empty() && !self.is_flushing {
            return Poll::Ready(Ok(()));
        }
        let mut output = self.shared.output();
        output.append(&mut self.translated.messages);
        let flushed = output.poll_flush(Half::Reader, cx)?;
        self.is_flushing = flushed.is_pending();
        if output.backlog() > MAX_BACKLOG {
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }
}

/// The error for a message over the limit while calls wait for responses.
#[derive(Debug, thiserror::Error)]
#[error("a JSON-RPC message is larger than {limit} bytes, and may be the response to a call")]
struct TooLarge {
    limit: usize,
}

impl AsyncRead for PacketReader {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self.get_mut();
        loop {
            if this.give(buf) {
                return Poll::Ready(Ok(()));
            }
            std::mem::swap(
                &mut this.shared.translation().packets,
                &mut this.translated.packets,
            );
            if this.give(buf) {
                return Poll::Ready(Ok(()));
            }
            let written = match this.poll_write(cx) {
                // The program is gone, and the end of the input says more.
                Poll::Ready(Err(_)) if matches!(this.end, Some(Ok(()))) => Poll::Ready(Ok(())),
                written => written,
            };
            if written?.is_pending() {
                // The other side must take answers to invalid messages before it sends others.
                ready!(this.stall.poll(cx))?;
                return Poll::Pending;
            }
            this.translate();
            if !this.translated.packets.is_empty() || !this.translated.messages.is_empty() {
                continue;
            }
            let mut translation = this.shared.translation();
            if translation.translator.is_waiting() {
                if translation.packets.is_empty() {
                    translation.reader = Some(cx.waker().clone());
                    return Poll::Pending;
                }
                continue;
            }
            drop(translation);
            match this.end.take() {
                Some(Ok(())) => {
                    this.end = Some(Ok(()));
                    match this.poll_answered(cx) {
                        Poll::Ready(true) => return Poll::Ready(Ok(())),
                        Poll::Ready(false) => continue,
                        Poll::Pending => return Poll::Pending,
                    }
                }
                Some(Err(error)) => return Poll::Ready(Err(error)),
                None => {}
            }
            this.input.reserve(READ_SIZE);
            let read = pin!(this.reader.read_buf(&mut this.input)).poll(cx)?;
            match read {
                Poll::Ready(0) => this.end = Some(Ok(())),
                Poll::Ready(read) => this.stall.progress(read),
                Poll::Pending => {
                    let mut translation = this.shared.translation();
                    if !translation.packets.is_empty() {
                        continue;
                    }
                    translation.reader = Some(cx.waker().clone());
                    drop(translation);
                    if !this.decoder.is_inside(&this.input) {
                        this.stall.disarm();
                        return Poll::Pending;
                    }
                    ready!(this.stall.poll(cx))?;
                    return Poll::Pending;
                }
            }
        }
    }
}
