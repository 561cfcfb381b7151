use std::collections::HashSet;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use bytes::Bytes;
use chirp_runtime::stream::Stream;
use http::HeaderValue;
use tokio::io::AsyncRead;
use tokio::time::{Instant, sleep_until, timeout};

use super::offer::{StreamOffer, StreamUrlEnd};
use super::parked_stream::{ParkedStream, ReadStage, Source};
use super::source::{ByteInput, ByteStream};
use super::stream_table::StreamTable;
use super::token::StreamToken;
use super::{folder, unix};
use crate::http::body::Produce;
use crate::http::media_type::MediaType;
use crate::task::boxed;

/// Offers streams of bytes at URLs: each for one reader, for a limited time.
///
/// The URL holds 128 random bits, so nobody reads a stream without having been told its URL. Clones share the streams.
///
/// A gateway serves the streams ([`Gateway::stream_urls`](crate::http::Gateway::stream_urls)), or a program of axum, hyper or tower does:
/// this is a service that answers `/streams/<token>`, at the root or nested. Dropping the last clone withdraws the streams that
/// have no reader yet.
///
/// ```
/// # mod chirp { pub use chirp_web::requests; pub use chirp_runtime::stream; }
/// use bytes::Bytes;
/// use chirp::requests::StreamUrls;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let urls = StreamUrls::new().public_url("https://files.example.com");
/// let (mut sender, receiver) = chirp::stream::channel::<Bytes>();
/// let offer = urls.offer(receiver)?;
/// println!("read {} within {:?}", offer.url(), offer.expires_in());
/// offer.detach();
/// // In a program of axum: Router::new().fallback_service(urls)
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct StreamUrls {
    pub(super) table: Arc<StreamTable>,
    folders: Arc<Mutex<HashSet<PathBuf>>>,
    public_url: Option<Arc<str>>,
    time_to_live: Duration,
    max_read_time: Duration,
    max_streams: usize,
}

/// The reason why a stream is not offered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StreamUrlError {
    /// Too many streams wait for their readers or are being read.
    #[error("too many streams are offered: at most {limit} (`StreamUrls::max_streams`)")]
    TooMany {
        /// The largest number of streams.
        limit: usize,
    },
    /// The system gives no random bits.
    #[error("no random bits: {0}")]
    Random(String),
    /// Other users may change a folder for sockets.
    #[error("the folder {0} for sockets can be changed by other users")]
    SharedFolder(PathBuf),
    /// The socket or its folder cannot be made.
    #[error("cannot make a socket in {0}: {1}")]
    Socket(PathBuf, #[source] io::Error),
}

impl Default for StreamUrls {
    fn default() -> Self {
        Self {
            table: Arc::default(),
            folders: Arc::default(),
            public_url: None,
            time_to_live: Duration::from_mins(1),
            max_read_time: Duration::from_hours(1),
            max_streams: 1024,
        }
    }
}

impl StreamUrls {
    /// Creates a value without streams.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the URL at which readers reach the server, such as `https://example.com/api`. URLs of streams begin with it.
    #[must_use]
    pub fn public_url(mut self, url: &str) -> Self {
        self.public_url = Some(url.trim_end_matches('/').into());
        self
    }

    pub(super) fn public_base(&self) -> Option<&str> {
        self.public_url.as_deref()
    }

    /// Sets how long a stream waits for its reader. 1 minute by default. Then its source is dropped.
    #[must_use]
    pub fn time_to_live(mut self, time: Duration) -> Self {
        self.time_to_live = time;
        self
    }

    /// Sets how long reading may take. 1 hour by default. Then the source is dropped, and the body is cut.
    #[must_use]
    pub fn max_read_time(mut self, time: Duration) -> Self {
        self.max_read_time = time;
        self
    }

    /// Sets how many streams may wait for a reader or be read at once. 1,024 by default. Another one is not offered.
    #[must_use]
    pub fn max_streams(mut self, streams: usize) -> Self {
        self.max_streams = streams;
        self
    }

    /// Returns the number of streams that wait for a reader or are being read.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Returns `true` if no stream waits for a reader or is being read.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Offers a stream, such as a [`Receiver<Bytes>`](chirp_runtime::stream::Receiver). An error of the stream cuts the body, so that the
    /// reader sees an error, too. The stream is polled only when its reader takes bytes.
    ///
    /// # Errors
    ///
    /// [`StreamUrlError::TooMany`] or [`StreamUrlError::Random`]. The stream is dropped.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn offer<S, E>(&self, stream: S) -> Result<StreamOffer, StreamUrlError>
    where
        S: Stream<Item = Result<Bytes, E>> + Send + 'static,
        E: fmt::Display,
    {
        self.offer_body(MediaType::Bytes, ByteStream::new(stream))
    }

