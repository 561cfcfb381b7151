use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::parked_stream::{ParkedStream, ReadStage};

/// A stream that can be read once, at a URL.
///
/// Dropping the offer withdraws the stream, also while it is being read: the source is dropped, and a reader sees a body that is cut.
/// [`detach`](Self::detach) leaves the stream to its reader and its time limits.
#[must_use = "dropping the offer withdraws the stream"]
pub struct StreamOffer {
    url: String,
    /// Whether the URL is a path, below the address of a server.
    is_relative: bool,
    expires: Instant,
    stream: Option<Arc<ParkedStream>>,
    stage: watch::Receiver<ReadStage>,
}

/// The way in which the stream of an offer ended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StreamUrlEnd {
    /// The reader has been given all bytes.
    #[error("the stream has been read")]
    Complete,
    /// The source failed, with this message. The body of the reader was cut.
    #[error("the source of the stream failed: {0}")]
    Failed(String),
    /// The reader went away before the end.
    #[error("the reader of the stream went away")]
    ReaderLost,
    /// Nobody read the stream in time.
    #[error("nobody read the stream in time")]
    Expired,
    /// Reading took longer than [`StreamUrls::max_read_time`](super::StreamUrls::max_read_time).
    #[error("reading the stream took too long")]
    TimedOut,
    /// The offer was dropped, or every `StreamUrls` that could serve it.
    #[error("the stream was withdrawn")]
    Withdrawn,
}

impl StreamOffer {
    pub(super) fn new(
        url: String,
        is_relative: bool,
        expires: Instant,
        stream: Arc<ParkedStream>,
    ) -> Self {
        Self {
            url,
            is_relative,
            expires,
            stage: stream.watch(),
            stream: Some(stream),
        }
    }

    /// Returns the URL. Without a [public URL](super::StreamUrls::public_url) it is a path, such as `/streams/5fb3…`, below the address
    /// of the server.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns the URL at a server that is reached at `base`, such as `https://example.com/api`. A URL that is absolute already is
    /// returned as it is.
    pub fn url_at(&self, base: &str) -> String {
        if self.is_relative {
            format!("{}{}", base.trim_end_matches('/'), self.url)
        } else {
            self.url.clone()
        }
    }

    /// Returns the time that is left for a reader to come.
    pub fn expires_in(&self) -> Duration {
        self.expires.saturating_duration_since(Instant::now())
    }

    /// Returns the time that is left, in seconds, for a response.
    pub(crate) fn seconds_left(&self) -> u64 {
        (self.expires_in() + Duration::from_millis(500)).as_secs()
    }

    /// Waits until the stream has ended.
    ///
    /// Cancel safe.
    pub async fn ended(&mut self) -> StreamUrlEnd {
        let ended = |stage: &ReadStage| matches!(stage, ReadStage::Ended(_));
        let stage = self.stage.wait_for(ended).await;
        match stage.as_deref() {
            Ok(ReadStage::Ended(end)) => end.clone(),
            _ => StreamUrlEnd::Withdrawn,
        }
    }

    /// Leaves the stream to its reader: dropping the offer does not withdraw it any more.
    pub fn detach(mut self) {
        self.stream = None;
    }
}

impl Drop for StreamOffer {
    fn drop(&mut self) {
        if let Some(stream) = &self.stream {
            stream.end(StreamUrlEnd::Withdrawn);
        }
    }
}

/// Hides the URL, which lets everybody who knows it read the stream.
impl fmt::Debug for StreamOffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamOffer")
            .field("expires_in", &self.expires_in())
            .field("stage", &*self.stage.borrow())
            .finish_non_exhaustive()
    }
}
