use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use async_nats::Client;
use async_nats::message::OutboundMessage;
use bytes::Buf;
use futures_sink::Sink;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::frame::{COST, ChannelFrame, HEAD, data};
use super::state::ChannelShared;

/// Room in a message of NATS for what servers may add, in bytes. At most half of it, where servers allow little.
const SPARE: usize = 4 << 10;

/// The reading half of a connection.
pub(super) struct NatsReader(pub(super) Arc<ChannelShared>);

impl AsyncRead for NatsReader {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut state = self.0.lock();
        let Some(chunk) = state.arrived.front_mut() else {
            if state.has_ended() {
                return Poll::Ready(Ok(()));
            }
            if let Some(failure) = state.failure() {
                return Poll::Ready(Err(failure));
            }
            state.reader = Some(cx.waker().clone());
            return Poll::Pending;
        };
        let len = chunk.len().min(buffer.remaining());
        buffer.put_slice(&chunk[..len]);
        chunk.advance(len);
        let whole = chunk.is_empty();
        if whole {
            state.arrived.pop_front();
        }
        if state.note_read(len, whole) {
            self.0.changed.notify_one();
        }
        Poll::Ready(Ok(()))
    }
}

impl Drop for NatsReader {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.reader_gone = true;
        state.arrived.clear();
        drop(state);
        self.0.changed.notify_one();
    }
}

/// The writing half of a connection.
pub(super) struct NatsWriter {
    pub(super) shared: Arc<ChannelShared>,
    pub(super) client: Client,
    /// The subject of the other side.
    pub(super) subject: async_nats::Subject,
}

impl NatsWriter {
    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let ready = Pin::new(&mut self.client).poll_ready(cx);
        ready.map_err(|error| io::Error::new(io::ErrorKind::NotConnected, error.to_string()))
    }

    fn send(&mut self, payload: bytes::Bytes) -> io::Result<()> {
        let message = OutboundMessage {
            subject: self.subject.clone(),
            reply: None,
            headers: None,
            payload,
        };
        let sent = Pin::new(&mut self.client).start_send(message);
        sent.map_err(|error| io::Error::other(error.to_string()))
    }
}

impl AsyncWrite for NatsWriter {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if bytes.is_empty() {
            return Poll::Ready(Ok(0));
        }
        let limit = self.client.max_payload();
        let spare = SPARE.min(limit / 2);
        let longest = limit.saturating_sub(spare + HEAD).max(1);
        let shared = Arc::clone(&self.shared);
        // Before room in the queue of the client is taken, which all connections share and which is kept until something is sent: the
        // other side may never give credit.
        let mut state = shared.lock();
        if let Some(failure) = state.failure() {
            return Poll::Ready(Err(failure));
        }
        if state.end_sent {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let room = state.credit.saturating_sub(state.spent + COST);
        let room = usize::try_from(room).unwrap_or(usize::MAX);
        let len = bytes.len().min(longest).min(room);
        // Also without room in the queue, a failure of the connection ends the wait.
        state.writer = Some(cx.waker().clone());
        if len == 0 {
            return Poll::Pending;
        }
        ready!(self.poll_room(cx))?;
        // Sent under the lock, so that no status tells a number before its message.
        self.send(data(state.sent + 1, &bytes[..len]))?;
        state.sent += 1;
        state.spent += len as u64 + COST;
        Poll::Ready(Ok(len))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // The task of the connection to NATS writes by itself.
        let failure = self.shared.lock().failure();
        Poll::Ready(failure.map_or(Ok(()), Err))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shared = Arc::clone(&self.shared);
        let mut state = shared.lock();
        if !state.end_sent && !state.has_failed() {
            state.writer = Some(cx.waker().clone());
            ready!(self.poll_room(cx))?;
            let number = state.sent + 1;
            self.send(ChannelFrame::End { number }.encode())?;
            state.sent = number;
            state.end_sent = true;
        }
        Poll::Ready(Ok(()))
    }
}

impl Drop for NatsWriter {
    fn drop(&mut self) {
        self.shared.lock().writer_gone = true;
        self.shared.changed.notify_one();
    }
}
