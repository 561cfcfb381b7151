//! Streams of bytes that others offer at URLs.

use std::fmt;

use bytes::Bytes;
use chirp_runtime::stream::{Receiver, Sender, StreamError, channel};

use super::answer::OfferedBody;
use crate::outgoing::{OutgoingBody, OutgoingClient, OutgoingError, OutgoingUrl};
use crate::task::boxed;

/// The largest item of a stream, in bytes.
const PIECE: usize = 64 << 10;

/// A stream of bytes that a URL names.
pub(crate) enum UrlSource {
    /// A stream of this process, which needs no connection.
    Offered(OfferedBody),
    Remote(OutgoingClient, OutgoingUrl),
}

/// The bytes at a URL.
enum UrlBody {
    Offered(OfferedBody),
    Remote(OutgoingBody),
}

impl OutgoingClient {
    /// Reads the stream of bytes at a URL, such as one that a gateway has offered. Bytes are read as they are received here.
    ///
    /// A status other than success is an error, and so is a body that is cut: the stream then fails after the bytes that have arrived.
    /// Dropping the receiver closes the connection.
    ///
    /// ```no_run
    /// # mod chirp { pub use chirp_web::requests; }
    /// use chirp::requests::{Destinations, OutgoingClient};
    ///
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let client = OutgoingClient::new(Destinations::new().allow("https://files.example.com")?);
    /// let mut bytes = client.read_stream("https://files.example.com/streams/5fb3…").await?;
    /// while let Some(piece) = bytes.recv().await {
    ///     println!("{} bytes", piece?.len());
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// [`OutgoingError`].
    ///
    /// # Cancel safety
    ///
    /// Cancel safe, but the stream may have been claimed: it is offered for one reader.
    pub async fn read_stream(&self, url: &str) -> Result<Receiver<Bytes>, OutgoingError> {
        let url = self.check(url)?;
        let body = self.get(&url).await?;
        let (sender, receiver) = channel();
        tokio::spawn(boxed(send_body(UrlBody::Remote(body), sender)));
        Ok(receiver)
    }
}

impl UrlSource {
    /// Opens the stream and sends its bytes, until the receiver takes no more.
    pub(crate) async fn send(self, sender: Sender<Bytes>) {
        let body = match self {
            Self::Offered(body) => UrlBody::Offered(body),
            Self::Remote(client, url) => match client.get(&url).await {
                Ok(body) => UrlBody::Remote(body),
                Err(error) => return sender.fail(error.to_string()),
            },
        };
        send_body(body, sender).await;
    }
}

impl UrlBody {
    async fn next(&mut self) -> Option<Result<Bytes, String>> {
        match self {
            Self::Offered(body) => body.next().await,
            Self::Remote(body) => body.next().await.map(text),
        }
    }
}

fn text<T>(result: Result<T, impl fmt::Display>) -> Result<T, String> {
    result.map_err(|error| error.to_string())
}

async fn send_body(mut body: UrlBody, mut sender: Sender<Bytes>) {
    let mut has_sent = false;
    loop {
        let next = if has_sent {
            tokio::select! {
                next = body.next() => next,
                _ = sender.closed() => return,
            }
        } else {
            // Waiting for the other half would send a call that is not complete yet.
            body.next().await
        };
        let mut bytes = match next {
            Some(Ok(bytes)) => bytes,
            Some(Err(reason)) => return sender.fail(reason),
            None => return sender.finish(),
        };
        while !bytes.is_empty() {
            let piece = bytes.split_to(bytes.len().min(PIECE));
            match sender.send(piece).await {
                Ok(()) => has_sent = true,
                Err(error @ (StreamError::TooLarge { .. } | StreamError::Encode(_))) => {
                    return sender.fail(error.to_string());
                }
                Err(_closed) => return,
            }
        }
    }
}
