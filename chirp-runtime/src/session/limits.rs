use std::time::Duration;

/// Bounds on the memory of one connection and on the time it waits.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// The largest packet payload, in bytes. Default: 16 MiB. A larger request is refused before it is sent.
    /// A larger packet that is received is skipped and fails only its call.
    pub max_payload: usize,
    /// The most calls of this side that may be pending. Default: 65,536. Further calls fail at once.
    pub max_pending_calls: usize,
    /// The most request ids that the other side may keep out of use, by not responding to cancelled calls or
    /// by reporting ids as duplicate. Default: 16,384. The connection ends when it is exceeded.
    pub max_unanswered_cancels: usize,
    /// How long a cancelled call may stay without a response while other calls have responses. Default:
    /// unlimited ([`Duration::MAX`]), since a handler may take long to end;
    /// [`max_unanswered_cancels`](Self::max_unanswered_cancels) bounds the number of such calls. The
    /// connection ends when it is exceeded.
    pub cancel_timeout: Duration,
    /// The most calls of the other side that may run. Default: 4,096. At the limit, reading pauses for
    /// [`max_read_pause`](Self::max_read_pause). Further calls are then refused as *busy*.
    pub max_concurrent_handlers: usize,
    /// The most payload bytes that running calls may hold. Default: 32 MiB. Over the limit, reading pauses
    /// for at most [`progress_timeout`](Self::progress_timeout), or for about
    /// [`max_read_pause`](Self::max_read_pause) while this side waits for responses itself. Further calls are
    /// then refused as *busy*.
    pub max_handler_bytes: usize,
    /// The most bytes that may wait to be written. Default: 8 MiB. It may be exceeded by one call and one
    /// response. Over the limit, calls and responses are queued, and reading pauses. A quarter of it is for calls, which
    /// responses leave to them; while there are many responses, calls use no more of it than responses do.
    pub max_write_buffer: usize,
    /// The most streams that may be open or hold items. Default and maximum: 16,384. Further streams are
    /// refused. With 0, this side does not declare the streams extension.
    pub max_streams: usize,
    /// The most bytes of received stream items that have not been consumed. Default: 64 MiB. It may be
    /// exceeded by one item. A stream whose items would exceed it fails. Flow-control windows keep
    /// well-behaved streams far below it, unless their items are large.
    pub max_stream_buffer: usize,
    /// The most bytes of metadata of a call ([`Metadata::encoded_len`](crate::packet::Metadata::encoded_len)).
    /// Default: 8 KiB; at most about 64 KiB are possible. A call with more is refused before it is sent, and by this side
    /// if it is received.
    pub max_metadata: usize,
    /// How long reading pauses at [`max_concurrent_handlers`](Self::max_concurrent_handlers). Default: 100
    /// ms. While this side is writing, or starting requests that it has received, the pause may be up to eleven times as
    /// long.
    pub max_read_pause: Duration,
    /// How long the other side may take to accept 64 KiB or all unwritten data, and to send 64 KiB or the
    /// rest of a packet that it has begun. Default: 30 s. The connection ends when it is exceeded.
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

    /// Sets [`max_metadata`](#structfield.max_metadata).
    #[must_use]
    pub fn max_metadata(mut self, max_metadata: usize) -> Self {
        self.max_metadata = max_metadata;
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
            max_metadata: 8 << 10,
            max_read_pause: Duration::from_millis(100),
            progress_timeout: Duration::from_secs(30),
        }
    }
}