    /// Offers the bytes of a reader, such as a file.
    ///
    /// # Errors
    ///
    /// As for [`offer`](Self::offer).
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn offer_reader(
        &self,
        reader: impl AsyncRead + Send + 'static,
    ) -> Result<StreamOffer, StreamUrlError> {
        self.offer_body(MediaType::Bytes, ByteInput::new(reader))
    }

    /// Offers a stream on a Unix socket of its own in a folder, with a URL such as `unix:/run/jobs/5fb3….sock`. The path `/` of the
    /// socket has the stream, over HTTP: `curl --unix-socket PATH http://localhost/`.
    ///
    /// The folder is made with mode 700 if it is missing; the socket has mode 600, and its file is removed as soon as a reader has come,
    /// or the stream has ended. Files that a killed process has left in the folder are removed before its first use.
    ///
    /// # Errors
    ///
    /// As for [`offer`](Self::offer), [`StreamUrlError::SharedFolder`] and [`StreamUrlError::Socket`].
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the stream is dropped, and no file is left.
    pub async fn offer_unix<S, E>(
        &self,
        folder: impl AsRef<Path> + Send,
        stream: S,
    ) -> Result<StreamOffer, StreamUrlError>
    where
        S: Stream<Item = Result<Bytes, E>> + Send + 'static,
        E: fmt::Display + Send + 'static,
    {
        let folder = folder::prepare(folder.as_ref(), &self.folders).await?;
        let token = StreamToken::random().map_err(no_random_bits)?;
        let socket = unix::OfferSocket::listen(&folder, token).await?;
        let url = socket.url();
        let (parked, expires) = self.park(
            token,
            MediaType::Bytes,
            Box::pin(ByteStream::new(stream)),
            false,
        )?;
        let serving = socket.serve(Arc::downgrade(&parked), parked.watch());
        tokio::spawn(boxed(serving));
        Ok(StreamOffer::new(url, false, expires, parked))
    }

    /// Offers the body of a response.
    pub(crate) fn offer_body(
        &self,
        media: MediaType,
        body: impl Produce + 'static,
    ) -> Result<StreamOffer, StreamUrlError> {
        let token = StreamToken::random().map_err(no_random_bits)?;
        let (parked, expires) = self.park(token, media, Box::pin(body), true)?;
        let path = format!("/streams/{token}");
        let (url, is_relative) = match &self.public_url {
            Some(base) => (format!("{base}{path}"), false),
            None => (path, true),
        };
        Ok(StreamOffer::new(url, is_relative, expires, parked))
    }

    fn park(
        &self,
        token: StreamToken,
        media: MediaType,
        source: Source,
        is_shared: bool,
    ) -> Result<(Arc<ParkedStream>, Instant), StreamUrlError> {
        let media_type = HeaderValue::from_static(media.name());
        let table = Arc::downgrade(&self.table);
        let parked = Arc::new(ParkedStream::new(media_type, token, table, source));
        let limit = self.max_streams;
        if !self
            .table
            .insert(token, Arc::clone(&parked), is_shared, limit)
        {
            return Err(StreamUrlError::TooMany { limit });
        }
        let now = Instant::now();
        let expires = later(now, self.time_to_live);
        let limits = enforce_limits(Arc::downgrade(&parked), expires, self.max_read_time);
        tokio::spawn(boxed(limits));
        Ok((parked, expires))
    }
}

fn no_random_bits(error: getrandom::Error) -> StreamUrlError {
    StreamUrlError::Random(error.to_string())
}

/// Adds a time, which may be too long to be added.
fn later(now: Instant, time: Duration) -> Instant {
    now.checked_add(time)
        .unwrap_or(now + Duration::from_hours(24 * 365))
}

/// Ends a stream whose reader does not come, or does not come to the end.
async fn enforce_limits(stream: Weak<ParkedStream>, expires: Instant, max_read_time: Duration) {
    let Some(mut stage) = stream.upgrade().map(|stream| stream.watch()) else {
        return;
    };
    tokio::select! {
        () = sleep_until(expires) => if let Some(stream) = stream.upgrade() {
            stream.end_unread(StreamUrlEnd::Expired);
        },
        _ = stage.wait_for(|stage| *stage != ReadStage::Waiting) => {}
    }
    let ended = stage.wait_for(|stage| matches!(stage, ReadStage::Ended(_)));
    let is_late = timeout(max_read_time, ended).await.is_err();
    if is_late && let Some(stream) = stream.upgrade() {
        stream.end(StreamUrlEnd::TimedOut);
    }
}

impl fmt::Debug for StreamUrls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamUrls")
            .field("streams", &self.len())
            .field("public_url", &self.public_url)
            .finish_non_exhaustive()
    }
}
