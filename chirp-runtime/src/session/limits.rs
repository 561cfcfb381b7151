use std::time::Duration;

/// How much one connection may hold, and how long it may wait. Every default can be changed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// The largest packet payload, in bytes: 16 MiB. A larger call is refused before it is sent; a larger
    /// packet that comes in is skipped, and fails its call alone.
    pub max_payload: usize,
    /// Calls that this side waits for: 65,536. The next fails at once.
    pub max_pending_calls: usize,
    /// Ids that the other side keeps from being used, by not answering calls that were cancelled or by
    /// saying that an id was in use: 16,384. One more ends the connection.
    pub max_unanswered_cancels: usize,
    /// How long a call that this side cancelled may go without an answer while others are answered: for ever
    /// ([`Duration::MAX`]), since a handler may take its time to end; [`abandoned`](Self::max_unanswered_cancels) bounds their
    /// number. Longer ends the connection.
    pub cancel_timeout: Duration,
    /// Calls that this side runs: 4,096. At the limit reading pauses for [`busy_after`](Self::max_read_pause);
    /// then further calls are answered *busy*.
    pub max_concurrent_handlers: usize,
    /// Payload bytes of the calls that this side runs: 32 MiB. Over the mark reading pauses,
    /// for [`stall`](Self::progress_timeout) at most, or, while this side waits for answers itself, for about
    /// [`busy_after`](Self::max_read_pause); then further calls are answered *busy*.
    pub max_handler_bytes: usize,
    /// Bytes that wait to be written: 8 MiB, overshot by one call and one answer at most. Over the mark answers
    /// wait for room, and reading pauses. Calls have a quarter of it, which answers leave to them; while much is to be
    /// answered they have no more than answers do.
    pub max_write_buffer: usize,
    /// Streams that are open at once, or of which something is held: 16,384, and no more. The next is refused. With
    /// 0 the other side is told that this one knows no streams.
    pub max_streams: usize,
    /// Bytes of stream items that came and have not been taken: 64 MiB, overshot by one item. The stream whose
    /// item would be more is broken off. Windows keep those that behave far below, but for large items.
    pub max_stream_buffer: usize,
    /// Payloads of more bytes than this travel compressed, between two sides that have such a mark: none. Peers are
    /// given it by their builder.
    #[cfg(feature = "lz4")]
    #[doc(hidden)]
    pub compress_above: Option<usize>,
    /// When the other side is asked which extensions of the protocol it knows: when one is needed.
    pub negotiation: Negotiation,
    /// How long reading pauses at [`running`](Self::max_concurrent_handlers): 100 ms; up to eleven times as long while this side writes.
    pub max_read_pause: Duration,
    /// How long the other side may take to accept 64 KiB, or all there is, and to go on by as much with a
    /// packet that it has begun: 30 s. Longer ends the connection.
    pub progress_timeout: Duration,
}

/// Each setter replaces one limit: `Limits::default().max_payload(1 << 20).max_pending_calls(100)`.
impl Limits {
    /// Sets [`max_payload`](#structfield.max_payload).
    #[must_use]
    pub fn max_payload(mut self, max_payload: usize) -> Self {
        self.max_payload = max_payload;
        self
    }

    /// Sets [`max_pending_calls`](#structfield.max_pending_calls).
    #[must_use]
    pub fn max_pending_calls(mut self, max_pending_calls: usize) -> Self {
        self.max_pending_calls = max_pending_calls;
        self
    }

    /// Sets [`max_unanswered_cancels`](#structfield.max_unanswered_cancels).
    #[must_use]
    pub fn max_unanswered_cancels(mut self, max_unanswered_cancels: usize) -> Self {
        self.max_unanswered_cancels = max_unanswered_cancels;
        self
    }

    /// Sets [`cancel_timeout`](#structfield.cancel_timeout).
    #[must_use]
    pub fn cancel_timeout(mut self, cancel_timeout: Duration) -> Self {
        self.cancel_timeout = cancel_timeout;
        self
    }

    /// Sets [`max_concurrent_handlers`](#structfield.max_concurrent_handlers).
    #[must_use]
    pub fn max_concurrent_handlers(mut self, max_concurrent_handlers: usize) -> Self {
        self.max_concurrent_handlers = max_concurrent_handlers;
        self
    }

    /// Sets [`max_handler_bytes`](#structfield.max_handler_bytes).
    #[must_use]
    pub fn max_handler_bytes(mut self, max_handler_bytes: usize) -> Self {
        self.max_handler_bytes = max_handler_bytes;
        self
    }

    /// Sets [`max_write_buffer`](#structfield.max_write_buffer).
    #[must_use]
    pub fn max_write_buffer(mut self, max_write_buffer: usize) -> Self {
        self.max_write_buffer = max_write_buffer;
        self
    }

    /// Sets [`max_streams`](#structfield.max_streams).
    #[must_use]
    pub fn max_streams(mut self, max_streams: usize) -> Self {
        self.max_streams = max_streams;
        self
    }

    /// Sets [`max_stream_buffer`](#structfield.max_stream_buffer).
    #[must_use]
    pub fn max_stream_buffer(mut self, max_stream_buffer: usize) -> Self {
        self.max_stream_buffer = max_stream_buffer;
        self
    }

    /// Sets [`negotiation`](#structfield.negotiation).
    #[must_use]
    pub fn negotiation(mut self, negotiation: Negotiation) -> Self {
        self.negotiation = negotiation;
        self
    }

    /// Sets [`max_read_pause`](#structfield.max_read_pause).
    #[must_use]
    pub fn max_read_pause(mut self, max_read_pause: Duration) -> Self {
        self.max_read_pause = max_read_pause;
        self
    }

    /// Sets [`progress_timeout`](#structfield.progress_timeout).
    #[must_use]
    pub fn progress_timeout(mut self, progress_timeout: Duration) -> Self {
        self.progress_timeout = progress_timeout;
        self
    }
}

/// When a side asks the other which extensions of the protocol it knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Negotiation {
    /// When something cannot be done without one. A deadline is not such a thing: it travels if the other
    /// side is known to want it, and until then a plain peer of Chirp v0 sees nothing that it does not know.
    #[default]
    Lazy,
    /// When the connection begins, so that deadlines travel.
    Eager,
    /// Never; and this side, when it is asked, says that it knows none.
    Never,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_payload: 16 << 20,
            max_pending_calls: 65_536,
            max_unanswered_cancels: 16_384,
            cancel_timeout: Duration::MAX,
            max_concurrent_handlers: 4_096,
            max_handler_bytes: 32 << 20,
            max_write_buffer: 8 << 20,
            max_streams: 16_384,
            max_stream_buffer: 64 << 20,
            #[cfg(feature = "lz4")]
            compress_above: None,
            negotiation: Negotiation::Lazy,
            max_read_pause: Duration::from_millis(100),
            progress_timeout: Duration::from_secs(30),
        }
    }
}
