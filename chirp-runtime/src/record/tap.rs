use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::recorded_connection::RecordedConnection;
use super::recorder::Recorder;
use crate::capture::Origin;
use crate::channel::{Channel, Reader, Writer};
use crate::peer::PeerBuilder;

impl Recorder {
    /// Returns a channel that carries the same bytes and records them. `is_client` tells whether this side made the
    /// connection.
    #[must_use]
    pub fn tap(&self, mut channel: Channel, is_client: bool) -> Channel {
        let remote = channel.remote().cloned();
        let name = remote.as_ref().map(ToString::to_string);
        let name = name.as_deref().unwrap_or("unknown address");
        let (origin, comment) = if is_client {
            let comment = format!("client: this program; server: {name}");
            (Origin::Client, comment)
        } else {
            let comment = format!("client: {name}; server: this program");
            (Origin::Server, comment)
        };
        let connection = Arc::new(self.connection(&comment));
        let (credentials, identity) = (channel.credentials(), channel.identity());
        let hello = channel.hello();
        let on_failure = channel.take_failure_hook();
        let (reader, writer) = channel.into_split();
        let reader = TapReader {
            reader,
            connection: Arc::clone(&connection),
            origin: origin.other(),
        };
        let writer = TapWriter {
            writer,
            connection,
            origin,
        };
        let mut tapped = Channel::new(reader, writer).with_identity(identity);
        if let Some(remote) = remote {
            tapped = tapped.with_remote(remote);
        }
        if let Some(credentials) = credentials {
            tapped = tapped.with_credentials(credentials);
        }
        if let Some(hello) = hello {
            tapped = tapped.with_hello(hello);
        }
        if let Some(hook) = on_failure {
            tapped = tapped.with_failure_hook(hook);
        }
        tapped
    }
}

impl PeerBuilder {
    /// Records all packets of the peers to `recorder`, as they are on their way: compressed packets compressed, and those
    /// of encrypted connections decrypted. A connection never waits for the record. Requires the feature `record`.
    #[must_use]
    pub fn record(self, recorder: &Recorder) -> Self {
        let recorder = recorder.clone();
        self.wrap_channels(Arc::new(move |channel, is_client| {
            recorder.tap(channel, is_client)
        }))
    }
}

/// The reading half of a channel that is recorded.
struct TapReader {
    reader: Reader,
    connection: Arc<RecordedConnection>,
    origin: Origin,
}

impl AsyncRead for TapReader {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let has_room = buffer.remaining() > 0;
        let result = Pin::new(&mut this.reader).poll_read(cx, buffer);
        match &result {
            Poll::Ready(Ok(())) => match buffer.filled().get(before..) {
                Some([]) | None if has_room => this.connection.lock().end(this.origin, false),
                Some([]) | None => {}
                Some(bytes) => this.connection.lock().record(this.origin, bytes),
            },
            Poll::Ready(Err(_)) => this.connection.lock().end(this.origin, true),
            Poll::Pending => {}
        }
        result
    }
}

/// The writing half of a channel that is recorded.
struct TapWriter {
    writer: Writer,
    connection: Arc<RecordedConnection>,
    origin: Origin,
}

impl AsyncWrite for TapWriter {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let mut record = this.connection.lock();
        let result = Pin::new(&mut this.writer).poll_write(cx, bytes);
        if let Poll::Ready(Ok(written)) = &result {
            record.record(this.origin, bytes.get(..*written).unwrap_or(bytes));
        }
        result
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let mut record = this.connection.lock();
        let result = Pin::new(&mut this.writer).poll_write_vectored(cx, parts);
        if let Poll::Ready(Ok(written)) = &result {
            let mut left = *written;
            for part in parts {
                let taken = left.min(part.len());
                record.record(this.origin, &part[..taken]);
                left -= taken;
            }
        }
        result
    }

    fn is_write_vectored(&self) -> bool {
        self.writer.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().writer).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let mut record = this.connection.lock();
        let result = Pin::new(&mut this.writer).poll_shutdown(cx);
        if result.is_ready() {
            record.end(this.origin, false);
        }
        result
    }
}
