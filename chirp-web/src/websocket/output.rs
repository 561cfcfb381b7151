use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use chirp_runtime::channel::Writer;
use tokio::io::AsyncWrite;

use super::CloseReason;
use super::frame::{ControlPayload, MAX_CONTROL, MAX_SENT, Opcode, Side, unmask, write_header};
use super::masks::Masks;

/// The size of a buffer that an idle connection keeps.
const KEPT: usize = 1 << 10;

/// The writing side of a connection, which both halves use: the reading half answers pings and reports errors.
///
/// The buffer holds whole frames only, so that a control frame can follow at any time.
pub(super) struct Output(Mutex<State>);

struct State {
    /// `None` once the writing half has been dropped.
    io: Option<Writer>,
    side: Side,
    masks: Masks,
    buffer: Vec<u8>,
    /// The bytes of the buffer that have been written.
    written: usize,
    /// The channel has been given bytes since it was flushed.
    is_unflushed: bool,
    /// The writing half waits for the channel, and its task will write whatever there is. The reading half must not
    /// write then: a channel remembers one waker.
    writer_waits: bool,
    /// The answer to the last ping. Earlier pings need none (RFC 6455, 5.5.3).
    pong: Option<ControlPayload>,
    close: Close,
    /// The code and the text for the end of a shutdown.
    reason: CloseReason,
    /// The other side has sent a Close frame.
    is_close_received: bool,
}

enum Close {
    Open,
    /// A Close frame is the next frame to be sent.
    Requested(CloseReason),
    Sent,
}

impl Output {
    pub(super) fn new(io: Writer, side: Side) -> Self {
        Self(Mutex::new(State {
            io: Some(io),
            side,
            masks: Masks::new(),
            buffer: Vec::new(),
            written: 0,
            is_unflushed: false,
            writer_waits: false,
            pong: None,
            close: Close::Open,
            reason: CloseReason::new(CloseReason::NORMAL, ""),
            is_close_received: false,
        }))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A channel that panics has already failed its connection.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stores the answer to a ping.
    pub(super) fn pong(&self, payload: ControlPayload) {
        self.lock().pong = Some(payload);
    }

    /// Notes that the other side sends nothing more.
    pub(super) fn close_received(&self) {
        self.lock().is_close_received = true;
    }

    /// Sets the code and the text of the Close frame that [`poll_shutdown`](Self::poll_shutdown) sends.
    pub(super) fn set_close_reason(&self, code: u16, text: &str) {
        self.lock().reason = CloseReason::new(code, text);
    }

    /// Requests a Close frame, unless there is one.
    pub(super) fn close(&self, code: u16, text: &str) {
        self.lock().request_close(code, text);
    }

    pub(super) fn is_close_sent(&self) -> bool {
        matches!(self.lock().close, Close::Sent)
    }

    /// Writes control frames for the reading half. Returns `true` if nothing is left, or the writing half does the rest.
    pub(super) fn poll_control(&self, cx: &mut Context<'_>) -> bool {
        let mut state = self.lock();
        // The writing half, or its next read, reports an error.
        state.writer_waits || state.io.is_none() || state.poll_flush(cx).is_ready()
    }

    /// Writes one frame from as many bytes as are allowed in one. `opcode` is the kind of the frame.
    pub(super) fn poll_write(
        &self,
        cx: &mut Context<'_>,
        opcode: Opcode,
        is_final: bool,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut state = self.lock();
        let drained = state.poll_drain(cx);
        state.writer_waits = drained.is_pending();
        ready!(drained)?;
        if !matches!(state.close, Close::Open) {
            let text = "the WebSocket is closed";
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::BrokenPipe, text)));
        }
        let length = state.put_frame(opcode, is_final, slices);
        // The frame has been taken: whether it can be written now does not matter.
        state.writer_waits = match state.poll_drain(cx) {
            Poll::Ready(result) => return Poll::Ready(result.map(|()| length)),
            Poll::Pending => true,
        };
        Poll::Ready(Ok(length))
    }

    pub(super) fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut state = self.lock();
        let flushed = state.poll_flush(cx);
        state.writer_waits = flushed.is_pending();
        flushed
    }

    /// Sends a Close frame. The channel itself is shut down if the other side has sent one, too, and this side is the
    /// server: a client waits for the server (RFC 6455, 7.1.1), and something between might take the end of one direction
    /// for that of both.
    pub(super) fn poll_shutdown(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut state = self.lock();
        if matches!(state.close, Close::Open) {
            state.close = Close::Requested(state.reason.clone());
        }
        let closed = state.poll_flush(cx);
        state.writer_waits = closed.is_pending();
        ready!(closed)?;
        let is_over = state.is_close_received && state.side == Side::Server;
        match &mut state.io {
            Some(io) if is_over => {
                let shut_down = Pin::new(io).poll_shutdown(cx);
                state.writer_waits = shut_down.is_pending();
                shut_down
            }
            _ => Poll::Ready(Ok(())),
        }
    }

    /// Sends a Close frame, if it can be written at once, and drops the channel's half.
    pub(super) fn abandon(&self) {
        let mut state = self.lock();
        state.request_close(CloseReason::GOING_AWAY, "");
        let waker = std::task::Waker::noop();
        let _ = state.poll_flush(&mut Context::from_waker(waker));
        let io = state.io.take();
        state.buffer = Vec::new();
        drop(state);
        drop(io);
    }
}

