use std::future::poll_fn;
use std::io;
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::recorded_connection::RecordedConnection;
use super::recorder::Recorder;
use crate::capture::Origin;
use crate::channel::{Channel, Reader, Writer};

/// The size of the buffer of each direction, in bytes.
const BUFFER: usize = 64 << 10;
/// The number of times that a direction reads and writes before other tasks run.
const ROUNDS: u32 = 16;

impl Recorder {
    /// Copies all bytes between two channels and records them: from `client`, which made its connection, and from
    /// `server`. Completes when both sides have ended, each of which is passed on to the other side. Dropping the
    /// future closes both channels.
    ///
    /// A direction reads no more than the other side takes, and neither direction waits for the other or for the record.
    ///
    /// # Errors
    ///
    /// The first error of a channel. The other side sees it as an end.
    pub async fn relay(&self, client: Channel, server: Channel) -> io::Result<()> {
        let name = |channel: &Channel| match channel.remote() {
            Some(remote) => remote.to_string(),
            None => "unknown address".to_owned(),
        };
        let comment = format!("client: {}; server: {}", name(&client), name(&server));
        let connection = self.connection(&comment);
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        let mut forth = RelayDirection::new(Origin::Client, from_client, to_server);
        let mut back = RelayDirection::new(Origin::Server, from_server, to_client);
        poll_fn(|cx| {
            let forth = forth.poll(&connection, cx);
            let back = back.poll(&connection, cx);
            ready!(forth);
            ready!(back);
            Poll::Ready(())
        })
        .await;
        match (forth.error, back.error) {
            (Some(error), _) | (None, Some(error)) => Err(error),
            (None, None) => Ok(()),
        }
    }
}

/// One direction of a relayed connection.
struct RelayDirection {
    origin: Origin,
    reader: Reader,
    /// `None` after the end: a pipe can signal it only by being dropped.
    writer: Option<Writer>,
    buffer: Vec<u8>,
    /// The part of `buffer` that has not been written.
    unwritten: Range<usize>,
    is_flushed: bool,
    /// Nothing more is read or written; the end is passed on.
    has_ended: bool,
    error: Option<io::Error>,
}

impl RelayDirection {
    fn new(origin: Origin, reader: Reader, writer: Writer) -> Self {
        Self {
            origin,
            reader,
            writer: Some(writer),
            buffer: vec![0; BUFFER],
            unwritten: 0..0,
            is_flushed: true,
            has_ended: false,
            error: None,
        }
    }

    /// Copies until the direction has ended, in either way.
    fn poll(&mut self, connection: &RecordedConnection, cx: &mut Context<'_>) -> Poll<()> {
        for _ in 0..ROUNDS {
            let result = if self.has_ended {
                if let Some(writer) = &mut self.writer {
                    // An error means that the channel has ended, which is as good.
                    let _ = ready!(Pin::new(writer).poll_shutdown(cx));
                    self.writer = None;
                }
                return Poll::Ready(());
            } else {
                ready!(self.poll_copy(connection, cx))
            };
            if let Err(error) = result {
                connection.lock().end(self.origin, true);
                self.error.get_or_insert(error);
                self.unwritten = 0..0;
                self.has_ended = true;
            }
        }
        // Other tasks run first.
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Writes what has been read, or reads.
    fn poll_copy(
        &mut self,
        connection: &RecordedConnection,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        let Some(writer) = &mut self.writer else {
            return Poll::Ready(Ok(()));
        };
        if self.unwritten.is_empty() {
            let mut buffer = ReadBuf::new(&mut self.buffer);
            let result = Pin::new(&mut self.reader).poll_read(cx, &mut buffer);
            if result.is_pending() && !self.is_flushed {
                ready!(Pin::new(&mut *writer).poll_flush(cx))?;
                self.is_flushed = true;
            }
            ready!(result)?;
            let read = buffer.filled().len();
            if read == 0 {
                connection.lock().end(self.origin, false);
                self.has_ended = true;
                return Poll::Ready(Ok(()));
            }
            // Before it is written, so that an answer comes later in the record.
            connection.lock().record(self.origin, &self.buffer[..read]);
            self.unwritten = 0..read;
        }
        let bytes = &self.buffer[self.unwritten.clone()];
        let written = ready!(Pin::new(&mut *writer).poll_write(cx, bytes))?;
        if written == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        self.unwritten.start += written;
        self.is_flushed = false;
        Poll::Ready(Ok(()))
    }
}