impl State {
    fn request_close(&mut self, code: u16, text: &str) {
        if matches!(self.close, Close::Open) {
            self.close = Close::Requested(CloseReason::new(code, text));
        }
    }

    /// Writes the buffer, and control frames after it.
    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { io, buffer, .. } = self;
        let Some(io) = io else {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        };
        let mut io = Pin::new(io);
        loop {
            while self.written < buffer.len() {
                let written = ready!(io.as_mut().poll_write(cx, &buffer[self.written..]))?;
                if written == 0 {
                    return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
                }
                self.written += written;
                self.is_unflushed = true;
            }
            self.written = 0;
            buffer.clear();
            if buffer.capacity() > KEPT {
                *buffer = Vec::new();
            }
            let mut mask = || (self.side == Side::Client).then(|| self.masks.next());
            match (&self.close, self.pong.take()) {
                (Close::Sent, _) | (Close::Open, None) => return Poll::Ready(Ok(())),
                (_, Some(pong)) => put_control(buffer, Opcode::Pong, pong.as_bytes(), mask()),
                (Close::Requested(reason), None) => {
                    let mut payload = [0; MAX_CONTROL];
                    let length = encode_reason(reason, &mut payload);
                    put_control(buffer, Opcode::Close, &payload[..length], mask());
                    self.close = Close::Sent;
                }
            }
        }
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_drain(cx))?;
        if self.is_unflushed
            && let Some(io) = &mut self.io
        {
            ready!(Pin::new(io).poll_flush(cx))?;
            self.is_unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    /// Puts a frame into the empty buffer. Returns the length of its payload.
    fn put_frame(&mut self, opcode: Opcode, is_final: bool, slices: &[IoSlice<'_>]) -> usize {
        let offered = slices
            .iter()
            .fold(0, |sum: usize, slice| sum.saturating_add(slice.len()));
        let length = offered.min(MAX_SENT);
        let mask = (self.side == Side::Client).then(|| self.masks.next());
        self.buffer.reserve(length + super::frame::MAX_HEADER);
        write_header(&mut self.buffer, opcode, is_final, length, mask);
        let begin = self.buffer.len();
        let mut left = length;
        for slice in slices {
            let taken = left.min(slice.len());
            self.buffer.extend_from_slice(&slice[..taken]);
            left -= taken;
        }
        if let Some(mut mask) = mask {
            unmask(&mut self.buffer[begin..], &mut mask);
        }
        length
    }
}

fn put_control(buffer: &mut Vec<u8>, opcode: Opcode, payload: &[u8], mask: Option<[u8; 4]>) {
    write_header(buffer, opcode, true, payload.len(), mask);
    let begin = buffer.len();
    buffer.extend_from_slice(payload);
    if let Some(mut mask) = mask {
        unmask(&mut buffer[begin..], &mut mask);
    }
}

/// Writes the payload of a Close frame, with the text cut to the length that is allowed. Returns its length.
fn encode_reason(reason: &CloseReason, payload: &mut [u8; MAX_CONTROL]) -> usize {
    let text = reason.text();
    let text = &text[..text.floor_char_boundary(MAX_CONTROL - 2)];
    let length = 2 + text.len();
    payload[..2].copy_from_slice(&reason.code().to_be_bytes());
    payload[2..length].copy_from_slice(text.as_bytes());
    length
}
